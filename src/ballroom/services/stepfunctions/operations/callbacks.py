"""Callbacks: SendTaskSuccess, SendTaskFailure, SendTaskHeartbeat.

Source: Developer Guide, "Wait for a Callback with Task Token"; API Reference.
"""

from __future__ import annotations

from collections.abc import Callable

import orjson

from ballroom.kernel import Request, Response, Tx, operation

from ..engine import tasks
from ..engine.branch import TASK, Branch, read_path
from ..engine.ending import guarded
from ..engine.execution import DEEPEST, MOST_BYTES, too_deep
from ..engine.running import Running
from ..engine.session import Session
from ..errors import InvalidOutput, TaskTimedOut
from ..tokens import TokenParts, read_token


def _load(tx: Tx, token: str) -> TokenParts:
    """The task that a token is for.

    Raises:
        InvalidToken: the token is none of ours.
        TaskTimedOut: the task is over, one way or another.
    """
    parts = read_token(token)
    running = tx.kernel.state(Running)
    live = running.at_hand(tx, parts.number)
    branch = running.branch_at(tx, live, read_path(parts.path)) if live is not None and not live.ended else None
    if branch is None or branch.position.status != TASK or branch.position.token != token:
        raise TaskTimedOut
    return parts


def _apply(tx: Tx, token: str, parts: TokenParts, fn: Callable[[Branch], None]) -> None:
    def work(session: Session) -> None:
        branch = session.find_branch(parts.number, read_path(parts.path), parts.attempt)
        if branch is None or branch.position.status != TASK or branch.position.token != token:
            return
        with guarded(branch.live):
            fn(branch)
        session.moved(branch.live)

    tx.kernel.state(Running).drive(tx, work)


@operation("SendTaskSuccess")
def send_task_success(tx: Tx, request: Request) -> Response:
    """A task that waits for a callback is done.

    Source: API Reference, SendTaskSuccess.
    """
    text = request["output"]
    parts = read_token(request["taskToken"])
    try:
        result = orjson.loads(text)
    except (orjson.JSONDecodeError, UnicodeEncodeError) as wrong:
        raise InvalidOutput(str(wrong)) from wrong
    if len(text.encode()) > MOST_BYTES:
        raise InvalidOutput("Output exceeds the maximum number of bytes service limit")
    if text.count("[") + text.count("{") > DEEPEST and too_deep(result):
        raise InvalidOutput("Output is nested too deep")
    parts = _load(tx, request["taskToken"])
    _apply(tx, request["taskToken"], parts, lambda branch: tasks.succeeded(branch, result, text))
    return {}


@operation("SendTaskFailure")
def send_task_failure(tx: Tx, request: Request) -> Response:
    """A task that waits for a callback has failed.

    Source: API Reference, SendTaskFailure.
    """
    parts = _load(tx, request["taskToken"])
    error, cause = request.get("error"), request.get("cause")
    _apply(tx, request["taskToken"], parts, lambda branch: tasks.failed(branch, error, cause))
    return {}


@operation("SendTaskHeartbeat")
def send_task_heartbeat(tx: Tx, request: Request) -> Response:
    """A task that waits for a callback is still being worked on.

    Source: API Reference, SendTaskHeartbeat.
    """
    parts = _load(tx, request["taskToken"])
    _apply(tx, request["taskToken"], parts, tasks.heard)
    return {}
