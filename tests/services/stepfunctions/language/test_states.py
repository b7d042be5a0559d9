"""What each kind of state makes of its input, in both query languages."""

from __future__ import annotations

from typing import Any

import pytest
from tests.services.stepfunctions.language.helpers import (
    FUNCTION,
    NOW_MS,
    a_scope,
    a_state,
    jsonata,
    passed,
)

from ballroom.kernel.ids import Ids
from ballroom.services.stepfunctions.language import StatesError

RAW = {"in": {"x": 1}, "other": [1, 2]}


def failure(call: Any) -> StatesError:
    with pytest.raises(StatesError) as raised:
        call()
    return raised.value


@pytest.mark.parametrize(
    ("fields", "output"),
    [
        ({}, RAW),
        ({"InputPath": "$.in"}, {"x": 1}),
        ({"InputPath": None}, {}),
        ({"OutputPath": "$.other"}, [1, 2]),
        ({"OutputPath": None}, {}),
        ({"Result": {"r": 1}}, {"r": 1}),
        (
            {"Result": {"r.$": "$.literally"}, "ResultPath": "$.in"},
            {"in": {"r.$": "$.literally"}, "other": [1, 2]},
        ),
        ({"Result": 7, "ResultPath": None}, RAW),
        ({"Result": 7, "ResultPath": "$.new.deep"}, {**RAW, "new": {"deep": 7}}),
        ({"Result": 7, "ResultPath": "$.other[1]"}, {**RAW, "other": [1, 7]}),
        ({"InputPath": "$.in", "ResultPath": "$.copy"}, {**RAW, "copy": {"x": 1}}),
        (
            {"Parameters": {"a.$": "$.in.x", "b": [{"c.$": "$.other[0]"}, 2], "d": "$.x"}},
            {"a": 1, "b": [{"c": 1}, 2], "d": "$.x"},
        ),
        ({"Parameters": {"id.$": "$$.Execution.Id"}}, {"id": "e"}),
        ({"Parameters": {"n.$": "States.ArrayLength($.other)"}}, {"n": 2}),
        ({"InputPath": "$$.Execution"}, {"Id": "e"}),
    ],
)
def test_pass_processes_its_input(fields: dict[str, Any], output: Any) -> None:
    assert passed(RAW, **fields).output == output
    assert RAW == {"in": {"x": 1}, "other": [1, 2]}, "the input is left as it was"


@pytest.mark.parametrize(
    ("fields", "error", "cause"),
    [
        ({"InputPath": "$.q"}, "States.Runtime", "Invalid path '$.q' : No results for path: $['q']"),
        ({"OutputPath": "$.q.r"}, "States.Runtime", "Invalid path '$.q.r' : Missing property in path $['q']"),
        (
            {"Parameters": {"a.$": "$.q"}},
            "States.Runtime",
            "The JSONPath '$.q' specified for the field 'a.$' could not be found in the input '{\"z\":1}'",
        ),
        (
            {"Result": 1, "ResultPath": "$.z.y"},
            "States.ResultPathMatchFailure",
            "Unable to apply ReferencePath $.z.y to input 1",
        ),
    ],
)
def test_what_cannot_be_processed_fails_the_state(fields: dict[str, Any], error: str, cause: str) -> None:
    failed = failure(lambda: passed({"z": 1}, **fields))
    assert failed.error == error
    assert failed.cause == cause


def test_a_null_input_has_no_paths() -> None:
    scope = a_scope()
    scope.input = None
    failed = failure(lambda: a_state("Pass", InputPath="$.a").step(scope))
    assert failed.cause == "Unable to apply Path transformation to null or empty input."


def test_assign_sees_the_result_and_what_the_variables_were() -> None:
    state = a_state("Pass", Result={"n": 2}, Assign={"n.$": "$.n", "before.$": "$n", "k": [1]})
    finished = state.step(a_scope({"in": 1}, n=1))
    assert finished.assigned == {"n": 2, "before": 1, "k": [1]}
    assert finished.output == {"n": 2}


