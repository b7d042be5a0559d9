"""Executions are forgotten 90 days after their end, with their histories.

Source: Developer Guide, "Step Functions service quotas" (execution history retention).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ballroom.kernel import Tx, on_timer

from .arns import ExecutionRef
from .engine.branch import BranchRow, branch_key
from .engine.map_results import clear
from .engine.redriving import redrivable_key
from .map_runs import MapRunOf, map_run_key, runs_of_key
from .resources import (
    RETENTION_MS,
    Execution,
    Page,
    execution_key,
    history_key,
    remove_execution,
)

if TYPE_CHECKING:
    from .engine.execution import Live

_PAGES_AT_ONCE = 64


def forget_later(tx: Tx, live: Live) -> None:
    """Forget an execution that has just ended, in 90 days."""
    ref = live.ref
    tx.wake_at(
        live.record.stopped_ms + RETENTION_MS, "states.forget", ref.account, ref.region, ref.machine, ref.name,
        live.number, housekeeping=True,
    )  # fmt: skip


@on_timer("states.forget")
def forget(tx: Tx, account: str, region: str, machine: str, name: str, number: int) -> None:
    """Remove an ended execution, its history in portions. An execution that runs again (redriven) stays."""
    ref = ExecutionRef(account, region, machine, name)
    record = tx.get(Execution, execution_key(ref))
    if record is not None and record.number == number:
        if record.status == "RUNNING" or record.stopped_ms + RETENTION_MS > tx.now_ms:
            return
        remove_execution(tx, ref, record)
        tx.delete(redrivable_key(number))
        for key, row in tx.scan_prefix_items(MapRunOf, runs_of_key(number, 0, 0)[:-2]):
            tx.delete(map_run_key(row.arn))
            clear(tx, int(key[-1]))
            tx.delete(key)
        for key, _ in tx.scan_prefix_items(BranchRow, branch_key(number, ())):
            tx.delete(key)
    pages = tx.scan_prefix_items(Page, history_key(number, 0)[:-1], limit=_PAGES_AT_ONCE)
    for key, _ in pages:
        tx.delete(key)
    if len(pages) == _PAGES_AT_ONCE:
        tx.wake_at(tx.now_ms + 1, "states.forget", account, region, machine, name, number, housekeeping=True)
