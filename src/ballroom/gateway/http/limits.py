"""What a client may ask of the HTTP server before it is refused."""

from __future__ import annotations

import msgspec


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """Sizes in bytes, times in seconds of real time (they face the network, not the product)."""

    url_bytes: int = 16 << 10
    header_bytes: int = 64 << 10
    header_count: int = 256
    small_body_bytes: int = 64 << 10
    """Bodies up to this size are collected before anybody asks where they go."""
    collected_bytes: int = 256 << 20
    """What the bodies of all connections may take together, from their first piece until they are answered.
    A body that comes whole, in one piece with its head, is not counted."""
    stream_bytes: int = 1 << 20
    """What a streaming body may hold unread before its sender is slowed down."""
    pipeline: int = 64
    """Requests of one connection that may wait for their answers before it is read further."""
    connections: int = 20_000
    header_s: float = 15.0
    """From the first byte of a request to the end of its headers."""
    body_s: float = 30.0
    """Silence within a body."""
    idle_s: float = 120.0
    write_s: float = 60.0
    """Silence of a client that does not read its answer."""
    linger_s: float = 5.0
    """How long the rest of a refused request is thrown away, so that the client can read the refusal."""
