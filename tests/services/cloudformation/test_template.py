"""Reading templates: forms, mistakes, hostile bytes."""

from __future__ import annotations

from typing import Any

import pytest
from tests.cloud import Cloud

from ballroom.kernel import ServiceError
from ballroom.services.cloudformation.errors import ValidationError
from ballroom.services.cloudformation.template.load import load
from ballroom.services.cloudformation.template.shape import check_shape


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("A: !Ref B", {"A": {"Ref": "B"}}),
        ("A: !GetAtt B.C.D", {"A": {"Fn::GetAtt": ["B", "C.D"]}}),
        ("A: !GetAtt [B, C]", {"A": {"Fn::GetAtt": ["B", "C"]}}),
        ("A: !Sub 'x${B}'", {"A": {"Fn::Sub": "x${B}"}}),
        (
            "A: !Join ['-', [!Ref B, !Sub 'c']]",
            {"A": {"Fn::Join": ["-", [{"Ref": "B"}, {"Fn::Sub": "c"}]]}},
        ),
        (
            "A: !If [C, !Ref 'AWS::NoValue', x]",
            {"A": {"Fn::If": ["C", {"Ref": "AWS::NoValue"}, "x"]}},
        ),
        ("A: !And [!Condition X, !Not [!Condition Y]]",
         {"A": {"Fn::And": [{"Condition": "X"}, {"Fn::Not": [{"Condition": "Y"}]}]}}),
        ("A: !Base64\n  Fn::Sub: x", {"A": {"Fn::Base64": {"Fn::Sub": "x"}}}),
        ("Version: 2012-10-17", {"Version": "2012-10-17"}),
        ("A: [1, 1.5, true, no, ~, '1', 012, 089, 22:22, 1_000, 0x1f]",
         {"A": [1, 1.5, True, False, None, "1", 10, "089", "22:22", 1000, 31]}),
        ("1: a\ntrue: b", {"1": "a", "true": "b"}),
        ('{"A": 1, "B": [null, "\\u00e9"]}', {"A": 1, "B": [None, "é"]}),
        ("{A: 1, B: !Ref C}", {"A": 1, "B": {"Ref": "C"}}),
        ("\ufeffA: 1", {"A": 1}),
        ("A: |\n  x\n  y\n", {"A": "x\ny\n"}),
        ("A: .inf", {"A": ".inf"}),
        ("A: !!str 5", {"A": "5"}),
    ],
)  # fmt: skip
def test_a_template_is_read(text: str, value: Any) -> None:
    assert load(text) == value


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "Template format error: unsupported structure."),
        ("just text", "Template format error: unsupported structure."),
        ("[1, 2]", "Template format error: unsupported structure."),
        ("A: [1", "Template format error: YAML not well-formed. (line 2, column 1)"),
        ("A: 1\nA: 2", "Template format error: duplicate key 'A' (line 2, column 1)"),
        ("A: &x 1", "Template format error: YAML aliases are not allowed in CloudFormation templates"),
        ("A: *x", "Template format error: YAML aliases are not allowed in CloudFormation templates"),
        ("A: !!python/object/apply:os.system ['true']", "Template format error: unsupported tag"),
        ("A: !!python/name:os.system", "Template format error: YAML not well-formed."),
        ("A: !!binary aGk=", "Template format error: YAML not well-formed."),
        ("A: !Nope 1", "Template format error: unsupported tag !Nope"),
        ("? [a]\n: 1", "Template format error: YAML not well-formed."),
        ("A: 1\n--- \nB: 2", "Template format error: YAML not well-formed."),
        ("A: \x00", "Template format error: YAML not well-formed."),
        ("[" * 10_000, "nesting is deeper"),
        ('{"a":' * 10_000, "Template format error"),
        ('{"a":' * 200 + "1" + "}" * 200, "nesting is deeper"),
        ("a:\n" + "".join(" " * n + "a:\n" for n in range(1, 300)), "nesting is deeper"),
    ],
)
def test_a_template_that_is_none_is_refused(text: str, message: str) -> None:
    with pytest.raises(ValidationError) as refusal:
        load(text)
    assert message in str(refusal.value)


