"""An execution at hand: its branches, its journal, and what its expressions see of it.

A Standard execution is at hand for the length of a transaction (or of the transactions that one long run
through states without effects is cut into); an Express execution for its whole life.
"""

from __future__ import annotations

import json
from collections import deque
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import msgspec
import orjson

from ..arns import ExecutionRef, express_arn, machine_arn
from ..language.machine import Machine, Scope
from ..resources import Execution
from .branch import Branch, Path, Position
from .journal import Journal

if TYPE_CHECKING:
    from .express import Express
    from .redriving import Picture
    from .session import Session

MOST_BYTES = 262_144
"""What an input, output or result may have as JSON in UTF-8.

Source: Developer Guide, "Step Functions service quotas".
"""


DEEPEST = 400
"""Levels of nesting that a value may have here."""


class Unfit(Exception):
    """A value that cannot be stored: nested too deep, or a number beyond 64 bits. The text says which."""


def text_of(value: Any) -> str:
    """A value as JSON text, as histories show it.

    Raises:
        Unfit: it cannot be stored.
    """
    try:
        return orjson.dumps(value).decode()
    except TypeError:
        return _unusual(value)


def _unusual(value: Any) -> str:
    """What orjson does not write: more than 254 levels, larger integers."""
    if too_deep(value):
        raise Unfit(f"The data is nested deeper than {DEEPEST} levels.")
    try:
        _encode(value)
        return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    except (OverflowError, ValueError, TypeError, RecursionError) as wrong:
        raise Unfit(f"The data cannot be stored: {wrong}") from wrong


def too_deep(value: Any) -> bool:
    """Whether a value has more than `DEEPEST` levels."""
    level = [value]
    for _ in range(DEEPEST):
        level = [
            part
            for one in level
            if isinstance(one, dict | list)
            for part in (one.values() if isinstance(one, dict) else one)
        ]
        if not level:
            return False
    return True


_encode = msgspec.msgpack.Encoder().encode


@lru_cache(maxsize=64)
def time_text(ms: int) -> str:
    """A moment as the context object shows it: `2026-01-02T03:04:05.678Z`.

    Remembered: all states that a transaction enters are entered at one moment.
    """
    at = datetime.fromtimestamp(ms // 1000, UTC)
    return f"{at.year:04}-{at.month:02}-{at.day:02}T{at.hour:02}:{at.minute:02}:{at.second:02}.{ms % 1000:03}Z"


class Live:
    """An execution at hand."""

    __slots__ = (
        "_execution", "_machine", "branches", "definition", "effects", "ended", "expires_ms", "express",
        "gone", "held", "input", "is_new", "journal", "number", "output", "picture",
        "ready", "record", "ref", "root",
        "session", "started_as", "unique",
    )  # fmt: skip

    def __init__(
        self, ref: ExecutionRef, record: Execution, definition: Machine, journal: Journal, unique: str = ""
    ) -> None:
        self.ref, self.record, self.definition, self.journal = ref, record, definition, journal
        self.number = record.number
        self.express = record.express
        self.unique = unique
        self.input: Any = orjson.loads(record.input)
        self.output: Any = None
        self.root: Branch
        self.branches: dict[Path, Branch] = {}
        self.ready: deque[Branch] = deque()
        self.gone: list[Branch] = []
        """Branches that have ended: their rows go with the next commit."""
        self.session: Session
        """The transaction that moves it now."""
        self.ended = False
        self.is_new = False
        self.effects = False
        """Whether something outside has happened that must be committed together with where it stands."""
        self.expires_ms = 0
        self.held: Express
        """What an Express execution has besides."""
        self.picture: Picture | None = None
        """How it stood when it was ended."""
        self.started_as: Execution = record
        """The record as it is stored."""
        self._execution: dict[str, Any] | None = None
        self._machine: dict[str, Any] = {}

    @property
    def arn(self) -> str:
        """Its ARN."""
        if self.unique:
            return express_arn(self.ref.region, self.ref.account, self.ref.machine, self.ref.name, self.unique)
        return self.ref.arn

    def begin(self) -> None:
        """Stand at the first state."""
        root = Branch(self, (), None, self.definition.states, Position(self.definition.start_at, self.input, 0))
        self.root = self.branches[()] = root
        self.ready.append(root)

    def drop(self, branch: Branch) -> None:
        """A branch has ended: forget it, and remember that its row must go."""
        branch.alive = False
        self.branches.pop(branch.path, None)
        self.gone.append(branch)
        if branch.parent is not None:
            branch.parent.children.pop(branch.path[-1], None)

    def context_of(self, branch: Branch) -> dict[str, Any]:
        """The context object that a branch's state sees.

        Source: Developer Guide, "Accessing execution data from the Context object".
        """
        if self._execution is None:
            self._make_context()
        position = branch.position
        assert self._execution is not None
        context: dict[str, Any] = {
            "Execution": self._execution,
            "StateMachine": self._machine,
            "State": {"Name": position.state, "EnteredTime": time_text(position.entered_ms)},
        }
        around: Branch | None = branch
        while around is not None:
            if around.position.index >= 0:
                item = {"Index": around.position.index, "Value": around.position.item}
                if around.position.key is not None:
                    item["Key"] = around.position.key
                context["Map"] = {"Item": item}
                break
            around = around.parent
        return context

    def _make_context(self) -> None:
        record, ref = self.record, self.ref
        self._execution = {
            "Id": self.arn, "Input": self.input, "StartTime": time_text(record.started_ms), "Name": record.name,
            "RoleArn": record.settings.role,
        }  # fmt: skip
        if not self.express:
            self._execution["RedriveCount"] = record.redrives
            if record.redriven_ms:
                self._execution["RedriveTime"] = time_text(record.redriven_ms)
        name = ref.machine
        self._machine = {"Id": machine_arn(ref.region, ref.account, name), "Name": name.partition("/")[0]}

    def scope_of(self, branch: Branch) -> Scope:
        """What a branch's state sees."""
        return Scope(
            branch.position.input,
            self.context_of(branch),
            branch.variables,
            self.session.ids,
            self.session.now_ms,
        )
