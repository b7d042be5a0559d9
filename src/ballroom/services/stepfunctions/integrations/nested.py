"""`states:startExecution`: starting another state machine, and with `.sync` waiting for it.

A crash: the start and the history are one commit, so it happens exactly once; the end of the nested
execution and its parent's going on are one commit too.

Source: Developer Guide, "Start a new AWS Step Functions state machine from a running execution"; recorded
histories.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from ballroom.kernel import ServiceError
from ballroom.kernel.model import load_service

from ..arns import parse_execution
from ..language.machine import Resource
from ..resources import Execution, execution_key
from .base import sdk_metadata, status_of
from .outcomes import Done, Outcome, TaskFailure

if TYPE_CHECKING:
    from ..engine.branch import Branch
    from ..engine.session import Session

_KNOWN = ("StateMachineArn", "Name", "Input", "TraceHeader")


def start_nested(branch: Branch, resource: Resource, given: Any) -> Outcome:
    """Start an execution; with `.sync`, the task goes on when that has ended.

    Raises:
        TaskFailure: it could not be started.
    """
    from . import caller_of, told_of

    live = branch.live
    session = live.session
    told = told_of(live, session.ids.uuid())
    if not isinstance(given, dict) or resource.action != "startExecution":
        raise TaskFailure("States.Runtime", f"The resource {resource.arn} is not supported by Ballroom yet")
    request: dict[str, Any] = {}
    for name in _KNOWN:
        if given.get(name) is not None:
            request[name[0].lower() + name[1:]] = given[name]
    if "input" in request and not isinstance(request["input"], str):
        request["input"] = orjson.dumps(request["input"]).decode()
    if resource.pattern.startswith("sync"):
        request["parent"] = (live.number, list(branch.path), branch.position.attempt)
    caller = caller_of(live, told.request_id)
    try:
        _validate(request)
        answer = session.effect(
            live, lambda: session.tx.call("stepfunctions", "StartNestedExecution", request, caller=caller)
        )
    except ServiceError as error:
        name = error.shape if error.shape.endswith("Exception") else f"{error.shape}Exception"
        raise TaskFailure(
            f"StepFunctions.{name}",
            f"{error.text} (Service: AWSStepFunctions; Status Code: {status_of('stepfunctions', error)}; "
            f"Error Code: {error.shape}; Request ID: {told.request_id}; Proxy: null)",
        ) from error
    if "parent" in request:
        branch.position.nested = answer["executionArn"]
    result = {"ExecutionArn": answer["executionArn"]}
    result |= sdk_metadata(told, "application/x-amz-json-1.0", 161)
    result["StartDate"] = answer["startDate"]
    return Done(result)


def stop_nested(branch: Branch) -> None:
    """A Task that waits for a nested execution is over without it: that is stopped, as AWS tries to.

    Source: Developer Guide, "Run a job (.sync)".
    """
    from ..engine.ending import stop

    arn, branch.position.nested = branch.position.nested, ""
    if not arn:
        return

    def work(session: Session) -> None:
        record = session.tx.get(Execution, execution_key(parse_execution(arn)))
        live = session.find(record.number) if record is not None else None
        if live is not None:
            stop(live, None, None)

    branch.live.session.inbox.append(work)


def _validate(request: dict[str, Any]) -> None:
    public = {name: value for name, value in request.items() if name != "parent"}
    load_service("stepfunctions").operation("StartExecution").validate(public)


def result_of(resource: Resource, arn: str, machine: str, record: Execution) -> Done:
    """What an ended nested execution gives its `.sync` task.

    Raises:
        TaskFailure: it did not succeed.
    """
    parsed = resource.pattern == "sync:2"
    shown: dict[str, Any] = {
        "ExecutionArn": arn, "Input": orjson.loads(record.input) if parsed else record.input,
        "InputDetails": {"Included": True}, "Name": record.name,
    }  # fmt: skip
    if record.output is not None:
        shown["Output"] = orjson.loads(record.output) if parsed else record.output
    shown |= {
        "OutputDetails": {"Included": True}, "StartDate": record.started_ms, "StateMachineArn": machine,
        "Status": record.status, "StopDate": record.stopped_ms,
    }  # fmt: skip
    if record.output is None:
        del shown["OutputDetails"]
    if record.status == "SUCCEEDED":
        return Done(shown, final=True)
    if record.cause is not None:
        shown["Cause"] = record.cause
    if record.error is not None:
        shown["Error"] = record.error
    raise TaskFailure("States.TaskFailed", orjson.dumps(shown, option=orjson.OPT_SORT_KEYS).decode())
