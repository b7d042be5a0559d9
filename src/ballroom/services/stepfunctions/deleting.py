"""Deleting a state machine: with its versions and aliases, and whatever still runs is aborted.

Source: API Reference, DeleteStateMachine.
"""

from __future__ import annotations

from ballroom.kernel import Tx, on_timer

from .arns import MachineRef
from .engine import ending
from .engine.running import Running
from .engine.session import Session
from .resources import (
    Alias,
    Listed,
    Machine,
    Version,
    alias_key,
    by_status_prefix,
    find_machine,
    machine_key,
    version_key,
)

_AT_ONCE = 100


def delete_machine(tx: Tx, machine: Machine) -> None:
    """Delete a state machine; its running executions end in portions."""
    ref = machine.ref
    tx.delete(machine_key(ref))
    for key, _ in tx.scan_prefix_items(Version, version_key(ref, 0)[:-1]):
        tx.delete(key)
    for key, _ in tx.scan_prefix_items(Alias, alias_key(ref, "")[:-1]):
        tx.delete(key)
    abort_all(tx, ref.account, ref.region, ref.name)


@on_timer("states.abort-all")
def abort_all(tx: Tx, account: str, region: str, name: str) -> None:
    """Abort what runs of a deleted state machine. Harmless if repeated; one made anew keeps its executions."""
    ref = MachineRef(account, region, name)
    if find_machine(tx, ref) is not None:
        return
    rows = tx.scan_prefix(Listed, by_status_prefix(account, region, name, "RUNNING"), limit=_AT_ONCE)
    if not rows:
        return

    def work(session: Session) -> None:
        for row in rows:
            live = session.find(row.number)
            if live is not None:
                ending.stop(live, None, "The state machine was deleted")

    tx.kernel.state(Running).drive(tx, work)
    if len(rows) == _AT_ONCE:
        tx.wake_at(tx.now_ms + 1, "states.abort-all", account, region, name)
