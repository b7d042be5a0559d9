"""Contents in the store: kept, shared, given up, read by range.

The tiniest stand in their object's row; small ones in a row of their own, so that listing objects never
reads them; large ones are blobs; those that were uploaded in parts are a layout of parts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ballroom.kernel import Key, Tx, on_timer
from ballroom.services.s3.resources import Body, Content, Layout, Part, Uses
from ballroom.services.s3.sending import Segment, Segments

if TYPE_CHECKING:
    from ballroom.services.s3.receiving import Received

INLINE = 2 << 10
"""Contents up to this size stand in their object's row: one row less to write and to read."""
LAYOUT_PARTS = 250
"""Parts in one row of a layout."""


def store(tx: Tx, received: Received) -> Content:
    """Keeps a received content in this transaction."""
    if received.blob is not None:
        tx.link_blob(received.blob)
        return Content(received.size, blob=received.blob)
    data = received.data or b""
    if len(data) <= INLINE:
        return Content(len(data), data)
    return _in_its_row(tx, data)


def _in_its_row(tx: Tx, data: bytes) -> Content:
    body_id = tx.ids.hex(32)
    tx.put(("s3", "body", body_id), Body(data))
    return Content(len(data), body_id=body_id)


def shared(tx: Tx, content: Content) -> Content:
    """The same bytes for another version: blobs are shared, a small body is copied."""
    if content.blob is not None:
        blob = content.blob
        tx.link_blob(blob)
        tx.after_commit(lambda: tx.kernel.blobs.hold(blob))  # linking ends a hold once it is durable
        return content
    if content.body_id:
        return _in_its_row(tx, small_body(tx, content))
    if content.layout_id:
        row = _uses_key(content.layout_id)
        uses = tx.get(Uses, row)
        tx.put(row, Uses((uses.count if uses is not None else 1) + 1))
    return content


def discard(tx: Tx, content: Content) -> None:
    """No row refers to the content any more."""
    if content.blob is not None:
        tx.unlink_blob(content.blob)
    elif content.body_id:
        tx.delete(("s3", "body", content.body_id))
    elif content.layout_id:
        _discard_layout(tx, content.layout_id)


def _discard_layout(tx: Tx, layout_id: str) -> None:
    """One object less has this layout; its parts, up to 10,000, go a row at a time once none has it."""
    row = _uses_key(layout_id)
    uses = tx.get(Uses, row)
    if uses is not None and uses.count > 1:
        tx.put(row, Uses(uses.count - 1))
        return
    if uses is not None:
        tx.delete(row)
    sweep_layout(tx, layout_id)


@on_timer("s3.sweep-layout")
def sweep_layout(tx: Tx, layout_id: str) -> None:
    """Give up the next parts of a layout that no object has. Harmless if repeated: it takes what is there."""
    prefix = ("s3", "layout", layout_id)
    for key, layout in tx.scan_prefix_items(Layout, prefix, limit=1):
        for part in layout.parts:
            discard(tx, part.content)
        tx.delete(key)
        if layout.more:
            tx.wake_at(tx.now_ms, "s3.sweep-layout", layout_id)


def _uses_key(layout_id: str) -> Key:
    return ("s3", "layout-uses", layout_id)


def keep_layout(tx: Tx, parts: list[Part]) -> Content:
    """Parts in order become one content; what they hold passes over to it."""
    layout_id = tx.ids.hex(32)
    offset = 0
    for first in range(0, len(parts), LAYOUT_PARTS):
        some = parts[first : first + LAYOUT_PARTS]
        more = first + LAYOUT_PARTS < len(parts)
        tx.put(("s3", "layout", layout_id, offset), Layout(offset, some, more))
        offset += sum(part.content.size for part in some)
    return Content(offset, layout_id=layout_id)


def layouts(tx: Tx, content: Content, start: int = 0, stop: int | None = None) -> list[Layout]:
    """The rows of a content's layout that cover the bytes from `start` up to `stop`."""
    prefix = ("s3", "layout", content.layout_id)
    first = tx.scan(Layout, prefix, (*prefix, start + 1), limit=1, reverse=True)
    low = (*prefix, first[0].offset if first else 0)
    high = (*prefix, content.size + 1 if stop is None else max(stop, 1))
    return tx.scan(Layout, low, high)


def part_span(tx: Tx, content: Content, number: int) -> tuple[Part, int] | None:
    """The part of that number and where it begins; None if the content has fewer."""
    seen = 0
    for layout in layouts(tx, content):
        if number <= seen + len(layout.parts):
            offset = layout.offset + sum(part.content.size for part in layout.parts[: number - seen - 1])
            return layout.parts[number - seen - 1], offset
        seen += len(layout.parts)
    return None


def small_body(tx: Tx, content: Content) -> bytes:
    """The bytes of a content that lives in the store."""
    if not content.body_id:
        return content.data or b""
    body = tx.get(Body, ("s3", "body", content.body_id))
    assert body is not None, "a small body goes only with its row"
    return body.data


def read(tx: Tx, content: Content, start: int, stop: int) -> bytes | Segments:
    """The bytes from `start` up to `stop`: at hand, or as segments that are read while they are sent."""
    if content.blob is None and not content.layout_id:
        data = small_body(tx, content)
        return data if stop - start == len(data) else data[start:stop]
    return Segments(tx.kernel, segments(tx, content, start, stop))


def segments(tx: Tx, content: Content, start: int, stop: int) -> list[Segment]:
    """Where the bytes from `start` up to `stop` are."""
    if content.blob is not None:
        return [Segment(content.blob, start, stop)]
    if not content.layout_id:
        return [Segment(None, 0, stop - start, small_body(tx, content)[start:stop])]
    found: list[Segment] = []
    for layout in layouts(tx, content, start, stop):
        offset = layout.offset
        for part in layout.parts:
            low, high = max(start - offset, 0), min(stop - offset, part.content.size)
            offset += part.content.size
            if low < high:
                found += segments(tx, part.content, low, high)
    return found
