"""One state, run by itself, as TestState does.

    test = StateTest(request, place, chance, now_ms)   # checks the request, compiles the state
    step = test.begin()                                # an answer, or the Work that nobody has mocked
    answer = test.succeeded(result)                    # ... what came of the Work
    answer = test.failed(error, cause)

Source: API Reference, TestState; Developer Guide, "Testing state machines with TestState"; recorded answers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from ballroom.services.stepfunctions.language import Scope, StatesError, compile_state
from ballroom.services.stepfunctions.language.compiler import parse_text
from ballroom.services.stepfunctions.language.findings import Findings
from ballroom.services.stepfunctions.language.machine import (
    Chance,
    FailState,
    FallibleState,
    Finished,
    Inspection,
    InvalidDefinition,
    Json,
    MapState,
    ParallelState,
    QueryLanguage,
    Resource,
    State,
    StepState,
    SubMachine,
    TaskState,
    WaitState,
)
from ballroom.services.stepfunctions.test_state.mocked import BadMock, check_mock
from ballroom.services.stepfunctions.test_state.texts import Texts

Answer = dict[str, Any]
UNNAMED = "StateName"
"""What AWS calls a state that came without a name."""
EXCEEDED = "The specified tolerated failure threshold was exceeded"

_PLAIN = frozenset({"toleratedFailureCount", "toleratedFailurePercentage", "maxConcurrency", "errorDetails"})
"""What inspection reports as it is, not as JSON text."""


class BadTest(Exception):
    """The request cannot be tried; the message is a ValidationException's."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where the test runs, for the ids in its context object."""

    partition: str
    region: str
    account: str


@dataclass(frozen=True, slots=True)
class Work:
    """What a Task wants done that nobody has mocked."""

    resource: Resource
    arguments: Json
    timeout_s: int | None
    credentials: Json


