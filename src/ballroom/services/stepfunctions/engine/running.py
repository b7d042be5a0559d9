"""The executions under way: loading and storing Standard ones, holding Express ones, timers of both."""

from __future__ import annotations

import copy
from typing import Any
from weakref import WeakKeyDictionary

from msgspec.structs import replace

from ballroom.kernel import Hold, Kernel, Tx
from ballroom.kernel.clock import Handle
from ballroom.kernel.errors import Throttled, Unavailable
from ballroom.kernel.records import Record

from ..arns import ExecutionRef
from ..definitions import compiled, machine_at
from ..language.machine import Machine
from ..logging import ExecutionLogs, wants_events
from ..resources import Execution, Page, Ready, execution_key, history_key, ready_key, store_execution
from .branch import (
    GROUP,
    READY,
    Branch,
    BranchRow,
    Items,
    Path,
    Position,
    Result,
    branch_key,
    items_key,
    path_text,
    result_key,
)
from .execution import Live
from .express import Express
from .journal import Journal, pack_events
from .session import Session, Work

_EVENTS_A_PAGE = 256
_RETRY_MS = 1_000


class Run(Record, frozen=True):
    """Where a running Standard execution stands."""

    account: str
    region: str
    machine: str
    name: str
    next_event: int
    root: Position | None
    """None: it is in a Map or Parallel, and has a row of its own."""
    expires_ms: int = 0


def run_key(number: int) -> tuple[str, int]:
    """Where a running execution is found by its number."""
    return ("states-run", number)


_current: WeakKeyDictionary[Kernel, Running] = WeakKeyDictionary()


