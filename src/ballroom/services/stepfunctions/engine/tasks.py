"""Tasks: what they are given, who does them, and what comes of it.

A task is noted in the journal before anything happens. What can be done within the transaction is done there,
so that effect and history are one commit; everything else is begun by a delivery of that commit, or waits
for a worker, a callback or a nested execution.

Source: Developer Guide, "Discover service integration patterns"; recorded histories.
"""

from __future__ import annotations

from typing import Any

from ..integrations import PENDING, Done, TaskFailure, begin_task
from ..integrations.nested import stop_nested
from ..language.machine import Resource, Scope, StatesError, TaskState
from ..mocks import mocked
from ..tokens import new_token
from . import failing, steps
from .branch import TASK, Branch
from .execution import MOST_BYTES, text_of
from .journal import NUMBER

_PREFIX = {"lambda": "LambdaFunction", "activity": "Activity"}
_LONGEST_S = 99_999_999


def _event(resource: Resource, end: str) -> int:
    return NUMBER[_PREFIX.get(resource.kind, "Task") + end]


def _named(resource: Resource, details: dict[str, Any]) -> dict[str, Any]:
    if resource.kind in _PREFIX:
        return details
    return {"resourceType": resource.resource_type, "resource": resource.resource, **details}


def begin(branch: Branch, state: TaskState, scope: Scope, before: int) -> None:
    """Start a task."""
    live, position, resource = branch.live, branch.position, state.resource
    position.attempt += 1
    with_token = resource.pattern == "waitForTaskToken" or resource.kind == "activity"
    position.token = (
        new_token(live.number, branch.path, position.attempt, live.session.ids) if with_token else ""
    )
    add_context(branch, scope)
    try:
        given = state.prepare(scope)
        timeout_s, heartbeat_s = state.timeout_s(scope), state.heartbeat_s(scope)
        credentials = state.credentials(scope)
        text = text_of(given)
        if len(text) > MOST_BYTES // 4 and len(text.encode()) > MOST_BYTES:
            raise StatesError(
                "States.DataLimitExceeded",
                f"The state/task '{resource.arn}' was given a payload with a size exceeding the maximum number "
                "of bytes service limit.",
                located=False,
            )
        if resource.kind == "activity":
            live.session.check_activity(resource.arn)
    except StatesError as error:
        failing.failed(branch, state, scope, error, before)
        return
    _schedule(branch, resource, text, timeout_s, heartbeat_s, credentials)
    now = live.session.now_ms
    position.status = TASK
    position.timeout_ms = now + 1000 * timeout_s if timeout_s is not None and timeout_s < _LONGEST_S else 0
    position.heartbeat_s = heartbeat_s or 0
    branch.dirty = True
    try:
        outcome = mocked(live, branch) or begin_task(branch, resource, given, text, credentials)
    except TaskFailure as failure:
        failed(branch, failure.error, failure.cause)
        return
    if outcome is not PENDING:
        assert isinstance(outcome, Done)
        if resource.pattern:
            submitted(branch, outcome)
        if outcome.final or not resource.pattern:
            succeeded(branch, outcome.result, outcome.text)
            return
    if branch.alive and position.status == TASK:
        watch(branch)


def add_context(branch: Branch, scope: Scope) -> None:
    """What a task's expressions see besides: its token, and how often it was tried again."""
    position = branch.position
    scope.context["State"]["RetryCount"] = sum(position.retries) if position.retries else 0
    if position.token:
        scope.context["Task"] = {"Token": position.token}


def _schedule(
    branch: Branch, resource: Resource, text: str, timeout_s: int | None, heartbeat_s: int | None,
    credentials: Any,
) -> None:  # fmt: skip
    live, position = branch.live, branch.position
    now, journal = live.session.now_ms, live.journal
    if resource.kind in _PREFIX:
        details: dict[str, Any] = {"resource": resource.arn, "input": text}
    else:
        details = _named(resource, {"region": live.ref.region, "parameters": text})
    if timeout_s is not None and timeout_s < _LONGEST_S:
        details["timeoutInSeconds"] = timeout_s
    if heartbeat_s is not None:
        details["heartbeatInSeconds"] = heartbeat_s
    if credentials:
        details["taskCredentials"] = {"roleArn": credentials.get("RoleArn", "")}
    position.previous = journal.add(_event(resource, "Scheduled"), position.previous, now, details)
    if resource.kind != "activity":
        position.previous = journal.add(
            _event(resource, "Started"), position.previous, now, _named(resource, {})
        )


