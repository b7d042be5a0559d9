"""Functions, conditions, parameters: tables of what goes in and what comes out."""

from __future__ import annotations

from typing import Any

import pytest

from ballroom.services.cloudformation.errors import ValidationError
from ballroom.services.cloudformation.graph import dependencies
from ballroom.services.cloudformation.template.evaluate import Evaluator, Known, StackNames
from ballroom.services.cloudformation.template.extensions import extend
from ballroom.services.cloudformation.template.parameters import give, resolve
from ballroom.services.cloudformation.template.values import NO_VALUE, Deferred

NAMES = StackNames("arn:stack", "my-stack", "111122223333", "eu-west-1", "aws", ("arn:topic",))
TEMPLATE: dict[str, Any] = {
    "Transform": "AWS::LanguageExtensions",
    "Conditions": {
        "Yes": {"Fn::Equals": ["a", "a"]},
        "No": {"Fn::Not": [{"Condition": "Yes"}]},
        "Both": {"Fn::And": [{"Condition": "Yes"}, {"Fn::Or": [{"Condition": "No"}, {"Condition": "Yes"}]}]},
    },
    "Mappings": {"M": {"eu-west-1": {"k": "v", "list": [1, 2]}}},
    "Resources": {"R": {"Type": "T"}, "Later": {"Type": "T"}},
}


def value(expression: Any) -> Any:
    resources = {"R": Known("r-id", {"Arn": "r-arn", "Outputs.X": "x", "Deep": {"Er": "deep"}})}
    evaluator = Evaluator(TEMPLATE, {"P": "p", "L": ["1", "2"]}, NAMES, resources, lambda name: f"<{name}>")
    return evaluator.value(expression)


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ({"Ref": "P"}, "p"),
        ({"Ref": "L"}, ["1", "2"]),
        ({"Ref": "R"}, "r-id"),
        ({"Ref": "AWS::Region"}, "eu-west-1"),
        ({"Ref": "AWS::AccountId"}, "111122223333"),
        ({"Ref": "AWS::Partition"}, "aws"),
        ({"Ref": "AWS::StackName"}, "my-stack"),
        ({"Ref": "AWS::StackId"}, "arn:stack"),
        ({"Ref": "AWS::URLSuffix"}, "amazonaws.com"),
        ({"Ref": "AWS::NotificationARNs"}, ["arn:topic"]),
        ({"A": {"Ref": "AWS::NoValue"}, "B": 1}, {"B": 1}),
        ([{"Ref": "AWS::NoValue"}, 1], [1]),
        ({"Fn::GetAtt": ["R", "Arn"]}, "r-arn"),
        ({"Fn::GetAtt": "R.Outputs.X"}, "x"),
        ({"Fn::GetAtt": ["R", "Deep.Er"]}, "deep"),
        ({"Fn::GetAtt": ["R", {"Fn::Sub": "Arn"}]}, "r-arn"),
        ({"Fn::Sub": "${P}-${R}-${R.Arn}-${AWS::Region}-${!P}"}, "p-r-id-r-arn-eu-west-1-${P}"),
        ({"Fn::Sub": ["${A}${P}", {"A": {"Ref": "P"}}]}, "pp"),
        ({"Fn::Sub": ["${n}", {"n": 5}]}, "5"),
        ({"Fn::Join": [",", {"Ref": "L"}]}, "1,2"),
        ({"Fn::Join": [",", [1, True, 1.5]]}, "1,true,1.5"),
        ({"Fn::Join": [",", ["a", {"Ref": "AWS::NoValue"}]]}, "a"),
        ({"Fn::Split": ["-", "a-b-c"]}, ["a", "b", "c"]),
        ({"Fn::Select": ["1", {"Fn::Split": ["-", "a-b-c"]}]}, "b"),
        ({"Fn::Select": [0, {"Fn::GetAZs": ""}]}, "eu-west-1a"),
        ({"Fn::Select": [0, ["x", {"Ref": "Later"}]]}, "x"),
        ({"Fn::GetAZs": "us-west-1"}, ["us-west-1a", "us-west-1c"]),
        ({"Fn::Base64": "hi"}, "aGk="),
        ({"Fn::Cidr": ["10.0.0.0/24", 2, 5]}, ["10.0.0.0/27", "10.0.0.32/27"]),
        ({"Fn::FindInMap": ["M", {"Ref": "AWS::Region"}, "k"]}, "v"),
        ({"Fn::FindInMap": ["M", "x", "k", {"DefaultValue": "d"}]}, "d"),
        ({"Fn::If": ["Yes", "then", "else"]}, "then"),
        ({"Fn::If": ["Both", {"Ref": "P"}, {"Ref": "Nobody"}]}, "p"),
        ({"A": {"Fn::If": ["No", 1, {"Ref": "AWS::NoValue"}]}}, {}),
        ({"Fn::ImportValue": {"Fn::Sub": "${P}-x"}}, "<p-x>"),
        ({"Fn::Length": {"Ref": "L"}}, 2),
        ({"Fn::ToJsonString": {"a": [1, {"Ref": "P"}]}}, '{"a":[1,"p"]}'),
        ({"Condition": {"StringEquals": {"x": "y"}}}, {"Condition": {"StringEquals": {"x": "y"}}}),
        ("{{resolve:ssm:x}}", "{{resolve:ssm:x}}"),
    ],
)
def test_a_function_gives(expression: Any, expected: Any) -> None:
    assert value(expression) == expected


