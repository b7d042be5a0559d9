"""Recorded TestState answers: mocks and their validation, inspection levels, context objects, retries, catchers."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ballroom.kernel.ids import Ids
from ballroom.services.stepfunctions.language import InvalidDefinition
from ballroom.services.stepfunctions.test_state import BadTest, StateTest
from ballroom.services.stepfunctions.test_state.run import Place
from tests.vectors.definitions import FOLDER
from tests.vectors.recorded import Case, cases, needs_recordings

pytestmark = needs_recordings

ALL = {str(case).split("::")[-1]: case for case in cases("stepfunctions") if "/test_state/" in case.name}
PLACE = Place("aws", "eu-west-1", "111111111111")


def text(name: str, folder: str = "test_state") -> str:
    from tests.vectors.definitions import from_json5

    body = from_json5((FOLDER / f"data/templates/{folder}/statemachines/{name}.json5").read_text())
    return json.dumps(body)


def answer(**request: Any) -> Any:
    """What TestState says: an answer, or the refusal's text."""
    try:
        return StateTest(request, PLACE, Ids(1), 1_700_000_000_000).begin()
    except (BadTest, InvalidDefinition) as refused:
        return getattr(refused, "text", None) or str(refused)


def recorded(case: Case) -> Any:
    (told,) = case.answers.values()
    if "Error" in told:
        return told["Error"]["Message"]
    if "exception_value" in told:
        return told["exception_value"].split("operation: ")[1]
    return {name: value for name, value in told.items() if name != "ResponseMetadata"}


def parsed(value: Any) -> Any:
    """As the recordings have it: a string that holds a JSON object is parsed, all else stays text."""
    if isinstance(value, dict):
        return {name: parsed(item) for name, item in value.items()}
    if isinstance(value, str) and value.startswith("{"):
        return json.loads(value)
    return value


def check(name: str, **request: Any) -> None:
    assert parsed(answer(**request)) == recorded(ALL[name]), name


PRIVATE = json.dumps({"type": "Private", "value": 22})
HELLO = json.dumps({"Value": "HelloWorld"})
WRAPPED = json.dumps(
    {
        "initialData": {"fieldFromInput": "value from input", "otherField": "other"},
        "unrelatedData": {"someOtherField": 1234},
    }
)
PLAIN_STATES = [name for name in ALL if name.startswith("test_base_inspection_level")]


@pytest.mark.parametrize("name", PLAIN_STATES)
def test_plain_states(name: str) -> None:
    state = name.split("[")[1][:-1].lower()
    given = PRIVATE if "choice" in state else WRAPPED if state.startswith("io") else HELLO
    level = name.split("[")[0].rsplit("_", 1)[1].upper()
    check(name, definition=text(state), input=given, inspectionLevel=level)


@pytest.mark.parametrize("level", ["INFO", "DEBUG", "TRACE"])
def test_lambda_tasks(level: str) -> None:
    """Not mocked: the caller does the work and tells the result."""
    definition = text("base_lambda_task_state").replace(
        "__tbd__", "arn:aws:lambda:eu-west-1:111111111111:function:f"
    )
    body = json.loads(definition)
    body["Resource"] = "arn:aws:lambda:eu-west-1:111111111111:function:f"
    given = json.dumps({"inputData": "HelloWorld"})
    test = StateTest(
        {"definition": json.dumps(body), "input": given, "inspectionLevel": level}, PLACE, Ids(1), 0
    )
    work = test.begin()
    assert not isinstance(work, dict)
    assert work.arguments == {"inputData": "HelloWorld"}
    done = test.succeeded("HelloWorld!")
    assert parsed(done) == recorded(ALL[f"test_base_lambda_task_state[{level}]"])


