"""The mock configuration of AWS's Step Functions Local: canned results in place of tasks.

A start whose state machine ARN ends in `#TestCase` runs that test case: a task whose state the case names
gets the mocked response of its try (`"0"`, `"1-2"`, ...) instead of being done. Waiting for callbacks and
nested executions falls away: what is mocked is the task's final result.

Source: Developer Guide, "Using mocked service integrations for testing in Step Functions Local".
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from ballroom.kernel import Kernel

from .errors import Invalid
from .integrations.outcomes import Done, TaskFailure
from .map_runs import find_map_run

if TYPE_CHECKING:
    from .engine.branch import Branch
    from .engine.execution import Live

VARIABLES = ("BALLROOM_SFN_MOCK_CONFIG", "SFN_MOCK_CONFIG")
"""Environment variables that name the file; the second is Step Functions Local's own."""


class Response(NamedTuple):
    """What one or more consecutive tries get."""

    first: int
    last: int
    result: Any
    error: str | None
    cause: str | None


Cases = dict[str, dict[str, dict[str, list[Response]]]]
"""Machine, test case, state -> responses."""


class Mocks:
    """The configuration, read again when its file changes."""

    def __init__(self, kernel: Kernel) -> None:
        self.counts: dict[tuple[int, str], int] = {}
        self._cases: Cases = {}
        self._stamp: tuple[str, float] = ("", 0.0)

    def cases(self) -> Cases:
        """The test cases that are configured now.

        Raises:
            Invalid: the file cannot be read, or is no mock configuration.
        """
        path = next((os.environ[name] for name in VARIABLES if os.environ.get(name)), "")
        if not path:
            return {}
        try:
            stamp = (path, Path(path).stat().st_mtime)
            if stamp != self._stamp:
                self._cases = read_cases(orjson.loads(Path(path).read_bytes()))
                self._stamp = stamp
        except (OSError, orjson.JSONDecodeError) as unreadable:
            raise Invalid(f"The mock configuration {path} cannot be read: {unreadable}") from unreadable
        return self._cases


def read_cases(config: Any) -> Cases:
    """The test cases of a mock configuration.

    Raises:
        Invalid: it is none.
    """
    if not isinstance(config, dict) or not isinstance(config.get("StateMachines"), dict):
        raise Invalid("The mock configuration has no StateMachines.")
    responses = {name: _responses(name, given) for name, given in (config.get("MockedResponses") or {}).items()}
    cases: Cases = {}
    for machine, entry in config["StateMachines"].items():
        for case, states in (entry.get("TestCases") or {}).items():
            for state, named in states.items():
                if named not in responses:
                    raise Invalid(f"The mock configuration has no mocked response '{named}'.")
                cases.setdefault(machine, {}).setdefault(case, {})[state] = responses[named]
            cases.setdefault(machine, {}).setdefault(case, {})
    return cases


def _responses(name: str, given: Any) -> list[Response]:
    found = []
    if not isinstance(given, dict):
        raise Invalid(f"The mocked response '{name}' is no object.")
    for tries, response in given.items():
        first, _, last = tries.partition("-")
        if not first.isdecimal() or (last and not last.isdecimal()) or not isinstance(response, dict):
            raise Invalid(f"The mocked response '{name}' has the invalid number '{tries}'.")
        if ("Return" in response) == ("Throw" in response):
            raise Invalid(f"The mocked response '{name}' must have either Return or Throw.")
        throw = response.get("Throw") or {}
        found.append(
            Response(
                int(first), int(last or first), response.get("Return"), throw.get("Error"), throw.get("Cause")
            )
            if "Throw" in response
            else Response(int(first), int(last or first), response["Return"], None, None)
        )
    return sorted(found, key=lambda one: one.first)


def check_case(kernel: Kernel, machine: str, case: str) -> None:
    """Refuse a test case that is not configured.

    Raises:
        Invalid: there is none.
    """
    if case not in kernel.state(Mocks).cases().get(machine, {}):
        raise Invalid(f"The mock configuration has no test case '{case}' for state machine '{machine}'.")


def _whole(live: Live) -> int:
    """The execution that tries are counted over: children of map runs count with the one that began them."""
    number, map_run, tx = live.number, live.record.map_run, live.session.tx
    while map_run:
        run = find_map_run(tx, map_run)
        if run is None:
            break
        number = run.number
        above = live.session.running.at_hand(tx, number)
        map_run = above.record.map_run if above is not None else ""
    return number


def _as_result(branch: Branch, given: Any) -> Any:
    """For a task whose resource is a function's ARN, an answer of Invoke stands for its payload."""
    resource = branch.state.definition.get("Resource", "")
    is_answer = isinstance(given, dict) and {"StatusCode", "Payload"} <= given.keys()
    return given["Payload"] if is_answer and ":function:" in resource else given


def mocked(live: Live, branch: Branch) -> Done | None:
    """What the test case says of this try; None: it says nothing, the task is done in earnest.

    Raises:
        TaskFailure: the try is to fail.
    """
    case = live.record.test_case
    if not case:
        return None
    mocks = live.session.tx.kernel.state(Mocks)
    machine, state = live.ref.machine.partition("/")[0], branch.position.state
    responses = mocks.cases().get(machine, {}).get(case, {}).get(state)
    if responses is None:
        return None
    number = _whole(live)
    tries = mocks.counts.get((number, state), 0)
    mocks.counts[number, state] = tries + 1
    for response in responses:
        if response.first <= tries <= response.last:
            if response.error is not None or response.cause is not None:
                raise TaskFailure(response.error, response.cause)
            return Done(_as_result(branch, response.result), final=True)
    raise TaskFailure(
        "States.Runtime", f"The mock configuration has no response number {tries} for state '{state}'."
    )
