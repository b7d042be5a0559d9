"""Executions: start, describe, list, stop."""

from __future__ import annotations

from typing import Any

from ballroom.kernel import Request, Response, Tx, operation
from ballroom.kernel.tokens import make_token, read_token

from ..arns import machine_arn, parse_execution, parse_machine
from ..ends import redrive_status
from ..engine import ending
from ..engine.redriving import Redrivable, redrivable_key
from ..engine.running import Running
from ..engine.session import Session
from ..errors import ExecutionNotRedrivable, Invalid, InvalidToken, StateMachineTypeNotSupported
from ..map_runs import load_map_run, parse_map_run
from ..redrive import redrive
from ..resources import (
    Execution,
    Listed,
    arn_of,
    by_status_prefix,
    listed_prefix,
    load_execution,
    load_machine,
)
from ..starting import checked_input, start_express, start_standard, target_of
from .machines import settings_as_described


@operation("StartExecution")
def start_execution(tx: Tx, request: Request) -> Response:
    """Start an execution; the same name and input again answer with the one that runs already.

    Raises:
        ExecutionAlreadyExists: the name was used, with another input or by one that has ended.

    Source: API Reference, StartExecution.
    """
    return _start(tx, request, None)


@operation("StartNestedExecution", internal=True)
def start_nested_execution(tx: Tx, request: Request) -> Response:
    """For tasks: as StartExecution; `parent` (number, branch, attempt) is told when it ends."""
    parent = request.get("parent")
    return _start(tx, request, (parent[0], tuple(parent[1]), parent[2]) if parent else None)


def _start(tx: Tx, request: Request, parent: tuple[int, tuple[int, ...], int] | None) -> Response:
    target = target_of(tx, request["stateMachineArn"])
    input, trace = checked_input(request.get("input")), request.get("traceHeader", "")
    if target.machine.type == "EXPRESS":
        if parent is not None:
            raise StateMachineTypeNotSupported
        live = start_express(tx, target, request.get("name"), input, trace, at_least_once=True)
        return {"executionArn": live.arn, "startDate": live.record.started_ms}
    record = start_standard(tx, target, request.get("name"), input, trace=trace, parent=parent)
    return {
        "executionArn": arn_of(target.ref.account, target.ref.region, record),
        "startDate": record.started_ms,
    }


@operation("StopExecution")
def stop_execution(tx: Tx, request: Request) -> Response:
    """Abort an execution; one that has ended stays as it is.

    Source: API Reference, StopExecution.
    """
    record = load_execution(tx, parse_execution(request["executionArn"]))
    if record.status != "RUNNING":
        return {"stopDate": record.stopped_ms}

    def work(session: Session) -> None:
        live = session.find(record.number)
        if live is not None:
            ending.stop(live, request.get("error"), request.get("cause"))

    tx.kernel.state(Running).drive(tx, work)
    return {"stopDate": tx.now_ms}


@operation("RedriveExecution")
def redrive_execution(tx: Tx, request: Request) -> Response:
    """Let an execution that ended badly go on where it stopped; what had succeeded is not done again.

    Raises:
        ExecutionNotRedrivable: it runs, succeeded, or ended more than 14 days ago.

    Source: API Reference, RedriveExecution.
    """
    ref = parse_execution(request["executionArn"])
    record = load_execution(tx, ref)
    token = request.get("clientToken", "")
    if token and token == record.redrive_token:
        return {"redriveDate": record.redriven_ms}
    status, reason = redrive_status(record, tx.now_ms)
    kept = tx.get(Redrivable, redrivable_key(record.number))
    if status != "REDRIVABLE" or kept is None:
        raise ExecutionNotRedrivable(reason or f"Execution is {record.status} and cannot be redriven")
    redrive(tx, ref, record, kept, token)
    return {"redriveDate": tx.now_ms}


def _qualified(described: Response, arn: str, execution: Execution | Listed) -> None:
    if execution.of_version:
        described["stateMachineVersionArn"] = f"{arn}:{execution.of_version}"
    if execution.alias:
        described["stateMachineAliasArn"] = f"{arn}:{execution.alias}"