def test_a_task_selects_places_and_takes_from_its_result() -> None:
    state = a_state(
        "Task",
        Resource="arn:aws:states:::sqs:sendMessage",
        Parameters={"QueueUrl": "q", "MessageBody.$": "$.m"},
        ResultSelector={"id.$": "$.MessageId", "at.$": "$$.Execution.Id"},
        ResultPath="$.sent",
        OutputPath="$.sent",
        Assign={"id.$": "$.id"},
        TimeoutSecondsPath="$.t",
        HeartbeatSeconds=5,
        Next="B",
    )
    scope = a_scope({"m": "hello", "t": 60})
    assert state.prepare(scope) == {"QueueUrl": "q", "MessageBody": "hello"}
    assert (state.timeout_s(scope), state.heartbeat_s(scope)) == (60, 5)
    finished = state.finish(scope, {"MessageId": "1", "MD5": "x"})
    assert (finished.output, finished.assigned, finished.next) == ({"id": "1", "at": "e"}, {"id": "1"}, "B")


def test_jsonata_evaluates_arguments_output_and_assign() -> None:
    state = jsonata(
        "Task",
        Resource=FUNCTION,
        Arguments={"all": "{% $states.input.n + $extra %}", "fixed": [1, "{% 'x' & 'y' %}"]},
        Output="{% $states.result.v * 2 %}",
        Assign={"seen": "{% $states.result %}", "when": "{% $millis() %}"},
        TimeoutSeconds="{% $states.input.n %}",
    )
    scope = a_scope({"n": 3}, extra=4)
    assert state.prepare(scope) == {"all": 7, "fixed": [1, "xy"]}
    assert state.timeout_s(scope) == 3
    finished = state.finish(scope, {"v": 21})
    assert finished.output == 42
    assert finished.assigned == {"seen": {"v": 21}, "when": NOW_MS}


@pytest.mark.parametrize(
    ("expression", "told"),
    [
        ("$states.input.q", "returned nothing (undefined)."),
        ("function(){1}", "returned an unsupported result type."),
        (
            "'a' + 1",
            'threw an error during evaluation. T2001: The left side of the "+" operator must evaluate to a number',
        ),
        ("$eval('1')", "threw an error during evaluation. T1006: Attempted to invoke a non-function"),
        (
            "$partition([1])",
            "threw an error during evaluation: A function was called with arguments that it does not take",
        ),
        (
            "$hash('a', 'MD4')",
            "threw an error during evaluation: The second argument must be one of MD5, SHA-1, SHA-256, SHA-384, SHA-512",
        ),
    ],
)
def test_an_expression_that_gives_no_value_fails_the_state(expression: str, told: str) -> None:
    state = jsonata("Pass", Output={"deep": ["{% " + expression + " %}"]})
    failed = failure(lambda: state.step(a_scope()))
    assert failed.error == "States.QueryEvaluationError"
    assert failed.location == "Output/deep[0]"
    assert (
        failed.cause == f"The JSONata expression '{expression}' specified for the field 'Output/deep[0]' {told}"
    )
    assert failed.evaluation
    assert (failed.located_cause("S", 2) or "").startswith(
        "An error occurred while executing the state 'S' (entered at the event id #2). The JSONata"
    )


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("null", None),
        ("$partition([1,2,3], 2)", [[1, 2], [3]]),
        ("$range(0, 10, 5)", [0, 5, 10]),
        ("$hash('a', 'MD5')", "0cc175b9c0f1b6a831c399e269772661"),
        ("$parse('{\"a\": [1]}').a", [1]),
        ("$random(7) = $random(7)", True),
        ("$length($uuid())", 36),
        ("$now()", "2023-11-14T22:13:20.000Z"),
        ("$states.context.Execution.Id", "e"),
        ("$v.w", 1),
        ("/* why */ 1", 1),
    ],
)
def test_an_expression_gives(expression: str, value: Any) -> None:
    assert jsonata("Pass", Output="{% " + expression + " %}").step(a_scope(v={"w": 1})).output == value


@pytest.mark.parametrize(
    "hostile",
    [
        "( $f := function($n){1 + $f($n)}; $f(1) )",
        "( $f := function($n){$f($n)}; $f(1) )",
        "[1..100000000]",
        "$map([1..1000], function($a){$map([1..1000], function($b){$map([1..1000], function($c){$c})})})",
    ],
)
def test_hostile_expressions_end(hostile: str) -> None:
    state = jsonata("Pass", Output="{% " + hostile + " %}")
    assert failure(lambda: state.step(a_scope())).error == "States.QueryEvaluationError"


