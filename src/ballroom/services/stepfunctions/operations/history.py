"""GetExecutionHistory: any page in the same time, however long the history."""

from __future__ import annotations

from ballroom.kernel import Request, Response, Tx, operation
from ballroom.kernel.tokens import make_token, read_token

from ..arns import parse_execution
from ..engine.journal import Event, event_as_shown, unpack_events
from ..errors import InvalidToken
from ..resources import Page, history_key, load_execution

_DEFAULT = 100


@operation("GetExecutionHistory")
def get_execution_history(tx: Tx, request: Request) -> Response:
    """The events of an execution, in either order.

    Source: API Reference, GetExecutionHistory.
    """
    record = load_execution(tx, parse_execution(request["executionArn"]))
    limit = request.get("maxResults") or _DEFAULT
    reverse = request.get("reverseOrder", False)
    with_data = request.get("includeExecutionData", True)
    number, start = record.number, _start(request)
    if reverse:
        last = _last(tx, number) if start is None else start
        first = max(1, last - limit + 1)
        events = _events(tx, number, first, last + 1)[::-1]
        following = first - 1 if first > 1 else None
    else:
        first = start or 1
        events = _events(tx, number, first, first + limit + 1)
        following = first + limit if len(events) > limit else None
        events = events[:limit]
    response: Response = {"events": [event_as_shown(id, event, with_data) for id, event in events]}
    if following is not None:
        response["nextToken"] = make_token((following,))
    return response


def _start(request: Request) -> int | None:
    if not request.get("nextToken"):
        return None
    parts = read_token(request["nextToken"])
    if not parts or len(parts) != 1 or not isinstance(parts[0], int) or parts[0] < 1:
        raise InvalidToken("Invalid token")
    return parts[0]


def _last(tx: Tx, number: int) -> int:
    rows = tx.scan_prefix_items(Page, history_key(number, 0)[:-1], reverse=True, limit=1)
    if not rows:
        return 0
    key, page = rows[0]
    return int(key[-1]) + len(unpack_events(page.events)) - 1


def _events(tx: Tx, number: int, first: int, end: int) -> list[tuple[int, Event]]:
    """The events with `first <= id < end`."""
    rows = tx.scan_items(Page, history_key(number, 0), history_key(number, first + 1), reverse=True, limit=1)
    start = int(rows[0][0][-1]) if rows else first
    found: list[tuple[int, Event]] = []
    for key, page in tx.scan_items(Page, history_key(number, start), history_key(number, end)):
        for id, event in enumerate(unpack_events(page.events), int(key[-1])):
            if first <= id < end:
                found.append((id, event))
    return found
