"""Lambda against what AWS answered."""

from __future__ import annotations

import dataclasses
import re
from typing import Any

import pytest

from ballroom.kernel import ServiceError
from tests.cloud import Cloud
from tests.vectors.lambda_steps import ACCOUNT, ARN, STEPS, Lab
from tests.vectors.recorded import Case, assert_same, cases, needs_recordings

pytestmark = needs_recordings

# where AWS's value is a moment, a size or an address, any will do
ANY_VALUE = {
    "CodeSize", "LastModified", "CreatedDate", "CreationTime", "LastModifiedTime", "FunctionUrl", "Location",
    "RuntimeVersionArn", "CodeSha256",
}  # fmt: skip


def short(case: Case) -> str:
    return case.name.split("services/lambda_/", 1)[-1]


RECORDED = {short(case): case for case in cases("lambda")}


def plain(value: Any) -> Any:
    """Without what differs from run to run; errors by code, text, and the members that AWS adds."""
    if isinstance(value, ServiceError):
        return {"Error": {"Code": value.shape, "Message": value.text}, **value.fields}
    if isinstance(value, list):
        return [plain(one) for one in value]
    if not isinstance(value, dict):
        return value
    return {
        name: "any" if name in ANY_VALUE and not isinstance(one, dict) else plain(one)
        for name, one in value.items()
        if name not in ("ResponseMetadata", "message") and not (name == "Message" and "Error" in value)
    }


@pytest.mark.parametrize("name", [name for name in STEPS if name in RECORDED])
def test_recorded_steps(cloud: Cloud, name: str) -> None:
    ours = STEPS[name](Lab(cloud))
    case = RECORDED[name]
    assert ours.keys() <= case.answers.keys()
    expected = {key: plain(case.answers[key]) for key in ours}
    assert_same(dataclasses.replace(case, answers=expected), {key: plain(one) for key, one in ours.items()})


DEPRECATED = (
    "test_lambda_api.py::TestRuntimeValidation::test_create_deprecated_function_runtime_with_validation_enabled"
)


@pytest.mark.parametrize("name", [name for name in RECORDED if name.startswith(DEPRECATED)])
def test_a_deprecated_runtime_is_refused(cloud: Cloud, name: str) -> None:
    runtime = name.removeprefix(DEPRECATED)[1:-1]
    error = Lab(cloud).create(Runtime=runtime)
    assert error.text == RECORDED[name].answers["deprecation_error"]["Error"]["Message"]


LONG, LONGER, QUALIFIER = "a" * 65, "a" * 170, "a" * 129
NAMES: dict[str, tuple[str, str | None]] = {
    "invalid_characters_in_function_name": ("my-function!", None),
    "function_name_is_single_invalid": ("*", None),
    "invalid_characters_in_qualifier": ("my-function", "invalid!"),
    "qualifier_too_long": ("my-function", QUALIFIER),
    "invalid_account_id_in_partial_arn": ("invalid-account:function:my-function", None),
    "invalid_region_in_arn": (f"arn:aws:lambda:invalid-region:{ACCOUNT}:function:my-function", None),
    "non_lambda_arn": (f"arn:aws:ec2:us-east-1:{ACCOUNT}:instance:i-1234567890abcdef0", None),
    "function_name_too_long": (LONG, None),
    "function_name_too_long_and_invalid_region": (
        f"arn:aws:lambda:invalid-region:{ACCOUNT}:function:my-function{LONGER}", None,
    ),
    "full_arn_and_qualifier_too_long_and_invalid_region": (
        f"arn:aws:lambda:invalid-region:{ACCOUNT}:function:my-function-{LONGER}", QUALIFIER,
    ),
    "full_arn_with_multiple_qualifiers": (f"{ARN}:my-function:1:2", None),
    "incomplete_arn": (ARN, None),
    "partial_arn_with_extra_qualifier": ("function:my-function:$LATEST:extra", None),
    "latest_version_with_additional_qualifier": (f"{ARN}:my-function:$LATEST", "1"),
    "lowercase_latest_qualifier": (f"{ARN}:my-function", "$latest"),
    "missing_region_in_arn": (f"arn:aws:lambda::{ACCOUNT}:function:my-function", None),
    "missing_account_id_in_arn": ("arn:aws:lambda:us-east-1::function:my-function", None),
    "misspelled_latest_in_arn": (f"{ARN}:my-function:$LATES", None),
}  # fmt: skip
OPERATIONS = {"get_function": "GetFunction", "delete_function": "DeleteFunction", "invoke": "Invoke"}
VALIDATION = re.compile(r".*::test_function_name_and_qualifier_validation\[(.+)-(\w+)\]")


@pytest.mark.parametrize("name", [name for name in RECORDED if VALIDATION.fullmatch(name)])
def test_a_functions_name_is_checked(cloud: Cloud, name: str) -> None:
    match = VALIDATION.fullmatch(name)
    assert match is not None
    kind, operation = match[1], match[2]
    (expected,) = RECORDED[name].answers.values()
    text, qualifier = NAMES[kind]
    lab = Lab(cloud)
    if operation == "create_function":
        error = lab.create(f"{text}:{qualifier}" if qualifier else text)
    else:
        more = {"Qualifier": qualifier} if qualifier else {}
        error = lab(OPERATIONS[operation], FunctionName=text, **more)
    assert error.shape == expected["Code"]
    if "Errors" in expected:
        ours = error.text.partition(" detected: ")[2].split("; ")
        assert sorted(ours) == sorted(_filled(one) for one in expected["Errors"])
    else:
        assert error.text == _filled(expected["Message"])


def _filled(text: str) -> str:
    """The recorded text with our values for its placeholders."""
    text = re.sub(r"<a:len\((\d+)\)>", lambda m: "a" * int(m[1]), text)
    return text.replace("<region>", "us-east-1").replace("<partition>", "aws")


OPS = {
    "delete_function": "DeleteFunction",
    "get_function": "GetFunction",
    "get_function_configuration": "GetFunctionConfiguration",
    "get_function_url_config": "GetFunctionUrlConfig",
    "get_function_event_invoke_config": "GetFunctionEventInvokeConfig",
    "get_function_concurrency": "GetFunctionConcurrency",
    "get_function_code_signing_config": "GetFunctionCodeSigningConfig",
    "invoke": "Invoke",
}
MISSING = re.compile(
    r".*::test_(ops_on_nonexisting_fn|ops_on_nonexisting_version|get_function_wrong_region)\[(\w+)\]"
)


@pytest.mark.parametrize("name", [name for name in RECORDED if MISSING.fullmatch(name)])
def test_what_is_missing_or_elsewhere_is_told_in_awss_words(cloud: Cloud, name: str) -> None:
    match = MISSING.fullmatch(name)
    assert match is not None
    lab = Lab(cloud)
    request = {
        "ops_on_nonexisting_fn": {"FunctionName": "none"},
        "ops_on_nonexisting_version": {"FunctionName": "f", "Qualifier": "1221"},
        "get_function_wrong_region": {"FunctionName": ARN.replace("us-east-1", "eu-west-1") + ":f"},
    }[match[1]]
    if match[1] == "ops_on_nonexisting_version":
        lab.create()
    (expected,) = RECORDED[name].answers.values()
    error = plain(lab(OPS[match[2]], **request))
    same = dataclasses.replace(RECORDED[name], answers={"error": plain(expected)})
    assert_same(same, {"error": error})


def test_most_recordings_that_apply_are_replayed() -> None:
    replayed = sum(1 for name in STEPS if name in RECORDED)
    assert replayed >= len(STEPS) - 1  # one of two names of the same test
