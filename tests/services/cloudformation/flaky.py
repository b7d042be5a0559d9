"""A resource type for tests whose steps fail or wait when they are told to."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field

from ballroom.kernel import registry
from ballroom.kernel.registry import operation
from ballroom.services.cloudformation.resource_types import base
from ballroom.services.cloudformation.resource_types.base import (
    Attributes,
    Call,
    Failure,
    Name,
    Pending,
    Target,
)


@dataclass
class Flaky:
    """What the provider did, and what it shall do."""

    failing: set[str] = field(default_factory=set)
    """`create A`, `update B`, `delete C`: steps that fail."""
    waiting: set[str] = field(default_factory=set)
    """Logical ids whose creation waits until it is taken out."""
    slow: bool = False
    """Whether the provider calls an operation that waits."""
    done: list[str] = field(default_factory=list)
    live: dict[str, str] = field(default_factory=dict)
    """Physical id -> value of what exists."""

    def fail(self, what: str) -> None:
        if what in self.failing:
            raise Failure(f"{what} failed")


@contextlib.contextmanager
def flaky_type() -> Iterator[Flaky]:
    """Know Test::Flaky::Thing meanwhile."""
    state = Flaky()

    async def nap(ctx: object, request: dict[str, object]) -> dict[str, object]:
        return {}

    operation("Nap", service="cloudformation", internal=True)(nap)

    async def create(call: Call, thing: Target) -> Attributes | None:
        if state.slow:
            await call("cloudformation", "Nap")
        state.fail(f"create {thing.logical_id}")
        state.done.append(f"create {thing.logical_id}")
        state.live[thing.name] = str(thing.get("Value"))
        thing.physical_id = thing.name
        thing.deadline_ms = thing.now_ms + 60_000
        if thing.logical_id in state.waiting:
            raise Pending
        return {"Value": thing.get("Value")}

    async def poll(call: Call, thing: Target) -> Attributes | None:
        if thing.deadline_ms is not None and thing.now_ms >= thing.deadline_ms:
            raise Failure("too late")
        if thing.logical_id in state.waiting:
            raise Pending
        return {"Value": thing.get("Value")}

    async def update(call: Call, thing: Target) -> Attributes | None:
        if state.slow:
            await call("cloudformation", "Nap")
        state.fail(f"update {thing.logical_id}")
        state.done.append(f"update {thing.logical_id}")
        state.live[thing.physical_id] = str(thing.get("Value"))
        return {"Value": thing.get("Value")}

    async def delete(call: Call, thing: Target) -> None:
        state.fail(f"delete {thing.logical_id}")
        state.done.append(f"delete {thing.logical_id}")
        state.live.pop(thing.physical_id, None)

    base.register(
        "Test::Flaky::Thing",
        properties="Value",
        create_only="Fixed Name",
        attributes="Value",
        name=Name("Name"),
        taggable=False,
        create=create,
        poll=poll,
        update=update,
        delete=delete,
    )
    try:
        yield state
    finally:
        del base.REGISTRY["Test::Flaky::Thing"]
        del registry.operations["cloudformation", "Nap"]
