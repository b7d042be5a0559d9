"""Sending: what a message must fulfil, and how it gets into its queue.

Source: SQS API Reference, SendMessage and SendMessageBatch; recorded answers (texts).
"""

from __future__ import annotations

import re
from functools import partial
from hashlib import md5, sha256
from typing import TYPE_CHECKING

import msgspec

from ballroom.services.sqs import fifo, housekeeping, standard
from ballroom.services.sqs.errors import InvalidParameterValue, MissingParameter
from ballroom.services.sqs.live import LiveQueue
from ballroom.services.sqs.message_attributes import (
    Attributes,
    check_text,
    digest,
    read_attributes,
    read_system_attributes,
    size_of,
)
from ballroom.services.sqs.queue_attributes import MAX_DELAY_S
from ballroom.services.sqs.resources import Message

if TYPE_CHECKING:
    from ballroom.kernel import Request, Response, Tx

_ID = re.compile(r"[!-~]{1,128}", re.ASCII)
_WRONG_KIND = "The request include parameter that is not valid for this queue type."


class Draft(msgspec.Struct, frozen=True, gc=False):
    """A message that has passed every check."""

    body: str
    md5: str
    size: int
    attributes: Attributes | None
    system: Attributes | None
    group: str | None
    dedup: str | None
    delay_ms: int


def size_of_request(request: Request) -> int:
    """The bytes that a message counts for, body and attributes, before anything is checked."""
    size = _length(request["MessageBody"])
    for name, value in (request.get("MessageAttributes") or {}).items():
        size += _length(name) + _length(value.get("DataType") or "")
        size += _length(value.get("StringValue") or "") + len(value.get("BinaryValue") or b"")
    return size


def _length(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


def draft(live: LiveQueue, request: Request, *, in_batch: bool = False) -> Draft:
    """Check one message.

    Raises:
        SqsError: the first rule that it breaks.
    """
    body: str = request["MessageBody"]
    if not body:
        raise MissingParameter("MessageBody")
    raw = body.encode("utf-8", "surrogatepass")
    check_text(body, raw)
    given = request.get("MessageAttributes")
    attributes = read_attributes(given) if given else None
    given = request.get("MessageSystemAttributes")
    system = read_system_attributes(given) if given else None
    size = len(raw) + (size_of(attributes) if attributes else 0)
    meaning = live.meaning
    if size > meaning.max_bytes:
        what = "cannot be validated" if in_batch else "are invalid"
        raise InvalidParameterValue(
            f"One or more parameters {what}. Reason: Message must be shorter than {meaning.max_bytes} bytes."
        )
    group, dedup, delay_s = (
        request.get("MessageGroupId"), request.get("MessageDeduplicationId"), request.get("DelaySeconds"),
    )
    if group is not None:
        _check_id("MessageGroupId", group)
    if meaning.fifo:
        dedup = _check_fifo(live, raw, group, dedup, delay_s)
        delay_s = None
    elif dedup is not None:
        raise InvalidParameterValue.because(dedup, "MessageDeduplicationId", _WRONG_KIND)
    elif delay_s is not None and not 0 <= delay_s <= MAX_DELAY_S:
        raise InvalidParameterValue.because(
            delay_s, "DelaySeconds", f"DelaySeconds must be >= 0 and <= {MAX_DELAY_S}."
        )
    return Draft(
        body, md5(raw, usedforsecurity=False).hexdigest(), size, attributes, system, group, dedup,
        meaning.delay_ms if delay_s is None else 1000 * delay_s,
    )


def _check_fifo(
    live: LiveQueue, body: bytes, group: str | None, dedup: str | None, delay_s: int | None
) -> str:
    """The deduplication id of a message for a FIFO queue."""
    if delay_s:
        raise InvalidParameterValue.because(delay_s, "DelaySeconds", _WRONG_KIND)
    if group is None:
        raise MissingParameter("MessageGroupId")
    if dedup is not None:
        _check_id("MessageDeduplicationId", dedup)
        return dedup
    if not live.meaning.content_based:
        raise InvalidParameterValue(
            "The queue should either have ContentBasedDeduplication enabled or "
            "MessageDeduplicationId provided explicitly"
        )
    return sha256(body).hexdigest()


def _check_id(parameter: str, value: str) -> None:
    if not _ID.fullmatch(value):
        raise InvalidParameterValue.because(
            value, parameter,
            f"{parameter} can only include alphanumeric and punctuation characters. 1 to 128 in length.",
        )


def send(tx: Tx, live: LiveQueue, draft: Draft) -> Response:
    """Put a checked message into its queue; the answer to whoever sends it."""
    message_id = tx.ids.uuid()
    answer: Response = {"MD5OfMessageBody": draft.md5, "MessageId": message_id}
    if draft.attributes:
        answer["MD5OfMessageAttributes"] = digest(draft.attributes)
    trace = tx.caller.trace
    if trace is not None and ";" not in trace:
        trace = None  # a bare root was made up on the way in: the client did not trace
    if draft.system:
        answer["MD5OfMessageSystemAttributes"] = digest(draft.system)
        trace = draft.system["AWSTraceHeader"][1].decode()
    head = live.head(tx)
    message = Message(
        head.last + 1, message_id, draft.body, draft.md5, tx.now_ms, tx.caller.user_id, draft.attributes, trace,
        draft.group, draft.dedup,
    )
    if live.meaning.fifo:
        assert draft.group is not None
        assert draft.dedup is not None
        earlier = fifo.find_duplicate(tx, live, draft.group, draft.dedup)
        if earlier is not None:
            answer["MessageId"] = earlier.message_id
            answer["SequenceNumber"] = fifo.sequence_number(earlier.sequence)
            return answer
        message = fifo.add(tx, live, message, draft.delay_ms)
        fifo.remember(tx, live, message)
        housekeeping.expect_dedup(tx, live)
        answer["SequenceNumber"] = fifo.sequence_number(message.sequence)
    else:
        standard.put(tx, live, head, message, draft.delay_ms)
    if live.retention_due_ms is None:
        housekeeping.expect_retention(tx, live, tx.now_ms + live.meaning.retention_ms)
    add = tx.kernel.metrics.add
    tx.after_commit(partial(add, live.metrics["NumberOfMessagesSent"]))
    tx.after_commit(partial(add, live.metrics["SentMessageSize"], draft.size))
    return answer