def test_aliases_of_a_local_template_expand_within_bounds() -> None:
    assert load("A: &x {a: 1}\nB: {<<: *x, b: 2}\nC: *x", aliases=True) == {
        "A": {"a": 1},
        "B": {"a": 1, "b": 2},
        "C": {"a": 1},
    }
    bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 10)
    )
    with pytest.raises(ValidationError, match="expand to too many nodes"):
        load(bomb, aliases=True)


QUEUE = {"Type": "AWS::SQS::Queue"}


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ({"Foo": 1, "Resources": {"A": QUEUE}}, "Invalid template property or properties [Foo]"),
        ({"Resources": []}, "Template format error: Resources must be an object."),
        ({"Resources": {"A": {**QUEUE, "DependsOn": "B"}}},
         "Template format error: Unresolved resource dependencies [B] in the Resources block of the template"),
        ({"Resources": {"A": {**QUEUE, "DependsOn": {"x": 1}}}},
         "Template format error: [/Resources/A] Every DependsOn value must be a string."),
        ({"Resources": {"A": {**QUEUE, "Condition": "C"}}},
         "Template format error: Unresolved condition dependency C in the Resources block of the template"),
        ({"Resources": {"A": {**QUEUE, "DeletionPolicy": "Keep"}}},
         "Template format error: Unrecognized DeletionPolicy Keep for resource A"),
        ({"Resources": {f"A{n}": QUEUE for n in range(501)}},
         "Template format error: Number of resources, 501, is greater than maximum allowed, 500"),
        ({"Resources": {"A": QUEUE}, "Outputs": {"O": {}}},
         "Template format error: Every Outputs member must contain a Value object"),
        ({"Resources": {"A": QUEUE}, "Conditions": {"C": {"Fn::Equals": [{"Ref": "A"}, "x"]}}},
         "Template format error: Unresolved dependencies [A]. Cannot reference resources in the Conditions block "
         "of the template"),
        ({"Resources": {"A": QUEUE}, "Parameters": {"P": {"Type": "String", "Nope": 1}}},
         "Invalid template parameter property 'Nope'"),
        ({"Resources": {"A": QUEUE}, "Parameters": {"P": {}}},
         "Template format error: Every Parameters object must contain a Type member."),
        ({"Resources": {"A": QUEUE}, "Description": "x" * 1025},
         "Template format error: 'Description' length is greater than 1024."),
        ({"Resources": {"A": QUEUE}, "AWSTemplateFormatVersion": "2011-01-01"},
         "Template format error: 2011-01-01 is not a supported value for AWSTemplateFormatVersion."),
        ({"Resources": {"A": QUEUE}, "Mappings": {"M": {"k": 1}}},
         "Template format error: Every Mappings member must be an object."),
    ],
)  # fmt: skip
def test_a_templates_shape(template: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError) as refusal:
        check_shape(template)
    assert str(refusal.value) == message


def test_a_body_beyond_the_limit_is_refused(cloud: Cloud) -> None:
    body = "Resources: {A: {Type: AWS::SQS::Queue}}\n" + "#" * 51_200
    error = cloud.error("cloudformation", "CreateStack", StackName="s", TemplateBody=body)
    assert "length less than or equal to 51200" in str(error)


