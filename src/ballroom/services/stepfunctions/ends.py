"""What follows from the end of an execution: whoever waits for it goes on, events and metrics tell.

All in the commit of the end, or (metrics) after it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ballroom.kernel import registry

from .arns import machine_arn
from .engine import tasks
from .engine.branch import Branch, read_path
from .engine.ending import guarded
from .integrations.nested import result_of
from .integrations.outcomes import TaskFailure
from .language.machine import TaskState
from .resources import Execution

if TYPE_CHECKING:
    from .engine.execution import Live
    from .engine.session import Session

NAMESPACE = "AWS/States"
_METRIC = {
    "SUCCEEDED": "ExecutionsSucceeded", "FAILED": "ExecutionsFailed", "TIMED_OUT": "ExecutionsTimedOut",
    "ABORTED": "ExecutionsAborted",
}  # fmt: skip


def tell(session: Session, live: Live) -> None:
    """An execution has ended."""
    tx = session.tx
    if live.express:
        live.held.stop()
    elif live.expires_ms:
        tx.cancel_wake(live.expires_ms, "states.expire", live.number)
    record = live.record
    tx.after_commit(lambda: count_end(live))
    status_changed(session, live)
    if record.parent is not None:
        session.inbox.append(lambda later: _go_on(later, live, record))
    if record.map_run:
        from .engine.map_children import child_ended

        session.inbox.append(lambda later: child_ended(later, live))


def _go_on(session: Session, live: Live, record: Execution) -> None:
    assert record.parent is not None
    number, path, attempt = record.parent
    branch = session.find_branch(number, read_path(path), attempt)
    if branch is None or not isinstance(branch.state, TaskState):
        return
    session.moved(branch.live)
    machine = machine_arn(live.ref.region, live.ref.account, live.ref.machine)
    with guarded(branch.live):
        _take(branch, branch.state, live, machine, record)


def _take(branch: Branch, state: TaskState, live: Live, machine: str, record: Execution) -> None:
    try:
        done = result_of(state.resource, live.arn, machine, record)
    except TaskFailure as failure:
        tasks.failed(branch, failure.error, failure.cause)
        return
    tasks.succeeded(branch, done.result)


def status_changed(session: Session, live: Live) -> None:
    """Tell EventBridge of a Standard execution's new status.

    Source: Developer Guide, "Automating Step Functions event delivery with EventBridge".
    """
    if live.express or ("events", "EmitEvents") not in registry.operations:
        return
    tx, record, ref = session.tx, live.record, live.ref

    def detail() -> dict[str, Any]:
        return {
            "executionArn": live.arn,
            "stateMachineArn": machine_arn(ref.region, ref.account, ref.machine),
            "name": record.name, "status": record.status, "startDate": record.started_ms,
            "stopDate": record.stopped_ms or None, "input": record.input, "output": record.output,
            "stateMachineVersionArn": None, "stateMachineAliasArn": None,
            "redriveCount": record.redrives, "redriveDate": record.redriven_ms or None,
            "redriveStatus": redrive_status(record, tx.now_ms)[0],
            "redriveStatusReason": redrive_status(record, tx.now_ms)[1],
            "inputDetails": {"included": True},
            "outputDetails": {"included": True} if record.output is not None else None,
            "error": record.error, "cause": record.cause,
        }  # fmt: skip

    entry = {
        "Source": "aws.states", "DetailType": "Step Functions Execution Status Change", "Detail": detail,
        "Resources": [live.arn],
    }  # fmt: skip
    caller = session.running.kernel.system_caller()
    caller = caller.acting("states.amazonaws.com", account=ref.account, region=ref.region)
    session.effect(live, lambda: tx.call("events", "EmitEvents", {"Entries": [entry]}, caller=caller))


def count_end(live: Live) -> None:
    """Metrics of an end."""
    metrics, ref, record = live.session.tx.kernel.metrics, live.ref, live.record
    machine = ref.machine.partition("/")[0]
    dimensions = (("StateMachineArn", machine_arn(ref.region, ref.account, machine)),)
    metrics.count(ref.account, ref.region, NAMESPACE, _METRIC[record.status], dimensions)
    metrics.count(
        ref.account, ref.region, NAMESPACE, "ExecutionTime", dimensions, record.stopped_ms - record.started_ms
    )


def redrive_status(record: Execution, now_ms: int) -> tuple[str, str | None]:
    """Whether an execution may be redriven, and why not.

    Source: API Reference, DescribeExecution (redriveStatus, redriveStatusReason).
    """
    if record.status in ("RUNNING", "SUCCEEDED"):
        return "NOT_REDRIVABLE", f"Execution is {record.status} and cannot be redriven"
    if record.map_run:
        return "REDRIVABLE_BY_MAP_RUN", None
    if now_ms - record.stopped_ms > 14 * 24 * 3600 * 1000:
        return "NOT_REDRIVABLE", "Execution redrive period exceeded 14 days"
    return "REDRIVABLE", None
