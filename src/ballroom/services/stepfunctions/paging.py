"""Lists in pages: a token is the rest of the last row's key."""

from __future__ import annotations

from ballroom.kernel import Key, Request, Tx
from ballroom.kernel.records import R
from ballroom.kernel.tokens import make_token, read_token

from .errors import InvalidToken


def page_of(
    tx: Tx, kind: type[R], prefix: Key, request: Request, default: int, *, reverse: bool = False
) -> tuple[list[R], str | None]:
    """The rows of one page and the token of the next, or None.

    Raises:
        InvalidToken: `nextToken` is none of ours.
    """
    limit = request.get("maxResults") or default
    after = None
    if request.get("nextToken"):
        rest = read_token(request["nextToken"])
        if not rest:
            raise InvalidToken("Invalid token")
        after = (*prefix, *rest)
    rows = tx.scan_prefix_items(kind, prefix, after=after, limit=limit + 1, reverse=reverse)
    token = make_token(rows[limit - 1][0][len(prefix) :]) if len(rows) > limit else None
    return [row for _, row in rows[:limit]], token
