"""One POST to an endpoint of the user's: a connection of its own, nothing followed, everything bounded.

The time limits are those of the network, in real time.

Source: Developer Guide, "Amazon SNS message delivery retries" (15 seconds for an endpoint to answer).
"""

from __future__ import annotations

import asyncio
import base64
import ipaddress
import ssl
from urllib.parse import unquote, urlsplit

_TIME_LIMIT_S = 15
_HEAD_LIMIT = 32 * 1024


class Unreachable(Exception):
    """No answer: the text says why."""


class ForbiddenAddress(Exception):
    """The endpoint is the server itself, or its neighbourhood, and this server is open to others."""


async def post(url: str, headers: dict[str, str], body: bytes, *, loopback_allowed: bool) -> int:
    """Send a POST; the status of the answer.

    Raises:
        Unreachable: there is none within 15 seconds, or it is no HTTP.
        ForbiddenAddress: the endpoint may not be called.
    """
    try:
        async with asyncio.timeout(_TIME_LIMIT_S):
            return await _post(url, headers, body, loopback_allowed)
    except TimeoutError as error:
        raise Unreachable(f"no answer within {_TIME_LIMIT_S} seconds") from error
    except (OSError, ValueError, asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
        raise Unreachable(str(error) or type(error).__name__) from error


async def _post(url: str, headers: dict[str, str], body: bytes, loopback_allowed: bool) -> int:
    parts = urlsplit(url)
    secure = parts.scheme == "https"
    host = parts.hostname or ""
    port = parts.port or (443 if secure else 80)
    reader, writer = await asyncio.open_connection(
        host, port, ssl=ssl.create_default_context() if secure else None, limit=_HEAD_LIMIT
    )
    try:
        if not loopback_allowed:
            _check_address(writer.get_extra_info("peername")[0])
        writer.write(_head(url, headers, len(body)) + body)
        await writer.drain()
        return await _status(reader)
    finally:
        writer.close()


def _check_address(address: str) -> None:
    parsed = ipaddress.ip_address(address.split("%")[0])
    if parsed.is_loopback or parsed.is_link_local or parsed.is_unspecified:
        raise ForbiddenAddress(f"{address} is the server's own neighbourhood")


def _head(url: str, headers: dict[str, str], length: int) -> bytes:
    parts = urlsplit(url)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    lines = [f"POST {target} HTTP/1.1", f"Host: {parts.netloc.rpartition('@')[2]}", f"Content-Length: {length}"]
    if parts.username is not None:
        credentials = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        lines.append("Authorization: Basic " + base64.b64encode(credentials.encode()).decode())
    lines += [f"{name}: {value}" for name, value in headers.items()]
    lines.append("Connection: close")
    if any("\r" in line or "\n" in line for line in lines):
        raise ValueError("a header would break the request")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("utf-8")


async def _status(reader: asyncio.StreamReader) -> int:
    """The final status; interim ones are passed over."""
    while True:
        head = await reader.readuntil(b"\r\n\r\n")
        words = head.split(b"\r\n", 1)[0].split(b" ", 2)
        if len(words) < 2 or not words[0].startswith(b"HTTP/1.") or not words[1].isdigit():
            raise ValueError("the answer is no HTTP")
        status = int(words[1])
        if status >= 200 or status == 101:
            return status
