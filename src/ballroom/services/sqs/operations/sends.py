"""Sending messages."""

from __future__ import annotations

from ballroom.kernel import Request, Response, Tx, operation
from ballroom.services.sqs.batches import each, entries_of
from ballroom.services.sqs.errors import BatchRequestTooLong, InvalidParameterValue
from ballroom.services.sqs.live import load_queue
from ballroom.services.sqs.queue_attributes import MAX_MESSAGE_BYTES
from ballroom.services.sqs.sending import draft, send, size_of_request


@operation("SendMessage")
def send_message(tx: Tx, request: Request) -> Response:
    """Put a message into a queue.

    A FIFO queue answers a repeated deduplication id with the first message's id, and keeps one message.

    Source: SQS API Reference, SendMessage.
    """
    live = load_queue(tx, request["QueueUrl"])
    return send(tx, live, draft(live, request))


@operation("SendMessageBatch")
def send_message_batch(tx: Tx, request: Request) -> Response:
    """Put up to ten messages into a queue, of 1 MiB together; each succeeds or fails by itself.

    Source: SQS API Reference, SendMessageBatch; recorded answers (a missing group fails the whole batch).
    """
    live = load_queue(tx, request["QueueUrl"])
    entries = entries_of(request, "SendMessageBatchRequestEntry")
    size = sum(size_of_request(entry) for entry in entries)
    if size > MAX_MESSAGE_BYTES:
        raise BatchRequestTooLong(MAX_MESSAGE_BYTES, size)
    if live.meaning.fifo and any(entry.get("MessageGroupId") is None for entry in entries):
        raise InvalidParameterValue("The request must contain the parameter MessageGroupId.")
    return each(tx, entries, lambda entry: send(tx, live, draft(live, entry, in_batch=True)))
