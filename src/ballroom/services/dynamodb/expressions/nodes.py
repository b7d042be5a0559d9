"""What the parser makes of an expression. Nodes are shared between requests: nothing changes them."""

from __future__ import annotations

from dataclasses import dataclass, field

Part = str | int


@dataclass(frozen=True, slots=True)
class Path:
    """A document path; names may still be aliases (`#a`)."""

    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class ValueRef:
    """`:v`."""

    name: str


@dataclass(frozen=True, slots=True)
class Call:
    """A function with its operands."""

    name: str
    operands: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Operator:
    """`=`, `<>`, `<`, `<=`, `>`, `>=`, `BETWEEN`, `IN`, `AND`, `OR`, `NOT`, `+`, `-`."""

    name: str
    operands: tuple[Node, ...]


Node = Path | ValueRef | Call | Operator


@dataclass(frozen=True, slots=True)
class Action:
    """One action of an update expression; `operand` is None for REMOVE."""

    section: str
    path: Path
    operand: Node | None = None


@dataclass(slots=True)
class Parsed:
    """An expression with what it mentions, in order of first mention."""

    kind: str
    """`ConditionExpression`, ...: how error texts call it."""
    root: Node | None = None
    actions: list[Action] = field(default_factory=list)
    paths: list[Path] = field(default_factory=list)
    aliases: tuple[str, ...] = ()
    values: tuple[str, ...] = ()
    reserved: str | None = None
    """The first reserved word used as a name: told once the whole is known to be syntactically right."""
    redundant: bool = False
    """Whether there are parentheses around parentheses."""
    operators: int = 0
    calls: tuple[str, ...] = ()
