"""Where a branch of an execution stands: what is stored of it, and what is at hand while it moves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from ballroom.kernel import Key, Record

from ..language.machine import State

if TYPE_CHECKING:
    from .execution import Live
    from .redriving import Picture

READY, WAITING, TASK, GROUP, RETRYING = range(5)
"""To enter its state; in Wait; a Task under way; its Map or Parallel under way; between two tries."""

Path = tuple[int, ...]
"""Which branch: () the root, (2,) the root's third branch or iteration, (2, 0) the first of that one's."""


class Group(msgspec.Struct, array_like=True):
    """A Map or Parallel under way."""

    length: int
    limit: int
    """How many run at once."""
    started: int
    """The id of the event that started it."""
    next: int = 0
    succeeded: int = 0
    failed: int = 0
    map_run: str = ""


class Position(msgspec.Struct, array_like=True):
    """What is stored of a branch. Values are frozen: they are replaced, never changed."""

    state: str
    input: Any
    previous: int
    """The id of the event that the next one follows."""
    variables: dict[str, Any] = {}
    """Those assigned in this branch; the outer ones belong to the branches around it."""
    status: int = READY
    entered: int = 0
    """The id of the event that entered the state."""
    entered_ms: int = 0
    attempt: int = 0
    """Rises with everything that is begun: what comes for an earlier attempt is void."""
    retries: list[int] | None = None
    """How often each retrier has retried."""
    due_ms: int = 0
    """When the timer of this attempt fires (0: none)."""
    timeout_ms: int = 0
    heartbeat_s: int = 0
    token: str = ""
    """What a callback must show; empty: none may come."""
    group: Group | None = None
    item: Any = None
    """The item of an iteration."""
    index: int = -1
    key: Any = None
    nested: str = ""
    """The ARN of the execution that a Task waits for."""


class BranchRow(Record, frozen=True):
    """A branch below the root, or a root with a Map or Parallel under way."""

    position: Position


class Items(Record, frozen=True):
    """What a Map under way maps over."""

    items: list[Any]


class Result(Record, frozen=True):
    """What a branch or iteration gave."""

    output: Any


def branch_key(number: int, path: Path) -> Key:
    """Where a branch is stored: those below it follow."""
    return ("states-branch", number, *path)


def items_key(number: int, path: Path) -> Key:
    """Where a Map's items are stored."""
    return ("states-items", number, *path)


def result_key(number: int, path: Path, index: int) -> Key:
    """Where the output of one of a branch's children is stored."""
    return ("states-result", number, *path, index)


def path_text(path: Path) -> str:
    """A path as timers and tokens carry it."""
    return ".".join(map(str, path))


def read_path(text: str) -> Path:
    """The path that `path_text` was given."""
    return tuple(map(int, text.split("."))) if text else ()


class Branch:
    """A branch at hand."""

    __slots__ = (
        "alive", "children", "dirty", "failure", "has_row", "items", "items_stored", "live", "outer",
        "parent", "path",
        "position", "results", "states", "stored", "text",
    )  # fmt: skip

    def __init__(
        self, live: Live, path: Path, parent: Branch | None, states: dict[str, State], position: Position
    ) -> None:
        self.live, self.path, self.parent, self.states, self.position = live, path, parent, states, position
        self.outer: dict[str, Any] = parent.variables if parent is not None else {}
        """The variables of the branches around it; they stand still while this one runs."""
        self.text: str | None = None
        """The state's input as JSON, where it is at hand."""
        self.children: dict[int, Branch] = {}
        self.results: dict[int, Any] = {}
        """Outputs of children that have ended; those in `stored` have rows."""
        self.stored: set[int] = set()
        self.items: list[Any] | None = None
        self.items_stored = False
        self.has_row = False
        self.failure: Picture | None = None
        """How its children stood when one of them failed, until that is dealt with: for a redrive."""
        self.dirty = True
        self.alive = True

    @property
    def variables(self) -> dict[str, Any]:
        """All variables in scope."""
        own = self.position.variables
        return {**self.outer, **own} if self.outer and own else own or self.outer

    @property
    def state(self) -> State:
        """The state it is in."""
        return self.states[self.position.state]
