"""Calls that cannot join a transaction: handed over to a delivery, and what comes back.

A delivery is attempted until its outcome is recorded, with the same request id each time: a crash between
the call and the commit of its outcome repeats the call, and nothing else.
"""

from __future__ import annotations

from typing import Any

import msgspec

from ballroom.kernel import (
    Context,
    Delivery,
    RetryPolicy,
    ServiceError,
    Tx,
    on_delivery,
)
from ballroom.kernel.errors import Throttled, Unavailable

from .engine import tasks
from .engine.branch import TASK, Branch, Path, path_text, read_path
from .engine.ending import guarded
from .engine.running import Running
from .engine.session import Session
from .integrations import TaskFailure, caller_of, outcome_of
from .integrations.base import Call
from .integrations.bodies import with_bodies_read
from .language.machine import TaskState

_POLICY = RetryPolicy(maximum_attempts=None, back_off_ms=(1_000, 5_000, 30_000))


class Handed(msgspec.Struct, array_like=True, frozen=True):
    """What a delivery carries."""

    number: int
    path: str
    attempt: int
    service: str
    operation: str
    input: dict[str, Any]
    request_id: str


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Handed).decode


def hand_over(session: Session, branch: Branch, call: Call, request_id: str) -> None:
    """Leave a call to a delivery of this commit."""
    live = branch.live
    if live.express:
        live.held.hand_over(session, branch, call, request_id)
        return
    live.effects = True
    handed = Handed(
        live.number, path_text(branch.path), branch.position.attempt, call.service, call.operation, call.input,
        request_id,
    )  # fmt: skip
    tx = session.tx
    before, tx.caller = tx.caller, caller_of(live, request_id)
    try:
        tx.deliver("states.call", _encode(handed), policy=_POLICY, subject=live.arn)
    finally:
        tx.caller = before


@on_delivery("states.call", concurrency=1000)
async def carry_out(ctx: Context, delivery: Delivery) -> None:
    """Carry out a call and record its outcome, in the commit that lets the execution go on."""
    handed = _decode(delivery.payload)
    path = read_path(handed.path)
    caller = ctx.transact(_wanted, handed.number, path, handed.attempt, handed.request_id)
    if caller is None:
        return  # stopped, timed out, or done already
    answer: Any
    try:
        answer = await perform(ctx.kernel.context(caller), Call(handed.service, handed.operation, handed.input))
    except (Throttled, Unavailable):
        raise
    except ServiceError as error:
        answer = error

    def record(tx: Tx) -> None:
        delivery.complete(tx)
        settle(tx, handed.number, path, handed.attempt, answer, handed.request_id)

    ctx.transact(record)


def _wanted(tx: Tx, number: int, path: Path, attempt: int, request_id: str) -> Any:
    running = tx.kernel.state(Running)
    live = running.at_hand(tx, number)
    branch = running.branch_at(tx, live, path) if live is not None and not live.ended else None
    if live is None or branch is None or branch.position.attempt != attempt or branch.position.status != TASK:
        return None
    return caller_of(live, request_id)


async def perform(ctx: Context, call: Call) -> dict[str, Any]:
    """Carry out a call; a body that streams is read as far as a result may be long."""
    answer = await ctx.call(call.service, call.operation, call.input)
    return await with_bodies_read(answer)


def settle(tx: Tx, number: int, path: Path, attempt: int, answer: Any, request_id: str) -> None:
    """Record what came of a call, if its task still waits for it."""

    def work(session: Session) -> None:
        branch = session.find_branch(number, path, attempt)
        if branch is None or branch.position.status != TASK:
            return
        take(session, branch, answer, request_id)

    tx.kernel.state(Running).drive(tx, work)


def take(session: Session, branch: Branch, answer: Any, request_id: str) -> None:
    """A task's answer has come."""
    session.moved(branch.live)
    state = branch.state
    assert isinstance(state, TaskState)
    with guarded(branch.live):
        try:
            done = outcome_of(branch, state.resource, answer, request_id)
        except TaskFailure as failure:
            tasks.failed(branch, failure.error, failure.cause)
            return
        if state.resource.pattern and not done.final:
            tasks.submitted(branch, done)
        else:
            tasks.succeeded(branch, done.result, done.text)
