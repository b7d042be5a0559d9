"""Runs a step's provider and records what came of it."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import Any

from ballroom.kernel import Context, ServiceError, Tx

from ..errors import ValidationError
from ..resource_types.base import (
    EXISTS_CODES,
    Call,
    Failure,
    Pending,
    Replace,
    handler_code,
    is_missing,
)
from ..resources import Garbage, Operation, Stack, Step, from_json, key, replace, to_json, uuid_of
from . import values
from .applying import restart_as_replace
from .calls import JoinedCall, MustWait, WaitingCall, run_joined
from .events import note_resource, shown_properties
from .removing import forget_garbage, ghost_of
from .work import Scope, Work, operation_caller

log = logging.getLogger("ballroom.cloudformation")

INITIATED = "Resource creation Initiated"


@dataclass(slots=True)
class Outcome:
    """What a provider came to."""

    state: str
    """`done`, `pending`, `replace` or `failed`."""
    attributes: dict[str, Any] = field(default_factory=dict)
    reason: str = ""
    made: bool = True
    """Whether a failed creation may have left something behind."""


async def perform(ctx: Context, work: Work) -> Work | None:
    """Carry out a step; what follows at once from it, if anything does.

    The provider runs within the transaction that records its outcome, unless it must wait.
    """
    try:
        return ctx.transact(_joined, work)
    except MustWait:
        pass
    operation = ctx.transact(lambda tx: tx.get(Operation, key(tx, "operation", uuid_of(work.stack_id))))
    if operation is None:
        return None
    await ctx.durable()  # its name is on disk before anything by that name exists
    target = work.target
    outcome = await _outcome(WaitingCall(ctx, operation_caller(operation)), work, waits=True)
    work.target = target
    return ctx.transact(record, work, outcome)


def _joined(tx: Tx, work: Work) -> Work | None:
    operation = tx.get(Operation, key(tx, "operation", uuid_of(work.stack_id)))
    if operation is None:
        return None
    physical_id, deadline = work.target.physical_id, work.target.deadline_ms
    try:
        with tx.savepoint():
            outcome = run_joined(_outcome(JoinedCall(tx, operation_caller(operation)), work, waits=False))
            if outcome.state in ("failed", "replace"):
                raise _Undo(outcome)
    except _Undo as undo:
        outcome = undo.outcome
        outcome.made = outcome.made and work.mode == "poll"
    except MustWait:
        work.target.physical_id, work.target.deadline_ms = physical_id, deadline
        raise
    return record(tx, work, outcome)


class _Undo(Exception):
    """Takes back what a failed provider wrote within the transaction."""

    def __init__(self, outcome: Outcome) -> None:
        self.outcome = outcome
        super().__init__(outcome.reason)


async def _outcome(call: Call, work: Work, *, waits: bool) -> Outcome:
    """Run the provider; its errors become an outcome."""
    target = work.target
    try:
        if work.mode == "create":
            return Outcome("done", await _create(call, work))
        if work.mode == "update":
            assert work.entry.update is not None
            made = await work.entry.update(call, target)
            return Outcome("done", await _attributes(call, work, made))
        if work.mode == "poll":
            assert work.entry.poll is not None
            made = await work.entry.poll(call, target)
            return Outcome("done", await _attributes(call, work, made) if work.step.kind != "delete" else {})
        await work.entry.delete(call, target)
        return Outcome("done")
    except Pending as pending:
        return Outcome("pending", pending.attributes)
    except Replace:
        return Outcome("replace")
    except Failure as failure:
        return Outcome("failed", reason=str(failure), made=bool(target.physical_id))
    except _Exists as exists:
        return Outcome("failed", reason=_handler_text(work, str(exists), "AlreadyExists"), made=False)
    except ServiceError as error:
        if work.mode == "delete" and is_missing(error):
            return Outcome("done")
        ours = error.shape not in EXISTS_CODES or work.adopt
        return Outcome("failed", reason=_service_text(work, error), made=waits and ours)
    except (KeyError, IndexError, TypeError, AttributeError, ValueError) as bug:
        if isinstance(bug, TypeError) and "join a transaction" in str(bug):
            raise
        # A property of a form that the provider did not expect: the resource fails, the stack rolls back.
        log.exception("the provider of %s failed (%s of %s)", work.entry.type, work.mode, target.logical_id)
        return Outcome("failed", reason=f"Internal failure while handling {work.entry.type}: {bug!r}")


class _Exists(Exception):
    """Somebody else's resource has the name that the template gives."""


