"""Ids of versions: 32 letters and digits that nobody can guess, the version's place among them.

As with AWS's, an id that was never issued is told from one whose version is gone.
"""

from __future__ import annotations

import zlib

from ballroom.kernel import Tx
from ballroom.services.s3.errors import InvalidArgument
from ballroom.services.s3.resources import NULL

_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
_SEQUENCE_DIGITS, _CHECK_DIGITS, _LENGTH = 6, 3, 32


def new_version_id(tx: Tx, sequence: int) -> str:
    """An id for the version of that sequence."""
    body = tx.ids.lower(_LENGTH - _SEQUENCE_DIGITS - _CHECK_DIGITS) + _base36(sequence, _SEQUENCE_DIGITS)
    return body + _check_digits(body)


def sequence_of(version_id: str) -> int | None:
    """The sequence that an id holds; None: it was never issued."""
    if len(version_id) != _LENGTH or not version_id.isascii():
        return None
    body = version_id[:-_CHECK_DIGITS]
    tail = body[-_SEQUENCE_DIGITS:]
    if _check_digits(body) != version_id[-_CHECK_DIGITS:] or any(digit not in _DIGITS for digit in tail):
        return None
    return int(tail, 36)


def check_version_id(text: str, argument: str = "versionId") -> None:
    """Refuses what cannot be the id of a version.

    Raises:
        InvalidArgument.
    """
    if not text:
        raise InvalidArgument(
            "Version id cannot be the empty string", ArgumentName=argument, ArgumentValue=text
        )
    if text != NULL and sequence_of(text) is None:
        raise InvalidArgument("Invalid version id specified", ArgumentName=argument, ArgumentValue=text)


def _check_digits(body: str) -> str:
    return _base36(zlib.crc32(body.encode()) % 36**_CHECK_DIGITS, _CHECK_DIGITS)


def _base36(number: int, digits: int) -> str:
    text = ""
    for _ in range(digits):
        number, digit = divmod(number, 36)
        text = _DIGITS[digit] + text
    if number:
        raise OverflowError("a key has more versions than an id can count")
    return text
