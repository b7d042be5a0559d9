"""Express executions: in memory from start to end, never slowed by the disk.

Who waited for a synchronous one when the server died gets no answer: at most once. An asynchronous one that
was acknowledged and has not ended begins again: at least once. Its start is stored only if it has to wait for
something; one that ends within its first transaction leaves its effects, and nothing else.

Source: Developer Guide, "Choosing workflow type in Step Functions".
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from ballroom.kernel import Kernel, Record, ServiceError, Tx
from ballroom.kernel.clock import Handle
from ballroom.kernel.errors import Throttled, Unavailable

from ..arns import ExecutionRef
from ..resources import Execution
from .branch import Branch, Path
from .execution import Live
from .journal import Journal

if TYPE_CHECKING:
    from .session import Session

LONGEST_MS = 300_000
"""Five minutes.

Source: Developer Guide, "Step Functions service quotas".
"""
_RETRY_MS = 1_000


class QuietJournal(Journal):
    """Counts events without keeping them: nobody will read them."""

    __slots__ = ()

    def add(self, type: int, previous: int, now_ms: int, details: dict[str, Any]) -> int:
        """The id that the event has."""
        id = self.next_id
        self.next_id = id + 1
        return id

    add_last = add


class Begun(Record, frozen=True):
    """An asynchronous Express execution that was acknowledged and has not ended."""

    account: str
    region: str
    record: Execution
    unique: str


def begun_key(number: int) -> tuple[str, int]:
    """Where the start of an Express execution is stored."""
    return ("states-express", number)


class Express:
    """What an Express execution has besides its branches: timers, and whoever waits for its end."""

    def __init__(self, kernel: Kernel, live: Live, *, at_least_once: bool = False) -> None:
        self._kernel, self.live = kernel, live
        self._stores = at_least_once
        self.stored = False
        self.end: asyncio.Future[Live] | None = None
        self._timers: dict[Path, Handle] = {}
        self._expiry: Handle | None = None

    def wait(self) -> asyncio.Future[Live]:
        """Done with the execution once it has ended."""
        self.end = self._kernel.loop.create_future()
        return self.end

    def arm(self, branch: Branch) -> None:
        """Wake a branch at its due moment."""
        self.disarm(branch)
        path, attempt = branch.path, branch.position.attempt
        self._timers[path] = self._kernel.clock.at(
            branch.position.due_ms, lambda: self._transact(_wake, self.live.number, path, attempt)
        )

    def disarm(self, branch: Branch) -> None:
        """Never mind a branch's timer."""
        self._kernel.clock.cancel(self._timers.pop(branch.path, None))

    def _transact(self, fn: Any, *args: Any) -> None:
        try:
            self._kernel.transact(fn, *args)
        except (Throttled, Unavailable):
            later = self._kernel.clock.now_ms() + _RETRY_MS
            self._kernel.clock.at(later, lambda: self._transact(fn, *args))

    def after(self, session: Session) -> None:
        """A transaction that moved it ends."""
        live, tx = self.live, session.tx
        _log(session, live)
        if live.ended:
            if self.stored:
                tx.delete(begun_key(live.number))
            tx.after_commit(lambda: session.running.let_go(live.number))
            tx.when_durable(self._tell)
            return
        if self._stores and not self.stored:
            self.stored = True
            ref: ExecutionRef = live.ref
            tx.put(begun_key(live.number), Begun(ref.account, ref.region, live.record, live.unique))
        tx.after_commit(lambda: session.running.hold(live.number, self))
        if self._expiry is None:
            limit_s = live.definition.timeout_s
            due = live.record.started_ms + min(LONGEST_MS, 1000 * limit_s if limit_s else LONGEST_MS)
            self._expiry = self._kernel.clock.at(due, lambda: self._transact(_expire, live.number))

    def _tell(self) -> None:
        if self.end is not None and not self.end.done():
            self.end.set_result(self.live)

    def stop(self) -> None:
        """It has ended: no timer is to fire."""
        for handle in self._timers.values():
            self._kernel.clock.cancel(handle)
        self._timers.clear()
        self._kernel.clock.cancel(self._expiry)

    def lost(self) -> None:
        """A transaction that moved it was taken back: where it stands is unknown, so it ends."""
        self.stop()
        if self.end is not None and not self.end.done():
            self.end.set_exception(Unavailable("The execution was lost: the disk did not take its effects."))

    def hand_over(self, session: Session, branch: Branch, call: Any, request_id: str) -> None:
        """Carry out a call that waits, beside the transaction."""
        from ..handing import perform, settle
        from ..integrations import caller_of

        caller = caller_of(self.live, request_id)
        number, path, attempt = self.live.number, branch.path, branch.position.attempt

        async def run() -> None:
            answer: Any
            try:
                answer = await perform(self._kernel.context(caller), call)
            except ServiceError as error:
                answer = error
            self._transact(settle, number, path, attempt, answer, request_id)

        def begin() -> None:
            self._kernel.spawn(run(), "express task")

        session.tx.when_durable(begin)


def _wake(tx: Tx, number: int, path: Path, attempt: int) -> None:
    from ..timers import wake_branch

    wake_branch(tx, number, path, attempt)


def _expire(tx: Tx, number: int) -> None:
    from ..timers import expire

    expire(tx, number)


def _log(session: Session, live: Live) -> None:
    from ..logging import ExecutionLogs

    if live.journal.events:
        _, events = live.journal.taken()
        first = live.journal.next_id - len(events)
        session.tx.kernel.state(ExecutionLogs).take(session.tx, live, first, events)
