"""The journal of one execution: its history events, numbered as AWS numbers them.

Events are tuples `(previous, timestamp, type, details)`; an event's id is its place. A page of history is a
msgpack list of them, written once.

Source: Step Functions API Reference, HistoryEvent and its details.
"""

from __future__ import annotations

from typing import Any

import msgspec

MOST_EVENTS = 25_000
"""The history of a Standard execution holds no more: the last one says so."""

_STATES = ("Choice", "Fail", "Map", "Parallel", "Pass", "Succeed", "Task", "Wait")
TYPES: tuple[str, ...] = (
    "ExecutionStarted", "ExecutionSucceeded", "ExecutionFailed", "ExecutionTimedOut", "ExecutionAborted",
    "ExecutionRedriven", "EvaluationFailed",
    *(f"{kind}StateEntered" for kind in _STATES),
    *(f"{kind}StateExited" for kind in _STATES),
    *(f"{kind}StateAborted" for kind in ("Map", "Parallel", "Task", "Wait")),
    *(f"{kind}State{end}" for kind in ("Map", "Parallel") for end in ("Started", "Succeeded", "Failed")),
    *(f"MapIteration{end}" for end in ("Started", "Succeeded", "Failed", "Aborted")),
    *(f"MapRun{end}" for end in ("Started", "Succeeded", "Failed", "Aborted", "Redriven")),
    *(
        f"LambdaFunction{end}"
        for end in ("Scheduled", "ScheduleFailed", "Started", "StartFailed", "Succeeded", "Failed", "TimedOut")
    ),
    *(
        f"Activity{end}"
        for end in ("Scheduled", "ScheduleFailed", "Started", "Succeeded", "Failed", "TimedOut")
    ),
    *(
        f"Task{end}"
        for end in (
            "Scheduled", "Started", "StartFailed", "Submitted", "SubmitFailed", "Succeeded", "Failed",
            "TimedOut",
        )
    ),
)  # fmt: skip
"""Stored by their place: append only."""
NUMBER = {name: number for number, name in enumerate(TYPES)}

_WITHOUT_DETAILS = frozenset(
    {
        "LambdaFunctionStarted", "MapRunSucceeded", "MapRunAborted", "MapStateSucceeded", "MapStateFailed",
        "ParallelStateStarted", "ParallelStateSucceeded", "ParallelStateFailed", "MapStateAborted",
        "ParallelStateAborted", "TaskStateAborted", "WaitStateAborted",
    }
)  # fmt: skip


def _member(name: str) -> str:
    if name in _WITHOUT_DETAILS:
        return ""
    if name.endswith("StateEntered"):
        return "stateEnteredEventDetails"
    if name.endswith("StateExited"):
        return "stateExitedEventDetails"
    return f"{name[0].lower()}{name[1:]}EventDetails"


MEMBERS = tuple(_member(name) for name in TYPES)
"""The member that carries an event's details; empty: it has none."""

Event = tuple[int, int, int, dict[str, Any]]

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[Event]).decode


class HistoryFull(Exception):
    """The next event would be one too many."""


class Journal:
    """Events that are to be written. `add` answers the new event's id."""

    __slots__ = ("events", "first", "limit", "next_id")

    def __init__(self, next_id: int = 1, limit: int = MOST_EVENTS) -> None:
        self.first = self.next_id = next_id
        self.limit = limit
        self.events: list[Event] = []

    def add(self, type: int, previous: int, now_ms: int, details: dict[str, Any]) -> int:
        """Append an event.

        Raises:
            HistoryFull: only the event that says so still fits.
        """
        id = self.next_id
        if id >= self.limit:
            raise HistoryFull
        self.next_id = id + 1
        self.events.append((previous, now_ms, type, details))
        return id

    def add_last(self, type: int, previous: int, now_ms: int, details: dict[str, Any]) -> int:
        """Append the event that ends the execution; there is always room for it."""
        id = self.next_id
        self.next_id = id + 1
        self.events.append((previous, now_ms, type, details))
        return id

    def taken(self) -> tuple[int, list[Event]]:
        """The events since the last time, and the first one's id."""
        first, events = self.first, self.events
        self.first, self.events = self.next_id, []
        return first, events


def pack_events(events: list[Event]) -> bytes:
    """Events as a page stores them."""
    return _encode(events)


def unpack_events(packed: bytes) -> list[Event]:
    """The events of a page."""
    return _decode(packed)


_WITH_DATA = {
    "input": "inputDetails",
    "output": "outputDetails",
    "assignedVariables": "assignedVariablesDetails",
}


def details_of(details: dict[str, Any], with_data: bool) -> dict[str, Any]:
    """Details as the API shows them: with a note that nothing is truncated, or without the data.

    Source: API Reference, HistoryEventExecutionDataDetails; recorded logs without execution data.
    """
    shown: dict[str, Any] = {}
    for name, value in details.items():
        note = _WITH_DATA.get(name)
        if note is not None:
            if with_data:
                shown[name] = value
                shown[note] = {"truncated": False}
        elif name != "parameters" or with_data:
            shown[name] = value
    return shown


def event_as_shown(id: int, event: Event, with_data: bool) -> dict[str, Any]:
    """One event of GetExecutionHistory."""
    previous, at, type, details = event
    shown: dict[str, Any] = {"timestamp": at, "type": TYPES[type], "id": id, "previousEventId": previous}
    member = MEMBERS[type]
    if member:
        shown[member] = details_of(details, with_data)
    return shown