HOSTILE = [
    "Resources: 5",
    "Resources: {A: 5}",
    "Resources: {A: {Type: 5}}",
    "Resources: {A: {Type: AWS::SQS::Queue, Properties: [1]}}",
    "Resources: {A: {Type: AWS::SQS::Queue, Properties: {Tags: 5}}}",
    "Resources: {A: {Type: AWS::SQS::Queue, Properties: !Join 5}}",
    "Resources: {A: {Type: AWS::SQS::Queue, Properties: !Ref [1]}}",
    "Resources: {A: {Type: AWS::SQS::Queue, Properties: {X: !Sub [1, 2]}}}",
    "Resources: {A: {Type: AWS::SQS::Queue, Properties: {X: !Select [a, b]}}}",
    "Resources: {A: {Type: AWS::SQS::Queue, Properties: {X: !FindInMap [a]}}}",
    "Resources: {A: {Type: AWS::SQS::Queue, Properties: {X: !GetAtt [A]}}}",
    "Resources: {A: {Type: AWS::SQS::Queue, Properties: {X: !If [[], 1, 2]}}}",
    "Resources: {A: {Type: AWS::SQS::Queue, Properties: {X: !Cidr [10.0.0.0/8, 1000000, 1]}}}",
    "Resources: {A: {Type: AWS::SQS::Queue, Properties: {X: {'Fn::Transform': 5}}}}",
    "Resources: {A: {Type: AWS::SQS::Queue, Properties: {X: {'Fn::Nope': 5}}}}",
    "Transform: {}\nResources: {A: {Type: AWS::SQS::Queue}}",
    "Transform: [5]\nResources: {A: {Type: AWS::SQS::Queue}}",
    "Parameters: 5\nResources: {A: {Type: AWS::SQS::Queue}}",
    "Transform: AWS::LanguageExtensions\nResources: {'Fn::ForEach::X': 5}",
    "Transform: AWS::LanguageExtensions\nResources: {'Fn::ForEach::X': [I, 5, {}]}",
    "Transform: AWS::LanguageExtensions\nParameters: {P: 5}\nResources: {A: {Type: AWS::SQS::Queue}}",
    "Conditions: {C: !Condition C}\nResources: {A: {Type: AWS::SQS::Queue, Condition: C}}",
    "Conditions: {C: !And [1]}\nResources: {A: {Type: AWS::SQS::Queue, Condition: C}}",
    "Conditions: {C: 5}\nResources: {A: {Type: AWS::SQS::Queue, Condition: C}}",
    "Conditions: [C]\nResources: {A: {Type: AWS::SQS::Queue}}",
    "Mappings: {M: {a: {b: {c: 1}}}}\nResources: {A: {Type: AWS::SQS::Queue}}",
    "Outputs: [1]\nResources: {A: {Type: AWS::SQS::Queue}}",
    "Outputs: {O: 5}\nResources: {A: {Type: AWS::SQS::Queue}}",
    "Outputs: {O: {Value: 5, Export: 5}}\nResources: {A: {Type: AWS::SQS::Queue}}",
    "Parameters: {P: {Type: [1]}}\nResources: {A: {Type: AWS::SQS::Queue}}",
    "Parameters: {P: {Type: String, Default: a, AllowedPattern: '('}}\nResources: {A: {Type: AWS::SQS::Queue}}",
    "Parameters: {P: {Type: String, Default: a, AllowedValues: 5}}\nResources: {A: {Type: AWS::SQS::Queue}}",
    "Parameters: {P: {Type: String, Default: a, MinLength: x}}\nResources: {A: {Type: AWS::SQS::Queue}}",
    "Rules: {}\nResources: {A: {Type: AWS::SQS::Queue, Metadata: !Ref Nope}}",
]


def refusal_of(cloud: Cloud, operation: str, **input: Any) -> str | None:
    """The code of the error that an operation answers, or None."""
    try:
        cloud.call("cloudformation", operation, None, **input)
    except ServiceError as error:
        return error.shape
    return None


@pytest.mark.parametrize("body", HOSTILE)
def test_nothing_in_a_template_breaks_the_server(cloud: Cloud, body: str) -> None:
    """Each is refused with a 4xx, or fails its stack; no bug of ours shows."""
    for operation in ("CreateStack", "ValidateTemplate", "GetTemplateSummary"):
        more = {"StackName": "s"} if operation == "CreateStack" else {}
        answer = refusal_of(cloud, operation, TemplateBody=body, **more)
        assert answer in (None, "ValidationError", "InsufficientCapabilitiesException")
    cloud.clock.settle()
    for stack in cloud.cloudformation("DescribeStacks")["Stacks"]:
        assert stack["StackStatus"] in ("ROLLBACK_COMPLETE", "CREATE_COMPLETE")


@pytest.mark.parametrize("pattern", ["(a|a)*$", "a*a*a*a*a*a*a*a*$"])
def test_a_pattern_cannot_hold_up_the_server(cloud: Cloud, pattern: str) -> None:
    body = f"Parameters: {{P: {{Type: String, AllowedPattern: '{pattern}'}}}}\n"
    error = cloud.error(
        "cloudformation", "CreateStack", StackName="s", TemplateBody=body + "Resources: {A: {Type: AWS::SQS::Queue}}",
        Parameters=[{"ParameterKey": "P", "ParameterValue": "a" * 60 + "!"}],
    )  # fmt: skip
    assert str(error) == f"Parameter 'P' must match pattern {pattern}"
