"""Lists in pages: a marker names the last item that was shown, so pages survive changes in between."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from ballroom.services.lambda_.errors import InvalidParameterValue

T = TypeVar("T")


def page_of(
    rows: Sequence[T], request: dict[str, Any], *, limit: int, id_of: Callable[[T], str]
) -> tuple[list[T], dict[str, str]]:
    """The rows after the request's Marker, at most MaxItems (AWS's `limit` for the operation at most).

    `rows` are in the order of `id_of`'s source; the marker is the id of the last row shown.
    """
    start = 0
    if request.get("Marker"):
        start = _position(rows, _decoded(request["Marker"]), id_of)
    size = min(request.get("MaxItems", limit), limit)
    chosen = list(rows[start : start + size])
    if start + size >= len(rows):
        return chosen, {}
    return chosen, {"NextMarker": base64.urlsafe_b64encode(id_of(chosen[-1]).encode()).decode()}


def _position(rows: Sequence[T], last: str, id_of: Callable[[T], str]) -> int:
    for n, row in enumerate(rows):
        if id_of(row) == last:
            return n + 1
    # the row is gone: go on behind where it stood
    return sum(1 for row in rows if id_of(row) < last)


def _decoded(marker: str) -> str:
    try:
        return base64.urlsafe_b64decode(marker.encode()).decode()
    except (binascii.Error, UnicodeDecodeError, ValueError) as error:
        raise InvalidParameterValue("Invalid Marker") from error
