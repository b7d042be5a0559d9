"""Partner event sources: stored, joined to buses, and fed with PutPartnerEvents.

A partner's account makes a source for a customer's account; here both are accounts of this Ballroom.
"""

from __future__ import annotations

from typing import Any

import msgspec

from ballroom.kernel import Request, Response, Tx, operation
from ballroom.kernel.arn import make_arn
from ballroom.services.events.envelope import Problem, check_entry, make_event
from ballroom.services.events.errors import (
    InvalidState,
    ResourceAlreadyExists,
    ResourceNotFound,
)
from ballroom.services.events.live import Buses
from ballroom.services.events.names import BusName
from ballroom.services.events.paging import page_of
from ballroom.services.events.resources import NameLink, PartnerSource, key
from ballroom.services.events.routing import Budget, accept

_EXPIRES_MS = 14 * 86_400_000


def _load(tx: Tx, name: str, account: str | None = None) -> PartnerSource:
    found = tx.get(PartnerSource, key(BusName(account or tx.account, tx.region, ""), "source", name))
    if found is None:
        raise ResourceNotFound(f"Event source {name} does not exist.")
    return found


@operation("CreatePartnerEventSource")
def create_partner_event_source(tx: Tx, request: Request) -> Response:
    """As a partner: make an event source for an account.

    Source: EventBridge API Reference, CreatePartnerEventSource.
    """
    name, account = request["Name"], request["Account"]
    row = key(BusName(account, tx.region, ""), "source", name)
    if tx.get(PartnerSource, row) is not None:
        raise ResourceAlreadyExists(f"Event source {name} already exists.")
    tx.put(row, PartnerSource(name, tx.account, tx.now_ms, "PENDING", tx.now_ms + _EXPIRES_MS))
    tx.put(key(tx, "partner", name, account), NameLink(account))
    return {"EventSourceArn": make_arn("events", tx.region, "", f"event-source/{name}")}


@operation("DeletePartnerEventSource")
def delete_partner_event_source(tx: Tx, request: Request) -> Response:
    """As a partner: take an event source away; its bus stays and gets nothing more.

    Source: EventBridge API Reference, DeletePartnerEventSource.
    """
    name, account = request["Name"], request["Account"]
    tx.delete(key(BusName(account, tx.region, ""), "source", name))
    tx.delete(key(tx, "partner", name, account))
    return {}


@operation("DescribePartnerEventSource")
def describe_partner_event_source(tx: Tx, request: Request) -> Response:
    """As a partner: a source made by this account.

    Source: EventBridge API Reference, DescribePartnerEventSource.
    """
    name = request["Name"]
    if not tx.scan_prefix(NameLink, key(tx, "partner", name), limit=1):
        raise ResourceNotFound(f"Event source {name} does not exist.")
    return {"Arn": make_arn("events", tx.region, "", f"event-source/{name}"), "Name": name}


@operation("ListPartnerEventSourceAccounts")
def list_partner_event_source_accounts(tx: Tx, request: Request) -> Response:
    """As a partner: the accounts that a source was made for.

    Source: EventBridge API Reference, ListPartnerEventSourceAccounts.
    """
    name = request["EventSourceName"]
    accounts = [link.name for link in tx.scan_prefix(NameLink, key(tx, "partner", name))]
    page, token = page_of(accounts, request, name=str)
    shown = []
    for account in page:
        source = _load(tx, name, account)
        shown.append({"Account": account, "CreationTime": source.created_ms, "State": source.state})
    return {"PartnerEventSourceAccounts": shown, **token}


@operation("ListPartnerEventSources")
def list_partner_event_sources(tx: Tx, request: Request) -> Response:
    """As a partner: the sources made by this account.

    Source: EventBridge API Reference, ListPartnerEventSources.
    """
    rows = tx.scan_prefix_items(NameLink, key(tx, "partner"))
    known = {str(row_key[4]) for row_key, _ in rows}
    names = sorted(name for name in known if name.startswith(request["NamePrefix"]))
    page, token = page_of(names, request, name=str)
    shown = [{"Arn": make_arn("events", tx.region, "", f"event-source/{name}"), "Name": name} for name in page]
    return {"PartnerEventSources": shown, **token}


