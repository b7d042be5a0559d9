"""The machine that the children of a map run execute: the processor of one Map of a definition."""

from __future__ import annotations

from msgspec.structs import replace

from ..language.machine import Machine, MapState, ParallelState, State


def processor_of(definition: Machine, within: str) -> Machine:
    """The machine that the children of the Map `within` run, with no time limit of its own."""
    processor = find_map(definition.states, within).processor
    return replace(definition, start_at=processor.start_at, states=processor.states, timeout_s=None)


def find_map(states: dict[str, State], name: str) -> MapState:
    """The Map of that name, however deep it lies. There is one: the definition was checked."""
    found = _find(states, name)
    assert found is not None
    return found


def _find(states: dict[str, State], name: str) -> MapState | None:
    for state in states.values():
        inner: list[dict[str, State]] = []
        if isinstance(state, MapState):
            if state.name == name:
                return state
            inner = [state.processor.states]
        elif isinstance(state, ParallelState):
            inner = [branch.states for branch in state.branches]
        for below in inner:
            found = _find(below, name)
            if found is not None:
                return found
    return None
