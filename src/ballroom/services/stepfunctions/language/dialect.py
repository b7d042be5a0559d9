"""What a query language must provide, so that the states are compiled without asking which one it is.

`jsonpath_dialect.py` and `jsonata_dialect.py` are the two. A dialect is made for one state; its methods read
the state's fields, report what is wrong with them, and give closures.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable

from ballroom.services.stepfunctions.language.findings import Fields
from ballroom.services.stepfunctions.language.machine import (
    Failure,
    Finish,
    Finished,
    Json,
    Prepare,
    Scope,
    Step,
)

Evaluate = Callable[[Scope], Json]
Condition = Callable[[Json, Scope], bool]
"""`(effective input, scope) -> bool`."""


class Dialect(ABC):
    """The fields of one state that are evaluated."""

    def __init__(self, state: Fields, references: set[str]) -> None:
        self.state = state
        self.references = references
        """The variables named so far; the compiler keeps them for DescribeStateMachine."""

    @abstractmethod
    def prepare(self) -> Prepare:
        """InputPath and Parameters, or Arguments."""

    @abstractmethod
    def effective_input(self) -> Evaluate:
        """The state's input after InputPath, where there is one."""

    @abstractmethod
    def finish(self, following: str | None) -> Finish:
        """ResultSelector, ResultPath, OutputPath and Assign, or Output and Assign."""

    @abstractmethod
    def passing(self, following: str | None) -> Step:
        """A Pass state, whole."""

    @abstractmethod
    def straight(self, following: str | None) -> Step:
        """What a Wait or Succeed state does to its input."""

    @abstractmethod
    def chosen(self, rule: Fields | None, following: str | None) -> Finish:
        """How a Choice state ends by a rule, or (None) by its Default: `(scope, effective input)`."""

    @abstractmethod
    def condition(self, rule: Fields) -> Condition:
        """The test of one choice rule."""

    @abstractmethod
    def caught(self, catcher: Fields, following: str) -> Callable[..., Finished]:
        """What a catcher does: `(scope, error, cause, inspection=None) -> Finished`."""

    @abstractmethod
    def number(
        self, fields: Fields, name: str, low: int, high: int, *, whole: bool = True
    ) -> Callable[[Scope], float | None]:
        """A limit: constant, by path, or by expression; gives None where it is absent."""

    @abstractmethod
    def template(self, fields: Fields, name: str) -> Prepare:
        """A payload, evaluated over the effective input; gives None where it is absent."""

    @abstractmethod
    def string(self, fields: Fields, name: str) -> Callable[[Scope], str | None]:
        """A text: constant or evaluated."""

    @abstractmethod
    def failure(self) -> Callable[..., Failure]:
        """A Fail state, whole."""

    @abstractmethod
    def until_ms(self) -> Callable[[Scope], int]:
        """When a Wait state ends."""

    @abstractmethod
    def items(self, *, distributed: bool) -> Prepare:
        """What a Map state iterates over."""

    @abstractmethod
    def selector(self) -> Prepare | None:
        """ItemSelector, if there is one."""

    @property
    @abstractmethod
    def payload_field(self) -> str:
        """How the payload of a reader or writer is called: "Parameters" or "Arguments"."""
