"""HTTP/1.1 as clients see it: framing, order, versions, bodies both ways."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from ballroom.gateway.http import Exchange, Limits
from tests.gateway.conftest import Run
from tests.gateway.harness import chunked, get, post, serving, until


def test_a_connection_serves_one_request_after_another(run: Run) -> None:
    async def scenario() -> None:
        async with serving() as http:
            client = await http.connect()
            assert (await client.ask(get("/a?x=1"))).body == b"GET /a x=1\n"
            assert (await client.ask(post(b"hi", path="/b"))).body == b"POST /b \nhi"
            assert len(http.server.connections) == 1

    run(scenario())


def test_a_request_may_come_byte_by_byte(run: Run) -> None:
    async def scenario() -> None:
        async with serving() as http:
            client = await http.connect()
            for byte in post(b"body", "X-Long: yes", path="/slow"):
                client.send(bytes([byte]))
                await asyncio.sleep(0)
            assert (await client.reply()).body == b"POST /slow \nbody"
            assert http.application.seen[0].headers["x-long"] == "yes"

    run(scenario())


def test_pipelined_requests_are_answered_in_order_however_they_end(run: Run) -> None:
    async def scenario() -> None:
        async with serving() as http:
            http.application.on_handle = lambda exchange: None
            client = await http.connect()
            client.send(get("/1") + get("/2") + post(b"x", path="/3"))
            await until(lambda: len(http.application.seen) == 3)
            first, second, third = http.application.seen
            third.answer(200, [], b"3")
            first.answer(200, [], b"1")
            assert (await client.reply()).body == b"1"
            second.answer(404, [], b"2")
            assert [(await client.reply()).body for _ in range(2)] == [b"2", b"3"]

    run(scenario())


def test_too_many_waiting_requests_stop_the_reading_of_a_connection(run: Run) -> None:
    async def scenario() -> None:
        async with serving(Limits(pipeline=4)) as http:
            http.application.on_handle = lambda exchange: None
            client = await http.connect()
            for n in range(4):
                client.send(get(f"/{n}"))
            await until(lambda: len(http.application.seen) == 4)
            client.send(get("/4"))
            await asyncio.sleep(0.05)
            assert len(http.application.seen) == 4
            http.application.seen[0].answer(200, [], b"0")
            await until(lambda: len(http.application.seen) == 5)

    run(scenario())


def test_expect_100_continue_is_answered_at_once(run: Run) -> None:
    async def scenario() -> None:
        async with serving() as http:
            client = await http.connect()
            client.send(get("/", "Content-Length: 4", "Expect: 100-continue", method="PUT"))
            assert (await client.reply()).status == 100
            client.send(b"body")
            assert (await client.reply()).body == b"PUT / \nbody"

    run(scenario())


def test_expect_100_continue_of_an_empty_body_is_answered_first(run: Run) -> None:
    async def scenario() -> None:
        async with serving() as http:
            client = await http.connect()
            client.send(get("/", "Content-Length: 0", "Expect: 100-continue", method="PUT"))
            assert (await client.reply()).status == 100
            assert (await client.reply()).body == b"PUT / \n"

    run(scenario())


def test_expect_100_continue_waits_for_the_answers_before_it(run: Run) -> None:
    async def scenario() -> None:
        async with serving() as http:
            http.application.on_handle = lambda exchange: None
            client = await http.connect()
            client.send(get("/1") + get("/2", "Content-Length: 4", "Expect: 100-continue", method="PUT"))
            await until(lambda: http.application.seen)
            http.application.seen[0].answer(200, [], b"1")
            assert (await client.reply()).body == b"1"
            assert (await client.reply()).status == 100

    run(scenario())


def test_a_body_that_will_be_refused_is_not_asked_for(run: Run) -> None:
    async def scenario() -> None:
        async with serving() as http:
            http.application.limit = 100
            client = await http.connect()
            client.send(get("/", "Content-Length: 1000000", "Expect: 100-continue", method="PUT"))
            assert (await client.reply()).status == 413
            assert await client.ended()

    run(scenario())


@pytest.mark.parametrize("expected", ["a-miracle", ""])
def test_other_expectations_are_ignored(run: Run, expected: str) -> None:
    async def scenario() -> None:
        async with serving() as http:
            assert (await http.ask(post(b"body", f"Expect: {expected}"))).status == 200

    run(scenario())


def test_a_chunked_request_is_put_together(run: Run) -> None:
    async def scenario() -> None:
        async with serving() as http:
            client = await http.connect()
            reply = await client.ask(chunked(b"one", b"two", b"three"))
            assert reply.body == b"POST / \nonetwothree"
            assert (await client.ask(get("/again"))).status == 200

    run(scenario())


def test_an_answer_may_be_a_stream_of_unknown_length(run: Run) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for n in range(3):
            await asyncio.sleep(0)
            yield b"%d" % n
            yield b""

    async def scenario() -> None:
        async with serving() as http:
            http.application.on_handle = lambda exchange: exchange.answer(200, [], pieces())
            client = await http.connect()
            client.send(get() + get())
            for _ in range(2):
                reply = await client.reply()
                assert reply.headers["transfer-encoding"] == "chunked"
                assert reply.body == b"012"

    run(scenario())


def test_a_stream_of_known_length_is_sent_plainly(run: Run) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        yield b"abc"
        yield b"def"

    async def scenario() -> None:
        async with serving() as http:
            http.application.on_handle = lambda exchange: exchange.answer(
                200, [("content-length", "6")], pieces()
            )
            reply = await http.ask(get())
            assert reply.body == b"abcdef"
            assert "transfer-encoding" not in reply.headers

    run(scenario())


@pytest.mark.parametrize("length", ["5", "7"])
def test_a_stream_of_the_wrong_length_cuts_the_connection(run: Run, length: str) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        yield b"abcdef"

    async def scenario() -> None:
        async with serving() as http:
            http.application.on_handle = lambda exchange: exchange.answer(
                200, [("content-length", length)], pieces()
            )
            client = await http.connect()
            client.send(get())
            try:
                raw = await client.reader.read()
            except ConnectionResetError:
                raw = b""
            assert len(raw.partition(b"\r\n\r\n")[2]) != int(length)

    run(scenario())


def test_a_stream_that_fails_midway_is_seen_to_be_incomplete(run: Run) -> None:
    closed = []

    async def pieces() -> AsyncIterator[bytes]:
        try:
            yield b"abc"
            raise RuntimeError("the disk is gone")
        finally:
            closed.append(True)

    async def scenario() -> None:
        async with serving() as http:
            http.application.on_handle = lambda exchange: exchange.answer(200, [], pieces())
            client = await http.connect()
            client.send(get())
            try:
                raw = await client.reader.read()
            except ConnectionResetError:
                raw = b""
            assert b"0\r\n\r\n" not in raw
            assert closed

    run(scenario())


def test_a_client_that_reads_slowly_slows_the_stream_down(run: Run) -> None:
    sent = 0

    async def pieces() -> AsyncIterator[bytes]:
        nonlocal sent
        for _ in range(2000):
            sent += 65536
            yield b"x" * 65536

    async def scenario() -> None:
        async with serving() as http:
            http.application.on_handle = lambda exchange: exchange.answer(200, [], pieces())
            _, writer = await asyncio.open_connection("127.0.0.1", http.port, limit=1024)
            writer.write(get())
            await until(lambda: sent > 0)
            await asyncio.sleep(0.2)
            assert sent < 40 << 20  # of 131 MB: what sockets hold, no more
            writer.transport.abort()

    run(scenario())


def test_a_stream_stops_when_its_client_goes_away(run: Run) -> None:
    ended = []

    async def pieces() -> AsyncIterator[bytes]:
        try:
            while True:
                yield b"x" * 1000
                await asyncio.sleep(0)
        finally:
            ended.append(True)

    async def scenario() -> None:
        async with serving() as http:
            http.application.on_handle = lambda exchange: exchange.answer(200, [], pieces())
            client = await http.connect()
            client.send(get())
            await client.reader.readexactly(5000)
            client.writer.transport.abort()
            await until(lambda: ended)

    run(scenario())


def test_head_has_the_length_but_not_the_body(run: Run) -> None:
    async def scenario() -> None:
        async with serving() as http:
            http.application.on_handle = lambda exchange: exchange.answer(200, [], b"hello")
            client = await http.connect()
            client.send(get(method="HEAD") + get())
            assert (await client.reply(head=True)).headers["content-length"] == "5"
            assert (await client.reply()).body == b"hello"

    run(scenario())


def test_head_may_tell_the_length_of_a_body_that_nobody_made(run: Run) -> None:
    async def scenario() -> None:
        async with serving() as http:
            http.application.on_handle = lambda exchange: exchange.answer(200, [("content-length", "123456")])
            client = await http.connect()
            client.send(get(method="HEAD"))
            assert (await client.reply(head=True)).headers["content-length"] == "123456"

    run(scenario())


@pytest.mark.parametrize("status", [204, 304])
def test_answers_without_a_body_have_no_length(run: Run, status: int) -> None:
    async def scenario() -> None:
        async with serving() as http:
            http.application.on_handle = lambda exchange: exchange.answer(status, [], b"ignored")
            client = await http.connect()
            assert "content-length" not in (await client.ask(get())).headers
            assert (await client.ask(get())).status == status

    run(scenario())


def test_http_1_0_ends_the_connection_unless_asked_to_keep_it(run: Run) -> None:
    async def scenario() -> None:
        async with serving() as http:
            client = await http.connect()
            reply = await client.ask(get("/", "Connection: keep-alive", version="1.0"))
            assert reply.headers["connection"] == "keep-alive"
            reply = await client.ask(get(version="1.0"))
            assert reply.headers["connection"] == "close"
            assert await client.ended()

    run(scenario())


def test_http_1_0_gets_streams_until_the_connection_ends(run: Run) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        yield b"abc"
        yield b"def"

    async def scenario() -> None:
        async with serving() as http:
            http.application.on_handle = lambda exchange: exchange.answer(200, [], pieces())
            reply = await http.ask(get("/", "Connection: keep-alive", version="1.0"))
            assert reply.body == b"abcdef"
            assert "transfer-encoding" not in reply.headers

    run(scenario())


def test_connection_close_is_obeyed_and_what_follows_is_ignored(run: Run) -> None:
    async def scenario() -> None:
        async with serving() as http:
            client = await http.connect()
            client.send(get("/1", "Connection: close") + get("/2"))
            assert (await client.reply()).headers["connection"] == "close"
            assert await client.ended()
            assert [e.path for e in http.application.seen] == ["/1"]

    run(scenario())


@pytest.mark.parametrize("body", [b"", b"body"])
def test_an_offered_upgrade_is_declined_and_the_body_still_belongs_to_its_request(
    run: Run, body: bytes
) -> None:
    async def scenario() -> None:
        async with serving() as http:
            client = await http.connect()
            offer = (
                "Upgrade: h2c",
                "Connection: Upgrade, HTTP2-Settings",
                "HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA",
            )
            client.send(post(body, *offer, path="/1") + get("/2"))
            assert (await client.reply()).body == b"POST /1 \n" + body
            assert (await client.reply()).body == b"GET /2 \n"

    run(scenario())


def test_an_upgrade_cannot_hide_a_chunked_body(run: Run) -> None:
    async def scenario() -> None:
        async with serving() as http:
            client = await http.connect()
            client.send(
                chunked(get("/hidden"), headers=("Upgrade: websocket", "Connection: upgrade")) + get("/2")
            )
            assert b"GET /hidden" in (await client.reply()).body
            assert (await client.reply()).body == b"GET /2 \n"
            assert len(http.application.seen) == 2

    run(scenario())


def test_an_absolute_target_names_the_host(run: Run) -> None:
    async def scenario() -> None:
        async with serving() as http:
            await http.ask(b"GET http://user@other:99/p?q=1 HTTP/1.1\r\nHost: localhost\r\n\r\n")
            seen = http.application.seen[0]
            assert (seen.headers["host"], seen.path, seen.query) == ("other:99", "/p", "q=1")

    run(scenario())


def test_repeated_headers_are_joined(run: Run) -> None:
    async def scenario() -> None:
        async with serving() as http:
            await http.ask(get("/", "X-A: 1", "X-B: 2", "x-a: 3"))
            assert http.application.seen[0].headers["x-a"] == "1,3"

    run(scenario())


def test_an_answer_cannot_be_split_by_its_headers(run: Run) -> None:
    async def scenario() -> None:
        async with serving() as http:
            http.application.on_handle = lambda e: e.answer(200, [("x-evil", "a\r\nset-cookie: b")], b"body")
            reply = await http.ask(get())
            assert reply.status == 500
            assert "set-cookie" not in reply.headers

    run(scenario())


def test_only_the_first_answer_counts(run: Run) -> None:
    def twice(exchange: Exchange) -> None:
        exchange.answer(200, [], b"one")
        exchange.answer(500, [], b"two")

    async def scenario() -> None:
        async with serving() as http:
            http.application.on_handle = twice
            client = await http.connect()
            assert (await client.ask(get())).body == b"one"
            assert (await client.ask(get())).body == b"one"

    run(scenario())


def test_a_handler_that_fails_is_answered_without_details(run: Run) -> None:
    def fail(exchange: Exchange) -> None:
        raise RuntimeError("secret")

    async def scenario() -> None:
        async with serving() as http:
            http.application.on_handle = fail
            reply = await http.ask(get())
            assert reply.status == 500
            assert b"secret" not in reply.body

    run(scenario())


def test_all_bodies_together_take_bounded_memory(run: Run) -> None:
    async def scenario() -> None:
        async with serving(Limits(small_body_bytes=1000, collected_bytes=100_000)) as http:
            first = await http.connect()
            first.send(get("/first", "Content-Length: 80000", method="PUT") + b"x" * 70_000)
            await until(lambda: http.server.collected_bytes == 70_000)
            assert (await http.ask(get("/", "Content-Length: 50000", method="PUT"))).status == 503
            growing = await http.connect()
            growing.send(get("/", "Transfer-Encoding: chunked", method="PUT"))
            for _ in range(4):
                growing.send(b"2710\r\n" + b"y" * 10_000 + b"\r\n")
                await asyncio.sleep(0.01)
            assert (await growing.reply()).status == 503
            assert (await http.ask(post(b"small", path="/s"))).body == b"POST /s \nsmall"
            first.send(b"x" * 10_000)
            assert (await first.reply()).status == 200
            assert http.server.collected_bytes == 0
            assert (await http.ask(post(b"z" * 50_000))).status == 200

    run(scenario())


def test_a_body_counts_until_its_request_is_answered_or_given_up(run: Run) -> None:
    def wait(exchange: Exchange) -> None:
        exchange.on_abort = lambda: None

    async def scenario() -> None:
        async with serving() as http:
            http.application.on_handle = wait
            for end in ("answered", "given up", "cut"):
                client = await http.connect()
                client.send(get("/", "Content-Length: 60000", method="PUT") + b"x" * 30_000)
                await until(lambda: http.server.collected_bytes == 30_000)
                if end != "cut":
                    client.send(b"x" * 30_000)
                    await until(lambda: http.application.seen)
                    assert http.server.collected_bytes >= 30_000
                    exchange = http.application.seen.pop()
                if end == "answered":
                    exchange.answer(200, [], b"")
                    await client.reply()
                await client.close()
                await until(lambda: http.server.collected_bytes == 0)

    run(scenario())
