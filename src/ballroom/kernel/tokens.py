"""Page tokens: parts of a key as opaque text, for lists that go on behind their last row."""

from __future__ import annotations

import base64
import binascii

import orjson

from ballroom.kernel.keys import Key


def make_token(parts: Key) -> str:
    """A token that holds strings and integers."""
    return base64.urlsafe_b64encode(orjson.dumps(parts)).decode()


def read_token(token: str) -> Key | None:
    """The parts that a token holds, or None if it is no token of ours."""
    try:
        parts = orjson.loads(base64.b64decode(token.encode(), altchars=b"-_", validate=True))
    except (binascii.Error, ValueError):
        return None
    if not isinstance(parts, list) or not all(type(part) in (str, int) for part in parts):
        return None
    return tuple(parts)
