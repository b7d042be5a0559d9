"""What a hostile or broken client sends: refused in order, without growth, and never a second meaning."""

from __future__ import annotations

import asyncio

import pytest

from ballroom.gateway.http import Exchange, Limits
from tests.gateway.conftest import Run
from tests.gateway.harness import Peak, chunked, get, post, serving, until

MALFORMED = {
    "no method": b"/ HTTP/1.1\r\nHost: a\r\n\r\n",
    "unknown method": b"FROB / HTTP/1.1\r\nHost: a\r\n\r\n",
    "no version": b"GET /\r\n\r\n",
    "version 2": b"GET / HTTP/2.0\r\nHost: a\r\n\r\n",
    "the HTTP/2 preface": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "version 1.2": b"GET / HTTP/1.2\r\nHost: a\r\n\r\n",
    "a space in the target": b"GET /a b HTTP/1.1\r\nHost: a\r\n\r\n",
    "a raw byte in the target": b"GET /\xff HTTP/1.1\r\nHost: a\r\n\r\n",
    "a target that is no path": b"GET a:80 HTTP/1.1\r\nHost: a\r\n\r\n",
    "a proxy request": b"CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n",
    "a star": b"GET * HTTP/1.1\r\nHost: a\r\n\r\n",
    "TLS on a plain port": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "bare line feeds": b"GET / HTTP/1.1\nHost: a\n\n",
    "a bare carriage return": b"GET / HTTP/1.1\r\nHost: a\rX: b\r\n\r\n",
    "a zero byte": b"GET / HTTP/1.1\r\nHost: a\x00\r\n\r\n",
    "a header without a name": b"GET / HTTP/1.1\r\nHost: a\r\n: x\r\n\r\n",
    "a space before the colon": b"GET / HTTP/1.1\r\nHost: a\r\nX : y\r\n\r\n",
    "a folded header": b"GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n",
    "no host": b"GET / HTTP/1.1\r\n\r\n",
    "two hosts": b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
}

POST = b"POST / HTTP/1.1\r\nHost: a\r\n"
SMUGGLING = {
    "both lengths": POST + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "both, the other way": (POST + b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n"),
    "two lengths": POST + b"Content-Length: 0\r\nContent-Length: 30\r\n\r\n",
    "a list of lengths": POST + b"Content-Length: 0, 30\r\n\r\n",
    "a signed length": POST + b"Content-Length: +3\r\n\r\nabc",
    "a negative length": POST + b"Content-Length: -1\r\n\r\n",
    "an empty length": POST + b"Content-Length: \r\n\r\n",
    "a huge length": POST + b"Content-Length: 99999999999999999999999\r\n\r\n",
    "an unknown coding": POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "chunked and more": POST + b"Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n",
    "more and chunked": POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "two codings": (POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n"),
    "chunked in HTTP/1.0": b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "a chunk size with a space": POST + b"Transfer-Encoding: chunked\r\n\r\n1 \r\na\r\n0\r\n\r\n",
    "a chunk size that is none": POST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n\r\n",
    "a chunk size beyond 64 bits": (
        POST + b"Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\na\r\n0\r\n\r\n"
    ),
    "chunks of bare line feeds": POST + b"Transfer-Encoding: chunked\r\n\r\n1\na\n0\n\n",
    "a chunk longer than its size": (POST + b"Transfer-Encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n"),
}


@pytest.mark.parametrize(
    "raw", [pytest.param(raw, id=name) for name, raw in {**MALFORMED, **SMUGGLING}.items()]
)
def test_a_malformed_request_is_refused_and_ends_its_connection(run: Run, raw: bytes) -> None:
    async def scenario() -> None:
        async with serving() as http:
            client = await http.connect()
            client.send(raw + get("/smuggled"))
            reply = await client.reply()
            assert 400 <= reply.status <= 505, reply
            assert reply.status != 500
            assert reply.headers["connection"] == "close"
            assert await client.ended()
            assert "/smuggled" not in [e.path for e in http.application.seen]

    run(scenario())


def test_a_malformed_request_does_not_take_the_answers_before_it(run: Run) -> None:
    async def scenario() -> None:
        async with serving() as http:
            http.application.on_handle = lambda exchange: None
            client = await http.connect()
            client.send(get("/good") + b"nonsense\r\n\r\n")
            await until(lambda: http.application.seen)
            http.application.seen[0].answer(200, [], b"good")
            assert (await client.reply()).body == b"good"
            assert (await client.reply()).status == 400
            assert await client.ended()

    run(scenario())


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param([f"X-{n}: a" for n in range(10_000)], id="ten thousand headers"),
        pytest.param(["X: a"] * 10_000, id="one header ten thousand times"),
        pytest.param(["X: " + "a" * 70_000], id="a long header"),
        pytest.param(["X" * 70_000 + ": a"], id="a long name"),
    ],
)
def test_too_many_or_too_long_headers_are_refused(run: Run, headers: list[str]) -> None:
    async def scenario() -> None:
        async with serving() as http:
            client = await http.connect()
            assert (await client.ask(get("/", *headers))).status == 431
            assert await client.ended()
            assert not http.application.seen

    run(scenario())


