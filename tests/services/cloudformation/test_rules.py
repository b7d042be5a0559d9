"""The Rules section: assertions about parameters."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.cloud import Cloud

from .stacks import create, status

IS_PROD = {"Fn::Equals": [{"Ref": "Stage"}, "prod"]}
BIG = {"Fn::Contains": [["large", "huge"], {"Ref": "Size"}]}


def body(rules: Any) -> str:
    parameters = {
        "Stage": {"Type": "String", "Default": "prod"},
        "Size": {"Type": "String", "Default": "small"},
        "Zones": {"Type": "CommaDelimitedList", "Default": "a, b"},
    }
    return json.dumps({"Parameters": parameters, "Rules": rules, "Resources": {"Q": {"Type": "AWS::SQS::Queue"}}})


def rule(assertion: Any, condition: Any = None, description: str | None = None) -> dict[str, Any]:
    made: dict[str, Any] = {"Assertions": [{"Assert": assertion}]}
    if condition is not None:
        made["RuleCondition"] = condition
    if description is not None:
        made["Assertions"][0]["AssertDescription"] = description
    return {"Sized": made}


def test_an_assertion_that_does_not_hold_refuses_the_template(cloud: Cloud) -> None:
    text = body(rule(BIG, IS_PROD, "Production is large."))
    error = cloud.error("cloudformation", "CreateStack", StackName="s", TemplateBody=text)
    assert (error.shape, error.text) == ("ValidationError", "Template error: Rule Sized failed: Production is large.")
    create(cloud, text, Parameters=[{"ParameterKey": "Size", "ParameterValue": "huge"}])
    assert status(cloud) == "CREATE_COMPLETE"


def test_a_rule_whose_condition_is_false_asserts_nothing(cloud: Cloud) -> None:
    create(cloud, body(rule(BIG, IS_PROD)), Parameters=[{"ParameterKey": "Stage", "ParameterValue": "test"}])
    assert status(cloud) == "CREATE_COMPLETE"


@pytest.mark.parametrize(
    ("assertion", "holds"),
    [
        ({"Fn::Not": [BIG]}, True),
        ({"Fn::And": [IS_PROD, BIG]}, False),
        ({"Fn::Or": [IS_PROD, BIG]}, True),
        ({"Fn::EachMemberIn": [{"Ref": "Zones"}, ["a", "b", "c"]]}, True),
        ({"Fn::EachMemberIn": [{"Ref": "Zones"}, ["a"]]}, False),
        ({"Fn::EachMemberEquals": [{"Ref": "Zones"}, "a"]}, False),
        ({"Fn::EachMemberEquals": [["x", "x"], "x"]}, True),
        ({"Fn::If": [IS_PROD, BIG, {"Fn::Not": [BIG]}]}, False),
        ({"Fn::Contains": [{"Ref": "Zones"}, "b"]}, True),
        ("true", True),
        (False, False),
    ],
)
def test_the_functions_of_rules(cloud: Cloud, assertion: Any, holds: bool) -> None:
    text = body(rule(assertion))
    if holds:
        create(cloud, text)
        assert status(cloud) == "CREATE_COMPLETE"
    else:
        assert "Rule Sized failed" in cloud.error("cloudformation", "CreateStack", StackName="s", TemplateBody=text).text


@pytest.mark.parametrize(
    ("rules", "text"),
    [
        ({"R": []}, "Any Rules member must be an object"),
        ({"R": {"Assertions": []}}, "non-empty list of Assertions"),
        ({"R": {"Assertions": [{}]}}, "must be an object with an Assert"),
        ({"R": {"Asserts": []}}, "Invalid template rule property 'Asserts'"),
        (rule("maybe"), "must evaluate to a boolean"),
        (rule({"Fn::Contains": ["x"]}), "requires a list of two members"),
        (rule({"Fn::Contains": ["x", "y"]}), "requires lists of strings"),
        (rule({"Fn::Not": []}), "wrong number of members"),
        (rule({"Fn::RefAll": "AWS::EC2::VPC::Id"}), "Ballroom does not support Fn::RefAll in rules"),
        (rule({"Fn::Join": ["", ["true"]]}), "Fn::Join cannot be used in rule Sized"),
    ],
)
def test_a_malformed_rule_is_refused(cloud: Cloud, rules: Any, text: str) -> None:
    assert text in cloud.error("cloudformation", "CreateStack", StackName="s", TemplateBody=body(rules)).text


def test_a_type_that_ballroom_lacks_may_stand_behind_a_false_condition(cloud: Cloud) -> None:
    key = {"Type": "AWS::KMS::Key", "Condition": "Never"}
    template = {
        "Conditions": {"Never": {"Fn::Equals": ["a", "b"]}},
        "Resources": {"Key": key, "Q": {"Type": "AWS::SQS::Queue"}},
    }
    create(cloud, json.dumps(template))
    assert status(cloud) == "CREATE_COMPLETE"
    del template["Conditions"], key["Condition"]
    error = cloud.error("cloudformation", "CreateStack", StackName="t", TemplateBody=json.dumps(template))
    assert error.text == "Template format error: Unrecognized resource types: [AWS::KMS::Key]"
