"""Drives a stack's operation: a delivery in the stack's own lane, so that one drive at a time does.

A drive runs every step that may run, at once where they are independent, and ends when nothing is left to do
but wait. Whatever is waited for (a report, a nested stack, a time limit) leaves another delivery.
"""

from __future__ import annotations

import asyncio
import logging

from ballroom.kernel import (
    Context,
    Delivery,
    RetryPolicy,
    Tx,
    on_delivery,
    on_exhausted,
    on_timer,
    service_caller,
)

from ..resource_types.base import find_type
from ..resources import Garbage, Operation, Stack, Step, key, replace
from . import applying, phases, removing
from .activity import Activity
from .events import note_resource, set_status
from .perform import perform
from .work import Scope, Work, work_of

log = logging.getLogger("ballroom.cloudformation")

POLICY = RetryPolicy(maximum_attempts=8, back_off_ms=(1_000, 5_000, 30_000))
CANCELLED = "Resource creation cancelled"


def wake(tx: Tx, uuid: str) -> None:
    """Have the stack's operation looked at after this commit."""
    tx.after_commit(lambda: tx.kernel.state(Activity).begin(uuid))
    tx.deliver(
        "cloudformation.drive",
        uuid.encode(),
        policy=POLICY,
        lane=f"{tx.account}/{tx.region}/{uuid}",
        subject=uuid,
    )


@on_timer("cloudformation.wake")
def time_is_up(tx: Tx, account: str, region: str, uuid: str) -> None:
    """A time limit of a step or of the whole operation. Harmless if repeated: a drive reads what is due."""
    tx.caller = service_caller(account, region, "cloudformation.amazonaws.com")
    wake(tx, uuid)


@on_delivery("cloudformation.drive", concurrency=64)
async def drive(ctx: Context, delivery: Delivery) -> None:
    """Go on with a stack's operation as far as it goes. Repeating is harmless: each step knows its state."""
    uuid = delivery.payload.decode()
    running: set[asyncio.Task[Work | None]] = set()
    try:
        more = ctx.transact(_take_up, uuid)
        while True:
            more += ctx.transact(_next, uuid)
            running |= {asyncio.create_task(perform(ctx, work)) for work in more}
            more = []
            if not running:
                return
            done, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
            more = [work for task in done if (work := task.result()) is not None]
    finally:
        for task in running:
            task.cancel()
        ctx.kernel.state(Activity).end(uuid)


@on_exhausted("cloudformation.drive")
def give_up(tx: Tx, delivery: Delivery, reason: str) -> None:
    """A bug of ours must not leave a stack in progress for ever."""
    uuid = delivery.payload.decode()
    stack, operation = _load(tx, uuid)
    if stack is None or operation is None:
        return
    failed = {"create": "CREATE_FAILED", "update": "UPDATE_FAILED", "delete": "DELETE_FAILED"}[operation.kind]
    stack = set_status(tx, stack, failed, f"Internal failure: {delivery.head.last_error}")
    phases.end(tx, stack)


def _load(tx: Tx, uuid: str) -> tuple[Stack | None, Operation | None]:
    return tx.get(Stack, key(tx, "stack", uuid)), tx.get(Operation, key(tx, "operation", uuid))


def _take_up(tx: Tx, uuid: str) -> list[Work]:
    """What was running when the server stopped, and what waits: both are looked at once in each drive."""
    stack, operation = _load(tx, uuid)
    if stack is None or operation is None:
        return []
    scope = Scope.of(tx, stack, operation)
    found = []
    for step in tx.scan_prefix(Step, key(tx, "step", uuid)):
        if step.state not in ("running", "waiting"):
            continue
        waits = step.state == "waiting"
        if not waits:
            step = scope.save(replace(step, adopt=True))
        work = _work_again(scope, step, "poll" if waits else "")
        if work is not None:
            found.append(work)
    return found


def _work_again(scope: Scope, step: Step, mode: str) -> Work | None:
    if step.action == "collect":
        garbage = scope.tx.get(Garbage, key(scope.tx, "garbage", scope.stack.uuid, step.garbage))
        if garbage is None:
            return None
        resource = removing.ghost_of(garbage, scope.tx.now_ms)
    else:
        resource = scope.resources[step.logical_id]
    entry = find_type(resource.type)
    if entry is None or (mode == "poll" and entry.poll is None):
        return None
    return work_of(scope, step, entry, resource, mode)


def _next(tx: Tx, uuid: str) -> list[Work]:
    """Begin every step that may begin; when none is left, go on to the next phase."""
    while True:
        stack, operation = _load(tx, uuid)
        if stack is None or operation is None or operation.phase == "stuck":
            return []
        operation = _look_at_clock(tx, stack, operation)
        table = {step.logical_id: step for step in tx.scan_prefix(Step, key(tx, "step", uuid))}
        stopping = operation.phase == "apply" and (
            bool(operation.reason) or any(step.state == "failed" for step in table.values())
        )
        scope = Scope.of(tx, stack, operation)
        begun, progress = [], False
        for step in table.values():
            if step.state == "pending" and (stopping or _is_ready(step, table, operation.phase)):
                progress = True
                if stopping or _is_hopeless(step, table, operation.phase):
                    table[step.logical_id] = scope.save(replace(step, state="skipped"))
                elif (work := _begin(scope, step)) is not None:
                    begun.append(work)
            elif step.state == "waiting" and stopping:
                progress = True
                _cancel(scope, step)
        if begun:
            return begun
        if progress:
            continue
        if any(step.state in ("running", "waiting") for step in table.values()):
            return []
        if not phases.settle(tx, stack, operation):
            return []


def _begin(scope: Scope, step: Step) -> Work | None:
    """Start a step whose needs are met; None if there is nothing to be carried out."""
    if step.action == "apply":
        return applying.begin_apply(scope, step)
    if step.action == "restore":
        return removing.begin_restore(scope, step)
    if step.action == "delete":
        return removing.begin_delete(scope, step)
    return removing.begin_collect(scope, step)


def _is_hopeless(step: Step, table: dict[str, Step], phase: str) -> bool:
    """Whether the step would delete something that a resource which could not be deleted still uses."""
    if phase not in ("delete", "undo"):
        return False
    return any(table[name].state in ("failed", "skipped") for name in step.needs if name in table)


def _is_ready(step: Step, table: dict[str, Step], phase: str) -> bool:
    """Whether all that the step needs has ended."""
    for name in step.needs:
        other = table.get(name)
        if other is None:
            continue
        if other.state == "done" or (phase != "apply" and other.state in phases.ENDED):
            continue
        return False
    return True


def _cancel(scope: Scope, step: Step) -> None:
    resource = scope.resources[step.logical_id]
    status = "CREATE_FAILED" if step.kind == "create" else "UPDATE_FAILED"
    reason = CANCELLED if step.kind == "create" else "Resource update cancelled"
    failed = scope.put(replace(resource, status=status, updated_ms=scope.tx.now_ms, reason=reason))
    note_resource(scope.tx, scope.stack, failed, reason=reason)
    scope.save(replace(step, state="failed", reason=reason))


def _look_at_clock(tx: Tx, stack: Stack, operation: Operation) -> Operation:
    """The whole creation may have a time limit (`TimeoutInMinutes`)."""
    late = operation.deadline_ms is not None and tx.now_ms >= operation.deadline_ms
    if late and operation.phase == "apply" and not operation.reason:
        operation = replace(operation, reason="Stack creation time exceeded the specified timeout.")
        phases.put_operation(tx, stack, operation)
    return operation