@operation("DescribeExecution")
def describe_execution(tx: Tx, request: Request) -> Response:
    """What an execution is and what came of it.

    Source: API Reference, DescribeExecution.
    """
    ref = parse_execution(request["executionArn"])
    record = load_execution(tx, ref)
    with_data = request.get("includedData") != "METADATA_ONLY"
    machine = machine_arn(ref.region, ref.account, record.machine)
    described: Response = {
        "executionArn": ref.arn, "stateMachineArn": machine, "name": record.name, "status": record.status,
        "startDate": record.started_ms, "inputDetails": {"included": with_data},
        "redriveCount": record.redrives,
    }  # fmt: skip
    if with_data:
        described["input"] = record.input
    if record.status != "RUNNING":
        described["stopDate"] = record.stopped_ms
    if record.output is not None:
        described["outputDetails"] = {"included": with_data}
        if with_data:
            described["output"] = record.output
    for name, value in (
        ("error", record.error),
        ("cause", record.cause),
        ("traceHeader", record.trace or None),
    ):
        if value is not None and (with_data or name == "traceHeader"):
            described[name] = value
    if record.redriven_ms:
        described["redriveDate"] = record.redriven_ms
    if record.map_run:
        described["mapRunArn"] = record.map_run
    status, reason = redrive_status(record, tx.now_ms)
    described["redriveStatus"] = status
    if reason is not None:
        described["redriveStatusReason"] = reason
    _qualified(described, machine, record)
    return described


@operation("DescribeStateMachineForExecution")
def describe_state_machine_for_execution(tx: Tx, request: Request) -> Response:
    """The state machine as it was when the execution began.

    Source: API Reference, DescribeStateMachineForExecution.
    """
    ref = parse_execution(request["executionArn"])
    record = load_execution(tx, ref)
    name, _, label = ref.machine.partition("/")
    described: Response = {
        "stateMachineArn": machine_arn(ref.region, ref.account, ref.machine), "name": name,
        "updateDate": record.started_ms,
    }  # fmt: skip
    if label:
        described |= {"mapRunArn": record.map_run, "label": label}
    with_definition = request.get("includedData") != "METADATA_ONLY"
    return described | settings_as_described(tx, record.settings, with_definition)


_LOOKED_AT = 5_000


@operation("ListExecutions")
def list_executions(tx: Tx, request: Request) -> Response:
    """Executions of a state machine (version, alias) or map run, newest first.

    Source: API Reference, ListExecutions.
    """
    of, account, region = _list_named(tx, request)
    status, redrives = request.get("statusFilter"), request.get("redriveFilter")
    prefix = by_status_prefix(account, region, of, status) if status else listed_prefix(account, region, of)
    after = None
    if request.get("nextToken"):
        rest = read_token(request["nextToken"])
        if not rest or len(rest) != 2:
            raise InvalidToken("Invalid token")
        after = (*prefix, *rest)
    limit = request.get("maxResults") or 100
    found: list[Any] = []
    # a redrive filter looks at many and keeps few: no more than so many at once, and the token goes on
    most = limit + 1 if redrives is None else _LOOKED_AT
    rows = tx.scan_prefix_items(Listed, prefix, after=after, limit=most)
    token = None
    for number, (key, row) in enumerate(rows):
        if redrives is None or (row.redrives > 0) == (redrives == "REDRIVEN"):
            found.append(row)
        if (len(found) == limit and number + 1 < len(rows)) or number + 1 == _LOOKED_AT:
            token = make_token(key[len(prefix) :])
            break
    response: Response = {"executions": [_listed(account, region, row) for row in found[:limit]]}
    if token:
        response["nextToken"] = token
    return response


def _list_named(tx: Tx, request: Request) -> tuple[str, str, str]:
    if ("stateMachineArn" in request) == ("mapRunArn" in request):
        raise Invalid("Must provide exactly one of stateMachineArn or mapRunArn")
    if "mapRunArn" in request:
        account, region, _ = parse_map_run(request["mapRunArn"])
        load_map_run(tx, request["mapRunArn"])
        return request["mapRunArn"], account, region
    ref = parse_machine(request["stateMachineArn"])
    machine = load_machine(tx, ref, asked=request["stateMachineArn"])
    if machine.type == "EXPRESS":
        raise StateMachineTypeNotSupported
    of = ref.name
    if ref.version or ref.alias:
        of = f"{ref.name}:{ref.version or ref.alias}"
    return of, ref.account, ref.region


def _listed(account: str, region: str, row: Listed) -> Response:
    machine = machine_arn(region, account, row.machine)
    shown: Response = {
        "executionArn": arn_of(account, region, row), "stateMachineArn": machine, "name": row.name,
        "status": row.status, "startDate": row.started_ms, "redriveCount": row.redrives,
    }  # fmt: skip
    if row.status != "RUNNING":
        shown["stopDate"] = row.stopped_ms
    if row.redriven_ms:
        shown["redriveDate"] = row.redriven_ms
    if row.map_run:
        shown |= {"mapRunArn": row.map_run, "itemCount": row.item_count}
    _qualified(shown, machine, row)
    return shown