def _shown(tx: Tx, source: PartnerSource) -> dict[str, Any]:
    shown = {
        "Arn": make_arn("events", tx.region, "", f"event-source/{source.name}"), "Name": source.name,
        "CreatedBy": source.creator, "CreationTime": source.created_ms, "ExpirationTime": source.expires_ms,
        "State": source.state,
    }  # fmt: skip
    return {name: value for name, value in shown.items() if value is not None}


@operation("DescribeEventSource")
def describe_event_source(tx: Tx, request: Request) -> Response:
    """A partner's source for this account.

    Source: EventBridge API Reference, DescribeEventSource.
    """
    return _shown(tx, _load(tx, request["Name"]))


@operation("ListEventSources")
def list_event_sources(tx: Tx, request: Request) -> Response:
    """The partners' sources for this account.

    Source: EventBridge API Reference, ListEventSources.
    """
    prefix = request.get("NamePrefix") or ""
    found = [s for s in tx.scan_prefix(PartnerSource, key(tx, "source")) if s.name.startswith(prefix)]
    page, token = page_of(found, request, name=lambda source: source.name)
    return {"EventSources": [_shown(tx, source) for source in page], **token}


def _set_state(tx: Tx, name: str, state: str) -> None:
    source = _load(tx, name)
    if source.state == "DELETED":
        raise InvalidState(f"Event source {name} is in state DELETED.")
    tx.put(key(tx, "source", name), msgspec.structs.replace(source, state=state))


@operation("ActivateEventSource")
def activate_event_source(tx: Tx, request: Request) -> Response:
    """Let a partner's events arrive.

    Source: EventBridge API Reference, ActivateEventSource.
    """
    _set_state(tx, request["Name"], "ACTIVE")
    return {}


@operation("DeactivateEventSource")
def deactivate_event_source(tx: Tx, request: Request) -> Response:
    """Let a partner's events arrive no more.

    Source: EventBridge API Reference, DeactivateEventSource.
    """
    _set_state(tx, request["Name"], "PENDING")
    return {}


@operation("PutPartnerEvents")
def put_partner_events(tx: Tx, request: Request) -> Response:
    """As a partner: let events arrive on the buses of all accounts whose source is active.

    Source: EventBridge API Reference, PutPartnerEvents.
    """
    budget = Budget()
    results = [_put(tx, entry, budget) for entry in request["Entries"]]
    return {"FailedEntryCount": sum("ErrorCode" in result for result in results), "Entries": results}


def _put(tx: Tx, entry: Request, budget: Budget) -> dict[str, str]:
    name = entry.get("Source") or ""
    detail = check_entry({**entry, "Source": "partner"} if name else entry)
    if isinstance(detail, Problem):
        return {"ErrorCode": detail.code, "ErrorMessage": detail.text}
    accounts = [link.name for link in tx.scan_prefix(NameLink, key(tx, "partner", name))]
    if not accounts:
        return {"ErrorCode": "NotAuthorizedForSource", "ErrorMessage": "Not authorized for the source."}
    event_id = tx.ids.uuid()
    for account in accounts:
        at = BusName(account, tx.region, name)
        bus = Buses.of(tx.kernel).find(tx, at) if _load(tx, name, account).state == "ACTIVE" else None
        if bus is not None and bus.listens:
            event = make_event(
                event_id, entry["DetailType"], name, account, entry.get("Time", tx.now_ms), tx.region,
                entry.get("Resources") or [], detail,
            )  # fmt: skip
            accept(tx, bus, event, trace=tx.caller.trace, budget=budget)
    return {"EventId": event_id}
