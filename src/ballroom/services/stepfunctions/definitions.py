"""Definitions: checked when they come, compiled once, shared by all executions that run them."""

from __future__ import annotations

import hashlib
from typing import NamedTuple

from ballroom.kernel import Kernel, ServiceError, Tx

from .errors import InvalidDefinitionRefused
from .integrations import refusal_of
from .language import InvalidDefinition, compile_definition
from .language.machine import Machine as Compiled
from .language.machine import MapState, ParallelState, State, SubMachine, TaskState
from .resources import Definition, definition_key

MOST_AT_HAND = 512


class AtHand(NamedTuple):
    """A definition's text and what it was compiled to."""

    text: str
    machine: Compiled


class Compiles:
    """Compiled definitions, by id."""

    def __init__(self, kernel: Kernel) -> None:
        self.by_id: dict[str, AtHand] = {}


def _compile(text: str, kind: str) -> Compiled:
    return compile_definition(text, kind="EXPRESS" if kind == "EXPRESS" else "STANDARD")


def check_definition(text: str, kind: str) -> Compiled:
    """The compiled definition.

    Raises:
        InvalidDefinitionRefused: it breaks the language's rules, or uses what does not exist here.
    """
    try:
        machine = _compile(text, kind)
    except InvalidDefinition as wrong:
        raise InvalidDefinitionRefused(wrong.text) from wrong
    problems = [f"SCHEMA_VALIDATION_FAILED: {text}" for text in _unsupported(machine.states, "/States")]
    if problems:
        raise InvalidDefinitionRefused(f"Invalid State Machine Definition: '{', '.join(problems)}'")
    return machine


def _unsupported(states: dict[str, State], at: str) -> list[str]:
    found: list[str] = []
    for name, state in states.items():
        place = f"{at}/{name}"
        if isinstance(state, TaskState):
            problem = refusal_of(state.resource)
            if problem:
                found.append(f"{problem} at {place}/Resource")
        elif isinstance(state, ParallelState):
            for index, branch in enumerate(state.branches):
                found += _unsupported(branch.states, f"{place}/Branches[{index}]/States")
        elif isinstance(state, MapState):
            if state.reader is not None and state.reader.config.get("InputType") == "PARQUET":
                found.append(f"Ballroom does not read Parquet yet at {place}/ItemReader/ReaderConfig/InputType")
            key = "Iterator" if "Iterator" in state.definition else "ItemProcessor"
            found += _unsupported(state.processor.states, f"{place}/{key}/States")
    return found


def definition_id(text: str, kind: str) -> str:
    """Equal definitions are stored once."""
    return hashlib.sha256(f"{kind}\0{text}".encode("utf-8", "surrogatepass")).hexdigest()[:32]


def store_definition(tx: Tx, text: str, kind: str) -> str:
    """Keep a definition that was checked; its id."""
    id = definition_id(text, kind)
    if tx.get(Definition, definition_key(id)) is None:
        tx.put(definition_key(id), Definition(text, kind))
    return id


def compiled(kernel: Kernel, id: str) -> AtHand:
    """A stored definition, compiled at first use."""
    at_hand = kernel.state(Compiles).by_id
    found = at_hand.get(id)
    if found is None:
        row = kernel.read(Definition, definition_key(id))
        if row is None:
            raise ServiceError(f"the definition {id} is not stored")
        if len(at_hand) >= MOST_AT_HAND:
            at_hand.clear()
        found = at_hand[id] = AtHand(row.text, _compile(row.text, row.type))
    return found


def machine_at(states: dict[str, State], state: str, index: int) -> SubMachine:
    """The machine that a child of a Map or Parallel runs."""
    found = states[state]
    if isinstance(found, ParallelState):
        return found.branches[index]
    assert isinstance(found, MapState)
    return found.processor