class StateTest:
    """A state under test.

    Raises:
        BadTest: the request asks for what cannot be tried.
        InvalidDefinition: the state breaks the language's rules.
    """

    def __init__(self, request: Mapping[str, Any], place: Place, chance: Chance, now_ms: int) -> None:
        self._request = request
        self._texts = Texts()
        self._mock: Mapping[str, Any] | None = request.get("mock")
        self._settings: Mapping[str, Any] = request.get("stateConfiguration") or {}
        self._detailed = request.get("inspectionLevel", "INFO") != "INFO"
        self.name, self.state = _state_of(request)
        self._check_request()
        given = self._parse(request.get("input") or "{}", "input")
        variables = self._parse(request.get("variables") or "{}", "variables")
        if not isinstance(variables, dict):
            raise BadTest("Variables must be a JSON object")
        context = self._context(given, place, chance, now_ms)
        self._scope = Scope(given, context, variables, chance, now_ms)
        self._seen: Inspection = {"input": given}

    # -- the request

    def _parse(self, text: str, name: str) -> Json:
        try:
            return self._texts.parse(text)
        except (ValueError, RecursionError):
            raise BadTest(f"Invalid JSON in '{name}'") from None

    def _check_request(self) -> None:
        state, mock = self.state, self._mock
        if mock is None:
            if self._settings:
                raise BadTest("State configuration can only be specified when a mock is specified")
            if self._request.get("context") is not None:
                raise BadTest("Context can only be specified when a mock is specified")
            self._check_unmocked()
            return
        if self._request.get("revealSecrets"):
            raise BadTest("TestState does not support RevealSecrets when a mock is specified.")
        if not isinstance(state, FallibleState):
            raise BadTest(f"State type '{state.kind}' is not supported when a mock is specified")
        if ("result" in mock) == ("errorOutput" in mock):
            raise BadTest("A test mock should have only one of the following fields: [result, errorOutput].")
        caused_by = self._settings.get("errorCausedByState")
        if caused_by is not None and caused_by not in _inner_names(state):
            raise BadTest("State not found in definition")

    def _check_unmocked(self) -> None:
        state = self.state
        if isinstance(state, (MapState, ParallelState)):
            raise BadTest(f"State type '{state.kind}' is not supported when a mock is not specified")
        if isinstance(state, TaskState):
            if state.resource.kind == "activity":
                raise BadTest("Activity tasks are not supported when a mock is not specified")
            if state.resource.pattern:
                raise BadTest(
                    f"The '.{state.resource.pattern}' service integration pattern is not supported when a mock "
                    "is not specified"
                )

    def _context(self, given: Json, place: Place, chance: Chance, now_ms: int) -> dict[str, Json]:
        """The context object: the one that was given, or one like an Express execution's."""
        text = self._request.get("context")
        if text is not None:
            context = self._parse(text, "context")
            if not isinstance(context, dict):
                raise BadTest("Context must be a JSON object")
            return context
        machine, execution = chance.uuid(), chance.uuid()
        arn = f"arn:{place.partition}:states:{place.region}:{place.account}"
        moment = datetime.fromtimestamp(now_ms / 1000, UTC).isoformat(timespec="milliseconds")
        now = moment.replace("+00:00", "Z")
        state: dict[str, Json] = {"Name": self.name, "EnteredTime": now}
        if isinstance(self.state, TaskState):
            state["RetryCount"] = 0
        about: dict[str, Json] = {
            "Id": f"{arn}:express:{machine}:{execution}",
            "Input": given,
            "Name": execution,
        }
        if self._request.get("roleArn") is not None:
            about["RoleArn"] = self._request["roleArn"]
        about["StartTime"] = now
        return {
            "Execution": about,
            "StateMachine": {"Id": f"{arn}:stateMachine:{machine}", "Name": machine},
            "State": state,
        }

    # -- the run

    def begin(self) -> Answer | Work:
        """Run the state as far as it goes by itself."""
        return self._guarded(self._begin)

    def _guarded(self, run: Callable[[], Answer | Work]) -> Answer | Work:
        try:
            return run()
        except StatesError as failed:
            return self._unhandled(failed.error, failed.cause)

    def _begin(self) -> Answer | Work:
        state, scope = self.state, self._scope
        if isinstance(state, FailState):
            failure = state.failure(scope, self._seen)
            return self._unhandled(failure.error, failure.cause)
        if isinstance(state, WaitState):
            state.until_ms(scope)
        if isinstance(state, (StepState, WaitState)):
            return self._finished(state.step(scope, self._seen))
        assert isinstance(state, FallibleState)
        try:
            items = self._items() if isinstance(state, MapState) else None
            arguments = None if isinstance(state, MapState) else self._arguments(state)
        except StatesError as failed:
            return self.failed(failed.error, failed.cause)
        if self._mock is None:
            assert isinstance(state, TaskState)
            return Work(state.resource, arguments, state.timeout_s(scope), state.credentials(scope))
        if "errorOutput" in self._mock:
            told = self._mock["errorOutput"]
            return self.failed(told.get("error", ""), told.get("cause"))
        return self._mocked(self._mock["result"], items)

    def _arguments(self, state: FallibleState) -> Json:
        """Arguments; a Parallel's are not reported in JSONata (recorded)."""
        silent = isinstance(state, ParallelState) and state.query_language == "JSONata"
        return state.prepare(self._scope, None if silent else self._seen)

    def _items(self) -> list[Json] | None:
        """A Map's items, and what inspection tells of a Map."""
        state, scope, seen = self.state, self._scope, self._seen
        assert isinstance(state, MapState)
        if state.reader is None:
            items: list[Json] | None = state.items(scope, seen)
        else:
            if state.query_language == "JSONPath":
                seen["afterInputPath"] = state.prepare(scope)
            items = self._read(state)
        seen["maxConcurrency"] = state.max_concurrency(scope)
        if (count := state.tolerated_count(scope)) is not None:
            seen["toleratedFailureCount"] = count
        if (percentage := state.tolerated_percentage(scope)) is not None:
            seen["toleratedFailurePercentage"] = percentage
        if items is not None and state.has_selector:
            seen["afterItemSelector"] = [
                state.select(self._iteration(index, item)) for index, item in enumerate(items)
            ]
        return items

    def _read(self, state: MapState) -> list[Json] | None:
        """What the test says that the reader has read."""
        text = self._settings.get("mapItemReaderData")
        if text is None:
            return None
        try:
            found = self._texts.parse(text)
        except ValueError:
            return None  # CSV and JSON Lines are read by the reader, not here
        assert state.reader is not None
        pointer = state.reader.config.get("ItemsPointer")
        if isinstance(pointer, str):
            for part in pointer.split("/")[1:]:
                name = part.replace("~1", "/").replace("~0", "~")
                if not isinstance(found, dict) or name not in found:
                    raise StatesError("States.ItemReaderFailed", "The ItemsPointer does not lead to an array.")
                found = found[name]
            self._seen["afterItemsPointer"] = found
        if isinstance(found, dict):
            found = [{"Key": key, "Value": value} for key, value in found.items()]
        if not isinstance(found, list):
            raise StatesError("States.ItemReaderFailed", "Attempting to map over non-iterable node.")
        limit = state.reader.max_items(self._scope)
        return found[:limit] if limit else found

    def _iteration(self, index: int, item: Json) -> Scope:
        scope = self._scope
        context = {**scope.context, "Map": {"Item": {"Index": index, "Value": item}}}
        return Scope(scope.input, context, scope.variables, scope.chance, scope.now_ms)

    def _mocked(self, text: str, items: list[Json] | None) -> Answer:
        """The state's work is done, says the mock."""
        try:
            result = self._texts.parse(text)
        except (ValueError, RecursionError):
            raise BadTest("Mocked result must be valid JSON") from None
        state = self.state
        if isinstance(state, TaskState):
            assert self._mock is not None
            try:
                check_mock(state.resource, result, self._mock.get("fieldValidationMode", "STRICT"))
            except BadMock as wrong:
                raise BadTest(str(wrong)) from None
        elif isinstance(state, MapState):
            exceeded = self._check_map(state, result, items)
            if exceeded:
                return self.failed("States.ExceedToleratedFailureThreshold", EXCEEDED)
        elif not isinstance(result, list):
            raise BadTest("Mocked result must be an array.")
        return self.succeeded(result)

    def _check_map(self, state: MapState, result: Json, items: list[Json] | None) -> bool:
        """Check a Map's mocked result; whether more iterations failed than are tolerated."""
        if state.writer is not None and state.writer.resource is not None:
            if not isinstance(result, dict):
                raise BadTest("Mocked result must be a JSON object.")
        elif not isinstance(result, list):
            raise BadTest("Mocked result must be an array.")
        failures = self._settings.get("mapIterationFailureCount", 0)
        iterations = len(items) if items is not None else None
        if isinstance(result, list):
            iterations = len(result) if iterations is None else min(iterations, len(result))
        if iterations is not None and failures > iterations:
            raise BadTest(
                "Map iteration failure count must be less than or equal to the number of Map iterations"
            )
        return failures > 0 and not _tolerated(state, self._scope, failures, iterations)

    def succeeded(self, result: Json) -> Answer:
        """The answer once the state's work has given a result."""
        state = self.state
        assert isinstance(state, FallibleState)
        seen = self._seen
        if isinstance(state, TaskState):
            seen["result"] = result
        silent = not isinstance(state, TaskState) and state.query_language == "JSONata"
        try:
            return self._finished(state.finish(self._scope, result, None if silent else seen))
        except StatesError as failed:
            return self.failed(failed.error, failed.cause)

    def failed(self, error: str, cause: str | None) -> Answer:
        """The answer once the state's work has failed: retried, caught, or neither."""
        state = self.state
        assert isinstance(state, FallibleState)
        done = self._settings.get("retrierRetryCount", 0)
        index = state.retry_for(error, [done] * len(state.retriers))
        if index is not None:
            retrier = state.retriers[index]
            self._seen["errorDetails"] = {
                "retryIndex": index,
                "retryBackoffIntervalSeconds": int(retrier.delay_s(done, self._scope.chance)),
            }
            return self._answer("RETRIABLE", error=error, cause=cause)
        index = state.catcher_for(error)
        if index is None:
            return self._unhandled(error, cause)
        try:
            caught = state.catchers[index].handle(self._scope, error, cause, self._seen)
        except StatesError as failed:
            return self._unhandled(failed.error, failed.cause)
        self._seen["errorDetails"] = {"catchIndex": index}
        self._assigned(caught)
        return self._answer("CAUGHT_ERROR", error=error, cause=cause, finished=caught)

    # -- the answer

    def _finished(self, finished: Finished) -> Answer:
        self._assigned(finished)
        return self._answer("SUCCEEDED", finished=finished)

    def _assigned(self, finished: Finished) -> None:
        variables = {**self._scope.variables, **finished.assigned}
        if variables:
            self._seen["variables"] = variables

    def _unhandled(self, error: str | None, cause: str | None) -> Answer:
        return self._answer("FAILED", error=error, cause=cause)

    def _answer(
        self,
        status: str,
        *,
        error: str | None = None,
        cause: str | None = None,
        finished: Finished | None = None,
    ) -> Answer:
        answer: Answer = {"status": status}
        if finished is not None:
            answer["output"] = self._texts.print(finished.output)
            if finished.next is not None:
                answer["nextState"] = finished.next
        if error is not None:
            answer["error"] = error
        if cause is not None:
            answer["cause"] = cause
        if self._detailed:
            answer["inspectionData"] = {
                name: value if name in _PLAIN else self._texts.print(value)
                for name, value in self._seen.items()
            }
        return answer


