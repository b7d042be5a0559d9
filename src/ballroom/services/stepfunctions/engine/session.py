"""One transaction in which executions move: what they need of the world, and what is written of them.

Everything that happens to executions goes through `drive`: starts, timers, outcomes of tasks, callbacks. What
one execution causes in another (a nested start, a callback through an SDK task) happens in the same
transaction, after the effect that caused it has succeeded.

A Standard execution is written when it has come to rest. A long run through states without outside effect is
cut into slices of a few milliseconds, between which it stays in memory: a crash then repeats only what had
no effect. An Express execution is never written.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from time import perf_counter  # real time: how long the loop is held is not product time
from typing import TYPE_CHECKING, Any

from ballroom.kernel import Tx, registry
from ballroom.kernel.ids import Ids

from . import steps
from .branch import Branch
from .execution import Live

if TYPE_CHECKING:
    from ..integrations.base import Call
    from .running import Running

SLICE_S = 0.005
Work = Callable[["Session"], None]


class Session:
    """One transaction's worth of movement."""

    __slots__ = ("_deadline", "_lives", "_queue", "inbox", "now_ms", "running", "tx")

    def __init__(self, tx: Tx, running: Running) -> None:
        self.tx, self.running = tx, running
        self.now_ms = tx.now_ms
        self.inbox: deque[Work] = deque()
        self._lives: dict[int, Live] = {}
        self._queue: deque[Live] = deque()
        self._deadline = perf_counter() + SLICE_S

    @property
    def ids(self) -> Ids:
        """Ids and chance."""
        return self.tx.ids

    # -- executions ----------------------------------------------------------------------------------

    def add(self, live: Live) -> None:
        """An execution that has been started in this transaction."""
        live.session = self
        self._lives[live.number] = live
        self._queue.append(live)

    def find(self, number: int) -> Live | None:
        """A running execution, from memory or the store."""
        live = self._lives.get(number)
        if live is None:
            live = self.running.at_hand(self.tx, number)
            if live is None:
                return None
            live.session = self
            self._lives[number] = live
            # what is stored may say otherwise from now on: a timer or delivery is used up
            live.effects = live.effects or number not in self.running.sliced
        return None if live.ended else live

    def find_branch(self, number: int, path: tuple[int, ...], attempt: int) -> Branch | None:
        """The branch that something is for; None: it has moved on, or the execution has ended."""
        live = self.find(number)
        if live is None:
            return None
        branch = self.running.branch_at(self.tx, live, path)
        if branch is None or not branch.alive or branch.position.attempt != attempt:
            return None
        return branch

    def moved(self, live: Live) -> None:
        """An execution may have something to do."""
        if live not in self._queue:
            self._queue.append(live)

    @property
    def is_late(self) -> bool:
        """Whether the slice is over: what can wait should."""
        return perf_counter() > self._deadline

    def run(self) -> None:
        """Move everything until it rests or the slice is over."""
        deadline = self._deadline
        while True:
            while self.inbox:
                self.inbox.popleft()(self)
            if not self._queue:
                return
            live = self._queue.popleft()
            if live.ended or not live.ready:
                continue
            rests = steps.advance(live, deadline)
            if not rests:
                self._queue.appendleft(live)
            if self._queue and not self.inbox and perf_counter() > deadline:
                return

    def close(self) -> None:
        """Write what has come to rest; what has not goes on in the next slice."""
        for live in self._lives.values():
            self.running.keep(self, live)

    def discard(self) -> None:
        """The transaction is taken back: memory that it changed is void."""
        for live in self._lives.values():
            self.running.lose(live)

    # -- what a branch needs -------------------------------------------------------------------------

    def sleep(self, branch: Branch, due_ms: int, *, same_attempt: bool = False) -> None:
        """Wake a branch when it is `due_ms`."""
        position = branch.position
        if not same_attempt:
            position.attempt += 1
        position.due_ms = due_ms
        branch.dirty = True
        self.running.arm(self, branch)

    def cancel(self, branch: Branch) -> None:
        """Never mind the branch's timer."""
        if branch.position.due_ms:
            self.running.disarm(self, branch)
            branch.position.due_ms = 0
            branch.dirty = True

    def load_children(self, branch: Branch) -> None:
        """Bring every child of a branch to hand."""
        self.running.load_children(self.tx, branch)

    def items_of(self, branch: Branch) -> list[Any]:
        """What a Map or Parallel under way gives its children."""
        if branch.items is None:
            branch.items = self.running.items_of(self.tx, branch)
        return branch.items

    def outputs_of(self, branch: Branch) -> list[Any]:
        """The outputs of all children, in order."""
        group = branch.position.group
        assert group is not None
        if len(branch.results) < group.length:
            self.running.load_results(self.tx, branch)
        return [branch.results[index] for index in range(group.length)]

    def load_results(self, branch: Branch) -> None:
        """Bring the outputs of children that ended earlier to hand."""
        self.running.load_results(self.tx, branch)

    def forget_group(self, branch: Branch) -> None:
        """A Map or Parallel is over: its items and outputs go with the next commit."""
        self.running.forget_group(self.tx, branch)
        branch.items, branch.results, branch.stored, branch.children = None, {}, set(), {}

    def check_activity(self, arn: str) -> None:
        """Refuse a task for an activity that does not exist.

        Raises:
            StatesError: there is none.
        """
        from ..activities import check_exists

        check_exists(self.tx, arn)

    def ended(self, live: Live) -> None:
        """An execution has ended."""
        self.running.ended(self, live)

    def joins(self, service: str, operation: str) -> bool:
        """Whether an operation can join this transaction."""
        found = registry.operations.get((service, operation))
        return found is None or not found.waits

    def hand_over(self, branch: Branch, call: Call, request_id: str) -> None:
        """Leave a call to a delivery of this commit."""
        from ..handing import hand_over

        hand_over(self, branch, call, request_id)

    # -- effects -------------------------------------------------------------------------------------

    def effect(self, live: Live, fn: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """Do something outside, in this transaction; what it causes in executions follows if it succeeds."""
        mark = len(self.inbox)
        live.effects = True
        try:
            return fn()
        except BaseException:
            while len(self.inbox) > mark:
                self.inbox.pop()
            raise

    def flush_for_reading(self) -> None:
        """Write where executions stand, since an effect is about to read it."""
        for live in list(self._lives.values()):
            if not live.express and not live.ended:
                self.running.store(self, live, keep=True)
