"""How map runs end: their children first, then their results are gathered or written, then their Map goes on.

A run that fails or is aborted starts no more children. Standard ones that run are aborted, Express ones come to
their end; a ResultWriter writes what there is, what was never started included.

Source: Developer Guide, "ResultWriter (Map)", "Redriving Map Runs" (what a run still does as it ends).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from msgspec.structs import replace

from ballroom.kernel import Caller, Context, Delivery, RetryPolicy, Tx, on_delivery, on_timer

from ..map_runs import (
    ENDING,
    OVER,
    READING,
    WRITING,
    Child,
    ItemPages,
    ItemsPage,
    MapRun,
    Plan,
    ResultRow,
    Unsuccessful,
    child_key,
    child_result_key,
    find_map_run,
    items_page_key,
    map_run_key,
    plan_key,
    unsuccessful_key,
)
from ..resources import Listed, by_status_prefix
from ..result_writer import Gathered, TooLarge, WriterFailed, gather, gather_now, write

if TYPE_CHECKING:
    from .session import Session

_POLICY = RetryPolicy(maximum_attempts=None, back_off_ms=(1_000, 5_000, 30_000))
_GATHERED_AT_ONCE = 500
"""Of more children, the outputs are gathered beside the transaction."""
_STOPPED_AT_ONCE = 64
_CLEARED_AT_ONCE = 500
_LOOK_AGAIN_MS = 100


def caller_for(tx: Tx, run: MapRun) -> Caller:
    """The role of the state machine, acting for the execution that the run belongs to."""
    plan = tx.get(Plan, plan_key(run.id))
    assert plan is not None
    role = plan.settings.role.rpartition("/")[2] or "states"
    return Caller(
        account=run.account, region=run.region,
        arn=f"arn:aws:sts::{run.account}:assumed-role/{role}/{plan.caller}"[:2048],
        user_id=run.account, access_key_id="", request_id=tx.ids.uuid(), source="states.amazonaws.com",
    )  # fmt: skip


def end(session: Session, run: MapRun, outcome: str, error: str = "", cause: str | None = None) -> None:
    """Start nothing more; once all children have ended, the run ends as `outcome`."""
    if run.phase in (OVER, WRITING) and outcome != "ABORTED":
        return
    phase = run.phase if run.phase == WRITING else ENDING
    run = replace(run, phase=phase, outcome=outcome, error=error, cause=cause)
    session.tx.put(map_run_key(run.arn), run)
    if phase == ENDING:
        session.inbox.append(lambda later: _drain(later, run.arn))


@on_timer("states.map-drain")
def drain_later(tx: Tx, arn: str) -> None:
    """Stop more of what still runs. Harmless if repeated."""
    from .running import Running

    tx.kernel.state(Running).drive(tx, lambda session: _drain(session, arn))


def _drain(session: Session, arn: str) -> None:
    from . import ending

    tx = session.tx
    run = find_map_run(tx, arn)
    if run is None or run.phase != ENDING:
        return
    if not run.running:
        settle(session, run)
        return
    if run.express:
        return
    rows = tx.scan_prefix(
        Listed, by_status_prefix(run.account, run.region, arn, "RUNNING"), limit=_STOPPED_AT_ONCE
    )
    for row in rows:
        live = session.find(row.number)
        if live is not None:
            ending.stop(live, None, None)
    # children that this very transaction started are not listed yet
    tx.wake_at(tx.now_ms if rows else tx.now_ms + _LOOK_AGAIN_MS, "states.map-drain", arn)


def settle(session: Session, run: MapRun) -> None:
    """All children have ended: write their results, or gather their outputs."""
    tx = session.tx
    plan = tx.get(Plan, plan_key(run.id))
    assert plan is not None
    writes = plan.writer is not None and run.whole
    if writes or (run.outcome == "SUCCEEDED" and run.children > _GATHERED_AT_ONCE):
        tx.put(map_run_key(run.arn), replace(run, phase=WRITING))
        tx.deliver("states.map-write", msgspec.msgpack.encode(run.arn), policy=_POLICY, subject=run.arn)
        return
    result = None
    if run.outcome == "SUCCEEDED":
        try:
            result = gather_now(tx, run)
        except TooLarge:
            run = _too_large(run)
    conclude(session, run, result)


def _too_large(run: MapRun) -> MapRun:
    return replace(
        run, outcome="FAILED", error="States.DataLimitExceeded",
        cause=f"The state/task '{run.state}' returned a result with a size exceeding the maximum number of "
        "bytes service limit.",
    )  # fmt: skip


@on_delivery("states.map-write", concurrency=16)
async def write_results(ctx: Context, delivery: Delivery) -> None:
    """Write or gather the results of a run's children; again from the start if it was interrupted."""
    arn = msgspec.msgpack.decode(delivery.payload, type=str)
    run = ctx.transact(find_map_run, arn)
    if run is None or run.phase != WRITING:
        return
    plan = ctx.transact(lambda tx: tx.get(Plan, plan_key(run.id)))
    assert plan is not None
    done, fail = Gathered(None), run
    try:
        if plan.writer is not None:
            caller = ctx.transact(caller_for, run)
            done = await write(ctx, ctx.kernel.context(caller), run, plan.writer)
        else:
            done = await gather(ctx, run)
    except WriterFailed as failed:
        fail = replace(run, outcome="FAILED", error="States.ResultWriterFailed", cause=str(failed))
    except TooLarge:
        fail = _too_large(run)
    ctx.transact(_written, delivery, arn, fail if fail is not run else None, done)


