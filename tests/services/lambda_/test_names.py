from __future__ import annotations

import pytest

from ballroom.services.lambda_.errors import InvalidParameterValue, ResourceNotFound
from ballroom.services.lambda_.names import FunctionName, parse_arn, parse_name

ACCOUNT, REGION = "000000000000", "us-east-1"
FULL = "arn:aws:lambda:us-east-1:000000000000:function:my-function"


@pytest.mark.parametrize(
    ("text", "qualifier"),
    [
        ("my-function", None),
        ("my-function:live", "live"),
        ("my-function:$LATEST", "$LATEST"),
        ("function:my-function", None),
        ("000000000000:function:my-function", None),
        ("000000000000:function:my-function:7", "7"),
        (FULL, None),
        (f"{FULL}:live", "live"),
    ],
)
def test_every_form_of_a_name_is_understood(text: str, qualifier: str | None) -> None:
    assert parse_name(text, account=ACCOUNT, region=REGION) == FunctionName(
        ACCOUNT, REGION, "my-function", qualifier
    )


def test_a_partial_arn_of_another_account_names_that_account() -> None:
    at = parse_name("111111111111:function:f", account=ACCOUNT, region=REGION)
    assert at.arn == "arn:aws:lambda:us-east-1:111111111111:function:f"


def test_an_arn_that_ends_at_function_names_a_function_called_function() -> None:
    # recorded: incomplete_arn
    at = parse_name(FULL.rpartition(":")[0], account=ACCOUNT, region=REGION)
    assert at.name == "function"


def test_two_qualifiers_must_agree() -> None:
    assert parse_name("f:1", account=ACCOUNT, region=REGION, qualifier="1").qualifier == "1"
    with pytest.raises(InvalidParameterValue, match="derived qualifier from the function name"):
        parse_name("f:1", account=ACCOUNT, region=REGION, qualifier="2")


def test_another_region_is_out_of_reach() -> None:
    with pytest.raises(ResourceNotFound) as caught:
        parse_name(FULL.replace("us-east-1", "eu-west-1"), account=ACCOUNT, region=REGION)
    assert caught.value.text == "Functions from 'eu-west-1' are not reachable in this region ('us-east-1')"


def test_an_arn_is_told_from_a_name() -> None:
    assert parse_arn("my-function") is None
    assert parse_arn(FULL.rpartition(":")[0]) is None
    assert parse_arn(f"{FULL}:1") == FunctionName(ACCOUNT, REGION, "my-function", "1")