def test_as_many_headers_as_allowed_are_served(run: Run) -> None:
    async def scenario() -> None:
        async with serving(Limits(header_count=50)) as http:
            assert (await http.ask(get("/", *[f"X-{n}: a" for n in range(49)]))).status == 200
            assert (await http.ask(get("/", *[f"X-{n}: a" for n in range(50)]))).status == 431

    run(scenario())


def test_a_header_that_never_ends_is_cut(run: Run) -> None:
    async def scenario() -> None:
        async with serving() as http:
            client = await http.connect()
            client.send(b"GET / HTTP/1.1\r\nHost: a\r\nX: ")
            for _ in range(100):
                client.send(b"a" * 4096)
                await asyncio.sleep(0)
            assert (await client.reply()).status == 431

    run(scenario())


def test_trailers_that_never_end_are_cut(run: Run) -> None:
    async def scenario() -> None:
        async with serving() as http:
            client = await http.connect()
            client.send(chunked(b"a")[:-2] + b"X: ")
            for _ in range(100):
                client.send(b"a" * 4096)
                await asyncio.sleep(0)
            assert (await client.reply()).status == 431
            assert not http.application.seen

    run(scenario())


def test_a_url_that_is_too_long_is_refused(run: Run) -> None:
    async def scenario() -> None:
        async with serving() as http:
            assert (await http.ask(get("/" + "a" * 20_000))).status == 414
            assert (await http.ask(get("/" + "a" * 16_000))).status == 200

    run(scenario())


def test_a_hundred_megabytes_are_refused_without_growth(run: Run) -> None:
    async def scenario() -> None:
        async with serving() as http:
            peak = Peak()
            client = await http.connect()
            client.send(get("/", "Content-Length: 104857600", method="POST"))
            piece = b"x" * 65536
            for _ in range(1600):
                client.send(piece)
                await client.writer.drain()
            assert (await client.reply()).status == 413
            assert await client.ended()
            assert peak.growth_bytes() < 30 << 20

    run(scenario())


def test_a_hundred_megabytes_in_chunks_are_refused_at_the_limit(run: Run) -> None:
    async def scenario() -> None:
        async with serving() as http:
            peak = Peak()
            client = await http.connect()
            client.send(get("/", "Transfer-Encoding: chunked", method="POST"))
            piece = b"10000\r\n" + b"x" * 65536 + b"\r\n"
            for _ in range(1600):
                client.send(piece)
                await client.writer.drain()
            assert (await client.reply()).status == 413
            assert await client.ended()
            assert peak.growth_bytes() < 30 << 20

    run(scenario())


def test_tiny_chunks_cost_no_more_than_their_bytes(run: Run) -> None:
    async def scenario() -> None:
        async with serving() as http:
            peak = Peak()
            reply = await http.ask(chunked(*[b"ab"] * 200_000))
            assert len(reply.body) == 400_000 + len(b"POST / \n")
            assert peak.growth_bytes() < 30 << 20

    run(scenario())


def test_a_client_that_goes_away_cancels_what_waits_for_it(run: Run) -> None:
    async def scenario() -> None:
        cancelled: list[str] = []

        def wait(exchange: Exchange) -> None:
            exchange.on_abort = lambda: cancelled.append(exchange.path)

        async with serving() as http:
            http.application.on_handle = wait
            client = await http.connect()
            client.send(get("/1") + get("/2"))
            await until(lambda: len(http.application.seen) == 2)
            await client.close()
            await until(lambda: cancelled == ["/1", "/2"])
            await until(lambda: not http.server.connections)
            http.application.seen[0].answer(200, [], b"to nobody")

    run(scenario())


def test_a_client_that_resets_cancels_too(run: Run) -> None:
    async def scenario() -> None:
        cancelled: list[str] = []

        def wait(exchange: Exchange) -> None:
            exchange.on_abort = lambda: cancelled.append(exchange.path)

        async with serving() as http:
            http.application.on_handle = wait
            client = await http.connect()
            client.send(get("/1"))
            await until(lambda: http.application.seen)
            client.writer.transport.abort()
            await until(lambda: cancelled == ["/1"])

    run(scenario())


