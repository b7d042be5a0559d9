"""Lists in pages: `MaxItems`, `Marker`, `IsTruncated`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ballroom.kernel import Key, Request, Response, Tx, tokens
from ballroom.kernel.records import R

from .errors import ValidationError

_DEFAULT_ITEMS = 100
_CHUNK = 200


def page(
    tx: Tx, request: Request, name: str, kind: type[R], prefix: Key,
    present: Callable[[R], Any], *, keep: Callable[[R], bool] = lambda record: True,
) -> Response:
    """One page of the rows under `prefix` that `keep` wants, as `present` shows them.

    The marker is the name of the last row read, so a page costs what it returns, wherever it starts.
    """
    limit = request.get("MaxItems", _DEFAULT_ITEMS)
    after = (*prefix, *_read_marker(request["Marker"])) if "Marker" in request else None
    shown: list[Any] = []
    last: Key | None = None
    while True:
        rows = tx.scan_prefix_items(kind, prefix, after=after, limit=_CHUNK)
        for row_key, record in rows:
            if not keep(record):
                continue
            if len(shown) == limit and last is not None:
                return {name: shown, "IsTruncated": True, "Marker": tokens.make_token(last[len(prefix) :])}
            shown.append(present(record))
            last = row_key
        if len(rows) < _CHUNK:
            return {name: shown, "IsTruncated": False}
        after = rows[-1][0]


def page_of(request: Request, name: str, items: list[Any]) -> Response:
    """One page of a list at hand."""
    limit = request.get("MaxItems", _DEFAULT_ITEMS)
    start = 0
    if "Marker" in request:
        parts = _read_marker(request["Marker"])
        if len(parts) != 1 or not isinstance(parts[0], int) or parts[0] < 0:
            raise _invalid(request["Marker"])
        start = parts[0]
    answer: Response = {name: items[start : start + limit], "IsTruncated": start + limit < len(items)}
    if answer["IsTruncated"]:
        answer["Marker"] = tokens.make_token((start + limit,))
    return answer


def _read_marker(marker: str) -> Key:
    parts = tokens.read_token(marker)
    if parts is None:
        raise _invalid(marker)
    return parts


def _invalid(marker: str) -> ValidationError:
    return ValidationError(f"Invalid Marker: {marker}")
