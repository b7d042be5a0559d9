"""TestState: one state, tried without a state machine.

What is mocked, and states that do no work, are answered at once. A Task that is not mocked is done for real, by
an Express execution of that Task alone: its input is the Task's arguments, its output the raw result.
"""

from __future__ import annotations

import json
from typing import Any

import orjson

from ballroom.kernel import Context, Request, Response, Tx, Waiting, operation

from ..arns import ExecutionRef
from ..definitions import AtHand, Compiles, definition_id
from ..engine.execution import Live, text_of
from ..engine.running import Running
from ..errors import Invalid, InvalidDefinitionRefused, InvalidExecutionInput
from ..integrations import refusal_of
from ..language import InvalidDefinition, compile_definition
from ..resources import Execution, Settings
from ..starting import begin_express, checked_input
from ..test_state import BadTest, StateTest, Work
from ..test_state.run import Place

_LONGEST_S = 300
"""How long a state under test may take."""
_TIMED_OUT = "States.Timeout"


@operation("TestState")
def test_state(tx: Tx, request: Request) -> Response | Waiting:
    """Run one state and tell what came of it.

    Raises:
        Invalid: the request asks for what cannot be tried.
        InvalidDefinitionRefused: the state breaks the language's rules.
        InvalidExecutionInput: the input is no JSON.

    Source: API Reference, TestState.
    """
    checked_input(request.get("input"))
    place = Place("aws", tx.region, tx.account)
    try:
        test = StateTest(request, place, tx.ids, tx.now_ms)
        step = test.begin()
    except BadTest as wrong:
        raise Invalid(str(wrong)) from wrong
    except InvalidDefinition as wrong:
        refused = InvalidDefinitionRefused("")
        refused.text = wrong.text
        raise refused from wrong
    if not isinstance(step, Work):
        return step
    return _done_for_real(tx, request, test, step)


def _done_for_real(tx: Tx, request: Request, test: StateTest, work: Work) -> Response | Waiting:
    problem = refusal_of(work.resource)
    if problem:
        raise InvalidDefinitionRefused(f"SCHEMA_VALIDATION_FAILED: {problem} at /States/{test.name}/Resource")
    if request.get("roleArn") is None:
        raise Invalid("RoleArn must be specified if no mock is specified")
    live = _start(tx, request, test, work)
    if live.ended:
        return _answer(test, live)
    end = live.held.wait()

    async def wait(ctx: Context) -> Response:
        return _answer(test, await end)

    return Waiting(wait)


def _start(tx: Tx, request: Request, test: StateTest, work: Work) -> Live:
    """An Express execution of the Task alone; its definition is at hand, never stored."""
    task: dict[str, Any] = {
        "Type": "Task",
        "Resource": work.resource.arn,
        "TimeoutSeconds": min(work.timeout_s or _LONGEST_S, _LONGEST_S),
        "End": True,
    }
    text = json.dumps({"StartAt": test.name, "States": {test.name: task}})
    id = definition_id(text, "EXPRESS")
    tx.kernel.state(Compiles).by_id[id] = AtHand(text, compile_definition(text, kind="EXPRESS"))
    settings = Settings(id, request["roleArn"], {"level": "OFF"}, False, {})
    ref = ExecutionRef(tx.account, tx.region, tx.ids.uuid(), tx.ids.uuid())
    number = tx.kernel.state(Running).next_number(tx)
    record = Execution(
        number, ref.machine, ref.name, "RUNNING", tx.now_ms, 0, settings, text_of(work.arguments), express=True
    )
    return begin_express(tx, ref, record)


def _answer(test: StateTest, live: Live) -> Response:
    record = live.record
    if record.status == "SUCCEEDED" and record.output is not None:
        return test.succeeded(orjson.loads(record.output))
    return test.failed(record.error or _TIMED_OUT, record.cause)


__all__ = ["InvalidExecutionInput", "test_state"]
