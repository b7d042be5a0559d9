"""Scalars on the wire: timestamps in their three spellings, numbers, booleans and blobs as text."""

from __future__ import annotations

import base64
import binascii
import math
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

from ballroom.kernel.model import SerializationFailed
from ballroom.kernel.model.errors import wrong_type

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LATEST_MS = 253_402_300_799_999
"""The end of the year 9999: what every client can still represent."""
EARLIEST_MS = -62_135_596_800_000
"""The first moment of the year 1."""
ISO = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})"
    r"(?:[Tt ]([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]{1,9}))?)?(?:[Zz]|([+-])([0-9]{2}):?([0-9]{2}))?"
)
HTTP_DATE = re.compile(
    r"(?:[A-Za-z]{3,9}, ?)?([0-9]{1,2})[ -]([A-Z][a-z]{2})[ -]([0-9]{4}) ([0-9]{2}):([0-9]{2}):([0-9]{2})"
    r"(?:\.([0-9]{1,9}))? (?:GMT|UTC|([+-])([0-9]{2})([0-9]{2}))"
)
INTEGER = re.compile(r"[+-]?[0-9]{1,19}")
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
NOT_FINITE = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


def refuse(kind: str, text: object) -> SerializationFailed:
    """The error for text that is no value of its kind; long text is not repeated."""
    return SerializationFailed(f"{str(text)[:64]!r} is not a valid {kind}")


# --- timestamps in


def epoch_in(value: float) -> int:
    """Milliseconds from a JSON number of seconds."""
    if type(value) not in (int, float) or not math.isfinite(value):
        raise wrong_type(value, "timestamp")
    return _bounded(round(value * 1000), value)


def text_timestamp_in(text: str) -> int:
    """Milliseconds from ISO 8601, an HTTP date, or a number of seconds, whichever the client chose."""
    text = text.strip()
    found = ISO.fullmatch(text)
    if found is not None:
        year, month, day, *rest = found.groups()
        return _moment_in(text, year, int(month), day, *rest)
    found = HTTP_DATE.fullmatch(text)
    if found is not None and found[2] in MONTHS:
        day, name, year, *rest = found.groups()
        return _moment_in(text, year, MONTHS.index(name) + 1, day, *rest)
    try:
        return epoch_in(float_in(text))
    except SerializationFailed:
        raise refuse("timestamp", text) from None


def _moment_in(
    text: str,
    year: str,
    month: int,
    day: str,
    hour: str | None,
    minute: str | None,
    second: str | None,
    fraction: str | None,
    sign: str | None,
    zone_hours: str | None,
    zone_minutes: str | None,
) -> int:
    try:
        moment = datetime(int(year), month, int(day), int(hour or 0), int(minute or 0), tzinfo=UTC)
    except ValueError:
        raise refuse("timestamp", text) from None
    if int(second or 0) > 60:  # a leap second is taken as the second after
        raise refuse("timestamp", text)
    ms = _ms_of(moment) + 1000 * int(second or 0) + int((fraction or "0").ljust(3, "0")[:3])
    if sign:
        ms -= (1 if sign == "+" else -1) * 60_000 * (60 * int(zone_hours or 0) + int(zone_minutes or 0))
    return _bounded(ms, text)


def _ms_of(moment: datetime) -> int:
    return (moment - EPOCH) // timedelta(milliseconds=1)


def _bounded(ms: int, given: object) -> int:
    if not EARLIEST_MS <= ms <= LATEST_MS:
        raise refuse("timestamp", given)
    return ms


# --- timestamps out


def epoch_out(ms: int) -> float:
    """Seconds with milliseconds, as AWS's JSON has them."""
    return ms / 1000


@lru_cache(maxsize=256)
def _seconds_text(seconds: int) -> str:
    return (EPOCH + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S").rjust(19, "0")


def iso_out(ms: int) -> str:
    """`2024-05-01T12:00:00Z`, with three digits of milliseconds unless they are zero."""
    seconds, rest = divmod(ms, 1000)
    return f"{_seconds_text(seconds)}.{rest:03d}Z" if rest else f"{_seconds_text(seconds)}Z"


def iso_millis_out(ms: int) -> str:
    """ISO 8601 that always shows milliseconds (S3, CloudFormation)."""
    seconds, rest = divmod(ms, 1000)
    return f"{_seconds_text(seconds)}.{rest:03d}Z"


@lru_cache(maxsize=256)
def _http_date(seconds: int) -> str:
    moment = EPOCH + timedelta(seconds=seconds)
    day, month = DAYS[moment.weekday()], MONTHS[moment.month - 1]
    return f"{day}, {moment.day:02d} {month} {moment.year:04d} {moment:%H:%M:%S} GMT"


def http_date_out(ms: int) -> str:
    """`Wed, 01 May 2024 12:00:00 GMT`: what headers carry; milliseconds are cut."""
    return _http_date(ms // 1000)


TIMESTAMPS_OUT: dict[str, Callable[[int], Any]] = {
    "unixTimestamp": epoch_out,
    "iso8601": iso_out,
    "rfc822": http_date_out,
}

# --- the other scalars, as text (headers, query strings, XML)


def long_in(text: str) -> int:
    """An integer of 64 bits."""
    found = text.strip()
    if INTEGER.fullmatch(found) is None or not -(2**63) <= int(found) < 2**63:
        raise refuse("long", text)
    return int(found)


def integer_in(text: str) -> int:
    """An integer of 32 bits."""
    found = text.strip()
    if INTEGER.fullmatch(found) is None or not -(2**31) <= int(found) < 2**31:
        raise refuse("integer", text)
    return int(found)


def float_in(text: str) -> float:
    """A number, or one of the three names of numbers that are not finite."""
    found = text.strip()
    if found in NOT_FINITE:
        return NOT_FINITE[found]
    if len(found) > 512 or "_" in found or (not found[-1:].isdecimal() and found[-1:] != "."):
        raise refuse("number", text)
    try:
        return float(found)
    except ValueError:
        raise refuse("number", text) from None


def boolean_in(text: str) -> bool:
    """`true` or `false`, in any case."""
    found = text.strip().lower()
    if found == "true":
        return True
    if found == "false":
        return False
    raise refuse("boolean", text)


def blob_in(text: str) -> bytes:
    """Base64; line breaks and blanks inside are allowed, other characters aren't."""
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        raise refuse("base64", text) from None


def blob_out(value: bytes) -> str:
    """Base64 in one line."""
    return binascii.b2a_base64(value, newline=False).decode("ascii")


def float_out(value: float) -> str:
    """A number as text; not finite ones by their names."""
    if math.isfinite(value):
        return repr(value)
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def boolean_out(value: bool) -> str:
    """`true` or `false`."""
    return "true" if value else "false"


TEXT_IN: dict[str, Callable[[str], Any]] = {
    "string": str,
    "integer": integer_in,
    "long": long_in,
    "float": float_in,
    "double": float_in,
    "boolean": boolean_in,
    "blob": blob_in,
    "timestamp": text_timestamp_in,
}
TEXT_OUT: dict[str, Callable[[Any], str]] = {
    "string": str,
    "integer": str,
    "long": str,
    "float": float_out,
    "double": float_out,
    "boolean": boolean_out,
    "blob": blob_out,
}


def utf8(content: bytes) -> str:
    """Text from bytes.

    Raises:
        SerializationFailed: they are not UTF-8.
    """
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        raise SerializationFailed("The request is not valid UTF-8") from None