def test_a_client_that_only_stops_sending_still_gets_its_answer(run: Run) -> None:
    async def scenario() -> None:
        async with serving() as http:
            http.application.on_handle = lambda exchange: None
            client = await http.connect()
            client.send(get("/1"))
            client.writer.write_eof()
            await until(lambda: http.application.seen)
            await asyncio.sleep(0.02)
            http.application.seen[0].answer(200, [], b"still here")
            assert (await client.reply()).body == b"still here"
            assert await client.ended()

    run(scenario())


def test_a_client_that_leaves_within_a_request_leaves_nothing(run: Run) -> None:
    async def scenario() -> None:
        async with serving() as http:
            for raw in (b"GE", get()[:-2], post(b"abcdef")[:-3], chunked(b"abc")[:-5]):
                client = await http.connect()
                client.send(raw)
                client.writer.write_eof()
                assert await client.ended()
            await until(lambda: not http.server.connections)
            assert not http.application.seen

    run(scenario())


def test_slow_headers_run_out_of_time(run: Run) -> None:
    async def scenario() -> None:
        async with serving() as http:
            client = await http.connect()
            client.send(b"GET / HTTP/1.1\r\n")
            await until(lambda: any(c._current for c in http.server.connections))
            http.later(14)
            client.send(b"Host: a\r\n")  # a trickle does not buy time
            await asyncio.sleep(0.02)
            http.later(16)
            assert (await client.reply()).status == 408
            assert await client.ended()

    run(scenario())


def test_a_silent_body_runs_out_of_time(run: Run) -> None:
    async def scenario() -> None:
        async with serving() as http:
            client = await http.connect()
            client.send(post(b"abcdef")[:-3])
            await until(lambda: any(c._current for c in http.server.connections))
            http.later(29)
            http.later(32)
            assert (await client.reply()).status == 408

    run(scenario())


def test_an_idle_connection_is_closed_and_a_waiting_one_is_not(run: Run) -> None:
    async def scenario() -> None:
        async with serving() as http:
            idle, waiting = await http.connect(), await http.connect()
            await idle.ask(get())
            http.application.on_handle = lambda exchange: None
            waiting.send(get("/poll"))
            await until(lambda: len(http.application.seen) == 2)
            http.later(3600)
            assert await idle.ended()
            http.application.seen[1].answer(200, [], b"at last")
            assert (await waiting.reply()).body == b"at last"

    run(scenario())


def test_a_client_that_never_reads_is_cut(run: Run) -> None:
    async def scenario() -> None:
        async with serving() as http:
            http.application.on_handle = lambda exchange: exchange.answer(200, [], b"x" * (64 << 20))
            _, writer = await asyncio.open_connection("127.0.0.1", http.port, limit=1024)
            writer.write(get())
            await until(lambda: any(c._paused for c in http.server.connections))
            http.later(1)
            http.later(59)
            assert http.server.connections
            http.later(180)
            await until(lambda: not http.server.connections)
            writer.transport.abort()

    run(scenario())


def test_more_connections_than_allowed_are_turned_away(run: Run) -> None:
    async def scenario() -> None:
        async with serving(Limits(connections=2)) as http:
            first, second = await http.connect(), await http.connect()
            await first.ask(get())
            await second.ask(get())
            assert await (await http.connect()).ended()
            assert (await first.ask(get())).status == 200

    run(scenario())


def test_a_graceful_stop_finishes_what_runs_and_closes_what_idles(run: Run) -> None:
    async def scenario() -> None:
        async with serving() as http:
            idle, busy = await http.connect(), await http.connect()
            await idle.ask(get())
            http.application.on_handle = lambda exchange: None
            busy.send(get("/1") + get("/2"))
            await until(lambda: len(http.application.seen) == 3)
            stopping = asyncio.create_task(http.server.stop(5))
            assert await idle.ended()
            with pytest.raises(ConnectionRefusedError):
                await asyncio.open_connection("127.0.0.1", http.port)
            http.application.seen[1].answer(200, [], b"1")
            http.application.seen[2].answer(200, [], b"2")
            assert "connection" not in (await busy.reply()).headers
            assert (await busy.reply()).headers["connection"] == "close"
            assert await busy.ended()
            await stopping

    run(scenario())


def test_a_stop_does_not_wait_for_ever(run: Run) -> None:
    async def scenario() -> None:
        async with serving() as http:
            http.application.on_handle = lambda exchange: None
            client = await http.connect()
            client.send(get())
            await until(lambda: http.application.seen)
            await http.server.stop(0.05)
            assert not http.server.connections
            assert await client.ended()

    run(scenario())
