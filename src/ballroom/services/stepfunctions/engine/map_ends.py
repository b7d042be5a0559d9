"""The end of a map run: its results gathered or written to S3, its failure, its abortion, and cleaning up."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import orjson
from msgspec.structs import replace

from ballroom.kernel import Context, Delivery, RetryPolicy, Tx, on_delivery, on_timer
from ballroom.kernel.caller import Caller

from ..language.machine import MapState, StatesError
from ..map_runs import (
    Child,
    ChildResult,
    ItemsPage,
    MapRun,
    child_key,
    child_result_key,
    find_map_run,
    items_page_key,
    map_run_key,
)
from ..resources import Listed, by_status_prefix
from . import failing, groups
from .branch import Branch, read_path
from .execution import MOST_BYTES
from .journal import NUMBER

if TYPE_CHECKING:
    from .session import Session

_PORTION = 64
_POLICY = RetryPolicy(maximum_attempts=None, back_off_ms=(1_000, 5_000, 30_000))
_RUN_SUCCEEDED, _SUCCEEDED = NUMBER["MapRunSucceeded"], NUMBER["MapStateSucceeded"]
_RUN_FAILED = NUMBER["MapRunFailed"]


class Writing(msgspec.Struct, array_like=True, frozen=True):
    """What the delivery that writes results carries."""

    arn: str
    parameters: dict[str, Any]
    config: dict[str, Any]


_encode = msgspec.msgpack.Encoder().encode
_decode_writing = msgspec.msgpack.Decoder(Writing).decode


def drive(tx: Tx, work: Any) -> None:
    """Do something to executions, in this transaction."""
    from .running import Running

    tx.kernel.state(Running).drive(tx, work)


def branch_of(session: Session, run: MapRun) -> Branch | None:
    """The branch whose Map a run is; None: it is over, or the execution has ended."""
    branch = session.find_branch(run.number, read_path(run.path), run.attempt)
    if branch is None or branch.position.group is None or branch.position.group.map_run != run.arn:
        return None
    return branch


def caller_of_run(tx: Tx, run: MapRun) -> Caller:
    """Who reads and writes for a run: the state machine's role."""
    from ..integrations import caller_of
    from .running import Running

    live = tx.kernel.state(Running).at_hand(tx, run.number)
    if live is None:
        return tx.kernel.system_caller().acting("states.amazonaws.com", account=run.account, region=run.region)
    return caller_of(live, tx.ids.uuid())


def complete(session: Session, run: MapRun, branch: Branch, state: MapState) -> None:
    """All children have ended, and few enough failed: gather what they gave, or have it written."""
    tx = session.tx
    if state.writer is not None and state.writer.resource is not None:
        try:
            parameters = state.writer.parameters(branch.live.scope_of(branch)) or {}
        except StatesError as error:
            cause = error.located_cause(state.name, branch.position.entered)
            fail_run(session, run.arn, error.error, cause)
            return
        writing = Writing(run.arn, parameters, state.writer.config)
        tx.put(map_run_key(run.arn), replace(run, reading=True))  # nothing more is to be started
        tx.deliver("states.map-write", _encode(writing), policy=_POLICY, subject=run.arn)
        return
    outputs, size = [], 2
    for row in tx.scan_prefix(ChildResult, child_result_key(run.id, 0)[:-1]):
        if row.status == "SUCCEEDED" and row.output is not None:
            size += len(row.output) + 1
            if size > MOST_BYTES:
                fail_run(
                    session, run.arn, "States.DataLimitExceeded",
                    f"The state/task '{state.name}' returned a result with a size exceeding the maximum number "
                    "of bytes service limit.",
                )  # fmt: skip
                return
            outputs.append(orjson.loads(row.output))
    succeed(session, run.arn, outputs)


def succeed(session: Session, arn: str, result: Any, written: int = 0) -> None:
    """The run has succeeded, and its results are where they belong."""
    tx = session.tx
    run = find_map_run(tx, arn)
    if run is None or run.status != "RUNNING":
        return
    branch = branch_of(session, run)
    tx.put(
        map_run_key(arn),
        replace(run, status="SUCCEEDED", stopped_ms=tx.now_ms, reading=False, written=written),
    )
    clear(tx, run.id)
    if branch is None:
        return
    live, state, group = branch.live, branch.state, branch.position.group
    assert isinstance(state, MapState)
    assert group is not None
    id = live.journal.add(_RUN_SUCCEEDED, group.started, session.now_ms, {})
    live.journal.add(_SUCCEEDED, id, session.now_ms, {})
    session.moved(live)
    groups.finish(branch, state, group.started, result)


