"""Lists in pages: `MaxItems`, `Marker`, `IsTruncated`."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from typing import Any

from ballroom.kernel import Key, Request, Response, Tx
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
                return {name: shown, "IsTruncated": True, "Marker": _marker(last[len(prefix) :])}
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
        (text,) = _read_marker(request["Marker"])
        if not text.isdigit():
            raise _invalid(request["Marker"])
        start = int(text)
    answer: Response = {name: items[start : start + limit], "IsTruncated": start + limit < len(items)}
    if answer["IsTruncated"]:
        answer["Marker"] = _marker((str(start + limit),))
    return answer


def _marker(parts: Key) -> str:
    return base64.urlsafe_b64encode("\n".join(str(part) for part in parts).encode()).decode()


def _read_marker(marker: str) -> tuple[str, ...]:
    try:
        return tuple(base64.b64decode(marker.encode(), altchars=b"-_", validate=True).decode().split("\n"))
    except (binascii.Error, ValueError):
        raise _invalid(marker) from None


def _invalid(marker: str) -> ValidationError:
    return ValidationError(f"Invalid Marker: {marker}")
