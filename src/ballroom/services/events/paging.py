"""Pages of lists that are short enough to be read whole (quotas bound them)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from ballroom.kernel import Request, Response
from ballroom.kernel.tokens import make_token, read_token
from ballroom.services.events.errors import ValidationException

T = TypeVar("T")
MOST = 100


def page_of(
    rows: Sequence[T], request: Request, *, name: Callable[[T], str], default: int = MOST
) -> tuple[list[T], Response]:
    """The rows behind the request's NextToken, up to its Limit, and the next token where there are more.

    `rows` are sorted by `name`.

    Raises:
        ValidationException: the token is none of ours.
    """
    limit = request.get("Limit") or default
    after = ""
    if request.get("NextToken"):
        parts = read_token(request["NextToken"])
        if parts is None or len(parts) != 1 or not isinstance(parts[0], str):
            raise ValidationException("Parameter NextToken is not valid.")
        after = parts[0]
    rest = [row for row in rows if not after or name(row) > after]
    page = rest[:limit]
    return page, ({"NextToken": make_token((name(page[-1]),))} if len(rest) > limit else {})
