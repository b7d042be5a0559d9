"""Moments that executions wait for: waits, retries, time-outs, heartbeats.

Late or repeated is harmless: each names the attempt that it is for, and one that has moved on is left alone.
"""

from __future__ import annotations

from ballroom.kernel import Kernel, Tx, on_start, on_timer
from ballroom.kernel.keys import prefix_range

from .arns import ExecutionRef
from .engine import ending, steps
from .engine.branch import Path, read_path
from .engine.express import Begun
from .engine.running import Running
from .engine.session import Session
from .logging import ExecutionLogs
from .starting import begin_express


@on_timer("states.wake")
def wake(tx: Tx, number: int, path: str, attempt: int) -> None:
    """A branch's wait is over, its next try due, or its task late."""
    wake_branch(tx, number, read_path(path), attempt)


def wake_branch(tx: Tx, number: int, path: Path, attempt: int) -> None:
    """Wake a branch, if it still waits in that attempt."""

    def work(session: Session) -> None:
        branch = session.find_branch(number, path, attempt)
        if branch is None or not branch.position.due_ms or branch.position.due_ms > session.now_ms:
            return
        steps.wake(branch)
        session.moved(branch.live)

    tx.kernel.state(Running).drive(tx, work)


@on_timer("states.expire")
def expire(tx: Tx, number: int) -> None:
    """A state machine's TimeoutSeconds are over."""

    def work(session: Session) -> None:
        live = session.find(number)
        if live is not None:
            ending.put_out(live)
            ending.time_out(live)

    tx.kernel.state(Running).drive(tx, work)


@on_start
def take_up(kernel: Kernel) -> None:
    """At start, and after a failed commit: executions with something to do at once go on."""
    kernel.state(Running).take_up()
    kernel.reporters["stepfunctions"] = lambda: _statistics(kernel)
    if kernel.rows(Begun, *prefix_range(("states-express",)), 1):
        kernel.loop.call_soon(lambda: None if kernel.stopping else kernel.transact(_begin_again))


def _statistics(kernel: Kernel) -> dict[str, int]:
    running = kernel.state(Running)
    return {
        "expressUnderWay": len(running.express),
        "betweenSlices": len(running.sliced),
        "logLinesDropped": kernel.state(ExecutionLogs).dropped,
    }


def _begin_again(tx: Tx) -> None:
    """Asynchronous Express executions that were acknowledged and had not ended begin again."""
    running = tx.kernel.state(Running)
    for begun in tx.scan_prefix(Begun, ("states-express",)):
        record = begun.record
        if record.number not in running.express:
            ref = ExecutionRef(begun.account, begun.region, record.machine, record.name)
            begin_express(tx, ref, record, at_least_once=True, again=begun.unique)