async def _create(call: Call, work: Work) -> dict[str, Any]:
    target, entry = work.target, work.entry
    if entry.read is not None and entry.name is not None and (work.explicit_name or work.adopt):
        found = await _find(call, work)
        if found is not None:
            if not work.adopt:
                raise _Exists(
                    f"Resource of type '{entry.type}' with identifier '{_identifier(work)}' already exists."
                )
            target.physical_id = target.physical_id or target.name
            return found
    made = await entry.create(call, target)
    target.physical_id = target.physical_id or target.name
    return await _attributes(call, work, made)


async def _find(call: Call, work: Work) -> dict[str, Any] | None:
    assert work.entry.read is not None
    try:
        return await work.entry.read(call, work.target)
    except ServiceError as error:
        if is_missing(error) or error.status == 404:
            return None
        raise


async def _attributes(call: Call, work: Work, made: dict[str, Any] | None) -> dict[str, Any]:
    if made is not None:
        return made
    return await work.entry.read(call, work.target) if work.entry.read is not None else {}


def _identifier(work: Work) -> str:
    assert work.entry.name is not None
    return to_json({f"/properties/{work.entry.name.property}": work.target.name})


def _handler_text(work: Work, text: str, code: str) -> str:
    about = f"RequestToken: {work.target.token}, HandlerErrorCode: {code}"
    return f'Resource handler returned message: "{text}" ({about})'


def _service_text(work: Work, error: ServiceError) -> str:
    service = work.entry.type.split("::")[1]
    status = error.status or 400
    text = f"{error.text or error.shape} (Service: {service}, Status Code: {status}, Error Code: {error.shape})"
    return _handler_text(work, text, handler_code(error))


# -- recording ---------------------------------------------------------------------------------------


def record(tx: Tx, work: Work, outcome: Outcome) -> Work | None:
    """Write what came of a step, and its events. A step that has been given up meanwhile is left alone."""
    uuid = uuid_of(work.stack_id)
    operation = tx.get(Operation, key(tx, "operation", uuid))
    stack = tx.get(Stack, key(tx, "stack", uuid))
    step = tx.get(Step, key(tx, "step", uuid, work.step.logical_id))
    if operation is None or stack is None or step is None or step.token != work.step.token:
        return None
    if step.state not in ("running", "waiting"):
        return None
    scope = Scope.of(tx, stack, operation)
    if step.action == "collect":
        _record_collected(scope, step, work, outcome)
    elif step.kind == "delete":
        _record_deleted(scope, step, work, outcome)
    elif outcome.state == "replace":
        return restart_as_replace(scope, step)
    elif outcome.state == "pending":
        _record_pending(scope, step, work, outcome)
    elif outcome.state == "failed":
        _record_failed(scope, step, work, outcome)
    else:
        _record_made(scope, step, work, outcome)
    return None


def _record_made(scope: Scope, step: Step, work: Work, outcome: Outcome) -> None:
    resource = scope.resources[step.logical_id]
    shown = _shown(scope, step)
    old_id = resource.physical_id if step.kind == "update" else ""
    made = replace(
        resource, physical_id=work.target.physical_id, name=step.name, properties=step.properties,
        attributes=to_json(outcome.attributes), tags=step.tags, updated_ms=scope.tx.now_ms, reason="",
    )  # fmt: skip
    if step.kind in ("create", "replace") and step.state == "running":
        note_resource(scope.tx, scope.stack, made, reason=INITIATED, properties=shown)
    status = "CREATE_COMPLETE" if step.kind == "create" else "UPDATE_COMPLETE"
    made = replace(made, status=status)
    if step.action == "restore":
        made = replace(made, before=None)
    elif old_id and old_id != made.physical_id and made.before is not None:
        # An update that gave a new physical id (custom resources do): the old one goes when the update stands.
        made = replace(made, before=replace(made.before, kind="replaced"))
    scope.put(made)
    note_resource(scope.tx, scope.stack, made, properties=shown)
    scope.save(replace(step, state="done", physical_id=made.physical_id))


