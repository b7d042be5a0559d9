"""Which bytes of an object a reader wants: ranges and part numbers. Pure.

Source: S3 API Reference, GetObject; RFC 9110, section 14; the recorded answers of AWS.
"""

from __future__ import annotations

import re

from ballroom.services.s3.errors import InvalidArgument, InvalidRange

_RANGE = re.compile(r"bytes=(\d*)-(\d*)", re.IGNORECASE | re.ASCII)
_COPIED = re.compile(r"bytes=(\d+)-(\d+)", re.ASCII)
MOST_PARTS = 10_000
_DIGITS = 19  # more than any object has bytes


def range_of(text: str, size: int) -> tuple[int, int] | None:
    """The first byte and the one behind the last that a Range header asks for.

    None: all of it, since S3 ignores several ranges, and what it does not understand, as HTTP allows.

    Raises:
        InvalidRange: nothing of it lies within the object.
    """
    match = _RANGE.fullmatch(text.strip())
    if match is None or match[1] == match[2] == "":
        return None
    first, last = match[1][:_DIGITS], match[2][:_DIGITS]
    if first == "":
        length = min(int(last), size)
        if length == 0:
            raise InvalidRange(ActualObjectSize=str(size), RangeRequested=text)
        return size - length, size
    start = int(first)
    if last and int(last) < start:
        return None
    if start >= size:
        raise InvalidRange(ActualObjectSize=str(size), RangeRequested=text)
    return start, min(int(last) + 1, size) if last else size


def check_part_number(number: int) -> None:
    """Parts are numbered from 1 to 10,000.

    Raises:
        InvalidArgument: no part has that number.
    """
    if not 1 <= number <= MOST_PARTS:
        raise InvalidArgument(
            f"Part number must be an integer between 1 and {MOST_PARTS}, inclusive",
            ArgumentName="partNumber", ArgumentValue=str(number),
        )  # fmt: skip


def copied_range_of(text: str, size: int) -> tuple[int, int]:
    """The bytes that a part takes from a copy's source: both ends must be named, and lie within it.

    Raises:
        InvalidArgument: they are not, or do not.
    """
    match = _COPIED.fullmatch(text)
    if match is None:
        raise InvalidArgument(
            "The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are "
            "the zero-based offsets of the first and last bytes to copy",
            ArgumentName="x-amz-copy-source-range", ArgumentValue=text,
        )  # fmt: skip
    first, last = int(match[1][:_DIGITS]), int(match[2][:_DIGITS])
    if first > last or last >= size:
        raise InvalidArgument(
            f"Range specified is not valid for source object of size: {size}",
            ArgumentName="x-amz-copy-source-range", ArgumentValue=text,
        )  # fmt: skip
    return first, last + 1
