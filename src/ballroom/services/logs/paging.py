"""Lists in pages: `limit` and `nextToken`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ballroom.kernel import Key, Request, Response, Tx, tokens
from ballroom.kernel.records import R

from .errors import InvalidNextToken

DEFAULT_LIMIT = 50
_CHUNK = 100


def page(
    tx: Tx, request: Request, name: str, kind: type[R], prefix: Key, present: Callable[[R], Any], *,
    begins: str = "", keep: Callable[[R], bool] = lambda record: True, limit_member: str = "limit",
    default: int = DEFAULT_LIMIT,
) -> Response:
    """One page of the rows under `prefix` whose next key part begins with `begins` and that `keep` wants.

    The token is the key part of the last row shown, so a page costs what it returns.
    """
    limit = request.get(limit_member, default)
    after = (*prefix, *read_token(request["nextToken"])) if "nextToken" in request else None
    low = (*prefix, begins)
    shown: list[Any] = []
    last: Key | None = None
    while True:
        if begins and after is None:
            rows = tx.scan_items(kind, low, _end(prefix), limit=_CHUNK)
        else:
            rows = tx.scan_prefix_items(kind, prefix, after=after, limit=_CHUNK)
        for row_key, record in rows:
            if begins and not str(row_key[len(prefix)]).startswith(begins):
                return {name: shown}
            if not keep(record):
                continue
            if len(shown) == limit and last is not None:
                return {name: shown, "nextToken": tokens.make_token(last[len(prefix) :])}
            shown.append(present(record))
            last = row_key
        if len(rows) < _CHUNK:
            return {name: shown}
        after = rows[-1][0]


def _end(prefix: Key) -> Key:
    """The first key behind all those that begin with `prefix`."""
    last = prefix[-1]
    return (*prefix[:-1], last + 1 if isinstance(last, int) else f"{last!s}\0")


def read_token(token: str) -> Key:
    """The parts of a key that a token holds.

    Raises:
        InvalidNextToken: it is no token of ours.
    """
    parts = tokens.read_token(token)
    if parts is None:
        raise InvalidNextToken()
    return parts
