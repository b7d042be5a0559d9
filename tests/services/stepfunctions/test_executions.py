"""Executions: started once a name, described, listed, stopped, timed out, forgotten, their histories paged."""

from __future__ import annotations

import json

import pytest
from tests.cloud import Cloud

from .machines import (
    chain,
    create,
    describe,
    error,
    events,
    output,
    over,
    passing,
    run,
    start,
    status,
    story,
    wait,
)

WAITING = chain(W=wait(60))


def test_the_same_start_again_is_the_same_execution(cloud: Cloud) -> None:
    arn = create(cloud, WAITING)
    first = cloud.stepfunctions("StartExecution", stateMachineArn=arn, name="e", input='{"a": 1}')
    cloud.clock.advance(seconds=1)
    assert cloud.stepfunctions("StartExecution", stateMachineArn=arn, name="e", input='{"a": 1}') == first
    refused = cloud.error("stepfunctions", "StartExecution", stateMachineArn=arn, name="e", input='{"a": 2}')
    assert repr(refused) == f"ExecutionAlreadyExists: Execution Already Exists: '{first['executionArn']}'"
    cloud.clock.advance(seconds=60)
    assert cloud.error(
        "stepfunctions", "StartExecution", stateMachineArn=arn, name="e", input='{"a": 1}'
    ).shape == "ExecutionAlreadyExists"  # fmt: skip


def test_a_name_is_free_again_after_ninety_days(cloud: Cloud) -> None:
    arn = create(cloud, chain(A=passing()))
    execution = start(cloud, arn, name="e")
    cloud.clock.advance(days=90, seconds=1)
    assert cloud.error("stepfunctions", "DescribeExecution", executionArn=execution).shape == "ExecutionDoesNotExist"
    assert cloud.stepfunctions("ListExecutions", stateMachineArn=arn) == {"executions": []}
    assert start(cloud, arn, name="e") == execution


@pytest.mark.parametrize("text", ["{", "", "nope", '{"a": 1,}', "[" * 2000 + "]" * 2000, "[" * 500 + "]" * 500])
def test_an_input_that_is_no_json_is_refused(cloud: Cloud, text: str) -> None:
    refused = cloud.error("stepfunctions", "StartExecution", stateMachineArn=create(cloud, WAITING), input=text)
    assert refused.shape == "InvalidExecutionInput"


def test_a_month_of_waits_takes_no_time(cloud: Cloud) -> None:
    execution = run(cloud, chain(A=wait(86_400 * 15), B=wait(86_400 * 15), C=passing(Result="done")))
    cloud.clock.advance(days=30)
    assert output(cloud, execution) == "done"


def test_a_stopped_execution_says_why(cloud: Cloud) -> None:
    execution = run(cloud, WAITING)
    cloud.stepfunctions("StopExecution", executionArn=execution, error="Manual", cause="probe")
    described = describe(cloud, execution)
    assert (described["status"], described["error"], described["cause"]) == ("ABORTED", "Manual", "probe")
    assert story(cloud, execution) == ["ExecutionStarted", "WaitStateEntered", "ExecutionAborted"]
    cloud.clock.advance(seconds=100)
    assert status(cloud, execution) == "ABORTED"


def test_a_machine_that_takes_too_long_times_out(cloud: Cloud) -> None:
    execution = run(cloud, WAITING | {"TimeoutSeconds": 3})
    cloud.clock.advance(seconds=3)
    described = describe(cloud, execution)
    assert (described["status"], described["stopDate"] - described["startDate"]) == ("TIMED_OUT", 3000)
    assert not described.keys() & {"error", "cause", "output"}
    last = events(cloud, execution)[-1]
    assert last["type"] == "ExecutionTimedOut"
    assert last["executionTimedOutEventDetails"] == {"error": "States.Timeout"}


def test_lists_are_newest_first_by_status_and_in_pages(cloud: Cloud) -> None:
    arn = create(cloud, chain(C={"Type": "Choice", "Choices": [
        {"Variable": "$.wait", "BooleanEquals": True, "Next": "W"}], "Default": "F"}, W=wait(60), F={"Type": "Fail"}))  # fmt: skip
    for n in range(6):
        start(cloud, arn, {"wait": n % 2 == 0}, name=f"e{n}")
        cloud.clock.advance(ms=1)
    listed = cloud.stepfunctions("ListExecutions", stateMachineArn=arn)["executions"]
    assert [one["name"] for one in listed] == ["e5", "e4", "e3", "e2", "e1", "e0"]
    first = cloud.stepfunctions("ListExecutions", stateMachineArn=arn, statusFilter="RUNNING", maxResults=2)
    rest = cloud.stepfunctions(
        "ListExecutions", stateMachineArn=arn, statusFilter="RUNNING", nextToken=first["nextToken"]
    )
    names = [one["name"] for one in first["executions"] + rest["executions"]]
    assert names == ["e4", "e2", "e0"]
    assert "nextToken" not in rest
    cloud.clock.advance(seconds=60)
    gone = cloud.stepfunctions("ListExecutions", stateMachineArn=arn, statusFilter="RUNNING")
    assert gone == {"executions": []}