@pytest.mark.parametrize(
    ("fields", "given", "wait_ms"),
    [
        ({"Seconds": 3}, {}, 3000),
        ({"SecondsPath": "$.s"}, {"s": 2}, 2000),
        ({"SecondsPath": "$.s"}, {"s": "2"}, 2000),
        ({"Timestamp": "2023-11-14T22:13:21Z"}, {}, 1000),
        ({"TimestampPath": "$.t"}, {"t": "2023-11-15T00:13:20.250+02:00"}, 250),
    ],
)
def test_wait_knows_when_it_ends(fields: dict[str, Any], given: Any, wait_ms: int) -> None:
    assert a_state("Wait", **fields).until_ms(a_scope(given)) == NOW_MS + wait_ms


@pytest.mark.parametrize(
    ("fields", "given", "told"),
    [
        ({"SecondsPath": "$.s"}, {}, "The SecondsPath parameter does not reference an input value: $.s"),
        (
            {"SecondsPath": "$.s"},
            {"s": "x"},
            "The SecondsPath parameter cannot be parsed as a long value: $.s == x",
        ),
        ({"SecondsPath": "$.s"}, {"s": -1}, "The SecondsPath parameter references a negative value: $.s == -1"),
        ({"TimestampPath": "$.t"}, {}, "The TimestampPath parameter does not reference an input value: $.t"),
    ],
)
def test_wait_refuses_what_is_no_time(fields: dict[str, Any], given: Any, told: str) -> None:
    failed = failure(lambda: a_state("Wait", **fields).until_ms(a_scope(given)))
    assert (failed.error, failed.cause) == ("States.Runtime", told)


def test_wait_by_expression() -> None:
    assert jsonata("Wait", Seconds="{% $states.input.s %}").until_ms(a_scope({"s": 2})) == NOW_MS + 2000
    moment = jsonata("Wait", Timestamp="{% $fromMillis($millis() + 500) %}").until_ms(a_scope())
    assert moment == NOW_MS + 500
    wrong = failure(lambda: jsonata("Wait", Seconds="{% 'x' %}").until_ms(a_scope()))
    assert "Expected 'number', but was 'string' for value: \"x\"" in (wrong.cause or "")


def test_fail_has_an_error_and_a_cause_each_may_be_absent() -> None:
    assert a_state("Fail").failure(a_scope()).error is None
    by_path = a_state("Fail", ErrorPath="$.e", CausePath="States.Format('{}!', $.c)")
    failed = by_path.failure(a_scope({"e": "E", "c": "C"}))
    assert (failed.error, failed.cause) == ("E", "C!")
    by_expression = jsonata("Fail", Error="{% $states.input.e %}", Cause="constant")
    assert by_expression.failure(a_scope({"e": "E"})).error == "E"


def test_a_map_iterates_and_selects() -> None:
    processor = {"StartAt": "P", "States": {"P": {"Type": "Pass", "End": True}}}
    state = a_state(
        "Map",
        ItemsPath="$.items",
        ItemSelector={"v.$": "$$.Map.Item.Value", "all.$": "$.items"},
        ItemProcessor=processor,
        MaxConcurrencyPath="$.m",
        ToleratedFailurePercentage=12.5,
    )
    scope = a_scope({"items": ["a", "b"], "m": "3"})
    assert state.items(scope) == ["a", "b"]
    assert state.max_concurrency(scope) == 3
    assert state.tolerated_percentage(scope) == 12.5
    assert state.tolerated_count(scope) is None
    item = a_scope(scope.input, context={"Map": {"Item": {"Index": 0, "Value": "a"}}})
    assert state.select(item) == {"v": "a", "all": ["a", "b"]}
    bare = a_state("Map", ItemProcessor=processor)
    assert bare.select(item) == "a"
    assert failure(lambda: bare.items(a_scope({}))).cause == 'Reference path "$" must point to array.'


