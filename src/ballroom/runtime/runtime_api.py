"""The HTTP Runtime API, for `provided` runtimes: one small server for each runtime process.

Source: Lambda Developer Guide, "Using the Lambda runtime API for custom runtimes". Extensions are refused:
a process that registers one is told 403 as AWS tells functions without any.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import Any

from ballroom.runtime.channel import OnFrame
from ballroom.runtime.worker import frames

_VERSION = "/2018-06-01/runtime"
_HEAD_LIMIT = 64 * 1024
_BODY_LIMIT = frames.MAXIMUM_RESPONSE_BYTES


class _BadRequest(Exception):
    """The process does not speak HTTP as it should; its connection is closed."""


class _TooLarge(Exception):
    """An answer beyond what Lambda takes."""


class RuntimeApi:
    """A `Channel` that a process reaches at `address` with AWS's own Runtime Interface Clients."""

    def __init__(self, on_frame: OnFrame) -> None:
        self.address = ""
        self._on_frame = on_frame
        self._server: asyncio.Server | None = None
        self._next: asyncio.Future[tuple[dict[str, Any], bytes]] | None = None
        self._queued: tuple[dict[str, Any], bytes] | None = None
        self._current: str | None = None
        self._ready = False
        self._connections: set[asyncio.StreamWriter] = set()

    async def open(self) -> None:
        """Listen on a port of the loopback interface."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, limit=_HEAD_LIMIT)
        host, port = self._server.sockets[0].getsockname()[:2]
        self.address = f"{host}:{port}"

    def send(self, kind: int, header: dict[str, Any], body: bytes) -> None:
        """Answer the process's call for the next invocation, now or when it comes."""
        if self._next is not None and not self._next.done():
            self._next.set_result((header, body))
        else:
            self._queued = (header, body)

    def drain(self) -> None:
        """Nothing waits here: requests are handled as they come."""

    def close(self) -> None:
        """Stop listening and drop all connections."""
        if self._server is not None:
            self._server.close()
        for writer in self._connections:
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._connections.add(writer)
        try:
            while await self._one_request(reader, writer):
                pass
        except (_BadRequest, ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            return  # the process is gone or does not speak HTTP; its exit or time limit says the rest
        finally:
            self._connections.discard(writer)
            writer.close()
            with contextlib.suppress(ConnectionError, asyncio.CancelledError):
                await writer.wait_closed()

    async def _one_request(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = await reader.readuntil(b"\r\n\r\n")
        first, *rest = head.decode("latin-1").split("\r\n")
        try:
            method, path, version = first.split(" ")
        except ValueError:
            raise _BadRequest from None
        headers = {}
        for line in rest:
            name, colon, value = line.partition(":")
            if colon:
                headers[name.strip().lower()] = value.strip()
        if headers.get("expect", "").lower() == "100-continue":
            writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        try:
            body = await _read_body(reader, headers)
        except _TooLarge:
            self._answered(frames.ERROR, {"type": "Function.ResponseSizeTooLarge"}, _too_large())
            writer.write(
                _response(413, {"errorMessage": "Payload too large", "errorType": "RequestEntityTooLarge"})
            )
            await writer.drain()
            return False
        writer.write(await self._handle(method, path, headers, body))
        await writer.drain()
        return version == "HTTP/1.1" and headers.get("connection", "").lower() != "close"

    async def _handle(self, method: str, path: str, headers: dict[str, str], body: bytes) -> bytes:
        if method == "GET" and path == f"{_VERSION}/invocation/next":
            return await self._next_invocation()
        error_type = headers.get("lambda-runtime-function-error-type", "")
        if method == "POST" and path == f"{_VERSION}/init/error":
            self._on_frame(frames.INIT_ERROR, {"type": error_type or None}, body)
            return _response(202, {"status": "OK"})
        if method == "POST" and path.startswith(f"{_VERSION}/invocation/"):
            request_id, _, what = path.removeprefix(f"{_VERSION}/invocation/").partition("/")
            if what not in ("response", "error"):
                return _response(404, _error("NotFound", "no such path"))
            if request_id != self._current:
                return _response(400, _error("InvalidRequestID", "Invalid request ID"))
            if what == "response":
                self._answered(frames.RESULT, {"type": headers.get("content-type", "")}, body)
            else:
                self._answered(frames.ERROR, {"type": "Unhandled"}, body)
            return _response(202, {"status": "OK"})
        if "/extension/" in path:
            return _response(403, _error("Extension.NotAllowed", "extensions are not supported here"))
        return _response(404, _error("NotFound", "no such path"))

    def _answered(self, kind: int, header: dict[str, Any], body: bytes) -> None:
        request_id, self._current = self._current, None
        if request_id is not None:
            self._on_frame(kind, {**header, "id": request_id}, body)

    async def _next_invocation(self) -> bytes:
        if not self._ready:
            self._ready = True
            self._on_frame(frames.READY, {}, b"")
        if self._queued is not None:
            (header, body), self._queued = self._queued, None
        else:
            self._next = asyncio.get_running_loop().create_future()
            header, body = await self._next
        self._current = header["id"]
        names = {
            "Lambda-Runtime-Aws-Request-Id": header["id"],
            "Lambda-Runtime-Deadline-Ms": str(header["deadline_ms"]),
            "Lambda-Runtime-Invoked-Function-Arn": header["arn"],
            "Lambda-Runtime-Trace-Id": header.get("trace"),
            "Lambda-Runtime-Client-Context": header.get("client_context"),
            "Lambda-Runtime-Cognito-Identity": header.get("cognito_identity"),
        }
        lines = "".join(f"{name}: {_one_line(value)}\r\n" for name, value in names.items() if value)
        lines += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        return f"HTTP/1.1 200 OK\r\n{lines}\r\n".encode() + body


async def _read_body(reader: asyncio.StreamReader, headers: dict[str, str]) -> bytes:
    if headers.get("transfer-encoding", "").lower() != "chunked":
        try:
            length = int(headers.get("content-length", "0"))
        except ValueError:
            raise _BadRequest from None
        if length > _BODY_LIMIT:
            raise _TooLarge
        return await reader.readexactly(length)
    body = bytearray()
    while True:
        line = await reader.readuntil(b"\r\n")
        try:
            size = int(line.split(b";")[0], 16)
        except ValueError:
            raise _BadRequest from None
        if len(body) + size > _BODY_LIMIT:
            raise _TooLarge
        if size == 0:
            while await reader.readuntil(b"\r\n") != b"\r\n":
                pass  # trailers
            return bytes(body)
        body += await reader.readexactly(size)
        await reader.readexactly(2)


def _response(status: int, document: dict[str, str]) -> bytes:
    body = json.dumps(document).encode()
    reason = {202: "Accepted", 400: "Bad Request", 403: "Forbidden", 404: "Not Found"}.get(status, "Error")
    head = (
        f"HTTP/1.1 {status} {reason}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def _error(kind: str, message: str) -> dict[str, str]:
    return {"errorMessage": message, "errorType": kind}


def _too_large() -> bytes:
    text = f"Response payload size exceeded maximum allowed payload size ({_BODY_LIMIT} bytes)."
    return json.dumps({"errorMessage": text, "errorType": "Function.ResponseSizeTooLarge"}).encode()


def _one_line(value: str) -> str:
    return value.replace("\r", " ").replace("\n", " ")
