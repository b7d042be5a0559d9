"""What the parser makes of an expression. Nodes are shared between requests: nothing changes them."""

from __future__ import annotations

import msgspec

Part = str | int


class Path(msgspec.Struct, frozen=True):
    """A document path; names may still be aliases (`#a`)."""

    parts: tuple[Part, ...]


class ValueRef(msgspec.Struct, frozen=True):
    """`:v`."""

    name: str


class Call(msgspec.Struct, frozen=True):
    """A function with its operands."""

    name: str
    operands: tuple[Node, ...]


class Operator(msgspec.Struct, frozen=True):
    """`=`, `<>`, `<`, `<=`, `>`, `>=`, `BETWEEN`, `IN`, `AND`, `OR`, `NOT`, `+`, `-`."""

    name: str
    operands: tuple[Node, ...]


Node = Path | ValueRef | Call | Operator


class Action(msgspec.Struct, frozen=True):
    """One action of an update expression; `operand` is None for REMOVE."""

    section: str
    path: Path
    operand: Node | None = None


class Parsed(msgspec.Struct):
    """An expression with what it mentions, in order of first mention."""

    kind: str
    """`ConditionExpression`, ...: how error texts call it."""
    root: Node | None = None
    actions: list[Action] = msgspec.field(default_factory=list)
    paths: list[Path] = msgspec.field(default_factory=list)
    aliases: tuple[str, ...] = ()
    values: tuple[str, ...] = ()
    reserved: str | None = None
    """The first reserved word used as a name: told once the whole is known to be syntactically right."""
    redundant: bool = False
    """Whether there are parentheses around parentheses."""
    operators: int = 0
    calls: tuple[str, ...] = ()
