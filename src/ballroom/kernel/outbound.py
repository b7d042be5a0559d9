"""Requests to the outside that applications order: webhooks, API destinations, token endpoints.

One request, one connection. The address is looked at after the name has been resolved, and that very
address is connected to, so a name cannot lead to the inside: loopback, private, link-local and other
special addresses are refused unless the settings allow them. Redirects are answers, never followed.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import httptools

if TYPE_CHECKING:
    from ssl import SSLContext

MOST_HEADERS = 200
MOST_BODY_BYTES = 1 << 20
_CHUNK = 64 << 10


class OutboundRefused(Exception):
    """The address is one that requests may not go to, or no address at all."""


class OutboundFailed(Exception):
    """No answer: not reachable, broken off, too slow, or no HTTP. `timed_out` tells the slow apart."""

    def __init__(self, text: str, *, timed_out: bool = False) -> None:
        super().__init__(text)
        self.timed_out = timed_out


@dataclass
class OutboundResponse:
    """What was answered; the body up to 1 MiB."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    """By lower-case name."""
    body: bytes = b""


async def fetch(
    method: str,
    url: str,
    headers: dict[str, str],
    body: bytes = b"",
    *,
    private: bool,
    timeout_s: float,
) -> OutboundResponse:
    """Send a request and wait for its answer, in real time.

    Args:
        private: whether addresses inside (loopback, private networks) are allowed.

    Raises:
        OutboundRefused, OutboundFailed
    """
    try:
        async with asyncio.timeout(timeout_s):
            return await _exchange(method, url, headers, body, private)
    except TimeoutError:
        raise OutboundFailed(f"no answer from {_origin(url)} within {timeout_s:g} s", timed_out=True) from None
    except (OSError, EOFError, httptools.HttpParserError, UnicodeError) as error:
        raise OutboundFailed(f"{_origin(url)}: {str(error) or type(error).__name__}") from error


async def _exchange(
    method: str, url: str, headers: dict[str, str], body: bytes, private: bool
) -> OutboundResponse:
    scheme, host, port, target = take_apart(url)
    address = await _resolve(host, port, private)
    secure = _trusting() if scheme == "https" else None
    reader, writer = await asyncio.open_connection(
        address, port, ssl=secure, server_hostname=host if secure else None
    )
    try:
        lines = [f"{method} {target} HTTP/1.1", f"host: {_host_header(scheme, host, port)}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        lines += [f"content-length: {len(body)}"] if body or method in ("POST", "PUT", "PATCH") else []
        if any("\r" in line or "\n" in line or "\0" in line for line in lines):
            raise OutboundRefused("a header holds a line break")
        head = "\r\n".join([*lines, "connection: close", "", ""])
        writer.write(head.encode("utf-8") + body)
        await writer.drain()
        return await _read(reader, method)
    finally:
        writer.close()


class _Reading:
    """Gathers what httptools parses."""

    def __init__(self) -> None:
        self.response = OutboundResponse()
        self.parts: list[bytes] = []
        self.size = 0
        self.headers_done = self.done = False

    def on_header(self, name: bytes, value: bytes) -> None:
        if len(self.response.headers) < MOST_HEADERS:
            self.response.headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        self.headers_done = True

    def on_body(self, data: bytes) -> None:
        if self.size < MOST_BODY_BYTES:
            self.parts.append(data)
        self.size += len(data)

    def on_message_complete(self) -> None:
        self.done = True


async def _read(reader: asyncio.StreamReader, method: str) -> OutboundResponse:
    reading = _Reading()
    parser = httptools.HttpResponseParser(reading)
    while not reading.done:
        data = await reader.read(_CHUNK)
        if not data:
            if not reading.headers_done:
                raise EOFError("the connection was closed without an answer")
            break
        parser.feed_data(data)
        if reading.headers_done and (method == "HEAD" or reading.size >= MOST_BODY_BYTES):
            break
    reading.response.status = parser.get_status_code()
    reading.response.body = b"".join(reading.parts)[:MOST_BODY_BYTES]
    return reading.response


def take_apart(url: str) -> tuple[str, str, int, str]:
    """Scheme, host, port and the rest of an http or https URL.

    Raises:
        OutboundRefused: it is none.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise OutboundRefused(f"{url[:200]} is no URL") from error
    if parts.scheme not in ("http", "https") or not host or parts.username is not None or " " in host:
        raise OutboundRefused(f"{url[:200]} is no http or https URL")
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if not target.isascii() or any(c <= " " for c in target):
        raise OutboundRefused(f"{url[:200]} is no URL")
    return parts.scheme, host, port or (443 if parts.scheme == "https" else 80), target


def _host_header(scheme: str, host: str, port: int) -> str:
    name = f"[{host}]" if ":" in host else host
    return name if port == (443 if scheme == "https" else 80) else f"{name}:{port}"


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname or ''}"


async def _resolve(host: str, port: int, private: bool) -> str:
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = [str(entry[4][0]) for entry in found]
    allowed = [address for address in addresses if private or is_public(address)]
    if not allowed:
        raise OutboundRefused(
            f"{host} leads to {addresses[0] if addresses else 'nowhere'}, which is not public; "
            "the setting private_addresses allows it"
        )
    return allowed[0]


def is_public(address: str) -> bool:
    """Whether an IP address is one of the internet's, whatever it is wrapped in."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)
        if inner is not None:
            ip = inner
        elif ip in _NAT64:
            ip = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
    return ip.is_global and not ip.is_multicast


_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_context: list[SSLContext] = []


def _trusting() -> SSLContext:
    """The usual trust; loading the certificates costs 20 ms, so once."""
    if not _context:
        import ssl

        _context.append(ssl.create_default_context())
    return _context[0]