@pytest.mark.parametrize("level", ["INFO", "DEBUG", "TRACE"])
def test_mocked_errors_are_caught(level: str) -> None:
    case = ALL[f"test_state_task_catch_error[{level}]"]
    told = [
        {"error": "MockException", "cause": "Mock the cause of the error."},
        {"error": "States.TaskFailed", "cause": "The task failed."},
    ]
    for error, expected in zip(told, case.answers.values(), strict=True):
        got = parsed(
            answer(
                definition=text("base_task_state_catch"),
                input=HELLO,
                inspectionLevel=level,
                mock={"errorOutput": error},
                roleArn="r",
            )
        )
        expected = {name: value for name, value in expected.items() if name != "ResponseMetadata"}
        for context in (got["output"]["context"], expected["output"]["context"]):
            assert context["Execution"].keys() == {"Id", "Input", "Name", "RoleArn", "StartTime"}
            assert context["State"]["Name"] == "StateName"
            assert context["State"]["RetryCount"] == 0
            context.clear()
        assert got == expected


@pytest.mark.parametrize("level", ["INFO", "DEBUG", "TRACE"])
def test_parallel_and_map_states(level: str) -> None:
    check(
        f"test_io_jsonata_parallel_state_mock_success[{level}]",
        definition=text("io_jsonata_parallel_state"),
        input=json.dumps({"parallelInput": {"data": "input_value"}}),
        inspectionLevel=level,
        mock={"result": json.dumps([{"branch1": "result"}, {"branch2": "result"}])},
    )
    check(
        f"test_map_state_error_caused_by_state[{level}]",
        definition=text("base_map_state"),
        input=json.dumps({"Values": [1, 1, 1]}),
        inspectionLevel=level,
        mock={"errorOutput": {"error": "MockException", "cause": "Mock the cause of the error."}},
        stateConfiguration={"errorCausedByState": "TestState"},
    )
    check(
        f"test_state_machine_configuration_map_iteration_item_reader[{level}]",
        definition=text("map_item_reader_state_machine"),
        stateName="State0",
        input=json.dumps({"Bucket": "test-bucket", "Key": "test-key"}),
        inspectionLevel=level,
        mock={"result": "[1, 4, 9]"},
        stateConfiguration={"mapItemReaderData": "[1, 2, 3]"},
    )


@pytest.mark.parametrize("kind", ["ALL", "EXECUTION_INPUT", "EXECUTION_INPUT_VALUES"])
def test_map_over_the_context_object(kind: str) -> None:
    path = {
        "ALL": "$$",
        "EXECUTION_INPUT": "$$.Execution.Input",
        "EXECUTION_INPUT_VALUES": "$$.Execution.Input.Values",
    }
    context = {"Execution": {"Input": {"Values": ["charizard", "pikachu", "bulbasaur"]}}}
    definition = text("context_object_items_path", "context_object").replace(
        "%CONTEXT_OBJECT_LITERAL_PLACEHOLDER%", path[kind]
    )
    check(
        f"test_state_map_context_object[{kind}]",
        definition=definition,
        stateName="TestState",
        input='["fire", "electricity", "grass"]',
        context=json.dumps(context),
        inspectionLevel="DEBUG",
        mock={"result": '["CHARIZARD", "PIKACHU", "BULBASAUR"]'},
    )


@pytest.mark.parametrize(
    ("kind", "context"), [("EMPTY", {}), ("EMPTY_OBJECTS", {"Execution": {}, "State": {}, "StateMachine": {}})]
)
def test_the_context_is_what_was_given(kind: str, context: Any) -> None:
    definition = text("context_object_result_selector", "context_object").replace(
        "%CONTEXT_OBJECT_LITERAL_PLACEHOLDER%", "$$"
    )
    check(
        f"test_state_context_object_edge_cases[{kind}]",
        definition=definition,
        stateName="TestState",
        input=json.dumps({"FunctionName": "lambda_function_name", "Payload": {"input-value": 0}}),
        context=json.dumps(context),
        inspectionLevel="DEBUG",
        mock={"result": json.dumps({"pokemon": "pikachu"}), "fieldValidationMode": "NONE"},
    )