def test_a_long_history_pages_both_ways(cloud: Cloud) -> None:
    execution = run(cloud, chain(M=over(("A", passing()))), list(range(300)))
    every = events(cloud, execution) + cloud.stepfunctions(
        "GetExecutionHistory", executionArn=execution, maxResults=1000,
        nextToken=cloud.stepfunctions("GetExecutionHistory", executionArn=execution, maxResults=1000)["nextToken"],
    )["events"]  # fmt: skip
    assert [event["id"] for event in every] == list(range(1, len(every) + 1))
    assert len(every) == 6 + 4 * 300
    ids: list[int] = []
    token: dict[str, str] = {}
    while True:
        page = cloud.stepfunctions(
            "GetExecutionHistory", executionArn=execution, reverseOrder=True, maxResults=77, **token
        )
        ids += [event["id"] for event in page["events"]]
        if "nextToken" not in page:
            break
        token = {"nextToken": page["nextToken"]}
    assert ids == list(range(len(every), 0, -1))


def test_a_history_without_data_tells_no_inputs(cloud: Cloud) -> None:
    execution = run(cloud, chain(A=passing()), {"secret": 1})
    assert "secret" not in json.dumps(events(cloud, execution, includeExecutionData=False))


def test_a_runaway_loop_ends_at_25000_events(cloud: Cloud) -> None:
    loop = {
        "StartAt": "C",
        "States": {
            "C": {"Type": "Choice", "Choices": [{"Variable": "$.go", "BooleanEquals": True, "Next": "P"}],
                  "Default": "End"},
            "End": {"Type": "Succeed"},
            "P": {"Type": "Pass", "Next": "C"},
        },
    }
    execution = run(cloud, loop, {"go": True})
    assert error(cloud, execution) == (
        "States.Runtime", "The execution reached the maximum number of history events (25000)."
    )  # fmt: skip
    answer = cloud.stepfunctions("GetExecutionHistory", executionArn=execution, reverseOrder=True, maxResults=1)
    assert [(event["id"], event["type"]) for event in answer["events"]] == [(25_000, "ExecutionFailed")]


def test_the_machine_of_an_execution_is_the_one_it_began_with(cloud: Cloud) -> None:
    arn = create(cloud, WAITING)
    execution = start(cloud, arn)
    cloud.stepfunctions("UpdateStateMachine", stateMachineArn=arn, definition=json.dumps(chain(A=passing())))
    described = cloud.stepfunctions("DescribeStateMachineForExecution", executionArn=execution)
    assert json.loads(described["definition"]) == WAITING


def test_executions_go_on_after_a_restart(durable_cloud: Cloud) -> None:
    cloud = durable_cloud
    branches = [chain(X=wait(60), Y=passing(Result=1)), chain(Z=passing(Result=2))]
    execution = run(
        cloud,
        chain(
            P={"Type": "Parallel", "Branches": branches},
            M=over(("W", wait(60)), MaxConcurrency=1),
            End=passing(),
        ),
    )
    for _ in range(3):
        cloud.reopen()
        cloud.clock.advance(seconds=60)
    assert output(cloud, execution) == [1, 2]
    assert [event["id"] for event in events(cloud, execution)] == list(range(1, len(events(cloud, execution)) + 1))


def test_a_waiting_execution_costs_no_memory(cloud: Cloud) -> None:
    from ballroom.services.stepfunctions.engine.running import Running

    arn = create(cloud, WAITING)
    for _ in range(50):
        start(cloud, arn)
    running = cloud.kernel.state(Running)
    assert not running.sliced
    assert not running.express


def test_data_that_nests_ever_deeper_ends_its_execution(cloud: Cloud) -> None:
    deeper = {
        "StartAt": "P",
        "States": {
            "P": {"Type": "Pass", "Parameters": {"a.$": "$", "go": True}, "Next": "C"},
            "C": {
                "Type": "Choice",
                "Choices": [{"Variable": "$.go", "BooleanEquals": True, "Next": "P"}],
                "Default": "End",
            },
            "End": {"Type": "Succeed"},
        },
    }
    branches = [deeper, chain(W=wait(1000))]
    execution = run(cloud, chain(B={"Type": "Parallel", "Branches": branches}))
    assert error(cloud, execution) == ("States.Runtime", "The data is nested deeper than 400 levels.")
    cloud.clock.advance(seconds=2000)
    assert events(cloud, execution, reverseOrder=True)[0]["type"] == "ExecutionFailed"


def test_many_executions_at_once_take_turns(cloud: Cloud) -> None:
    arn = create(cloud, chain(M=over(("A", passing()))))
    executions = [start(cloud, arn, list(range(400))) for _ in range(5)]
    cloud.clock.settle()
    assert [len(output(cloud, one)) for one in executions] == [400] * 5
