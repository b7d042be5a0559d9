"""Answers wait for the end of the loop's turn, in order, and none is lost where the connection ends meanwhile."""

from __future__ import annotations

import asyncio

import pytest

from tests.gateway.door import Door
from tests.gateway.harness import get


def ask(door: Door, sent: bytes, *, half_close: bool) -> bytes:
    async def exchange() -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", door.gateway.port)
        writer.write(sent)
        if half_close:
            writer.write_eof()
        try:
            return await asyncio.wait_for(reader.read(), 5)
        finally:
            writer.close()

    return door.cloud.run(exchange())


@pytest.mark.parametrize("half_close", [False, True])
@pytest.mark.parametrize("number", [1, 3])
def test_every_answer_comes_before_the_end(door: Door, number: int, half_close: bool) -> None:
    last = () if half_close else ("Connection: close",)
    unknown = get("/", "X-Amz-Target: Nobody.Nothing", "Content-Length: 2", method="POST") + b"{}"
    final = get("/", "X-Amz-Target: Nobody.Last", "Content-Length: 2", *last, method="POST") + b"{}"
    answered = ask(door, unknown * (number - 1) + final, half_close=half_close)
    assert answered.count(b"HTTP/1.1 ") == number
    assert answered.count(b"Nobody.Nothing") == number - 1
    assert answered.rindex(b"Nobody.Last") > answered.rfind(b"Nobody.Nothing")