def _written(tx: Tx, delivery: Delivery, arn: str, failed: MapRun | None, done: Gathered) -> None:
    from .running import Running

    delivery.complete(tx)
    run = find_map_run(tx, arn)
    if run is None or run.phase != WRITING:
        return
    if failed is not None and run.outcome == "SUCCEEDED":
        run = replace(run, outcome="FAILED", error=failed.error, cause=failed.cause)
    run = replace(run, written=done.children, written_items=done.items)
    tx.kernel.state(Running).drive(tx, lambda session: conclude(session, run, done.result))


def conclude(session: Session, run: MapRun, result: Any) -> None:
    """The run is over, and its Map goes on."""
    from . import distributed

    tx = session.tx
    run = replace(run, phase=OVER, status=run.outcome, stopped_ms=tx.now_ms)
    tx.put(map_run_key(run.arn), run)
    if run.outcome == "SUCCEEDED":
        clear(tx, run.id)
        distributed.succeeded(session, run, result)
    elif run.outcome == "FAILED":
        distributed.failed(session, run)
    elif run.redrive_asked:
        distributed.go_on(session, run)


def clear(tx: Tx, id: int) -> None:
    """Remove what a run that nobody will redrive needs no more, in portions."""
    tx.delete(plan_key(id))
    tx.kernel.state(ItemPages).forget(id)
    clear_later(tx, id)


@on_timer("states.map-clear")
def clear_later(tx: Tx, id: int) -> None:
    """Remove more. Harmless if repeated."""
    left = _CLEARED_AT_ONCE
    prefixes: tuple[tuple[Any, Any], ...] = (
        (ItemsPage, items_page_key(id, 0)[:-1]),
        (Child, child_key(id, 0)[:-1]),
        (ResultRow, child_result_key(id, 0)[:-1]),
        (Unsuccessful, unsuccessful_key(id, 0, 0)[:-2]),
    )
    for kind, prefix in prefixes:
        rows = tx.scan_prefix_items(kind, prefix, limit=left)
        for row_key, _ in rows:
            tx.delete(row_key)
        left -= len(rows)
        if left <= 0:
            tx.wake_at(tx.now_ms + 1, "states.map-clear", id, housekeeping=True)
            return


__all__ = ["READING", "caller_for", "clear", "conclude", "end", "settle"]