def _tolerated(state: MapState, scope: Scope, failures: int, iterations: int | None) -> bool:
    count, percentage = state.tolerated_count(scope), state.tolerated_percentage(scope)
    if count is None and percentage is None:
        return False
    if count is not None and failures > count:
        return False
    return percentage is None or not iterations or 100 * failures / iterations <= percentage


def _inner_names(state: State) -> set[str]:
    """The states inside a Map or Parallel, at all depths."""
    machines: list[SubMachine] = []
    if isinstance(state, MapState):
        machines.append(state.processor)
    elif isinstance(state, ParallelState):
        machines.extend(state.branches)
    names: set[str] = set()
    while machines:
        for name, inner in machines.pop().states.items():
            names.add(name)
            if isinstance(inner, MapState):
                machines.append(inner.processor)
            elif isinstance(inner, ParallelState):
                machines.extend(inner.branches)
    return names


def _state_of(request: Mapping[str, Any]) -> tuple[str, State]:
    """The state to try: the definition itself, or the one that `stateName` names in a machine."""
    findings = Findings()
    body = parse_text(request["definition"], findings)
    if body is None:
        raise InvalidDefinition(findings.diagnostics)
    name = request.get("stateName")
    if name is None:
        return UNNAMED, compile_state(UNNAMED, body)
    found = _named(body, name)
    if found is None:
        raise BadTest("State not found in definition")
    language: QueryLanguage = "JSONata" if body.get("QueryLanguage") == "JSONata" else "JSONPath"
    return name, compile_state(name, found, language=language)


def _named(machine: dict[str, Json], name: str) -> dict[str, Json] | None:
    """A state by its name, at any depth of a machine."""
    waiting = [machine]
    while waiting:
        states = waiting.pop().get("States")
        if not isinstance(states, dict):
            continue
        for known, state in states.items():
            if not isinstance(state, dict):
                continue
            if known == name:
                return state
            branches = state.get("Branches")
            inner = [state.get("ItemProcessor"), state.get("Iterator")]
            inner += branches if isinstance(branches, list) else []
            waiting.extend(part for part in inner if isinstance(part, dict))
    return None
