"""Bodies handed over while they come, and TLS."""

from __future__ import annotations

import asyncio
import ssl
import subprocess
from pathlib import Path

import pytest

from ballroom.gateway.http import Exchange, Limits
from ballroom.gateway.http.stream import BodyInterrupted
from tests.gateway.conftest import Run
from tests.gateway.harness import Application, Client, chunked, get, serving, until


def reading(application: Application, seen: list[object], *, pause: asyncio.Event | None = None) -> None:
    """Make the application read streams in tasks and answer how much came."""
    tasks = set()

    async def read(exchange: Exchange) -> None:
        assert exchange.stream is not None
        if pause is not None:
            await pause.wait()
        total = 0
        try:
            async for piece in exchange.stream:
                total += len(piece)
        except BodyInterrupted as interrupted:
            seen.append(interrupted)
            return
        seen.append(exchange.stream.trailers())
        exchange.answer(200, [], b"%d" % total)

    def handle(exchange: Exchange) -> None:
        if exchange.stream is None:
            exchange.answer(200, [], b"whole")
            return
        task = asyncio.create_task(read(exchange))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    application.limit = None
    application.on_handle = handle


def test_a_large_body_is_read_while_it_comes(run: Run) -> None:
    async def scenario() -> None:
        async with serving() as http:
            seen: list[object] = []
            reading(http.application, seen)
            client = await http.connect()
            client.send(get("/", "Content-Length: 1000000", method="PUT"))
            for _ in range(10):
                client.send(b"x" * 100_000)
                await asyncio.sleep(0)
            assert (await client.reply()).body == b"1000000"
            client.send(chunked(b"a" * 70_000, b"b" * 70_000, trailers="X-Checksum: abc\r\n"))
            assert (await client.reply()).body == b"140000"
            assert seen[1] == {"x-checksum": "abc"}
            assert http.application.seen[0].stream.length == 1_000_000  # type: ignore[union-attr]

    run(scenario())


def test_a_sender_is_slowed_down_to_its_reader(run: Run) -> None:
    async def scenario() -> None:
        async with serving(Limits(stream_bytes=100_000)) as http:
            pause = asyncio.Event()
            reading(http.application, [], pause=pause)
            client = await http.connect()
            client.send(get("/", "Content-Length: 50000000", method="PUT"))
            client.send(b"x" * 50_000_000)
            await until(lambda: http.application.seen)
            await asyncio.sleep(0.05)
            stream = http.application.seen[0].stream
            assert stream is not None
            assert stream._size < 1_000_000
            pause.set()
            assert (await client.reply()).body == b"50000000"

    run(scenario())


def test_a_stream_whose_sender_leaves_fails(run: Run) -> None:
    async def scenario() -> None:
        async with serving() as http:
            seen: list[object] = []
            reading(http.application, seen)
            client = await http.connect()
            client.send(get("/", "Content-Length: 1000000", method="PUT") + b"x" * 1000)
            await until(lambda: http.application.seen)
            await client.close()
            await until(lambda: seen)
            assert isinstance(seen[0], BodyInterrupted)

    run(scenario())


def test_a_stream_with_broken_chunks_is_refused(run: Run) -> None:
    async def scenario() -> None:
        async with serving() as http:
            seen: list[object] = []
            reading(http.application, seen)
            client = await http.connect()
            client.send(get("/", "Transfer-Encoding: chunked", method="PUT") + b"5\r\nabcde\r\nnonsense\r\n")
            assert (await client.reply()).status == 400
            assert await client.ended()
            await until(lambda: seen)
            assert isinstance(seen[0], BodyInterrupted)

    run(scenario())


def test_an_early_answer_reaches_a_client_that_is_still_sending(run: Run) -> None:
    async def scenario() -> None:
        async with serving() as http:
            http.application.limit = None
            http.application.on_handle = lambda exchange: exchange.answer(403, [], b"no")
            client = await http.connect()
            client.send(get("/", "Content-Length: 10000000", method="PUT"))
            for _ in range(100):
                client.send(b"x" * 100_000)
                await client.writer.drain()
            reply = await client.reply()
            assert (reply.status, reply.body, reply.headers["connection"]) == (403, b"no", "close")

    run(scenario())


def test_a_refused_client_that_goes_on_sending_is_cut_in_the_end(run: Run) -> None:
    async def scenario() -> None:
        async with serving() as http:
            client = await http.connect()
            client.send(b"nonsense\r\n\r\n")
            assert (await client.reply()).status == 400
            assert http.server.connections
            http.later(6)
            await until(lambda: not http.server.connections)

    run(scenario())


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("tls")
    key, cert = folder / "key.pem", folder / "cert.pem"
    made = subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
         "-days", "1", "-keyout", key, "-out", cert, "-subj", "/CN=localhost",
         "-addext", "subjectAltName=DNS:localhost"],
        capture_output=True, check=False,
    )  # fmt: skip
    if made.returncode:
        pytest.skip("openssl is not installed")
    return cert, key


def test_tls(run: Run, certificate: tuple[Path, Path]) -> None:
    async def scenario() -> None:
        async with serving() as http:
            ours = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            ours.load_cert_chain(*certificate)
            port = await http.server.listen("127.0.0.1", 0, ours)
            await http.server.serve()
            theirs = ssl.create_default_context(cafile=certificate[0])
            client = Client(*await asyncio.open_connection("localhost", port, ssl=theirs))
            http.clients.append(client)
            assert (await client.ask(get("/secret"))).body == b"GET /secret \n"
            assert http.application.seen[0].scheme == "https"
            client.send(b"nonsense\r\n\r\n")
            assert (await client.reply()).status == 400
            assert await client.ended()

    run(scenario())
