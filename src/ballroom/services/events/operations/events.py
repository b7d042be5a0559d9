"""Putting events, and the seam through which our own services emit theirs."""

from __future__ import annotations

from typing import Any

from ballroom.kernel import Request, Response, Tx, operation
from ballroom.services.events.envelope import Problem, check_entry, make_event, size_of_entry
from ballroom.services.events.errors import ValidationException
from ballroom.services.events.live import Buses
from ballroom.services.events.names import bus_of
from ballroom.services.events.patterns import matches
from ballroom.services.events.quotas import quota
from ballroom.services.events.routing import Budget, accept


@operation("PutEvents")
def put_events(tx: Tx, request: Request) -> Response:
    """Accept up to ten events; each is accepted or refused by itself, and what is accepted is durable.

    An event for a bus that does not exist is accepted and has no effect, as on AWS.

    Raises:
        ValidationException: the entries are too large together.

    Source: EventBridge API Reference, PutEvents; recorded answers.
    """
    entries = request["Entries"]
    if sum(map(size_of_entry, entries)) > quota(tx.kernel, "events.entry-bytes"):
        raise ValidationException("Total size of the entries in the request is over the limit.")
    budget = Budget()
    results = [_put(tx, entry, budget) for entry in entries]
    return {
        "FailedEntryCount": sum("ErrorCode" in result for result in results),
        "Entries": results,
    }


def _put(tx: Tx, entry: Request, budget: Budget) -> dict[str, str]:
    detail = check_entry(entry)
    if isinstance(detail, Problem):
        return {"ErrorCode": detail.code, "ErrorMessage": detail.text}
    event_id = tx.ids.uuid()
    at = bus_of(tx, entry.get("EventBusName"))
    bus = Buses.of(tx.kernel).find(tx, at, unchanged=True)
    if bus is not None and bus.listens:
        caller = tx.caller
        event = make_event(
            event_id, entry["DetailType"], entry["Source"], caller.account, entry.get("Time", tx.now_ms),
            at.region, entry.get("Resources") or [], detail,
        )  # fmt: skip
        accept(tx, bus, event, trace=entry.get("TraceHeader") or caller.trace, budget=budget)
    return {"EventId": event_id}


@operation("EmitEvents", internal=True)
def emit_events(tx: Tx, request: Request) -> Response:
    """For our own services: let events of AWS sources arrive on a bus, in the caller's transaction.

    `Entries`: a list of {Source, DetailType, Detail, Resources (optional), Time (optional, ms)}. Detail is
    an object, or a function that makes it: it is called only if somebody listens, so that emitting costs
    two look-ups where no rule exists. `EventBusName`: a name or ARN; the default bus if absent.
    """
    bus = Buses.of(tx.kernel).find(tx, bus_of(tx, request.get("EventBusName")))
    if bus is None or not bus.listens:
        return {}
    budget = Budget()
    for entry in request["Entries"]:
        detail: Any = entry["Detail"]
        event = make_event(
            tx.ids.uuid(), entry["DetailType"], entry["Source"], tx.account, entry.get("Time", tx.now_ms),
            bus.at.region, entry.get("Resources") or [], detail() if callable(detail) else detail,
        )  # fmt: skip
        accept(tx, bus, event, trace=tx.caller.trace, budget=budget)
    return {}


@operation("TestEventPattern")
def test_event_pattern(tx: Tx, request: Request) -> Response:
    """Whether an event matches a pattern.

    Raises:
        InvalidEventPattern: the pattern is wrong.
        ValidationException: the event is none.

    Source: EventBridge API Reference, TestEventPattern; recorded answers.
    """
    return {"Result": matches(request["EventPattern"], request["Event"])}
