"""What a definition is compiled to: the only thing that the engine knows of the States Language.

`compile_definition` (in `compiler.py`) turns a definition into a `Machine`. Each state is a struct
of constants and closures; which query language it uses, which of its fields are there, whether a value is a
constant or a path: all of that is decided when it is compiled, and the engine never asks.

The life of a state, as the engine drives it (`scope` is one `Scope` for the whole visit, made when the state
is entered; `inspection`, where a closure takes one, is a dict that collects TestState's data):

| kind | calls |
|---|---|
| Pass, Choice, Succeed | `step(scope)` -> `Finished`, in one call |
| Fail | `failure(scope)` -> `Failure` |
| Wait | `until_ms(scope)`; when that is due `step(scope)` |
| Task | `prepare(scope)`, `timeout_s`, `heartbeat_s`, `credentials`; with the result `finish(scope, result)` |
| Parallel | `prepare(scope)`: the input of each of `branches`; with the outputs `finish(scope, outputs)` |
| Map | `items(scope)`, the limits, per item `select(scope)`; with the outputs `finish(scope, outputs)` |

What goes wrong is raised as `StatesError`; a Task, Parallel or Map then asks its `retry_for` and `catch`.
`Finished.next` is the next state's name, or None where the (sub)machine ends.

A value is JSON: dict, list, str, int, float, bool, None. Closures never change what they are given, and what
they return may share parts with it: treat all values as frozen.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, Protocol

import msgspec

Json = Any
"""dict, list, str, int, float, bool or None."""

Inspection = dict[str, Any]
"""What TestState reports: `input`, `afterInputPath`, `afterParameters`, `afterArguments`, `result`,
`afterResultSelector`, `afterResultPath`, `afterItemsPath`, `afterItemSelector`, ... as JSON values."""

QueryLanguage = Literal["JSONPath", "JSONata"]


class Chance(Protocol):
    """Where ids and random numbers come from: `kernel.ids.Ids` is one."""

    def uuid(self) -> str:
        """A version 4 UUID."""

    def uniform(self, low: float, high: float) -> float:
        """A number between `low` and `high`."""

    def below(self, n: int) -> int:
        """A whole number from 0 to n - 1."""


class Scope(msgspec.Struct):
    """What a state's expressions see: its input, the context object, the variables in scope.

    `variables` are those at the state's entry, outer scopes included (the engine resolves shadowing).
    `now_ms` is the product's clock, for JSONata's `$now` and `$millis`.
    """

    input: Json
    context: dict[str, Json]
    variables: Mapping[str, Json]
    chance: Chance
    now_ms: int = 0


class Finished(msgspec.Struct, frozen=True):
    """A state is done: its output, the variables it assigns, the state that follows (None: the end)."""

    output: Json
    assigned: dict[str, Json]
    next: str | None


class Failure(msgspec.Struct, frozen=True):
    """How a Fail state ends its machine; either may be absent."""

    error: str | None
    cause: str | None


class StatesError(Exception):
    """A state failed: AWS's error name and cause.

    `located`: AWS puts "An error occurred while executing the state '<name>' (entered at the event id #<n>). "
    before the cause in histories (not in TestState); `located_cause` does. Errors of tasks are not located.
    `terminal`: nothing may retry or catch it, whatever it names.
    `location`: the field whose evaluation failed ("Output/total"), for JSONata's EvaluationFailed events.
    """

    def __init__(
        self,
        error: str,
        cause: str | None = None,
        *,
        located: bool = True,
        location: str | None = None,
    ) -> None:
        super().__init__(error, cause)
        self.error = error
        self.cause = cause if cause is None else cause[:MAX_CAUSE]
        self.located = located
        self.location = location

    @property
    def evaluation(self) -> bool:
        """Whether it is a failed JSONata evaluation: the history has an EvaluationFailed event for it."""
        return self.error == "States.QueryEvaluationError" and self.located

    @property
    def terminal(self) -> bool:
        """Whether no retrier and no catcher applies (States.Runtime)."""
        return self.error in TERMINAL_ERRORS

    def located_cause(self, state: str, entered_event_id: int) -> str | None:
        """The cause as an execution's history tells it."""
        if not self.located or self.cause is None:
            return self.cause
        told = (
            f"An error occurred while executing the state '{state}' (entered at the event id "
            f"#{entered_event_id}). {self.cause}"
        )
        return told[:MAX_CAUSE]


MAX_CAUSE = 32_768
"""Characters of a cause, in the API's model."""

TERMINAL_ERRORS = frozenset({"States.Runtime"})

Prepare = Callable[..., Json]
"""`(scope, inspection=None) -> value`; raises StatesError."""
Finish = Callable[..., Finished]
"""`(scope, result, inspection=None) -> Finished`; raises StatesError."""
Step = Callable[..., Finished]
"""`(scope, inspection=None) -> Finished`; raises StatesError."""
Number = Callable[[Scope], "int | None"]
"""A limit of a state, constant or not; None where the definition sets none. Raises StatesError."""


