"""Bodies of answers as a task's result holds them: read no further than a result may be long."""

from __future__ import annotations

from typing import Any

from ballroom.kernel import ByteStream, FileBody

from ..engine.execution import MOST_BYTES


def with_files_read(answer: dict[str, Any]) -> dict[str, Any]:
    """An answer whose body lies in files, the body read."""
    read = {name: _read(value) for name, value in answer.items() if isinstance(value, FileBody)}
    return {**answer, **read} if read else answer


def _read(body: FileBody) -> bytes:
    parts, left = [], MOST_BYTES + 1  # one more: what is too large is seen to be
    for span in body.spans():
        if isinstance(span, bytes):
            part = span[:left]
        else:
            with span.file as file:
                file.seek(span.start)
                part = file.read(min(span.stop - span.start, left))
        parts.append(part)
        left -= len(part)
        if not left:
            break
    return b"".join(parts)


async def with_bodies_read(answer: dict[str, Any]) -> dict[str, Any]:
    """An answer whose body is still to come, or lies in files, the body read."""
    for name, value in answer.items():
        if isinstance(value, ByteStream):
            answer = {**answer, name: await _read_stream(value)}
    return with_files_read(answer)


async def _read_stream(stream: ByteStream) -> bytes:
    parts, size = [], 0
    while size <= MOST_BYTES and (part := await stream.read()):
        parts.append(part)
        size += len(part)
    return b"".join(parts)