def test_a_distributed_map_has_reader_batcher_and_writer() -> None:
    state = jsonata(
        "Map",
        ItemReader={
            "Resource": "arn:aws:states:::s3:getObject",
            "ReaderConfig": {"InputType": "JSONL", "MaxItems": "{% $n %}"},
            "Arguments": {"Bucket": "{% $states.input.b %}", "Key": "k"},
        },
        ItemBatcher={"MaxItemsPerBatch": 10, "BatchInput": {"x": "{% $n %}"}},
        ResultWriter={
            "Resource": "arn:aws:states:::s3:putObject",
            "Arguments": {"Bucket": "out", "Prefix": "p"},
        },
        ItemProcessor={
            "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "EXPRESS"},
            "StartAt": "P",
            "States": {"P": {"Type": "Pass", "End": True}},
        },
        Label="Lines",
        ToleratedFailureCount=1,
    )
    scope = a_scope({"b": "bucket"}, n=5)
    assert (state.distributed, state.execution_type, state.label) == (True, "EXPRESS", "Lines")
    assert state.reader.parameters(scope) == {"Bucket": "bucket", "Key": "k"}
    assert state.reader.max_items(scope) == 5
    assert (state.batcher.max_items(scope), state.batcher.max_bytes(scope)) == (10, None)
    assert state.batcher.batch_input(scope) == {"x": 5}
    assert state.writer.parameters(scope) == {"Bucket": "out", "Prefix": "p"}
    assert state.tolerated_count(scope) == 1


RETRY = [
    {
        "ErrorEquals": ["A", "B"],
        "IntervalSeconds": 2,
        "MaxAttempts": 2,
        "BackoffRate": 3,
        "MaxDelaySeconds": 10,
    },
    {"ErrorEquals": ["States.TaskFailed"], "JitterStrategy": "FULL"},
]
CATCH = [
    {"ErrorEquals": ["States.HeartbeatTimeout"], "Next": "Late"},
    {"ErrorEquals": ["States.ALL"], "Next": "Any", "ResultPath": "$.e", "Assign": {"why.$": "$.Cause"}},
]


def test_retriers_apply_in_order_and_are_spent() -> None:
    state = a_state("Task", Resource=FUNCTION, Retry=RETRY)
    assert state.retry_for("A", {}) == 0
    assert state.retry_for("A", {0: 2}) is None
    assert state.retry_for("C", {}) == 1
    assert state.retry_for("States.Timeout", {}) is None
    assert state.retry_for("States.Runtime", {}) is None
    first, second = state.retriers
    assert [first.delay_s(n, Ids(1)) for n in range(4)] == [2, 6, 10, 10]
    assert first.delay_s(10_000, Ids(1)) == 10
    assert 0 <= second.delay_s(0, Ids(1)) <= 1


def test_catchers_lead_on() -> None:
    state = a_state("Task", Resource=FUNCTION, Catch=CATCH)
    caught = state.catch(a_scope({"x": 1}), "Boom", "because")
    assert (caught.next, caught.output) == ("Any", {"x": 1, "e": {"Error": "Boom", "Cause": "because"}})
    assert caught.assigned == {"why": "because"}
    assert state.catch(a_scope({}), "States.Timeout", None, heartbeat=True).next == "Late"
    assert state.catch(a_scope({}), "States.Timeout", None).next == "Any"
    assert state.catch(a_scope({}), "States.Runtime", "x") is None


def test_a_catcher_of_jsonata_sees_the_error() -> None:
    catcher = {"ErrorEquals": ["States.ALL"], "Next": "N", "Output": "{% $states.errorOutput.Error & '!' %}"}
    state = jsonata("Task", Resource=FUNCTION, Catch=[catcher])
    assert state.catch(a_scope(), "Boom", None).output == "Boom!"


def test_inspection_collects_the_intermediate_data() -> None:
    seen: dict[str, Any] = {}
    state = a_state(
        "Task", Resource=FUNCTION, InputPath="$.in", Parameters={"p.$": "$.x"}, ResultSelector={"r.$": "$"}
    )
    scope = a_scope(RAW)
    state.prepare(scope, seen)
    state.finish(scope, 9, seen)
    assert seen == {
        "afterInputPath": {"x": 1},
        "afterParameters": {"p": 1},
        "afterResultSelector": {"r": 9},
        "afterResultPath": {"r": 9},
    }
