"""Large bodies between the disk and the wire: whole whatever the client's pace, and let go when it leaves."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from tests.services.s3.test_wire import SIGNED, ask

from ballroom.testing import BallroomServer

SIZE = 3 << 20


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BallroomServer]:
    with BallroomServer(data_dir=Path(tmp_path_factory.mktemp("data"))) as running:
        running.client("s3").create_bucket(Bucket="shelf")
        yield running


@pytest.fixture(scope="module")
def content(server: BallroomServer) -> bytes:
    data = os.urandom(SIZE)
    assert ask(server, "PUT", "/shelf/large", data).status == 200
    return data


def connect(server: BallroomServer, head: str, receive_bytes: int = 0) -> socket.socket:
    made = socket.socket()
    if receive_bytes:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
    made.settimeout(30)
    made.connect(("127.0.0.1", urlsplit(server.endpoint).port or 0))
    lines = [head, "host: localhost", *(f"{name}: {value}" for name, value in SIGNED.items()), "", ""]
    made.sendall("\r\n".join(lines).encode())
    return made


class Answers:
    """The answers on a connection, one after the other, taken in pieces of a size."""

    def __init__(self, connection: socket.socket, piece: int) -> None:
        self._connection, self._piece = connection, piece
        self._held = bytearray()

    def _more(self) -> None:
        received = self._connection.recv(self._piece)
        assert received, "the connection ended early"
        self._held += received

    def next(self) -> bytes:
        """The body of the next answer."""
        while b"\r\n\r\n" not in self._held:
            self._more()
        head, _, _ = bytes(self._held[:4096]).partition(b"\r\n\r\n")
        del self._held[: len(head) + 4]
        lines = head.lower().split(b"\r\n")
        length = next(int(line[15:]) for line in lines if line.startswith(b"content-length"))
        while len(self._held) < length:
            self._more()
        body = bytes(self._held[:length])
        del self._held[:length]
        return body


def in_flight(server: BallroomServer) -> int:
    async def ask_it() -> int:
        for _ in range(200):
            if not server.ballroom.kernel.blobs.statistics()["in_flight"]:
                break
            await asyncio.sleep(0.01)  # real time: a socket's end is noticed by the operating system
        return server.ballroom.kernel.blobs.statistics()["in_flight"]

    return asyncio.run_coroutine_threadsafe(ask_it(), server._loop).result(10)


@pytest.mark.parametrize(("receive_bytes", "piece"), [(0, 1 << 20), (8192, 3000)])
def test_every_pace_gets_every_byte(
    server: BallroomServer, content: bytes, receive_bytes: int, piece: int
) -> None:
    with connect(server, "GET /shelf/large HTTP/1.1", receive_bytes) as connection:
        answers = Answers(connection, piece)
        assert answers.next() == content
        # the connection goes on: a range across the boundaries of what is sent at once, then a small answer
        for head, expected in (
            (f"range: bytes={SIZE - 1_100_000}-{SIZE - 5}", content[SIZE - 1_100_000 : SIZE - 4]),
            ("range: bytes=0-9", content[:10]),
        ):
            lines = ["GET /shelf/large HTTP/1.1", "host: localhost", head]
            lines += [f"{name}: {value}" for name, value in SIGNED.items()]
            connection.sendall("\r\n".join([*lines, "", ""]).encode())
            assert answers.next() == expected
    assert in_flight(server) == 0


def test_who_leaves_within_an_answer_holds_nothing(server: BallroomServer, content: bytes) -> None:
    for _ in range(5):
        with connect(server, "GET /shelf/large HTTP/1.1", 8192) as connection:
            assert connection.recv(1000)
    assert in_flight(server) == 0
    assert ask(server, "GET", "/shelf/large", range="bytes=5-9").body == content[5:10]


def test_two_requests_at_once_are_answered_in_turn(server: BallroomServer, content: bytes) -> None:
    lines = "\r\n".join(["host: localhost", *(f"{name}: {value}" for name, value in SIGNED.items())])
    two = f"GET /shelf/large HTTP/1.1\r\n{lines}\r\n\r\nHEAD /shelf/large HTTP/1.1\r\n{lines}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", urlsplit(server.endpoint).port or 0), 30) as connection:
        connection.sendall(two.encode())
        answers = Answers(connection, 1 << 16)
        assert answers.next() == content
        while len(answers._held) < 12:
            answers._more()
        assert answers._held.startswith(b"HTTP/1.1 200")


def test_a_request_behind_a_large_body_is_the_next_one(server: BallroomServer) -> None:
    data = os.urandom(3 << 20)
    lines = "\r\n".join(["host: localhost", *(f"{name}: {value}" for name, value in SIGNED.items())])
    put = f"PUT /shelf/first HTTP/1.1\r\n{lines}\r\ncontent-length: {len(data)}\r\n\r\n".encode() + data
    get = f"GET /shelf/first HTTP/1.1\r\n{lines}\r\n\r\n".encode()
    with socket.create_connection(("127.0.0.1", urlsplit(server.endpoint).port or 0), 30) as connection:
        answers = Answers(connection, 1 << 16)
        connection.sendall(put)
        assert answers.next() == b""
        connection.sendall(put + get[:20])
        connection.sendall(get[20:])
        assert [answers.next(), answers.next()] == [b"", data]


def test_a_body_cut_off_is_swept(server: BallroomServer) -> None:
    incoming = server.settings.data_dir / "blobs" / ".incoming" if server.settings.data_dir else Path()
    with connect(server, "PUT /shelf/cut HTTP/1.1\r\ncontent-length: 5000000") as connection:
        connection.sendall(b"x" * 3_000_000)

    async def swept() -> bool:
        for _ in range(500):
            if not list(incoming.iterdir()):
                return True
            await asyncio.sleep(0.01)  # real time: a socket's end is noticed by the operating system
        return False

    assert asyncio.run_coroutine_threadsafe(swept(), server._loop).result(10)
    assert ask(server, "GET", "/shelf/cut").code == "NoSuchKey"