@pytest.mark.parametrize(
    ("expression", "left"),
    [
        ({"Ref": "Later"}, {"Ref": "Later"}),
        ({"Fn::Sub": "${P}-${Later.Arn}-${!x}"}, {"Fn::Sub": "p-${Later.Arn}-${!x}"}),
        ({"Fn::Join": ["-", [{"Ref": "P"}, {"Ref": "Later"}]]}, {"Fn::Join": ["-", ["p", {"Ref": "Later"}]]}),
        ({"Fn::Base64": {"Fn::GetAtt": ["Later", "X"]}}, {"Fn::Base64": {"Fn::GetAtt": ["Later", "X"]}}),
    ],
)
def test_what_is_not_known_yet_stays_an_expression(expression: Any, left: Any) -> None:
    found = value(expression)
    assert isinstance(found, Deferred)
    assert found.expression == left


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        ({"Ref": "Nobody"}, "Unresolved resource dependencies [Nobody]"),
        ({"Fn::GetAtt": ["R", "Nope"]}, "Requested attribute Nope does not exist in schema for T"),
        ({"Fn::GetAtt": ["R"]}, "every Fn::GetAtt object requires two non-empty parameters"),
        ({"Fn::GetAtt": ["R", ""]}, "every Fn::GetAtt object requires two non-empty parameters"),
        ({"Fn::Join": ["a"]}, "every Fn::Join object requires two parameters"),
        ({"Fn::Join": [",", ["a", {}]]}, "every Fn::Join object requires two parameters"),
        ({"Fn::Select": [3, ["a"]]}, "Fn::Select cannot select nonexistent value at index 3"),
        ({"Fn::Select": ["x", ["a"]]}, "Fn::Select requires a list argument with two elements"),
        ({"Fn::Split": ["", "a"]}, "every Fn::Split object requires two parameters"),
        ({"Fn::FindInMap": ["M", "x", "y"]}, "Template error: Unable to get mapping for M::x::y"),
        ({"Fn::FindInMap": ["M"]}, "every Fn::FindInMap object requires three parameters"),
        ({"Fn::If": ["Yes", 1]}, "Fn::If requires a list argument with three elements"),
        ({"Fn::If": ["Nope", 1, 2]}, "Unresolved condition dependency Nope"),
        ({"Fn::Sub": "${L}"}, "variable L in Fn::Sub expression does not resolve to a string"),
        ({"Fn::Sub": ["x"]}, "One or more Fn::Sub intrinsic functions don't specify expected arguments"),
        ({"Fn::Base64": []}, "every Fn::Base64 object must have a String-typed value."),
        ({"Fn::Cidr": ["10.0.0.0/30", 100, 8]}, "Fn::Cidr has invalid parameters"),
        ({"Fn::Cidr": ["x", 1, 8]}, "Fn::Cidr has invalid parameters"),
    ],
)
def test_a_wrong_function_is_refused(expression: Any, text: str) -> None:
    with pytest.raises(ValidationError) as refusal:
        value(expression)
    assert text in str(refusal.value)


def test_a_join_cannot_grow_without_bound() -> None:
    many = ["x" * 1000] * 2000
    with pytest.raises(ValidationError, match="longer than"):
        value({"Fn::Join": ["", many]})


def test_conditions_cannot_go_in_circles() -> None:
    template = {"Conditions": {"A": {"Fn::Not": [{"Condition": "B"}]}, "B": {"Fn::Not": [{"Condition": "A"}]}}}
    with pytest.raises(ValidationError, match=r"Circular dependency between conditions: \[A, B\]"):
        Evaluator(template, {}, NAMES).condition("A")


def test_no_value_is_itself_alone() -> None:
    assert value({"Ref": "AWS::NoValue"}) is NO_VALUE


# -- parameters --------------------------------------------------------------------------------------


def given(parameter: dict[str, Any], text: str | None) -> Any:
    template = {"Parameters": {"P": parameter}}
    request = [{"ParameterKey": "P", "ParameterValue": text}] if text is not None else []
    found = give(template, request)
    return resolve(template, found, {"P": "fetched,too"})["P"]


