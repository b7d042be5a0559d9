"""Task tokens: which task a callback is for, and a secret that nobody can guess.

A token names the execution, the branch and the attempt; the branch's row holds the whole token, and only
an equal one is accepted.
"""

from __future__ import annotations

import base64
import binascii
from typing import NamedTuple

import msgspec

from ballroom.kernel.ids import Ids

from .engine.branch import Path, path_text
from .errors import InvalidToken


class TokenParts(NamedTuple):
    """What a token names."""

    number: int
    path: str
    attempt: int


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(tuple[int, str, int, str]).decode


def new_token(number: int, path: Path, attempt: int, ids: Ids) -> str:
    """A token for one attempt at a task."""
    packed = _encode((number, path_text(path), attempt, ids.secret(24)))
    return base64.urlsafe_b64encode(packed).decode()


def read_token(token: str) -> TokenParts:
    """What a token names.

    Raises:
        InvalidToken: it is none of ours.
    """
    try:
        number, path, attempt, _ = _decode(base64.b64decode(token.encode(), altchars=b"-_", validate=True))
        if path and not all(part.isdecimal() for part in path.split(".")):
            raise InvalidToken("Invalid token")
    except (binascii.Error, ValueError, UnicodeEncodeError, msgspec.DecodeError) as no_token:
        raise InvalidToken("Invalid token") from no_token
    return TokenParts(number, path, attempt)