ARN, WHEN = "stringValueExecutionArn", "stringValueStartDate"
SFN_INPUT = json.dumps({"targetInput": {}, "stateMachineArn": "arn", "name": "n"})
MOCKS: list[tuple[str, str, str, Any]] = [
    ("test_strict_mode_aws_sdk_kms_task[wrong_blob_length_less_than_minimum]", "base_aws_api_kms_encrypt", "STRICT", {"CiphertextBlob": ""}),
    ("test_strict_mode_aws_sdk_kms_task[wrong_blob_type_number]", "base_aws_api_kms_encrypt", "STRICT", {"CiphertextBlob": 1}),
    ("test_strict_mode_dynamodb_task[wrong_float_type_string]", "base_dynamodb_service_task_state", "STRICT", {"ConsumedCapacity": {"CapacityUnits": "1"}}),
    ("test_strict_mode_lambda_task[wrong_integer_type_string]", "base_lambda_service_task_state", "STRICT", {"StatusCode": "200"}),
    ("test_strict_mode_mock_result_field_not_in_api_spec[empty_json]", "base_events_put_events", "STRICT", {}),
    ("test_strict_mode_mock_result_field_not_in_api_spec[field_not_part_of_api_spec]", "base_events_put_events", "STRICT", {"random": "json"}),
    ("test_strict_mode_sfn_task[field_name_not_in_sfn_case]", "base_sfn_start_execution", "STRICT", {"executionArn": ARN, "startDate": WHEN}),
    ("test_strict_mode_sfn_task[missing_required_fields]", "base_sfn_start_execution", "STRICT", {}),
    ("test_strict_mode_sfn_task[wrong_timestamp_type_bool]", "base_sfn_start_execution", "STRICT", {"ExecutionArn": ARN, "StartDate": True}),
    ("test_strict_mode_sfn_task[wrong_timestamp_type_number]", "base_sfn_start_execution", "STRICT", {"ExecutionArn": ARN, "StartDate": 1}),
    ("test_none_mode_sfn_task[missing_required_fields]", "base_sfn_start_execution", "NONE", {}),
    ("test_none_mode_sfn_task[wrong_timestamp_type_bool]", "base_sfn_start_execution", "NONE", {"ExecutionArn": ARN, "StartDate": True}),
    ("test_present_mode_aws_sdk_lambda_get_function_task[integer_less_than_minimum_allowed]", "base_aws_api_lambda_get_function", "PRESENT", {"Configuration": {"MemorySize": 1}}),
    ("test_present_mode_aws_sdk_lambda_get_function_task[integer_more_than_maximum_allowed]", "base_aws_api_lambda_get_function", "PRESENT", {"Configuration": {"MemorySize": 10**9}}),
    ("test_present_mode_aws_sdk_s3_task[non_existent_enum_value]", "base_aws_api_s3_get_object", "PRESENT", {"StorageClass": "NOPE"}),
    ("test_present_mode_aws_sdk_s3_task[wrong_long_type_string]", "base_aws_api_s3_get_object", "PRESENT", {"ContentLength": "1"}),
    ("test_present_mode_dynamodb_task[wrong_float_type_string]", "base_dynamodb_service_task_state", "PRESENT", {"ConsumedCapacity": {"CapacityUnits": "1"}}),
    ("test_present_mode_eventbridge_task[wrong_type_2nd_array_element]", "base_events_put_events", "PRESENT", {"Entries": [{"EventId": "a"}, {"EventId": 1}]}),
    ("test_present_mode_eventbridge_task[wrong_type_nested_field]", "base_events_put_events", "PRESENT", {"Entries": [{"EventId": 1}]}),
    ("test_present_mode_eventbridge_task[wrong_type_top_level_field]", "base_events_put_events", "PRESENT", {"Entries": "x"}),
    ("test_present_mode_sfn_task_validation_fail[wrong_string_type_number]", "base_sfn_start_execution", "PRESENT", {"ExecutionArn": 1}),
    ("test_present_mode_sfn_task_validation_fail[wrong_timestamp_type_bool]", "base_sfn_start_execution", "PRESENT", {"StartDate": True}),
    ("test_present_mode_sfn_task_validation_pass[field_name_not_in_sfn_case]", "base_sfn_start_execution", "PRESENT", {"executionArn": ARN, "startDate": WHEN}),
    ("test_present_mode_sfn_task_validation_pass[missing_required_fields]", "base_sfn_start_execution", "PRESENT", {}),
]  # fmt: skip
GENERAL = json.dumps(
    {"targetInput": {}, "stateMachineArn": "arn", "name": "n", "KeyId": "k", "Plaintext": "p", "Entries": []}
    | {"TableName": "t", "Item": {}, "Bucket": "b", "Key": "k", "FunctionName": "f", "Payload": None}
)