def _record_pending(scope: Scope, step: Step, work: Work, outcome: Outcome) -> None:
    resource = scope.resources[step.logical_id]
    if step.state == "running" and step.kind in ("create", "replace"):
        resource = replace(
            resource, physical_id=work.target.physical_id or resource.physical_id, name=step.name,
            attributes=to_json(outcome.attributes), updated_ms=scope.tx.now_ms,
        )  # fmt: skip
        if step.kind == "create":
            scope.put(resource)
        if work.target.physical_id:
            note_resource(scope.tx, scope.stack, resource, reason=INITIATED, properties=_shown(scope, step))
    deadline = work.target.deadline_ms
    if deadline is not None and deadline != step.deadline_ms:
        scope.tx.wake_at(deadline, "cloudformation.wake", scope.tx.account, scope.tx.region, scope.stack.uuid)
    scope.save(
        replace(
            step, state="waiting", deadline_ms=deadline, physical_id=work.target.physical_id or step.physical_id
        )
    )


def _record_failed(scope: Scope, step: Step, work: Work, outcome: Outcome) -> None:
    resource = scope.resources[step.logical_id]
    made_id = (work.target.physical_id or step.name) if outcome.made else ""
    status = "CREATE_FAILED" if step.kind == "create" else "UPDATE_FAILED"
    failed = replace(resource, status=status, updated_ms=scope.tx.now_ms, reason=outcome.reason)
    if step.kind == "create":
        failed = replace(failed, physical_id=made_id)
    elif step.kind == "replace":
        failed = replace(failed, physical_id=made_id or resource.physical_id,
                         properties=step.properties if made_id else resource.properties)  # fmt: skip
    else:  # what it attempted, so that going back undoes all of it
        failed = replace(failed, properties=step.properties, tags=step.tags)
    scope.put(failed)
    note_resource(scope.tx, scope.stack, failed, reason=outcome.reason, properties=_shown(scope, step))
    scope.save(replace(step, state="failed", reason=outcome.reason))


def _record_deleted(scope: Scope, step: Step, work: Work, outcome: Outcome) -> None:
    resource = scope.resources[step.logical_id]
    if outcome.state == "pending":
        _wait_for_deletion(scope, step, work)
        return
    done = outcome.state == "done"
    status = "DELETE_COMPLETE" if done else "DELETE_FAILED"
    gone = replace(resource, status=status, updated_ms=scope.tx.now_ms, reason=outcome.reason)
    scope.put(gone)
    note_resource(scope.tx, scope.stack, gone, reason=outcome.reason, properties=_shown(scope, step))
    scope.save(replace(step, state="done" if done else "failed", reason=outcome.reason))


def _record_collected(scope: Scope, step: Step, work: Work, outcome: Outcome) -> None:
    tx = scope.tx
    garbage = tx.get(Garbage, key(tx, "garbage", scope.stack.uuid, step.garbage))
    if garbage is None:
        return
    if outcome.state == "pending":
        _wait_for_deletion(scope, step, work)
        return
    done = outcome.state == "done"
    ghost = replace(ghost_of(garbage, tx.now_ms), status="DELETE_COMPLETE" if done else "DELETE_FAILED")
    note_resource(tx, scope.stack, ghost, reason=outcome.reason)
    forget_garbage(scope, step, garbage)  # AWS tries once: what it cannot delete then is the owner's
    if not done:
        scope.save(replace(step, state="failed", reason=outcome.reason))


def _wait_for_deletion(scope: Scope, step: Step, work: Work) -> None:
    deadline = work.target.deadline_ms
    if deadline is not None and deadline != step.deadline_ms:
        scope.tx.wake_at(deadline, "cloudformation.wake", scope.tx.account, scope.tx.region, scope.stack.uuid)
    scope.save(replace(step, state="waiting", deadline_ms=deadline))


def _shown(scope: Scope, step: Step) -> str:
    """The properties as events show them, without what NoEcho hides."""
    if scope.stack.desired.hidden and step.action == "apply":
        definition = values.template_of(scope.tx, scope.stack.desired)["Resources"].get(step.logical_id, {})
        try:
            return shown_properties(scope.evaluator(hide=True).value(definition.get("Properties") or {}))
        except ValidationError:
            return "{}"
    return shown_properties(from_json(step.properties))
