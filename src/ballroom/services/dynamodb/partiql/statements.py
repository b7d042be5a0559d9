"""What the parser makes of a statement. Shared between requests: what is set later is the same for all."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ballroom.services.dynamodb.expressions.nodes import Node, Part
from ballroom.services.dynamodb.values.attribute_values import Value

if TYPE_CHECKING:
    from ballroom.services.dynamodb.expressions.updates import Step
    from ballroom.services.dynamodb.partiql.compiling import Plan

Parts = tuple[Part, ...]
Maker = Callable[[list[Value]], Value]
"""Makes a value of the statement from the parameters of a request."""


@dataclass(slots=True)
class Column:
    """One entry of a projection, and under which name it is answered."""

    parts: Parts
    name: str


@dataclass(slots=True)
class Change:
    """`SET path = operand`, or `REMOVE path` where there is no operand."""

    parts: Parts
    operand: Node | None


@dataclass(slots=True)
class Statement:
    """One statement; which fields count depends on its kind."""

    kind: str
    """SELECT, INSERT, UPDATE, DELETE or EXISTS."""
    table: str = ""
    index: str | None = None
    columns: list[Column] | None = None
    """None: `*`."""
    where: Node | None = None
    order: list[tuple[str, bool]] = field(default_factory=list)
    """Attributes, and whether in descending order."""
    value: Maker | None = None
    """The item that an INSERT puts."""
    changes: list[Change] = field(default_factory=list)
    returning: str | None = None
    """`ALL OLD`, `ALL NEW`, `MODIFIED OLD`, `MODIFIED NEW`."""
    makers: list[Maker] = field(default_factory=list)
    """Of the values `:0`, `:1`, ... that nodes refer to."""
    parameters: int = 0
    plans: dict[tuple[str, ...], Plan] = field(default_factory=dict)
    """What the statement comes to, by the names of the key's attributes: made at first use."""
    steps: list[Step] | None = None

    @property
    def reads(self) -> bool:
        """Whether it changes nothing."""
        return self.kind == "SELECT"
