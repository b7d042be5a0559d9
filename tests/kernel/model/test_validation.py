"""What is valid, what is said of what isn't, and that both halves of validation agree."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ballroom.kernel.errors import ServiceError
from ballroom.kernel.model import SerializationFailed, Shape, load_service, use_style
from ballroom.kernel.model.service import ServiceModel
from ballroom.kernel.model.styles import DEFAULT_STYLE, STYLES, ValidationStyle
from ballroom.kernel.model.validation import Compiler
from ballroom.kernel.model.violations import find_violations


def refusal(service: str, operation: str, **value: Any) -> str:
    with pytest.raises(ServiceError) as raised:
        load_service(service).operation(operation).validate(value)
    assert raised.value.status == 400
    return f"{raised.value.shape}: {raised.value.text}"


def test_a_valid_input_passes_unchanged() -> None:
    value = {"QueueUrl": "u", "MessageBody": "x", "MessageAttributes": {"a": {"DataType": "String"}}}
    before = repr(value)
    load_service("sqs").operation("SendMessage").validate(value)
    assert repr(value) == before


def test_something_required_is_missing() -> None:
    assert refusal("stepfunctions", "DescribeExecution") == (
        "ValidationException: 1 validation error detected: Value null at 'executionArn' failed to satisfy "
        "constraint: Member must not be null"
    )


def test_several_things_are_told_of_together() -> None:
    role = "arn:aws:iam::000000000000:role/r"
    told = refusal("lambda", "CreateFunction", FunctionName="f", Role=role, MemorySize=1, Timeout=0)
    assert told == (
        "ValidationException: 3 validation errors detected: Value null at 'code' failed to satisfy constraint: "
        "Member must not be null; Value '0' at 'timeout' failed to satisfy constraint: Member must have value "
        "greater than or equal to 1; Value '1' at 'memorySize' failed to satisfy constraint: Member must have "
        "value greater than or equal to 128"
    )


def test_a_query_service_says_validation_error_and_logs_says_invalid_parameter() -> None:
    assert refusal("sts", "AssumeRole", RoleSessionName="abc").startswith("ValidationError: 1 validation error")
    assert refusal("logs", "CreateLogGroup").startswith("InvalidParameterException: 1 validation error")


def test_s3_has_words_of_its_own() -> None:
    assert refusal("s3", "PutBucketTagging", Bucket="b", Tagging={}).startswith(
        "MalformedXML: The XML you provided"
    )


def test_secrets_are_not_repeated() -> None:
    told = refusal("iam", "CreateLoginProfile", UserName="u", Password="")
    assert "Value at 'password' failed to satisfy constraint: Member must have length greater" in told


def test_elements_of_a_list_are_told_of_as_a_whole_and_structures_one_by_one() -> None:
    told = refusal(
        "iam", "CreateRole", RoleName="r", AssumeRolePolicyDocument="{}", Tags=[{"Key": "", "Value": ""}]
    )
    assert "Value '' at 'tags.1.member.key' failed" in told
    told = refusal("events", "RemoveTargets", Rule="r", Ids=["ok", "not ok"])
    assert told.endswith(
        "Value '[ok, not ok]' at 'ids' failed to satisfy constraint: Member must satisfy constraint: [Member "
        "must have length less than or equal to 64, Member must have length greater than or equal to 1, Member "
        "must satisfy regular expression pattern: [\\.\\-_A-Za-z0-9]+]"
    )


def test_keys_and_values_of_a_map() -> None:
    told = refusal("dynamodb", "BatchGetItem", RequestItems={"Auth": {"Keys": []}})
    assert (
        "Value '[]' at 'requestItems.Auth.member.keys' failed to satisfy constraint: Member must have length"
        in told
    )
    told = refusal("kinesis", "AddTagsToStream", StreamName="s", Tags={"": "v"})
    assert "at 'tags' failed to satisfy constraint: Map keys must satisfy constraint: [Member must have" in told
    told = refusal("kinesis", "AddTagsToStream", StreamName="s", Tags={"k": "v" * 257})
    assert (
        "at 'tags' failed to satisfy constraint: Map value must satisfy constraint: [Member must have" in told
    )


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"stateMachineArn": 5}, "NUMBER_VALUE cannot be converted to String"),
        ({"stateMachineArn": True}, "TRUE_VALUE cannot be converted to String"),
        ({"maxResults": "5"}, "STRING_VALUE cannot be converted to Integer"),
        ({"maxResults": 2**31}, "NUMBER_VALUE cannot be converted to Integer"),
        ({"maxResults": True}, "TRUE_VALUE cannot be converted to Integer"),
        ({"stateMachineArn": {}}, "Start of structure or map found where not expected."),
        ({"stateMachineArn": []}, "Start of list found where not expected"),
    ],
)
def test_wrong_types_are_serialization_errors(value: dict[str, Any], text: str) -> None:
    with pytest.raises(SerializationFailed) as raised:
        load_service("stepfunctions").operation("ListExecutions").validate(value)
    assert raised.value.text == text


def test_an_operation_without_input_takes_an_empty_one() -> None:
    load_service("sts").operation("GetCallerIdentity").validate({})


def test_a_service_may_set_a_style_of_its_own() -> None:
    before = dict(STYLES)
    try:
        exempt = frozenset({("CreateQueueRequest", "QueueName")})
        use_style("sqs", ValidationStyle(code="Mine", checks=frozenset({"required"}), exempt=exempt))
        fresh = ServiceModel(
            load_service("sqs").head, {"metadata": {}, "operations": OPERATIONS, "shapes": SHAPES}
        )
        fresh.operation("CreateQueue").validate({})
        with pytest.raises(ServiceError) as raised:
            fresh.operation("DeleteQueue").validate({})
        assert raised.value.shape == "Mine"
    finally:
        STYLES.clear()
        STYLES.update(before)


OPERATIONS = {
    "CreateQueue": {"http": {"method": "POST", "requestUri": "/"}, "input": {"shape": "CreateQueueRequest"}},
    "DeleteQueue": {"http": {"method": "POST", "requestUri": "/"}, "input": {"shape": "DeleteQueueRequest"}},
}
SHAPES = {
    "CreateQueueRequest": {
        "type": "structure",
        "required": ["QueueName"],
        "members": {"QueueName": {"shape": "S"}},
    },
    "DeleteQueueRequest": {
        "type": "structure",
        "required": ["QueueUrl"],
        "members": {"QueueUrl": {"shape": "S"}},
    },
    "S": {"type": "string"},
}

# --- the fast half says no exactly where the slow half finds something to say

INPUTS = [
    ("sqs", "SendMessageBatch"),
    ("lambda", "CreateFunction"),
    ("dynamodb", "PutItem"),
    ("logs", "PutMetricFilter"),
    ("events", "PutTargets"),
    ("iam", "CreateRole"),
    ("cloudwatch", "PutMetricData"),
    ("stepfunctions", "CreateStateMachine"),
]
STRINGS = st.sampled_from(
    ["", "a", "a b", "RUNNING", "é" * 70, "String", "arn:aws:iam::123456789012:role/x", "x" * 300]
)
ANYTHING = (
    st.none() | st.booleans() | st.integers(-3, 2000) | STRINGS | st.just([]) | st.just({}) | st.just(b"x")
)


def nearly_valid(shape: Shape, depth: int = 0) -> st.SearchStrategy[Any]:
    """Values of about the right kind, sometimes not at all."""
    right: st.SearchStrategy[Any]
    if depth > 4 or shape.is_document:
        right = ANYTHING
    elif shape.kind == "structure":
        inner = {name: nearly_valid(member.shape, depth + 1) for name, member in shape.members.items()}
        needed = {name: inner.pop(name) for name in shape.required if name in inner}
        right = st.fixed_dictionaries(needed, optional=dict(list(inner.items())[:6]))
    elif shape.kind == "list":
        right = st.lists(nearly_valid(shape.element.shape, depth + 1), max_size=2)
    elif shape.kind == "map":
        right = st.dictionaries(STRINGS, nearly_valid(shape.value.shape, depth + 1), max_size=2)
    elif shape.kind == "string":
        right = STRINGS | st.sampled_from(shape.traits.get("enum", ["a"]))
    else:
        number = st.integers(-2, 2**33)
        right = {
            "boolean": st.booleans(),
            "blob": st.binary(max_size=3),
            "double": st.floats(),
            "float": st.floats(),
        }.get(shape.kind, number)
    return right if depth == 0 else st.one_of(right, right, right, right, ANYTHING)


@pytest.mark.parametrize(("service", "operation"), INPUTS)
def test_both_halves_of_validation_agree(service: str, operation: str) -> None:
    shape = load_service(service).operation(operation).input
    assert shape is not None
    fast = Compiler(DEFAULT_STYLE).check_of(shape)

    @settings(
        max_examples=60,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    @given(nearly_valid(shape))
    def check(value: Any) -> None:
        try:
            sound = not find_violations(shape, value, DEFAULT_STYLE)
        except SerializationFailed:
            sound = False
        assert fast(value) is sound

    check()
