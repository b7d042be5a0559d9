"""Pages of lists."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from ballroom.kernel import Request, Response
from ballroom.kernel.tokens import make_token, read_token
from ballroom.services.schemas.errors import BadRequest

T = TypeVar("T")
_MOST = 100


def page_of(rows: Sequence[T], request: Request, name: Callable[[T], str]) -> tuple[list[T], Response]:
    """The rows behind the request's NextToken, up to its Limit; `rows` are sorted by `name`.

    Raises:
        BadRequest: a limit out of range, or a token that is none of ours.
    """
    limit = request.get("Limit", 10)
    if not 1 <= limit <= _MOST:
        raise BadRequest(f"Limit must be between 1 and {_MOST}.")
    after = ""
    if request.get("NextToken"):
        parts = read_token(request["NextToken"])
        if parts is None or len(parts) != 1 or not isinstance(parts[0], str):
            raise BadRequest("The NextToken is not valid.")
        after = parts[0]
    rest = [row for row in rows if not after or name(row) > after]
    page = rest[:limit]
    return page, {"NextToken": make_token((name(page[-1]),))} if len(rest) > limit else {}
