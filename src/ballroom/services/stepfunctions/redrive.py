"""RedriveExecution at work: an ended execution runs again from its picture."""

from __future__ import annotations

from msgspec.structs import replace

from ballroom.kernel import Tx

from .arns import ExecutionRef
from .ends import status_changed
from .engine.ending import guarded
from .engine.journal import NUMBER
from .engine.redriving import Redrivable, go_on, redrivable_key, restore
from .engine.running import Running
from .engine.session import Session
from .resources import Execution

_REDRIVEN = NUMBER["ExecutionRedriven"]


def redrive(tx: Tx, ref: ExecutionRef, record: Execution, kept: Redrivable, token: str) -> None:
    """Let an execution go on where it stopped."""
    now = replace(
        record, status="RUNNING", stopped_ms=0, output=None, error=None, cause=None,
        redrives=record.redrives + 1, redriven_ms=tx.now_ms, redrive_token=token,
    )  # fmt: skip
    running = tx.kernel.state(Running)
    tx.delete(redrivable_key(record.number))

    def work(session: Session) -> None:
        live = running.revive(tx, ref, now, kept.next_event)
        live.started_as = record
        live.session = session
        if live.definition.timeout_s:
            live.expires_ms = tx.now_ms + 1000 * live.definition.timeout_s
            tx.wake_at(live.expires_ms, "states.expire", live.number)
        with guarded(live):
            event = live.journal.add(
                _REDRIVEN, kept.next_event - 1, session.now_ms, {"redriveCount": now.redrives}
            )
            again = restore(live, kept.root, event)
            session.add(live)
            status_changed(session, live)
            for branch in again:
                if branch.alive and not live.ended:
                    go_on(branch)

    running.drive(tx, work)
