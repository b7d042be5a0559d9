"""Files sent by the kernel: their bytes never enter this process.

A page that is not in memory would block the loop while the disk is read: it is looked up first, and read in
a thread if it is not there. TLS, and systems without these calls, take the ordinary way.
"""

from __future__ import annotations

import os
from asyncio import to_thread
from typing import TYPE_CHECKING

from ballroom.kernel.http import FileSpan
from ballroom.kernel.turns import next_turn

if TYPE_CHECKING:
    from ballroom.gateway.http.connection import Connection

AT_ONCE = 1 << 20
WORTH_IT = 64 << 10
"""Smaller spans cost more to arrange than to copy."""
AVAILABLE = hasattr(os, "sendfile") and hasattr(os, "RWF_NOWAIT")


class ConnectionGone(ConnectionError):
    """The client went away while the file was sent."""


async def send_span(connection: Connection, span: FileSpan) -> None:
    """Send a span of a file on a connection without TLS; all that was written before leaves before it.

    Raises:
        ConnectionGone: the client went away.
        ValueError: the file is shorter than its span.
    """
    transport = connection.transport
    while transport.get_write_buffer_size() and not connection.lost:
        await next_turn()
    if connection.lost:
        raise ConnectionGone
    # a descriptor of its own: the loop does not let others watch the transport's
    socket = os.dup(transport.get_extra_info("socket").fileno())
    try:
        await _send(connection, socket, span)
    except (BrokenPipeError, ConnectionResetError) as gone:
        raise ConnectionGone from gone
    finally:
        os.close(socket)


async def _send(connection: Connection, socket: int, span: FileSpan) -> None:
    file, at = span.file.fileno(), span.start
    sent_in_turn = 0
    while at < span.stop:
        count = min(span.stop - at, AT_ONCE)
        if not _in_memory(file, at, count):
            await to_thread(os.pread, file, count, at)
        try:
            sent = os.sendfile(socket, file, at, count)
        except BlockingIOError:
            await _writable(connection, socket)
            continue
        if sent == 0:
            raise ValueError("the file is shorter than its content-length")
        at += sent
        sent_in_turn += sent
        connection.progressed()
        if sent_in_turn >= AT_ONCE:
            sent_in_turn = 0
            await next_turn()  # others have their turn


def _in_memory(file: int, at: int, count: int) -> bool:
    """Whether the first and the last of these bytes are in the system's cache."""
    one = bytearray(1)
    try:
        os.preadv(file, [one], at + count - 1, os.RWF_NOWAIT)
        os.preadv(file, [one], at, os.RWF_NOWAIT)
    except OSError:
        return False
    return True


async def _writable(connection: Connection, socket: int) -> None:
    loop = connection.loop
    ready = loop.create_future()
    loop.add_writer(socket, lambda: None if ready.done() else ready.set_result(None))
    connection.pause_writing()  # so that a client that reads nothing is noticed
    try:
        await ready
    finally:
        loop.remove_writer(socket)
        connection.resume_writing()