@pytest.mark.parametrize(
    ("parameter", "text", "expected"),
    [
        ({"Type": "String"}, "x", "x"),
        ({"Type": "String", "Default": 5}, None, "5"),
        ({"Type": "String", "Default": True}, None, "true"),
        ({"Type": "String", "Default": ""}, None, ""),
        ({"Type": "Number"}, "1.50", "1.50"),
        ({"Type": "CommaDelimitedList"}, "a, b,c", ["a", "b", "c"]),
        ({"Type": "List<Number>"}, "1, 2", ["1", "2"]),
        ({"Type": "List<String>"}, "1", ["1"]),
        ({"Type": "List<AWS::EC2::Subnet::Id>"}, "a,b", ["a", "b"]),
        ({"Type": "AWS::SSM::Parameter::Name"}, "/x", "/x"),
        ({"Type": "AWS::SSM::Parameter::Value<String>"}, "/x", "fetched,too"),
        ({"Type": "AWS::SSM::Parameter::Value<List<String>>"}, "/x", ["fetched", "too"]),
        ({"Type": "AWS::SSM::Parameter::Value<AWS::EC2::Image::Id>"}, "/x", "fetched,too"),
        ({"Type": "String", "AllowedPattern": "[a-z]+", "MinLength": 1, "MaxLength": "3"}, "abc", "abc"),
        ({"Type": "Number", "MinValue": 1, "MaxValue": "3", "AllowedValues": [1, 2]}, "2", "2"),
    ],
)
def test_a_parameter_takes(parameter: dict[str, Any], text: str | None, expected: Any) -> None:
    assert given(parameter, text) == expected


@pytest.mark.parametrize(
    ("parameter", "text", "message"),
    [
        ({"Type": "String"}, None, "Parameters: [P] must have values"),
        ({"Type": "Nope"}, "x", "Template format error: Unrecognized parameter type: Nope"),
        ({"Type": "List<Nope>"}, "x", "Template format error: Unrecognized parameter type: List<Nope>"),
        ({"Type": "Number"}, "x", "Parameter 'P' must be a number."),
        ({"Type": "List<Number>"}, "1,x", "Parameter 'P' must be a list of numbers."),
        ({"Type": "String", "AllowedValues": ["a", 1]}, "b", "Parameter 'P' must be one of AllowedValues"),
        ({"Type": "String", "AllowedPattern": "[a-z]+"}, "A", "Parameter 'P' must match pattern [a-z]+"),
        ({"Type": "String", "MinLength": 2}, "a", "Parameter 'P' must contain at least 2 characters"),
        ({"Type": "String", "MaxLength": "2"}, "abc", "Parameter 'P' must contain at most 2 characters"),
        ({"Type": "Number", "MinValue": 2}, "1", "Parameter 'P' must be a number not less than 2"),
        ({"Type": "Number", "MaxValue": 2}, "3", "Parameter 'P' must be a number not greater than 2"),
        (
            {"Type": "String", "MinLength": 2, "ConstraintDescription": "be longer"}, "a",
            "Parameter 'P' failed to satisfy constraint: be longer",
        ),
    ],
)  # fmt: skip
def test_a_parameter_refuses(parameter: dict[str, Any], text: str | None, message: str) -> None:
    with pytest.raises(ValidationError) as refusal:
        given(parameter, text)
    assert str(refusal.value) == message


def test_an_unknown_parameter_is_refused() -> None:
    with pytest.raises(ValidationError, match=r"Parameters: \[X\] do not exist in the template"):
        give({"Parameters": {}}, [{"ParameterKey": "X", "ParameterValue": "1"}])


# -- loops and graphs --------------------------------------------------------------------------------


def test_loops_nest() -> None:
    template = {
        "Transform": "AWS::LanguageExtensions",
        "Resources": {
            "Fn::ForEach::Outer": [
                "A",
                ["x", "y"],
                {
                    "Fn::ForEach::Inner": [
                        "B",
                        {"Ref": "List"},
                        {"R${A}&{B}": {"Type": "T", "Properties": {"N": {"Fn::Sub": "${A}-${B}"}}}},
                    ]
                },
            ]
        },
    }
    made = extend(template, {"List": ["1.0", "2"]}, NAMES)
    assert {name: r["Properties"]["N"] for name, r in made["Resources"].items()} == {
        "Rx10": "x-1.0",
        "Rx2": "x-2",
        "Ry10": "y-1.0",
        "Ry2": "y-2",
    }
    assert "Transform" not in made


def test_a_loop_cannot_explode() -> None:
    inner: Any = {"R${A}${B}${C}": {"Type": "T"}}
    for name in "CBA":
        inner = {f"Fn::ForEach::{name}": [name, [f"{name}{n}" for n in range(100)], inner]}
    with pytest.raises(ValidationError, match="makes the template too large"):
        extend({"Transform": "AWS::LanguageExtensions", "Resources": inner}, {}, NAMES)


def test_only_the_branch_that_is_taken_counts() -> None:
    template = {
        "Conditions": {"C": True},
        "Resources": {
            "A": {"Type": "T", "Properties": {"X": {"Fn::If": ["C", {"Ref": "B"}, {"Ref": "Off"}]}}},
            "B": {"Type": "T"},
            "Off": {"Type": "T", "Condition": "D"},
            "D2": {"Type": "T", "DependsOn": ["Off", "B"]},
        },
    }
    assert dependencies(template, {"C": True, "D": False}) == {"A": ["B"], "B": [], "D2": ["B"]}
    with pytest.raises(ValidationError, match=r"Unresolved resource dependencies \[Off\]"):
        dependencies(template, {"C": False, "D": False})