def watch(branch: Branch) -> None:
    """Arm the timer of whatever ends first: the time-out or the heartbeat."""
    position, session = branch.position, branch.live.session
    due = position.timeout_ms
    if position.heartbeat_s:
        beat = session.now_ms + 1000 * position.heartbeat_s
        due = min(due, beat) if due else beat
    if due:
        session.sleep(branch, due, same_attempt=True)


def look_at_time(branch: Branch) -> None:
    """The timer of a task under way has fired."""
    position = branch.position
    heartbeat = not position.timeout_ms or branch.live.session.now_ms < position.timeout_ms
    timed_out(branch, heartbeat=heartbeat)


def heard(branch: Branch) -> None:
    """A heartbeat: the timer starts anew."""
    branch.live.session.cancel(branch)
    branch.dirty = True
    watch(branch)


def started(branch: Branch, worker: str | None) -> None:
    """A worker has taken an activity's task."""
    position, live = branch.position, branch.live
    details = {"workerName": worker} if worker else {}
    position.previous = live.journal.add(
        NUMBER["ActivityStarted"], position.previous, live.session.now_ms, details
    )
    heard(branch)


def submitted(branch: Branch, outcome: Done) -> None:
    """What waits for a callback or a nested execution has been handed over."""
    position, live, resource = branch.position, branch.live, _resource(branch)
    position.previous = live.journal.add(
        _event(resource, "Submitted"), position.previous, live.session.now_ms,
        _named(resource, {"output": outcome.text or text_of(outcome.result)}),
    )  # fmt: skip
    branch.dirty = True


def _resource(branch: Branch) -> Resource:
    state = branch.state
    assert isinstance(state, TaskState)
    return state.resource


def succeeded(branch: Branch, result: Any, text: str | None = None) -> None:
    """A task is done. `text`: its result as the service told it, where that is at hand."""
    position, live, state = branch.position, branch.live, branch.state
    assert isinstance(state, TaskState)
    resource = state.resource
    if text is None:
        text = text_of(result)
    if len(text) > MOST_BYTES // 4 and len(text.encode()) > MOST_BYTES:
        subject = resource.arn if resource.kind in _PREFIX else resource.service
        failed(
            branch, "States.DataLimitExceeded",
            f"The state/task '{subject}' returned a result with a size exceeding the maximum number of bytes "
            "service limit.",
        )  # fmt: skip
        return
    live.session.cancel(branch)
    position.previous = live.journal.add(
        _event(resource, "Succeeded"),
        position.previous,
        live.session.now_ms,
        _named(resource, {"output": text}),
    )
    scope = live.scope_of(branch)
    add_context(branch, scope)
    try:
        finished = state.finish(scope, result)
        output = steps.checked(state, finished)
    except StatesError as error:
        failing.failed(branch, state, scope, error, position.previous)
        return
    steps.leave(branch, state, finished, output)


def failed(branch: Branch, error: str | None, cause: str | None) -> None:
    """A task has failed."""
    position, live, resource = branch.position, branch.live, _resource(branch)
    details: dict[str, Any] = {}
    if error is not None:
        details["error"] = error
    if cause is not None:
        details["cause"] = cause
    live.session.cancel(branch)
    position.previous = live.journal.add(
        _event(resource, "Failed"), position.previous, live.session.now_ms, _named(resource, details)
    )
    _over(branch, error, cause)


def timed_out(branch: Branch, *, heartbeat: bool) -> None:
    """A task took too long, or its worker was not heard of."""
    position, live, resource = branch.position, branch.live, _resource(branch)
    live.session.cancel(branch)
    stop_nested(branch)
    position.previous = live.journal.add(
        _event(resource, "TimedOut"), position.previous, live.session.now_ms,
        _named(resource, {"error": "States.Timeout"}),
    )  # fmt: skip
    _over(branch, "States.Timeout", None, heartbeat=heartbeat)


def _over(branch: Branch, error: str | None, cause: str | None, *, heartbeat: bool = False) -> None:
    scope = branch.live.scope_of(branch)
    add_context(branch, scope)
    branch.position.token = ""
    branch.position.timeout_ms = branch.position.heartbeat_s = 0
    failing.handle(branch, branch.state, scope, error, cause, heartbeat=heartbeat)