def fail_run(session: Session, arn: str, error: str, cause: str | None) -> None:
    """The run has failed: its Map must deal with that, and what still runs is aborted."""
    tx = session.tx
    run = find_map_run(tx, arn)
    if run is None or run.status != "RUNNING":
        return
    branch = branch_of(session, run)
    tx.put(map_run_key(arn), replace(run, status="FAILED", stopped_ms=tx.now_ms, reading=False))
    session.inbox.append(lambda later: _abort_children(later, arn))
    if branch is None:
        return
    live, position, state = branch.live, branch.position, branch.state
    details = {"error": error} | ({"cause": cause} if cause is not None else {})
    assert position.group is not None
    position.previous = live.journal.add(_RUN_FAILED, position.group.started, session.now_ms, details)
    position.group = None
    branch.dirty = True
    session.moved(live)
    failing.handle(branch, state, live.scope_of(branch), error, cause)


def abort(session: Session, arn: str) -> None:
    """The Map is aborted, with all that runs of it."""
    tx = session.tx
    run = find_map_run(tx, arn)
    if run is not None and run.status == "RUNNING":
        tx.put(map_run_key(arn), replace(run, status="ABORTED", stopped_ms=tx.now_ms, reading=False))
        session.inbox.append(lambda later: _abort_children(later, arn))


@on_timer("states.map-abort")
def abort_later(tx: Tx, arn: str) -> None:
    """Abort more of what still runs of a run that has ended. Harmless if repeated."""
    drive(tx, lambda session: _abort_children(session, arn))


def _abort_children(session: Session, arn: str) -> None:
    from . import ending

    tx = session.tx
    run = find_map_run(tx, arn)
    if run is None or run.status == "RUNNING":
        return
    if run.express:
        for held in list(session.running.express.values()):
            if held.live.record.map_run == arn and (live := session.find(held.live.number)) is not None:
                ending.stop(live, None, None)
        clear(tx, run.id)
        return
    prefix = by_status_prefix(run.account, run.region, arn, "RUNNING")
    rows = tx.scan_prefix(Listed, prefix, limit=_PORTION)
    for row in rows:
        live = session.find(row.number)
        if live is not None:
            ending.stop(live, None, None)
            run = replace(
                run, running=run.running - 1, aborted=run.aborted + 1,
                running_items=run.running_items - row.item_count,
                aborted_items=run.aborted_items + row.item_count,
            )  # fmt: skip
    tx.put(map_run_key(arn), run)
    if len(rows) == _PORTION:
        tx.wake_at(tx.now_ms, "states.map-abort", arn)
    else:
        clear(tx, run.id)


_CLEARED_AT_ONCE = 500


def clear(tx: Tx, id: int) -> None:
    """Remove what a run that has ended needs no more, in portions."""
    clear_later(tx, id)


@on_timer("states.map-clear")
def clear_later(tx: Tx, id: int) -> None:
    """Remove more. Harmless if repeated."""
    left = _CLEARED_AT_ONCE
    for kind, key in ((ItemsPage, items_page_key), (Child, child_key), (ChildResult, child_result_key)):
        rows = tx.scan_prefix_items(kind, key(id, 0)[:-1], limit=left)
        for row_key, _ in rows:
            tx.delete(row_key)
        left -= len(rows)
        if left <= 0:
            tx.wake_at(tx.now_ms + 1, "states.map-clear", id)
            return


@on_delivery("states.map-write", concurrency=16)
async def write_results(ctx: Context, delivery: Delivery) -> None:
    """Write the results of a run's children to S3; again from the start if it was interrupted."""
    from ..result_writer import WriterFailed, write

    writing = _decode_writing(delivery.payload)
    run = ctx.transact(find_map_run, writing.arn)
    if run is None or run.status != "RUNNING":
        return
    caller = ctx.transact(caller_of_run, run)
    try:
        result, written = await write(ctx, ctx.kernel.context(caller), run, writing.parameters, writing.config)
    except WriterFailed as failed:
        cause = str(failed)

        def fail(tx: Tx) -> None:
            delivery.complete(tx)
            drive(tx, lambda session: fail_run(session, writing.arn, "States.ResultWriterFailed", cause))

        ctx.transact(fail)
        return

    def go(tx: Tx) -> None:
        delivery.complete(tx)
        drive(tx, lambda session: succeed(session, writing.arn, result, written))

    ctx.transact(go)