class Resource(msgspec.Struct, frozen=True):
    """A Task's `Resource`, taken apart.

    | kind | example | service, action, pattern |
    |---|---|---|
    | lambda | arn:aws:lambda:eu-west-1:1:function:f | "lambda", "invoke", "" |
    | activity | arn:aws:states:eu-west-1:1:activity:a | "states", "", "" |
    | optimised | arn:aws:states:::sqs:sendMessage.waitForTaskToken | "sqs", "sendMessage", "waitForTaskToken" |
    | aws-sdk | arn:aws:states:::aws-sdk:s3:getObject | "s3", "getObject", "" |

    `pattern` is "", "sync", "sync:2" or "waitForTaskToken"; `arn` is the text in the definition.
    """

    arn: str
    kind: Literal["lambda", "activity", "optimised", "aws-sdk"]
    service: str
    action: str
    pattern: str = ""

    @property
    def resource_type(self) -> str:
        """`resourceType` in histories: "sqs", "aws-sdk:s3", "lambda"."""
        return f"aws-sdk:{self.service}" if self.kind == "aws-sdk" else self.service

    @property
    def resource(self) -> str:
        """`resource` in histories: "sendMessage.waitForTaskToken"."""
        return f"{self.action}.{self.pattern}" if self.pattern else self.action


class Retrier(msgspec.Struct, frozen=True):
    """One entry of `Retry`. Seconds."""

    errors: tuple[str, ...]
    interval_s: int = 1
    max_attempts: int = 3
    backoff_rate: float = 2.0
    max_delay_s: int | None = None
    full_jitter: bool = False

    def delay_s(self, attempt: int, chance: Chance) -> float:
        """How long to wait before retry number `attempt` (the first is 0)."""
        try:
            delay = self.interval_s * self.backoff_rate**attempt
        except OverflowError:
            delay = float("inf")
        delay = min(delay, MAX_DELAY_S if self.max_delay_s is None else self.max_delay_s)
        return chance.uniform(0, delay) if self.full_jitter else delay


MAX_DELAY_S = 31_622_400
"""The longest that a retry waits: a year, the longest that an execution lives."""


class Catcher(msgspec.Struct, frozen=True):
    """One entry of `Catch`; `handle(scope, error, cause) -> Finished`."""

    errors: tuple[str, ...]
    next: str
    handle: Callable[..., Finished]


class State(msgspec.Struct, frozen=True):
    """What all states have. `next` is None where the machine ends after it."""

    name: str
    kind: str
    next: str | None
    comment: str | None
    query_language: QueryLanguage
    """For TestState and the curious; the engine has no use for it."""
    definition: dict[str, Json]
    """As it was written."""


class StepState(State, frozen=True):
    """Pass, Choice or Succeed: done as soon as it is entered."""

    step: Step


class WaitState(State, frozen=True):
    """Waits until a moment, then steps on."""

    until_ms: Callable[[Scope], int]
    """The moment in epoch milliseconds, from `scope.now_ms` where it is a duration (may be in the past)."""
    step: Step


class FailState(State, frozen=True):
    """Ends its machine with an error."""

    failure: Callable[..., Failure]


class FallibleState(State, frozen=True):
    """What Task, Parallel and Map have in common: arguments, a result, Retry and Catch."""

    prepare: Prepare
    """Task: what the resource is given; Parallel: each branch's input; Map: the effective input."""
    finish: Finish
    retriers: tuple[Retrier, ...]
    catchers: tuple[Catcher, ...]

    def retry_for(
        self, error: str, attempts: Mapping[int, int] | Sequence[int], *, heartbeat: bool = False
    ) -> int | None:
        """The index of the retrier that applies to `error`, given how often each has retried; or None.

        The first that matches decides: once it is spent, the catchers are asked. `heartbeat`: the error is a
        States.Timeout because a heartbeat was missed.
        """
        for index, retrier in enumerate(self.retriers):
            if matches(retrier.errors, error, heartbeat=heartbeat):
                done = attempts.get(index, 0) if isinstance(attempts, Mapping) else attempts[index]
                return index if done < retrier.max_attempts else None
        return None

    def catch(
        self,
        scope: Scope,
        error: str,
        cause: str | None,
        inspection: Inspection | None = None,
        *,
        heartbeat: bool = False,
    ) -> Finished | None:
        """Where `Catch` leads after `error`, or None if no catcher applies. Raises StatesError."""
        index = self.catcher_for(error, heartbeat=heartbeat)
        return None if index is None else self.catchers[index].handle(scope, error, cause, inspection)

    def catcher_for(self, error: str, *, heartbeat: bool = False) -> int | None:
        """The index of the first catcher that applies to `error`, or None."""
        for index, catcher in enumerate(self.catchers):
            if matches(catcher.errors, error, heartbeat=heartbeat):
                return index
        return None