class Running:
    """What is at hand of executions under way; derived memory, made anew after a failed commit."""

    def __init__(self, kernel: Kernel) -> None:
        self.kernel = kernel
        self.session: Session | None = None
        self.sliced: dict[int, Live] = {}
        """Standard executions between two slices."""
        self._holds: dict[int, Hold] = {}
        self.express: dict[int, Express] = {}
        self._last_number = 0
        self._scheduled = False
        self._retry: Handle | None = None
        before = _current.get(kernel)
        _current[kernel] = self
        if before is not None:
            before._abandon()

    def _abandon(self) -> None:
        """A commit was lost, and what memory held with it: Standard executions are read again."""
        for number in list(self._holds):
            self._rest(number)
        for held in self.express.values():
            held.lost()

    def hold(self, number: int, express: Express) -> None:
        """An Express execution is under way."""
        self.express[number] = express

    def let_go(self, number: int) -> None:
        """An Express execution has ended."""
        self.express.pop(number, None)

    # -- driving -------------------------------------------------------------------------------------

    def next_number(self, tx: Tx) -> int:
        """Rises with time, over restarts too."""
        if not self._last_number:
            rows = tx.scan_prefix_items(Page, ("states-history",), reverse=True, limit=1)
            self._last_number = int(rows[0][0][1]) if rows else 0
        self._last_number = max(self._last_number + 1, tx.now_ms << 12)
        return self._last_number

    def drive(self, tx: Tx, work: Work) -> None:
        """Do something to executions, and let them move; at once, or within the movement under way."""
        if self.session is not None:
            self.session.inbox.append(work)
            return
        session = self.session = Session(tx, self)
        try:
            work(session)
            session.run()
            session.close()
        except BaseException:
            session.discard()
            raise
        finally:
            self.session = None

    # -- from memory or the store --------------------------------------------------------------------

    def at_hand(self, tx: Tx, number: int) -> Live | None:
        """A running execution; None: there is none of that number, or it has ended."""
        held = self.express.get(number)
        if held is not None:
            return held.live
        live = self.sliced.get(number)
        return live if live is not None else self._load(tx, number)

    def _load(self, tx: Tx, number: int) -> Live | None:
        run = tx.get(Run, run_key(number))
        if run is None:
            return None
        ref = ExecutionRef(run.account, run.region, run.machine, run.name)
        record = tx.get(Execution, execution_key(ref))
        if record is None:
            return None
        definition = compiled(self.kernel, record.settings.definition).machine
        live = Live(ref, record, states_of(definition, record.within), Journal(run.next_event))
        live.expires_ms = run.expires_ms
        position = run.root
        if position is None:
            row = tx.get(BranchRow, branch_key(number, ()))
            assert row is not None
            position = row.position
        live.root = self._branch(live, (), None, live.definition.states, position)
        live.root.has_row = run.root is None
        return live

    def revive(self, tx: Tx, ref: ExecutionRef, record: Execution, next_event: int) -> Live:
        """An ended execution at hand again, as `record`, without branches yet."""
        definition = compiled(self.kernel, record.settings.definition).machine
        live = Live(ref, record, states_of(definition, record.within), Journal(next_event))
        live.effects = True
        return live

    def _branch(
        self, live: Live, path: Path, parent: Branch | None, states: dict[str, Any], stored: Position
    ) -> Branch:
        position = copy.copy(stored)  # the store keeps the record at hand: never change it in place
        if position.group is not None:
            position.group = copy.copy(position.group)
        branch = Branch(live, path, parent, states, position)
        branch.dirty = False
        branch.has_row = bool(path)
        branch.items_stored = position.group is not None
        live.branches[path] = branch
        if parent is not None:
            parent.children[path[-1]] = branch
        if position.status == READY:
            live.ready.append(branch)
        return branch

    def branch_at(self, tx: Tx, live: Live, path: Path) -> Branch | None:
        """A branch of an execution at hand."""
        found = live.branches.get(path)
        if found is not None or live.express or not path:
            return found
        parent = self.branch_at(tx, live, path[:-1])
        if parent is None or parent.position.status != GROUP:
            return None
        row = tx.get(BranchRow, branch_key(live.number, path))
        if row is None or any(branch.path == path for branch in live.gone):
            return None
        machine = machine_at(parent.states, parent.position.state, path[-1])
        return self._branch(live, path, parent, machine.states, row.position)

    def load_children(self, tx: Tx, branch: Branch) -> None:
        """Bring every child of a branch to hand."""
        live = branch.live
        if live.express or branch.position.group is None or not branch.items_stored:
            return
        depth = len(branch.path) + 3
        rows = tx.scan_prefix_items(BranchRow, branch_key(live.number, branch.path))
        for key, _ in rows:
            if len(key) == depth:
                self.branch_at(tx, live, tuple(int(part) for part in key[2:]))

    def items_of(self, tx: Tx, branch: Branch) -> list[Any]:
        """What a Map or Parallel under way gives its children."""
        row = tx.get(Items, items_key(branch.live.number, branch.path))
        assert row is not None
        return row.items

    def load_results(self, tx: Tx, branch: Branch) -> None:
        """Bring the outputs of children that ended in earlier transactions to hand."""
        live, depth = branch.live, len(branch.path) + 3
        for key, row in tx.scan_prefix_items(Result, result_key(live.number, branch.path, 0)[:-1]):
            if len(key) == depth:
                branch.results.setdefault(int(key[-1]), row.output)

    def forget_group(self, tx: Tx, branch: Branch) -> None:
        """Remove what was stored for a Map or Parallel."""
        live = branch.live
        if live.express or not branch.items_stored:
            return
        branch.items_stored = False
        live.effects = True  # rows are deleted now: where the execution stands must be written with them
        tx.delete(items_key(live.number, branch.path))
        for key, _ in tx.scan_prefix_items(Result, result_key(live.number, branch.path, 0)[:-1]):
            tx.delete(key)

    # -- to the store --------------------------------------------------------------------------------

    def keep(self, session: Session, live: Live) -> None:
        """A transaction ends: write what rests, go on later with what does not."""
        tx = session.tx
        going_on = bool(live.ready) and not live.ended
        if live.express:
            live.held.after(session)
            tx.after_commit(lambda: self._slice_later(live) if going_on else self._rest(live.number))
            return
        if going_on and not live.is_new and not live.effects:
            tx.after_commit(lambda: self._slice_later(live))
            return
        self.store(session, live, keep=going_on)
        if going_on:
            tx.put(ready_key(live.number), Ready(live.ref.account, live.ref.region))
            tx.after_commit(lambda: self._slice_later(live))
        else:
            if not live.is_new and live.number in self.sliced:
                tx.delete(ready_key(live.number))
            tx.after_commit(lambda: self._rest(live.number))
        live.is_new = False

    def store(self, session: Session, live: Live, *, keep: bool) -> None:
        """Write an execution: its new events, and where it stands."""
        tx, number = session.tx, live.number
        first, events = live.journal.taken()
        for start in range(0, len(events), _EVENTS_A_PAGE):
            page = Page(pack_events(events[start : start + _EVENTS_A_PAGE]))
            tx.put(history_key(number, first + start), page)
        if events and wants_events(live.record.settings.logging):
            self.kernel.state(ExecutionLogs).take(tx, live, first, events)
        for branch in live.gone:
            if branch.has_row:
                tx.delete(branch_key(number, branch.path))
        live.gone = []
        live.effects = False
        if live.ended:
            self._store_end(tx, live)
            return
        root = live.root
        in_group = root.position.status == GROUP
        for branch in live.branches.values():
            if branch.dirty and (branch.path or in_group):
                self._store_branch(tx, branch, keep)
        if root.has_row and not in_group:
            tx.delete(branch_key(number, ()))
            root.has_row = False
        if live.started_as is not live.record or live.is_new:
            store_execution(tx, live.ref, None if live.is_new else live.started_as, live.record)
            live.started_as = live.record
        ref = live.ref
        tx.put(
            run_key(number),
            Run(
                ref.account, ref.region, ref.machine, ref.name, live.journal.next_id,
                None if in_group else copy.copy(root.position) if keep else root.position, live.expires_ms,
            ),
        )  # fmt: skip

    def _store_branch(self, tx: Tx, branch: Branch, keep: bool) -> None:
        number, position = branch.live.number, branch.position
        if keep:
            position = copy.copy(position)
            if position.group is not None:
                position.group = copy.copy(position.group)
        tx.put(branch_key(number, branch.path), BranchRow(position))
        branch.has_row, branch.dirty = True, False
        if position.group is None:
            return
        if not branch.items_stored and branch.items is not None:
            tx.put(items_key(number, branch.path), Items(branch.items))
            branch.items_stored = True
        for index, output in branch.results.items():
            if index not in branch.stored:
                tx.put(result_key(number, branch.path, index), Result(output))
                branch.stored.add(index)

    def _store_end(self, tx: Tx, live: Live) -> None:
        from ..retention import forget_later

        number = live.number
        if not live.is_new:
            tx.delete(run_key(number))
            if live.root.has_row:
                tx.delete(branch_key(number, ()))
        store_execution(tx, live.ref, None if live.is_new else live.started_as, live.record)
        live.started_as = live.record
        forget_later(tx, live)

    # -- slices --------------------------------------------------------------------------------------

    def _slice_later(self, live: Live) -> None:
        self.sliced.pop(live.number, None)
        self.sliced[live.number] = live
        if live.number not in self._holds:
            self._holds[live.number] = self.kernel.clock.hold("execution")
        if not self._scheduled:
            self._scheduled = True
            self.kernel.loop.call_soon(self._next_slice)

    def _rest(self, number: int) -> None:
        self.sliced.pop(number, None)
        hold = self._holds.pop(number, None)
        if hold is not None:
            hold.release()

    def _next_slice(self) -> None:
        self._scheduled = False
        if self.kernel.stopping or self.kernel.state(Running) is not self or not self.sliced:
            return
        numbers = list(self.sliced)
        numbers.append(numbers.pop(0))  # whoever came first last time comes last now
        try:
            self.kernel.transact(self._go_on, numbers)
        except (Throttled, Unavailable):
            self._retry = self.kernel.clock.at(self.kernel.clock.now_ms() + _RETRY_MS, self.take_up)

    def _go_on(self, tx: Tx, numbers: list[int]) -> None:
        def work(session: Session) -> None:
            for number in numbers:
                live = session.find(number)
                if live is not None:
                    session.moved(live)

        self.drive(tx, work)

    def take_up(self) -> None:
        """Go on with everything that the store says has something to do."""
        rows = self.kernel.rows(Ready, *_ready_range(), None)
        if rows:
            self.kernel.loop.call_soon(self._take_up, [int(key[1]) for key, _ in rows])

    def _take_up(self, numbers: list[int]) -> None:
        if self.kernel.stopping or self.kernel.state(Running) is not self:
            return
        try:
            self.kernel.transact(self._resume, numbers)
        except (Throttled, Unavailable):
            self._retry = self.kernel.clock.at(self.kernel.clock.now_ms() + _RETRY_MS, self.take_up)

    def _resume(self, tx: Tx, numbers: list[int]) -> None:
        def work(session: Session) -> None:
            for number in numbers:
                tx.delete(ready_key(number))
                live = session.find(number)
                if live is not None:
                    self._load_all(tx, live.root)
                    live.effects = True  # its mark is gone: write it anew if it does not come to rest
                    session.moved(live)

        self.drive(tx, work)

    def _load_all(self, tx: Tx, branch: Branch) -> None:
        self.load_children(tx, branch)
        for child in list(branch.children.values()):
            self._load_all(tx, child)

    def lose(self, live: Live) -> None:
        """A transaction was taken back: what it changed in memory is void."""
        if live.express:
            self.express.pop(live.number, None)
            live.held.lost()
            return
        self._rest(live.number)
        if not live.is_new:
            self._retry = self.kernel.clock.at(self.kernel.clock.now_ms() + _RETRY_MS, self.take_up)

    # -- timers --------------------------------------------------------------------------------------

    def arm(self, session: Session, branch: Branch) -> None:
        """Wake the branch at its due moment."""
        live, position = branch.live, branch.position
        if live.express:
            live.held.arm(branch)
            return
        live.effects = True
        session.tx.wake_at(
            position.due_ms, "states.wake", live.number, path_text(branch.path), position.attempt
        )

    def disarm(self, session: Session, branch: Branch) -> None:
        """Never mind."""
        live, position = branch.live, branch.position
        if live.express:
            live.held.disarm(branch)
            return
        live.effects = True
        session.tx.cancel_wake(
            position.due_ms, "states.wake", live.number, path_text(branch.path), position.attempt
        )

    def ended(self, session: Session, live: Live) -> None:
        """An execution has ended: whoever waits for it is told, in the same commit."""
        from ..ends import tell

        tell(session, live)


def states_of(definition: Machine, within: str) -> Machine:
    """What an execution runs: the whole definition, or (a child of a map run) the processor of one Map."""
    if not within:
        return definition
    from .processor import processor_of

    return processor_of(definition, within)


def _ready_range() -> tuple[bytes, bytes]:
    from ballroom.kernel.keys import prefix_range

    return prefix_range(("states-ready",))


__all__ = ["Run", "Running", "replace", "run_key"]