@pytest.mark.parametrize(("name", "state", "mode", "result"), MOCKS, ids=[name for name, *_ in MOCKS])
def test_mocked_results_are_checked(name: str, state: str, mode: str, result: Any) -> None:
    mock = {"result": json.dumps(result), "fieldValidationMode": mode}
    check(name, definition=text(state), input=GENERAL, mock=mock)


def test_what_cannot_be_tried_is_refused() -> None:
    task = text("base_lambda_service_task_state")
    mock: dict[str, Any] = {"result": "{}"}
    check(
        "test_reveal_secrets_is_true_and_mock_result_is_set",
        definition=task,
        input=GENERAL,
        revealSecrets=True,
        mock=mock,
    )
    check(
        "test_base_lambda_service_task_mock_is_not_json_string",
        definition=task,
        input=GENERAL,
        mock={"result": "not json"},
    )
    writer, values = text("base_map_state_result_writer"), json.dumps({"Values": [1, 2]})
    check(
        "test_mock_result_is_not_object_on_map_state_with_result_writer",
        definition=writer,
        input=values,
        mock={"result": "[1, 2]"},
    )
    check(
        "test_map_iteration_failure_count_exceeds_mock_result_items",
        definition=text("base_map_state"),
        input=values,
        mock={"result": "[1, 2]"},
        stateConfiguration={"mapIterationFailureCount": 3},
    )
    empty = json.dumps({"Type": "Parallel", "Branches": [], "End": True})
    check("test_parallel_state_empty_branches", definition=empty, mock={"result": "[]"})
    machine = text("base_pass_state_machine")
    check("test_base_state_name_validation_failures[dne]", definition=machine, stateName="DoesNotExist")
    broken = text("base_invalid_state_definition")
    check("test_state_name_invalid_state_definition", definition=broken, stateName="ExistingButInvalidState")


def test_a_retrier_answers_with_its_delay() -> None:
    body = json.loads(text("base_task_state_catch"))
    body["Retry"] = [
        {"ErrorEquals": ["MockException"], "IntervalSeconds": 3, "BackoffRate": 2, "MaxAttempts": 2}
    ]
    mock = {"errorOutput": {"error": "MockException", "cause": "c"}}
    first = answer(
        definition=json.dumps(body),
        mock=mock,
        inspectionLevel="DEBUG",
        stateConfiguration={"retrierRetryCount": 1},
    )
    assert first["status"] == "RETRIABLE"
    assert first["inspectionData"]["errorDetails"] == {"retryIndex": 0, "retryBackoffIntervalSeconds": 6}
    spent = answer(definition=json.dumps(body), mock=mock, stateConfiguration={"retrierRetryCount": 2})
    assert spent["status"] == "CAUGHT_ERROR"


def test_too_many_failed_iterations_fail_the_map() -> None:
    body = json.loads(text("base_map_state"))
    body["ToleratedFailureCount"] = 1
    given = {"input": json.dumps({"Values": [1, 2, 3]}), "mock": {"result": "[1, 2, 3]"}}
    for failures, status in ((1, "SUCCEEDED"), (2, "FAILED")):
        got = answer(
            definition=json.dumps(body), stateConfiguration={"mapIterationFailureCount": failures}, **given
        )
        assert got["status"] == status
    assert got["error"] == "States.ExceedToleratedFailureThreshold"


def test_variables_are_given_and_reported() -> None:
    body = {"Type": "Pass", "Assign": {"b.$": "$a"}, "End": True}
    got = answer(definition=json.dumps(body), variables='{"a": 1}', inspectionLevel="DEBUG")
    assert json.loads(got["inspectionData"]["variables"]) == {"a": 1, "b": 1}
