"""Publishing: from a checked message to its topic's subscriptions.

A topic of up to a hundred subscriptions is delivered to in the publication's own transaction: one commit for
the acknowledgement and every queue. Larger ones, and more than 4 MiB together, are expanded in durable steps.
"""

from __future__ import annotations

from ballroom.kernel import Request, Response, Tx
from ballroom.services.sns import archiving, fifo, messages
from ballroom.services.sns.fan_out import FanOut
from ballroom.services.sns.large_fan_outs import fan_out_later, is_expanding
from ballroom.services.sns.live import BYTES_AT_ONCE, LiveTopics
from ballroom.services.sns.messages import Publication
from ballroom.services.sns.metrics import count
from ballroom.services.sns.resources import Topic


def publish(tx: Tx, topic: Topic, request: Request) -> Response:
    """Check a message and send it on its way; the answer to whoever publishes.

    Raises:
        SnsError: the first rule that it breaks.
    """
    return send(tx, topic, messages.read(request, topic, message_id=tx.ids.uuid(), now_ms=tx.now_ms), request)


def send(tx: Tx, topic: Topic, publication: Publication, request: Request) -> Response:
    """Send a checked message on its way."""
    answer: Response = {"MessageId": publication.message_id}
    if topic.fifo:
        publication, earlier = fifo.accept(tx, topic, publication)
        if earlier is not None:
            return {
                "MessageId": earlier.message_id,
                "SequenceNumber": fifo.sequence_number(earlier.sequence),
            }
        answer["SequenceNumber"] = publication.sequence
        if topic.archive is not None:
            archiving.keep(tx, topic, topic.archive, publication)
    subscriptions = tx.kernel.state(LiveTopics).of(tx, topic)
    size = messages.size_of(request)
    if (
        subscriptions is None
        or len(subscriptions) * size > BYTES_AT_ONCE
        or (topic.fifo and is_expanding(tx, topic))
    ):
        fan_out_later(tx, topic, publication)
    elif subscriptions:
        fan_out = FanOut(tx, topic, publication)
        for subscription in subscriptions:
            fan_out.to(subscription)
    tx.after_commit(lambda: _count(tx, topic, size))
    return answer


def _count(tx: Tx, topic: Topic, size: int) -> None:
    count(tx.kernel, topic.at, "NumberOfMessagesPublished")
    count(tx.kernel, topic.at, "PublishSize", size)
