"""Replays: start, describe, list, cancel."""

from __future__ import annotations

from typing import Any

import msgspec

from ballroom.kernel import Request, Response, Tx, operation
from ballroom.kernel.arn import find_arn, make_arn
from ballroom.services.events.errors import (
    IllegalStatus,
    ResourceAlreadyExists,
    ResourceNotFound,
    ValidationException,
)
from ballroom.services.events.live import Buses
from ballroom.services.events.names import parse_bus_arn
from ballroom.services.events.paging import page_of
from ballroom.services.events.quotas import check_quota
from ballroom.services.events.replaying import begin
from ballroom.services.events.resources import Archive, Replay, key

_ACTIVE = ("STARTING", "RUNNING", "CANCELLING")


def _arn(tx: Tx, name: str) -> str:
    return make_arn("events", tx.region, tx.account, f"replay/{name}")


def _load(tx: Tx, name: str) -> Replay:
    replay = tx.get(Replay, key(tx, "replay", name))
    if replay is None:
        raise ResourceNotFound(f"Replay {name} does not exist.")
    return replay


@operation("StartReplay")
def start_replay(tx: Tx, request: Request) -> Response:
    """Send archived events of a span of time to their bus again.

    Raises:
        ResourceAlreadyExists, LimitExceeded
        ValidationException: no such archive, another bus, or a span without length.

    Source: EventBridge API Reference, StartReplay; recorded answers.
    """
    name, destination = request["ReplayName"], request["Destination"]
    if tx.get(Replay, key(tx, "replay", name)) is not None:
        raise ResourceAlreadyExists(f"Replay {name} already exists.")
    archive = _archive(tx, request["EventSourceArn"])
    if destination["Arn"] != archive.source_arn:
        raise ValidationException(
            "Parameter Destination.Arn is not valid. Reason: Cross event bus replay is not permitted."
        )
    start_ms, end_ms = request["EventStartTime"], request["EventEndTime"]
    if start_ms >= end_ms:
        raise ValidationException(
            "Parameter EventEndTime is not valid. Reason: EventStartTime must be before EventEndTime."
        )
    filters = destination.get("FilterArns") or []
    _check_filters(tx, archive, filters)
    active = [r for r in tx.scan_prefix(Replay, key(tx, "replay")) if r.state in _ACTIVE]
    check_quota(tx.kernel, "events.replays", len(active) + 1)
    replay = Replay(
        name, request["EventSourceArn"], destination["Arn"], start_ms, end_ms, tx.now_ms, "STARTING", filters,
        request.get("Description"), run=tx.ids.below(1 << 48),
    )  # fmt: skip
    tx.put(key(tx, "replay", name), replay)
    begin(tx, replay, archive.id)
    return {"ReplayArn": _arn(tx, name), "State": "STARTING", "ReplayStartTime": tx.now_ms}


def _archive(tx: Tx, arn: str) -> Archive:
    parsed = find_arn(arn)
    name = parsed.resource.removeprefix("archive/") if parsed is not None else arn
    archive = tx.get(Archive, key(tx, "archive", name))
    if archive is None:
        raise ValidationException(
            f"Parameter EventSourceArn is not valid. Reason: Archive {name} does not exist."
        )
    return archive


def _check_filters(tx: Tx, archive: Archive, filters: list[str]) -> None:
    at = parse_bus_arn(archive.source_arn)
    bus = Buses.of(tx.kernel).find(tx, at)
    known = {rule.arn for rule in bus.rules.values()} if bus is not None else set()
    for arn in filters:
        if arn not in known:
            raise ValidationException(f"Rule {arn.rpartition('/')[2]} does not exist on EventBus {at.name}.")


@operation("DescribeReplay")
def describe_replay(tx: Tx, request: Request) -> Response:
    """A replay, with how far it is.

    Source: EventBridge API Reference, DescribeReplay.
    """
    replay = _load(tx, request["ReplayName"])
    destination: dict[str, Any] = {"Arn": replay.destination}
    if replay.filters:
        destination["FilterArns"] = replay.filters
    answer = {
        **_shown(replay), "ReplayArn": _arn(tx, replay.name), "Destination": destination,
        "Description": replay.description, "StateReason": replay.reason or None,
    }  # fmt: skip
    return {name: value for name, value in answer.items() if value is not None}


def _shown(replay: Replay) -> dict[str, Any]:
    shown = {
        "ReplayName": replay.name, "EventSourceArn": replay.archive_arn, "State": replay.state,
        "EventStartTime": replay.start_ms, "EventEndTime": replay.end_ms,
        "EventLastReplayedTime": replay.last_ms, "ReplayStartTime": replay.started_ms,
        "ReplayEndTime": replay.ended_ms,
    }  # fmt: skip
    return {name: value for name, value in shown.items() if value is not None}


@operation("ListReplays")
def list_replays(tx: Tx, request: Request) -> Response:
    """The replays whose name has a prefix, or that have one archive or state.

    Source: EventBridge API Reference, ListReplays; recorded answers.
    """
    given = [name for name in ("NamePrefix", "EventSourceArn", "State") if request.get(name) is not None]
    if len(given) > 1:
        raise ValidationException(
            "At most one filter is allowed for ListReplays. "
            "Use either : State, EventSourceArn, or NamePrefix."
        )
    replays = [
        replay
        for replay in tx.scan_prefix(Replay, key(tx, "replay"))
        if replay.name.startswith(request.get("NamePrefix") or "")
        and request.get("EventSourceArn") in (None, replay.archive_arn)
        and request.get("State") in (None, replay.state)
    ]
    page, token = page_of(replays, request, name=lambda replay: replay.name)
    return {"Replays": [_shown(replay) for replay in page], **token}


@operation("CancelReplay")
def cancel_replay(tx: Tx, request: Request) -> Response:
    """Stop a replay after the events that are on their way.

    Raises:
        IllegalStatus: it has ended.

    Source: EventBridge API Reference, CancelReplay.
    """
    replay = _load(tx, request["ReplayName"])
    if replay.state not in ("STARTING", "RUNNING"):
        raise IllegalStatus(f"Replay {replay.name} is not in a valid state for this operation.")
    tx.put(key(tx, "replay", replay.name), msgspec.structs.replace(replay, state="CANCELLING"))
    return {"ReplayArn": _arn(tx, replay.name), "State": "CANCELLING"}
