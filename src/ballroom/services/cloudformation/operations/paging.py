"""Pages of lists."""

from __future__ import annotations

import base64
import binascii
from typing import TypeVar

from ballroom.kernel import Request

from ..errors import ValidationError

T = TypeVar("T")


def page_of(items: list[T], request: Request, size: int) -> tuple[list[T], dict[str, str]]:
    """One page, and the `NextToken` to merge into the answer.

    Raises:
        ValidationError: the request's token is none of ours.
    """
    start = 0
    if token := request.get("NextToken"):
        try:
            start = int(base64.urlsafe_b64decode(token.encode()).removeprefix(b"from "))
        except (ValueError, binascii.Error):
            raise ValidationError("The specified NextToken is not valid") from None
    size = min(request.get("MaxResults", size), size)
    end = start + size
    if end >= len(items):
        return items[start:], {}
    return items[start:end], {"NextToken": base64.urlsafe_b64encode(b"from %d" % end).decode()}