def matches(names: tuple[str, ...], error: str, *, heartbeat: bool = False) -> bool:
    """Whether a Retry's or Catch's ErrorEquals covers an error.

    Source: Developer Guide, "Handling errors": States.TaskFailed covers all but States.Timeout. Recorded:
    States.ALL covers States.DataLimitExceeded (against the guide), nothing covers States.Runtime; a missed
    heartbeat is a States.Timeout that States.HeartbeatTimeout covers as well.
    """
    if error in TERMINAL_ERRORS:
        return False
    if error in names or "States.ALL" in names:
        return True
    if heartbeat and "States.HeartbeatTimeout" in names:
        return True
    return "States.TaskFailed" in names and error not in NOT_TASK_FAILED


NOT_TASK_FAILED = frozenset({"States.Timeout", "States.DataLimitExceeded"})


class TaskState(FallibleState, frozen=True):
    """Work done elsewhere. Seconds; None: no heartbeat. `credentials`: None or {"RoleArn": ...}."""

    resource: Resource
    timeout_s: Number
    """None: the definition sets none (AWS: 99,999,999 s); histories then leave it out."""
    heartbeat_s: Number
    credentials: Prepare


class SubMachine(msgspec.Struct, frozen=True):
    """A machine inside a state: a branch of Parallel or the processor of Map."""

    start_at: str
    states: dict[str, State]
    comment: str | None = None


class ParallelState(FallibleState, frozen=True):
    """Branches that run side by side; its result is the list of their outputs."""

    branches: tuple[SubMachine, ...]


class ItemReader(msgspec.Struct, frozen=True):
    """Where a distributed Map's items come from.

    `config`: the ReaderConfig as written, its dynamic parts left to `max_items`.
    """

    resource: Resource
    config: dict[str, Json]
    parameters: Prepare
    max_items: Number
    bucket_owner: Callable[[Scope], str | None] | None = None


class ItemBatcher(msgspec.Struct, frozen=True):
    """How a distributed Map groups items: limits (None: unlimited) and the fixed input of each batch."""

    max_items: Number
    max_bytes: Number
    batch_input: Prepare | None


class ResultWriter(msgspec.Struct, frozen=True):
    """Where a distributed Map puts its results; `resource` is None where only the form is configured."""

    resource: Resource | None
    config: dict[str, Json]
    parameters: Prepare


class MapState(FallibleState, frozen=True):
    """The same machine over each item."""

    processor: SubMachine
    distributed: bool
    execution_type: Literal["STANDARD", "EXPRESS"]
    """Of a distributed Map's child executions."""
    label: str | None
    items: Prepare
    """`(scope, inspection=None) -> list` (or, JSONata, a dict's entries as `{"Key","Value"}` are AWS's: see
    `items`); not for a Map with a `reader`."""
    select: Prepare
    """The input of one iteration, given `scope` whose context has `Map.Item` (`{"Index","Value"}`)."""
    has_selector: bool
    max_concurrency: Callable[[Scope], int]
    """0: no limit."""
    tolerated_count: Callable[[Scope], int | None]
    tolerated_percentage: Callable[[Scope], float | None]
    reader: ItemReader | None
    batcher: ItemBatcher | None
    writer: ResultWriter | None


class Machine(msgspec.Struct, frozen=True):
    """A compiled definition. `timeout_s` None: no limit of its own."""

    start_at: str
    states: dict[str, State]
    comment: str | None
    timeout_s: int | None
    version: str
    query_language: QueryLanguage
    kind: Literal["STANDARD", "EXPRESS"]
    variable_references: dict[str, list[str]] = msgspec.field(default_factory=dict)
    """DescribeStateMachine's `variableReferences`: per state (by name) the variables it names."""


class Diagnostic(msgspec.Struct, frozen=True):
    """One finding about a definition, as ValidateStateMachineDefinition reports it."""

    severity: Literal["ERROR", "WARNING"]
    code: str
    message: str
    location: str

    def to_wire(self) -> dict[str, str]:
        """As the operation's answer has it; what is nowhere in particular has no location."""
        told = {"severity": self.severity, "code": self.code, "message": self.message}
        return {**told, "location": self.location} if self.location else told


class InvalidDefinition(Exception):
    """The definition has errors; `text` is what CreateStateMachine's InvalidDefinition says."""

    def __init__(self, diagnostics: list[Diagnostic]) -> None:
        self.diagnostics = diagnostics
        told = ", ".join(
            f"{d.code}: {d.message} at {d.location or 'null'}" for d in diagnostics if d.severity == "ERROR"
        )
        self.text = f"Invalid State Machine Definition: '{told}'"
        super().__init__(self.text)
