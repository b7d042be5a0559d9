"""Receipt handles: opaque texts that say which message was received, when, and for the how-manieth time.

A handle holds what finds the message's rows without an index: the queue, the message's number, when it
was to become visible again at that receive, and the message group of a FIFO queue. A checksum tells a
handle from a text that never was one.

Source: SQS Developer Guide, "Queue and message identifiers".
"""

from __future__ import annotations

import struct
from base64 import b64decode, b64encode
from hashlib import blake2b

import msgspec

from ballroom.services.sqs.errors import ReceiptHandleIsInvalid

_LAYOUT = struct.Struct(">BB12sIQQI")
_VERSION = 1
_CHECK_BYTES = 8


class Receipt(msgspec.Struct, frozen=True, gc=False):
    """What a receipt handle says."""

    queue: str
    """The queue's own id, 12 characters."""
    generation: int
    sequence: int
    visible_ms: int
    count: int
    delayed: bool = False
    group: str | None = None


def to_handle(receipt: Receipt) -> str:
    """The text for a client."""
    raw = _LAYOUT.pack(
        _VERSION,
        receipt.delayed | (2 if receipt.group is not None else 0),
        receipt.queue.encode(),
        receipt.generation,
        receipt.sequence,
        receipt.visible_ms,
        receipt.count,
    )
    if receipt.group is not None:
        raw += receipt.group.encode()
    return b64encode(blake2b(raw, digest_size=_CHECK_BYTES).digest() + raw).decode()


def from_handle(handle: str, queue: str) -> Receipt:
    """What a handle says, once it is known to be one of this queue.

    Raises:
        ReceiptHandleIsInvalid: it is none, or another queue's.
    """
    try:
        sealed = b64decode(handle, validate=True)
    except ValueError:
        raise ReceiptHandleIsInvalid.garbage(handle) from None
    check, raw = sealed[:_CHECK_BYTES], sealed[_CHECK_BYTES:]
    if len(raw) < _LAYOUT.size or blake2b(raw, digest_size=_CHECK_BYTES).digest() != check:
        raise ReceiptHandleIsInvalid.garbage(handle)
    version, flags, owner, generation, sequence, visible_ms, count = _LAYOUT.unpack_from(raw)
    if version != _VERSION:
        raise ReceiptHandleIsInvalid.garbage(handle)
    if owner != queue.encode():
        raise ReceiptHandleIsInvalid.foreign(handle)
    group = raw[_LAYOUT.size :].decode(errors="replace") if flags & 2 else None
    return Receipt(queue, generation, sequence, visible_ms, count, bool(flags & 1), group)
