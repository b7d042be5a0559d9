"""Large bodies that threads read from the socket: all of the body, nothing of what follows, and an end in any case."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import threading
from collections.abc import Callable, Sequence

import pytest

from ballroom.gateway.http import Exchange, Limits, pulling
from ballroom.gateway.http.stream import BodyInterrupted
from ballroom.kernel import in_thread
from tests.gateway.conftest import Run
from tests.gateway.harness import Application, Serving, chunked, get, serving, until

pytestmark = pytest.mark.skipif(not pulling.AVAILABLE, reason="this system cannot")

SIZE = 3_000_000


class Draining:
    """Makes an application drain bodies in tasks, and answer how much came."""

    def __init__(self, application: Application) -> None:
        self.bodies: list[bytearray] = []
        self.failures: list[BaseException] = []
        self.threads: set[str] = set()
        self.exchanges: list[Exchange] = []
        self.on_piece: Callable[[int], None] = lambda size: None
        self.tasks: set[asyncio.Task[None]] = set()
        application.limit = None
        application.on_handle = self._handle

    def _handle(self, exchange: Exchange) -> None:
        if exchange.stream is None:
            exchange.answer(200, [], b"whole")
            return
        self.exchanges.append(exchange)
        task = asyncio.create_task(self._drain(exchange))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        exchange.on_abort = task.cancel

    async def _drain(self, exchange: Exchange) -> None:
        assert exchange.stream is not None
        body = bytearray()
        self.bodies.append(body)

        def sink(pieces: Sequence[bytes | memoryview]) -> None:
            self.threads.add(threading.current_thread().name)
            for piece in pieces:
                body.extend(piece)
            self.on_piece(len(body))

        try:
            await exchange.stream.drain(sink)
        except (ValueError, BodyInterrupted, asyncio.CancelledError) as failure:
            self.failures.append(failure)
            if isinstance(failure, ValueError):
                exchange.answer(400, [], b"refused")
            return
        exchange.answer(200, [], b"%d" % len(body))


def put(size: int = SIZE) -> bytes:
    return get("/", f"Content-Length: {size}", method="PUT")


async def left_alone(http: Serving) -> None:
    """A connection that was lent reads on as before."""
    assert (await http.ask(get())).body == b"whole"


def test_a_body_comes_whole_and_the_next_request_is_left_in_the_socket(run: Run) -> None:
    async def scenario() -> None:
        async with serving() as http:
            draining = Draining(http.application)
            client = await http.connect()
            bodies = [os.urandom(SIZE), os.urandom(SIZE + 1)]
            client.send(put() + bodies[0] + get() + put(SIZE + 1) + bodies[1] + get())
            for told in (b"%d" % SIZE, b"whole", b"%d" % (SIZE + 1), b"whole"):
                assert (await client.reply()).body == told
            assert draining.bodies == bodies
            assert threading.current_thread().name not in draining.threads

    run(scenario())


def test_a_sender_that_pauses_is_waited_for_without_a_thread(run: Run) -> None:
    async def scenario() -> None:
        async with serving() as http:
            draining = Draining(http.application)
            client = await http.connect()
            client.send(put())
            body = os.urandom(SIZE)
            for at in range(0, SIZE, 300_000):
                client.send(body[at : at + 300_000])
                await until(lambda at=at: draining.bodies and len(draining.bodies[0]) == at + 300_000)
                await asyncio.sleep(0.01)
            assert (await client.reply()).body == b"%d" % SIZE
            assert draining.bodies == [body]

    run(scenario())


def test_a_sender_that_leaves_interrupts_the_body(run: Run) -> None:
    async def scenario() -> None:
        async with serving() as http:
            draining = Draining(http.application)
            client = await http.connect()
            client.send(put() + b"x" * 1_000_000)
            await until(lambda: draining.bodies and len(draining.bodies[0]) == 1_000_000)
            await client.close()
            await until(lambda: draining.failures)
            assert isinstance(draining.failures[0], BodyInterrupted | asyncio.CancelledError)
            await until(lambda: not http.server.connections)
            await left_alone(http)

    run(scenario())


def test_a_sender_that_falls_silent_is_refused(run: Run) -> None:
    async def scenario() -> None:
        async with serving(Limits(body_s=30)) as http:
            draining = Draining(http.application)
            client = await http.connect()
            client.send(put() + b"x" * 1_000_000)
            await until(lambda: draining.bodies and len(draining.bodies[0]) == 1_000_000)
            await asyncio.sleep(0.05)  # until nobody reads any more, but waits
            http.later(25)
            assert not draining.failures
            http.later(40)
            assert (await client.reply()).status == 408
            assert await client.ended()
            await until(lambda: draining.failures)
            assert isinstance(draining.failures[0], BodyInterrupted | asyncio.CancelledError)

    run(scenario())


def test_a_reader_that_takes_its_time_is_no_silent_sender(run: Run) -> None:
    async def scenario() -> None:
        async with serving(Limits(body_s=30)) as http:
            draining = Draining(http.application)
            go_on = threading.Event()
            draining.on_piece = lambda size: go_on.wait(10) and None
            client = await http.connect()
            client.send(put() + b"x" * SIZE)
            await until(lambda: draining.bodies and draining.bodies[0])
            http.later(1000)
            go_on.set()
            assert (await client.reply()).body == b"%d" % SIZE

    run(scenario())


def test_what_the_reader_refuses_is_answered_and_the_rest_thrown_away(run: Run) -> None:
    async def scenario() -> None:
        def refuse(size: int) -> None:
            if size > 1_500_000:
                raise ValueError("the disk is full")

        async with serving() as http:
            draining = Draining(http.application)
            draining.on_piece = refuse
            client = await http.connect()
            client.send(put(30_000_000))
            with contextlib.suppress(ConnectionError):
                for _ in range(30):
                    client.send(b"x" * 1_000_000)
                    await asyncio.sleep(0)
            reply = await client.reply()
            assert (reply.status, reply.body) == (400, b"refused")
            assert isinstance(draining.failures[0], ValueError)
            await left_alone(http)

    run(scenario())


def test_chunked_bodies_take_the_ordinary_way(run: Run) -> None:
    async def scenario() -> None:
        async with serving() as http:
            draining = Draining(http.application)
            client = await http.connect()
            client.send(chunked(b"a" * 700_000, b"b" * 700_000))
            assert (await client.reply()).body == b"1400000"
            assert draining.bodies == [b"a" * 700_000 + b"b" * 700_000]

    run(scenario())


def test_whoever_is_cancelled_ends_after_its_thread(run: Run) -> None:
    async def scenario() -> None:
        async with serving() as http:
            draining = Draining(http.application)
            begun, go_on, over = threading.Event(), threading.Event(), threading.Event()

            def slow(size: int) -> None:
                begun.set()
                go_on.wait(10)
                over.set()

            draining.on_piece = slow
            client = await http.connect()
            client.send(put() + b"x" * 1_000_000)
            await until(begun.is_set)
            (task,) = draining.tasks
            task.cancel()
            await asyncio.sleep(0.05)
            assert not draining.failures
            go_on.set()
            await until(lambda: draining.failures)
            assert over.is_set()
            assert isinstance(draining.failures[0], asyncio.CancelledError)

    run(scenario())


def test_a_thread_ends_before_whoever_is_cancelled_again_and_again(run: Run) -> None:
    async def scenario() -> None:
        go_on = threading.Event()
        waiting = asyncio.create_task(in_thread(go_on.wait, 10))
        for _ in range(3):
            await asyncio.sleep(0)
            waiting.cancel()
        await asyncio.sleep(0)
        assert not waiting.done()
        go_on.set()
        with pytest.raises(asyncio.CancelledError):
            await waiting

    run(scenario())


def test_a_connection_goes_on_after_the_last_of_its_body_was_refused(run: Run) -> None:
    async def scenario() -> None:
        def refuse(size: int) -> None:
            if size == SIZE:
                raise ValueError("the disk is full")

        async with serving() as http:
            draining = Draining(http.application)
            draining.on_piece = refuse
            client = await http.connect()
            client.send(put() + b"x" * SIZE)
            assert (await client.reply()).body == b"refused"
            client.send(get())
            assert (await client.reply()).body == b"whole"

    run(scenario())


def test_a_body_that_fails_while_a_thread_reads_is_not_waited_for(run: Run) -> None:
    async def scenario() -> None:
        async with serving() as http:
            draining = Draining(http.application)
            begun, go_on = threading.Event(), threading.Event()

            def slow(size: int) -> None:
                begun.set()
                go_on.wait(10)

            draining.on_piece = slow
            client = await http.connect()
            client.send(put() + b"x" * 1_000_000)
            await until(begun.is_set)
            (exchange,) = draining.exchanges
            assert exchange.stream is not None
            exchange.stream.fail("the server has had enough")
            go_on.set()
            await until(lambda: draining.failures)
            assert isinstance(draining.failures[0], BodyInterrupted)

    run(scenario())


def test_a_sender_of_single_bytes_does_not_keep_a_thread() -> None:
    class Transport(asyncio.Transport):
        def get_extra_info(self, name: str, default: object = None) -> socket.socket:
            return receiver

    sender, receiver = socket.socketpair()
    loop = asyncio.new_event_loop()
    with sender, receiver, contextlib.closing(loop):
        receiver.setblocking(False)
        sender.send(b"x")
        puller = pulling.Puller(loop, Transport(), 1 << 30, lambda pieces: sender.send(b"x") and None)
        puller.read([])
        puller.close()
        assert 0 < puller.left < 1 << 30
