"""Recorded cases of CloudFormation: what AWS answered to templates, change sets and mistakes.

The recordings hold answers; where the template of a case is not among its data it is written out here, as
its answers describe it. Answers are compared by meaning: ids and times differ, and AWS gives a change's
details in no fixed order.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ballroom.kernel import ServiceError
from tests.cloud import Cloud

VECTORS = Path(__file__).parents[3] / "shared/vectors/cloudformation"
pytestmark = pytest.mark.skipif(not VECTORS.is_dir(), reason="the recorded cases are not in this checkout")

CAPABILITIES = ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"]


def recorded(file: str, test: str) -> dict[str, Any]:
    """What was recorded for a test."""
    cases = json.loads((VECTORS / f"snapshots/{file}.snapshot.json").read_text())
    found = next(case for name, case in cases.items() if name.endswith(f"::{test}"))
    content: dict[str, Any] = found["recorded-content"]
    return content


def data(name: str) -> str:
    """A recorded template."""
    return (VECTORS / "data/templates" / name).read_text()


def cfn(cloud: Cloud, operation: str, **input: Any) -> dict[str, Any]:
    return cloud.call("cloudformation", operation, **input)


def given(parameters: dict[str, str]) -> list[dict[str, str]]:
    return [{"ParameterKey": name, "ParameterValue": value} for name, value in parameters.items()]


def create(cloud: Cloud, template: str | dict[str, Any], parameters: dict[str, str] | None = None) -> str:
    """A stack as the recordings made theirs: through a change set."""
    return deploy(cloud, "stack", "CREATE", template, parameters)


def deploy(
    cloud: Cloud, name: str, kind: str, template: str | dict[str, Any], parameters: dict[str, str] | None = None
) -> str:
    body = template if isinstance(template, str) else json.dumps(template)
    made = cfn(
        cloud,
        "CreateChangeSet",
        StackName=name,
        ChangeSetName="change",
        ChangeSetType=kind,
        TemplateBody=body,
        Parameters=given(parameters or {}),
        Capabilities=CAPABILITIES,
    )
    cfn(cloud, "ExecuteChangeSet", StackName=name, ChangeSetName="change")
    cloud.clock.settle()
    return str(made["StackId"])


# -- change sets -------------------------------------------------------------------------------------


def topic(name: str | None = None, display: Any = None, **more: Any) -> dict[str, Any]:
    properties = {"TopicName": name, "DisplayName": display}
    return {
        "Type": "AWS::SNS::Topic",
        "Properties": {key: value for key, value in properties.items() if value is not None},
        **more,
    }


def parameter(value: Any) -> dict[str, Any]:
    return {"Type": "AWS::SSM::Parameter", "Properties": {"Type": "String", "Value": value}}


def resources(**named: Any) -> dict[str, Any]:
    return {"Resources": named}


def one(display: Any, **sections: Any) -> dict[str, Any]:
    return {**sections, **resources(Topic1=topic("topic-name-1", display))}


def unnamed(display: Any, **sections: Any) -> dict[str, Any]:
    return {**sections, **resources(Topic1=topic(display=display))}


GETATT_1 = {"Fn::GetAtt": ["Topic1", "DisplayName"]}
FOO = {"Fn::GetAtt": ["Foo", "TopicName"]}
STRING = {"Type": "String"}
PAIR = resources(
    Topic1=topic("topic-name-1", "display-value-1"), Topic2=topic("topic-name-2", "display-value-2")
)
LOOKUP = {"Fn::FindInMap": ["Names", {"Ref": "TopicName"}, "Value"]}
NAMES = {"Names": {"key1": {"Value": "topic-name-1"}, "key2": {"Value": "topic-name-2"}}}

Case = tuple[str, str, dict[str, Any], dict[str, Any], dict[str, str], dict[str, str]]


def case(
    file: str,
    test: str,
    before: dict[str, Any],
    after: dict[str, Any],
    first: dict[str, str] | None = None,
    second: dict[str, str] | None = None,
    marks: Any = (),
) -> Any:
    return pytest.param((file, test, before, after, first or {}, second or {}), id=test, marks=marks)


CHANGE_SETS = [
    case(
        "test_change_set_ref",
        "TestChangeSetRef::test_direct_attribute_value_change",
        resources(
            Topic1=topic("topic-name-1", "display-value-1"), Topic2=topic("topic-name-2", {"Ref": "Topic1"})
        ),
        resources(
            Topic1=topic("topic-name-1", "display-value-2"), Topic2=topic("topic-name-2", {"Ref": "Topic1"})
        ),
    ),
    case(
        "test_change_set_ref",
        "TestChangeSetRef::test_direct_attribute_value_change_with_dependent_addition",
        one("display-value-1"),
        resources(
            Topic1=topic("topic-name-1", "display-value-2"), Topic2=topic("topic-name-2", {"Ref": "Topic1"})
        ),
    ),
    case(
        "test_change_set_fn_get_attr",
        "TestChangeSetFnGetAttr::test_resource_addition",
        one("display-value-1"),
        resources(Topic1=topic("topic-name-1", "display-value-1"), Topic2=topic("topic-name-2", GETATT_1)),
    ),
    case(
        "test_change_set_fn_get_attr",
        "TestChangeSetFnGetAttr::test_direct_attribute_value_change_in_get_attr_chain",
        resources(
            Topic1=topic("topic-name-1", "display-value-1"),
            Topic2=topic("topic-name-2", GETATT_1),
            Topic3=topic("topic-name-3", {"Fn::GetAtt": ["Topic2", "DisplayName"]}),
        ),
        resources(
            Topic1=topic("topic-name-1", "display-value-2"),
            Topic2=topic("topic-name-2", GETATT_1),
            Topic3=topic("topic-name-3", {"Fn::GetAtt": ["Topic2", "DisplayName"]}),
        ),
    ),
    case(
        "test_change_set_fn_get_attr",
        "TestChangeSetFnGetAttr::test_direct_attribute_value_change_with_dependent_addition",
        one("display-value-1"),
        resources(Topic1=topic("topic-name-1", "display-value-2"), Topic2=topic("topic-name-2", GETATT_1)),
    ),
    case(
        "test_change_set_fn_get_attr",
        "TestChangeSetFnGetAttr::test_immutable_property_update_causes_resource_replacement",
        resources(Topic1=topic("topic-name-1", "value"), Topic2=topic("topic-name-2", GETATT_1)),
        resources(Topic1=topic("updated-topic-name-1", "new_value"), Topic2=topic("topic-name-2", GETATT_1)),
    ),
    case(
        "test_change_set_depends_on",
        "TestChangeSetDependsOn::test_update_depended_resource_list",
        PAIR,
        resources(
            Topic1=topic("topic-name-1", "display-value-1-updated"),
            Topic2=topic("topic-name-2", "display-value-2", DependsOn=["Topic1"]),
        ),
    ),
    case(
        "test_change_set_depends_on",
        "TestChangeSetDependsOn::test_multiple_dependencies_deletion",
        resources(
            Topic1=topic("topic-name-1", "display-value-1"),
            Topic2=topic("topic-name-2", "display-value-2"),
            Topicn=topic("topic-name-n", "display-value-n", DependsOn=["Topic1", "Topic2"]),
        ),
        resources(
            Topic1=topic("topic-name-1", "display-value-1"),
            Topicn=topic("topic-name-n", "display-value-n", DependsOn=["Topic1"]),
        ),
    ),
    case(
        "test_change_set_fn_sub",
        "TestChangeSetFnSub::test_fn_sub_addition_parameter_literal",
        one("display-value-1"),
        one({"Fn::Sub": ["Parameter interpolation: ${var_name}", {"var_name": "var_value"}]}),
    ),
    case(
        "test_change_set_fn_sub",
        "TestChangeSetFnSub::test_fn_sub_update_parameter_literal",
        one({"Fn::Sub": ["Parameter interpolation: ${a}", {"a": "var_value_1"}]}),
        one({"Fn::Sub": ["Parameter interpolation: ${a}, ${b}", {"a": "var_value_1", "b": "var_value_2"}]}),
    ),
    case(
        "test_change_set_fn_sub",
        "TestChangeSetFnSub::test_fn_sub_addition_parameter",
        one("display-value-1"),
        one(
            {"Fn::Sub": "Parameter interpolation: ${ParameterDisplayName}"},
            Parameters={"ParameterDisplayName": STRING},
        ),
        None,
        {"ParameterDisplayName": "display-value-parameter"},
    ),
    case(
        "test_change_set_fn_join",
        "TestChangeSetFnJoin::test_update_string_literal_delimiter_empty",
        one({"Fn::Join": ["", ["v1", "test"]]}),
        one({"Fn::Join": ["-", ["v1", "test"]]}),
    ),
    case(
        "test_change_set_fn_join",
        "TestChangeSetFnJoin::test_update_string_literal_delimiter",
        one({"Fn::Join": ["-", ["v1", "test"]]}),
        one({"Fn::Join": ["_", ["v2", "test"]]}),
    ),
    case(
        "test_change_set_fn_join",
        "TestChangeSetFnJoin::test_indirect_update_refence_argument",
        resources(
            Topic1=topic("topic-name-1", "display-name-1"),
            Topic2=topic("topic-name-2", {"Fn::Join": ["-", ["prefix", GETATT_1]]}),
        ),
        resources(
            Topic1=topic("topic-name-1", "display-name-2"),
            Topic2=topic("topic-name-2", {"Fn::Join": ["-", ["prefix", GETATT_1]]}),
        ),
    ),
    case(
        "test_change_set_mappings",
        "TestChangeSetMappings::test_mapping_key_deletion_with_resource_remap",
        {
            "Mappings": {"M": {"k1": {"v": "display-value-1"}, "k2": {"v": "display-value-2"}}},
            **resources(
                Topic1=topic("topic-name-1", {"Fn::FindInMap": ["M", "k1", "v"]}),
                Topic2=topic("topic-name-2", {"Fn::FindInMap": ["M", "k2", "v"]}),
            ),
        },
        {
            "Mappings": {"M": {"k1": {"v": "display-value-1"}}},
            **resources(
                Topic1=topic("topic-name-1", {"Fn::FindInMap": ["M", "k1", "v"]}),
                Topic2=topic("topic-name-2", {"Fn::FindInMap": ["M", "k1", "v"]}),
            ),
        },
    ),
    case(
        "test_change_set_mappings",
        "TestChangeSetMappings::test_fn_find_in_map_with_multiple_nested_functions",
        *(
            one(
                {
                    "Fn::FindInMap": [
                        {"Fn::Join": ["", ["M"]]},
                        {"Ref": "Environment"},
                        {"Ref": "AWS::Partition"},
                    ]
                },
                Parameters={"Environment": STRING},
                Mappings={"M": {"prod": {"aws": "prod-aws-value"}, "dev": {"aws": "dev-aws-value"}}},
            )
            for _ in range(2)
        ),
        {"Environment": "prod"},
        {"Environment": "dev"},
    ),
    case(
        "test_change_set_fn_base64",
        "TestChangeSetFnBase64::test_fn_base64_add_to_static_property",
        unnamed("topic-name-1"),
        unnamed({"Fn::Base64": "HelloWorld"}),
    ),
    case(
        "test_change_set_fn_select",
        "TestChangeSetFnSelect::test_fn_select_change_in_selection_list",
        unnamed({"Fn::Select": [1, ["1st", "2nd", "3rd"]]}),
        unnamed({"Fn::Select": ["1", ["1st", "new-2nd", "3rd"]]}),
    ),
    case(
        "test_change_set_fn_select",
        "TestChangeSetFnSelect::test_fn_select_change_get_att_reference",
        resources(
            Topic1=topic(display="topic-name-1"), Topic2=topic(display={"Fn::Select": [0, [GETATT_1, "x"]]})
        ),
        resources(
            Topic1=topic(display="topic-name-2"), Topic2=topic(display={"Fn::Select": [0, [GETATT_1, "x"]]})
        ),
    ),
    case(
        "test_change_set_fn_split",
        "TestChangeSetFnSplit::test_fn_split_with_ref_as_string_source",
        *(
            unnamed(
                {"Fn::Join": ["_", {"Fn::Split": ["-", {"Ref": "DelimiterParam"}]}]},
                Parameters={"DelimiterParam": STRING},
            )
            for _ in range(2)
        ),
        {"DelimiterParam": "hello-world"},
        {"DelimiterParam": "foo-bar-baz"},
    ),
    case(
        "test_change_set_parameters",
        "TestChangeSetParameters::test_update_parameter_with_added_default_value",
        {"Parameters": {"TopicName": STRING}, **resources(Foo=topic({"Ref": "TopicName"}))},  # type: ignore[arg-type]
        {
            "Parameters": {"TopicName": {**STRING, "Default": "topic-name-2"}},
            **resources(Foo=topic({"Ref": "TopicName"})),
        },  # type: ignore[arg-type]
        {"TopicName": "topic-name-1"},
        None,
    ),
    case(
        "test_change_set_parameters",
        "TestChangeSetParameters::test_parameter_type_change",
        {"Parameters": {"Value": STRING}, **resources(MyParameter=parameter({"Ref": "Value"}))},
        {"Parameters": {"Value": {"Type": "Number"}}, **resources(MyParameter=parameter({"Ref": "Value"}))},
        {"Value": "123"},
        {"Value": "456"},
    ),
    case(
        "test_change_sets",
        "TestCaptureUpdateProcess::test_dynamic_update",
        resources(Foo=topic("topic-1"), Parameter=parameter(FOO)),
        resources(Foo=topic("topic-2"), Parameter=parameter(FOO)),
    ),
    case(
        "test_change_sets",
        "TestCaptureUpdateProcess::test_mappings_with_static_fields",
        {
            "Mappings": NAMES,
            **resources(Foo=topic({"Fn::FindInMap": ["Names", "key1", "Value"]}), Parameter=parameter(FOO)),
        },  # type: ignore[arg-type]
        {
            "Mappings": NAMES,
            **resources(Foo=topic({"Fn::FindInMap": ["Names", "key2", "Value"]}), Parameter=parameter(FOO)),
        },  # type: ignore[arg-type]
    ),
    case(
        "test_change_sets",
        "TestCaptureUpdateProcess::test_mappings_with_parameter_lookup",
        *(
            {
                "Mappings": NAMES,
                "Parameters": {"TopicName": STRING},
                **resources(Foo=topic(LOOKUP), Parameter=parameter(FOO)),
            }  # type: ignore[arg-type]
            for _ in range(2)
        ),
        {"TopicName": "key1"},
        {"TopicName": "key2"},
    ),
]


@pytest.mark.parametrize("recording", CHANGE_SETS)
def test_a_change_set_tells_and_does_what_aws_does(cloud: Cloud, recording: Case) -> None:
    file, test, before, after, first, second = recording
    expected = recorded(file, test)
    for step, (template, parameters) in enumerate(((before, first), (after, second)), start=1):
        cfn(
            cloud,
            "CreateChangeSet",
            StackName="stack-name1",
            ChangeSetName="change",
            ChangeSetType="CREATE" if step == 1 else "UPDATE",
            TemplateBody=json.dumps(template),
            Parameters=given(parameters),
            Capabilities=expected[f"describe-change-set-{step}"]["Capabilities"],
        )
        for name, values in (
            (f"describe-change-set-{step}-prop-values", True),
            (f"describe-change-set-{step}", False),
        ):
            told = cfn(
                cloud,
                "DescribeChangeSet",
                StackName="stack-name1",
                ChangeSetName="change",
                IncludePropertyValues=values,
            )
            assert changes(told) == changes(expected[name])
            for key in ("Status", "ExecutionStatus"):
                assert told[key] == expected[name][key]
            assert by_key(told) == by_key(expected[name])
        cfn(cloud, "ExecuteChangeSet", StackName="stack-name1", ChangeSetName="change")
        cloud.clock.settle()
        stack = cfn(cloud, "DescribeStacks", StackName="stack-name1")["Stacks"][0]
        described = expected[f"post-create-{step}-describe"]
        assert stack["StackStatus"] == described["StackStatus"]
        assert stack.keys() == described.keys() - {"LastOperations"}  # new in 2026; we do not tell it
    events = cfn(cloud, "DescribeStackEvents", StackName="stack-name1")["StackEvents"]
    for logical_id, sequence in expected["per-resource-events"].items():
        if "EventId" in sequence[0]:  # recorded whole, newest first; else summed up
            ours = [event for event in events if event["LogicalResourceId"] == plain(logical_id)]
            assert [told_event(event) for event in ours] == [told_event(event) for event in sequence]
    cfn(cloud, "DeleteStack", StackName="stack-name1")
    cloud.clock.settle()
    gone = cfn(cloud, "DescribeStacks", StackName=stack["StackId"])["Stacks"][0]
    assert gone.keys() == expected["delete-describe"].keys() - {"LastOperations"}


def plain(placeholder: str) -> str:
    """`<stack-name:1>` as the name that we gave."""
    return placeholder.strip("<>").replace(":", "")


def by_key(told: dict[str, Any]) -> dict[str, str]:
    return {entry["ParameterKey"]: entry["ParameterValue"] for entry in told.get("Parameters", ())}


def told_event(event: dict[str, Any]) -> tuple[Any, ...]:
    properties = event.get("ResourceProperties")
    if isinstance(properties, str):
        properties = json.loads(properties)
    return (
        event["ResourceStatus"],
        event.get("ResourceStatusReason"),
        settled(properties) if properties is not None else None,
        bool(event["PhysicalResourceId"]),
    )


def changes(told: dict[str, Any]) -> list[Any]:
    """The changes with what is the same on every account: no ids, details in one order."""
    result = []
    for change in told["Changes"]:
        resource = dict(change["ResourceChange"])
        resource["PhysicalResourceId"] = "PhysicalResourceId" in resource
        if resource["Action"] == "Add":
            resource.pop("Replacement", None)  # AWS stopped telling it for additions in May 2025
        for context in ("BeforeContext", "AfterContext"):
            if isinstance(resource.get(context), str):
                resource[context] = json.loads(resource[context])
        resource["Details"] = sorted((settled(detail) for detail in resource["Details"]), key=json.dumps)
        result.append(settled(resource))
    return sorted(result, key=lambda change: str(change["LogicalResourceId"]))


def settled(value: Any) -> Any:
    """Accounts, regions and partitions as the recordings write them."""
    text = json.dumps(value, sort_keys=True)
    for ours, theirs in (
        ("arn:aws:", "arn:<partition>:"),
        ("us-east-1", "<region>"),
        ("000000000000", "111111111111"),
        ("prefix-", ""),
    ):
        text = text.replace(ours, theirs)
    return json.loads(text)


def test_a_change_set_without_changes_fails(cloud: Cloud) -> None:
    expected = recorded("api/test_changesets", "test_create_change_set_no_changes")["change-set-description"]
    template = resources(P=parameter("x"))
    create(cloud, template)
    cfn(cloud, "CreateChangeSet", StackName="stack", ChangeSetName="again", TemplateBody=json.dumps(template))
    told = cfn(cloud, "DescribeChangeSet", StackName="stack", ChangeSetName="again")
    for key in ("Status", "StatusReason", "ExecutionStatus", "Changes"):
        assert told[key] == expected[key]
    assert told.keys() == expected.keys() - {"ResponseMetadata"}


def test_a_failed_include_fails_the_change_set(cloud: Cloud) -> None:
    expected = recorded("test_change_sets", "test_describe_failed_change_set")["describe"]
    template = {
        "Resources": {"P": parameter("x")},
        "Outputs": {
            "O": {
                "Fn::Transform": {"Name": "AWS::Include", "Parameters": {"Location": "s3://doesnotexist/x.yml"}}
            }
        },
    }
    cfn(
        cloud,
        "CreateChangeSet",
        StackName="s",
        ChangeSetName="c",
        ChangeSetType="CREATE",
        TemplateBody=json.dumps(template),
    )
    told = cfn(cloud, "DescribeChangeSet", StackName="s", ChangeSetName="c")
    assert told["Status"] == expected["Status"]
    assert told["StatusReason"].rstrip() == expected["StatusReason"].rstrip()


def test_a_deleted_change_set_is_not_found(cloud: Cloud) -> None:
    create(cloud, resources(P=parameter("x")))
    error = cloud.error("cloudformation", "DescribeChangeSet", StackName="stack", ChangeSetName="gone")
    assert error.shape == "ChangeSetNotFoundException"
    assert str(error) == "ChangeSet [gone] does not exist"


# -- mistakes ----------------------------------------------------------------------------------------

P = "Resources:\n  P: {Type: AWS::SSM::Parameter, Properties: {Type: String, Value: x}}\n"
REFUSED = [
    ("api/test_validations", "test_missing_resources_block", "Parameters: {A: {Type: String}}", {}),
    ("api/test_validations", "test_resources_blocks[missing-type]", "Resources: {A: {Properties: {}}}", {}),
    (
        "api/test_validations", "test_resources_blocks[invalid-key]",
        "Resources: {A: {Type: AWS::SSM::Parameter, Invalid: x}}", {},
    ),
    (
        "api/test_changesets", "test_using_pseudoparameters_in_places[parameter]",
        "Parameters: {'AWS::NoValue': {Type: String}}\n" + P, {},
    ),
    (
        "api/test_changesets", "test_using_pseudoparameters_in_places[resource]",
        "Resources: {'AWS::NoValue': {Type: AWS::SSM::Parameter}}", {},
    ),
    (
        "api/test_resources", "test_invalid_logical_resource_id",
        "Resources: {my-bad-resource-id: {Type: AWS::SSM::Parameter}}", {},
    ),
    ("api/test_stacks", "test_linting_error_during_creation", "Resources: {A: '', B: {}}", {}),
    ("api/test_stacks", "TestStacksApi::test_create_stack_url_as_template", "https://example.com/x.yml", {}),
    ("api/test_stacks", "test_no_parameters_given", data, "ssm_parameter_defaultname.yaml"),
    (
        "engine/test_mappings", "TestCloudFormationMappings::test_async_mapping_error_first_level_v2",
        data, ("mappings/simple-mapping.yaml", {"TopicName": "t", "TopicNameSuffixSelector": "C"}),
    ),
    (
        "test_change_set_fn_get_attr", "TestChangeSetFnGetAttr::test_invalid_structure[getatt_validation.yml]",
        data, "getatt_validation.yml",
    ),
    (
        "test_change_set_fn_get_attr", "TestChangeSetFnGetAttr::test_invalid_structure[getatt_validation2.yml]",
        data, "getatt_validation2.yml",
    ),
    (
        "test_change_set_parameters", "TestChangeSetParameters::test_invalid_parameter_type",
        "Parameters: {Value: {Type: Number}}\n" + P, {"Value": "abc"},
    ),
    (
        "test_template_engine", "TestSsmParameters::test_resolve_ssm_missing_parameter",
        "Parameters: {InputValue: {Type: 'AWS::SSM::Parameter::Value<String>'}}\n" + P, {},
    ),
]  # fmt: skip


@pytest.mark.parametrize(("file", "test", "template", "more"), REFUSED, ids=[row[1] for row in REFUSED])
def test_a_mistake_is_refused_in_awss_words(
    cloud: Cloud, file: str, test: str, template: Any, more: Any
) -> None:
    content = recorded(file, test)
    answer = next(iter(content.values()))
    text = answer["Error"]["Message"] if isinstance(answer, dict) else answer.split("operation: ", 1)[1]
    parameters = more if isinstance(more, dict) else {}
    if not isinstance(template, str):
        name, parameters = more if isinstance(more, tuple) else (more, {})
        template = data(name)
    error = cloud.error(
        "cloudformation",
        "CreateChangeSet",
        StackName="s",
        ChangeSetName="c",
        ChangeSetType="CREATE",
        TemplateBody=template,
        Parameters=given(parameters),
    )
    assert (error.shape, str(error)) == ("ValidationError", text)
    assert isinstance(error, ServiceError)
    assert cfn(cloud, "DescribeStacks") == {"Stacks": []}


def test_a_stacks_name_has_its_pattern(cloud: Cloud) -> None:
    text = recorded("api/test_stacks", "TestStacksApi::test_stack_name_creation")["stack_response"]["Error"][
        "Message"
    ]
    error = cloud.error("cloudformation", "CreateStack", StackName="*@da591fa3_$", TemplateBody=P)
    assert str(error) == text


@pytest.mark.parametrize(
    ("operation", "input", "file", "test", "key"),
    [
        ("DescribeStackEvents", {"StackName": "does-not-exist"}, "api/test_stacks",
         "test_describe_stack_events_errors", "describe_stack_events_stack_not_found"),
        ("DescribeStackResource", {"StackName": "not-a-valid-stack", "LogicalResourceId": "x"},
         "api/test_resources",         "test_describe_non_existent_stack", "error"),
        ("GetTemplate", {}, "api/test_templates", "test_get_template_no_arguments", "stack-error"),
        ("GetTemplate", {"ChangeSetName": "x"}, "api/test_templates",
         "test_get_template_missing_resources_change_set", "change-set-error"),
        ("CreateStack", {"StackName": "x", "TemplateURL": "https://example.com/x.yml"}, "api/test_templates",
         "test_create_stack_from_s3_template_url[http_invalid]", "create-error"),
        ("ValidateTemplate", {"TemplateBody": "Parameters: {}"}, "api/test_templates",
         "test_get_template_summary_no_resources", "error"),
    ],
)  # fmt: skip
def test_a_wrong_request_is_refused_in_awss_words(
    cloud: Cloud, operation: str, input: dict[str, Any], file: str, test: str, key: str
) -> None:
    answer = recorded(file, test)[key]
    text = answer["Error"]["Message"] if isinstance(answer, dict) else answer.split("operation: ", 1)[1]
    assert str(cloud.error("cloudformation", operation, **input)) == text


def test_names_of_live_and_deleted_stacks(cloud: Cloud) -> None:
    expected = recorded("api/test_stacks", "test_name_conflicts")
    stack_id = cfn(cloud, "CreateStack", StackName="s", TemplateBody=P)["StackId"]
    cloud.clock.settle()
    error = cloud.error("cloudformation", "CreateStack", StackName="s", TemplateBody=P)
    assert (error.shape, str(error)) == ("AlreadyExistsException", "Stack [s] already exists")
    cfn(cloud, "DeleteStack", StackName="s")
    cloud.clock.settle()
    assert (
        str(cloud.error("cloudformation", "DescribeStacks", StackName="s")) == "Stack with id s does not exist"
    )
    assert (
        str(cloud.error("cloudformation", "DescribeStackEvents", StackName="s")) == "Stack [s] does not exist"
    )
    gone = cfn(cloud, "DescribeStacks", StackName=stack_id)["Stacks"][0]
    assert gone.keys() == expected["deleted_stack_desc"]["Stacks"][0].keys()
    cfn(cloud, "CreateStack", StackName="s", TemplateBody=P)
    cloud.clock.settle()
    new = cfn(cloud, "DescribeStacks", StackName="s")["Stacks"][0]
    assert new.keys() == expected["new_stack_desc"]["Stacks"][0].keys()


# -- stacks of recorded templates --------------------------------------------------------------------


def outputs(cloud: Cloud, name: str = "stack") -> dict[str, str]:
    stack = cfn(cloud, "DescribeStacks", StackName=name)["Stacks"][0]
    return {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", ())}


def test_every_form_of_sub(cloud: Cloud) -> None:
    expected = recorded("engine/test_references", "TestFnSub::test_fn_sub_cases")["outputs"]
    create(cloud, data("engine/cfn_fn_sub.yaml"), {"ParameterName": "Param1Value"})
    ours = outputs(cloud)
    ours["UrlSuffixPseudoParam"] = "<url-suffix>"
    assert {name: settled(value) for name, value in ours.items()} == expected


def test_join_leaves_out_what_has_no_value(cloud: Cloud) -> None:
    expected = recorded("test_template_engine", "TestIntrinsicFunctions::test_join_no_value_construct")[
        "join-output"
    ]
    create(cloud, data("engine/join_no_value.yml"))
    assert outputs(cloud) == expected


def test_select_from_a_map(cloud: Cloud) -> None:
    test = "TestIntrinsicFunctions::test_fn_select_has_intrinsic_function"
    create(cloud, data("engine/fn_select_fn_mapp.yml"))
    assert outputs(cloud) == recorded("test_template_engine", test)["fn-select-fn-map-output"]


def test_values_are_fitted_to_their_types(cloud: Cloud) -> None:
    expected = recorded("test_template_engine", "TestTypes::test_implicit_type_conversion")["queue"][
        "Attributes"
    ]
    create(cloud, data("engine/implicit_type_conversion.yml"))
    told = cloud.sqs("GetQueueAttributes", QueueUrl=outputs(cloud)["QueueUrl"], AttributeNames=["All"])[
        "Attributes"
    ]
    for name in ("DelaySeconds", "FifoQueue"):
        assert told[name] == expected[name]


def test_a_list_parameter(cloud: Cloud) -> None:
    expected = recorded("api/test_stacks", "test_subnet_id_parameter_type")["outputs"]
    create(cloud, data("cfn_parameter_list_subnet_id_type.yaml"), {"ParamsList": "subnet-id-1,subnet-id-2"})
    assert outputs(cloud) == expected


def test_exports_are_listed(cloud: Cloud) -> None:
    expected = recorded("test_template_engine", "TestImportValues::test_cfn_with_exports")["exports"]
    stack_id = create(cloud, data("engine/cfn_exports.yml"))
    told = cfn(cloud, "ListExports")["Exports"]
    assert [(export["Name"].replace("stack-", "<stack-name>-"), export["Value"]) for export in told] == [
        (export["Name"], export["Value"]) for export in expected
    ]
    assert {export["ExportingStackId"] for export in told} == {stack_id}


@pytest.mark.parametrize("toggle", ["yes", "no"])
def test_references_to_resources_that_are_not_made(cloud: Cloud, toggle: str) -> None:
    expected = recorded(
        "engine/test_conditions",
        f"TestCloudFormationConditions::test_references_to_disabled_resources[{toggle}]",
    )
    create(cloud, data("references_to_conditions.yml"), {"Toggle": toggle, "ParameterValue": "v"})
    stack = cfn(cloud, "DescribeStacks", StackName="stack")["Stacks"][0]
    assert stack.keys() == expected["stack-description"]["Stacks"][0].keys()
    told = cfn(cloud, "DescribeStackResources", StackName="stack")["StackResources"]
    recorded_resources = expected["resources-description"]["StackResources"]
    assert [r["LogicalResourceId"] for r in told] == [r["LogicalResourceId"] for r in recorded_resources]
    assert [r.keys() for r in told] == [r.keys() for r in recorded_resources]


@pytest.mark.parametrize(
    ("kind", "bucket"), [("test", ""), ("prod", ""), ("test", "my-bucket"), ("prod", "my-bucket")]
)
def test_nested_conditions(cloud: Cloud, kind: str, bucket: str) -> None:
    policy = "policy" if kind == "prod" and bucket else "nopolicy"
    expected = recorded(
        "engine/test_conditions",
        f"TestCloudFormationConditions::test_nested_conditions[{kind}-{'' if bucket else 'no'}bucket-{policy}]",
    )
    parameters = {"EnvType": kind} | ({"BucketName": bucket} if bucket else {})
    cfn(
        cloud,
        "CreateChangeSet",
        StackName="s",
        ChangeSetName="c",
        ChangeSetType="CREATE",
        TemplateBody=data("conditions/nested-conditions.yaml"),
        Parameters=given(parameters),
    )
    told = cfn(cloud, "DescribeChangeSet", StackName="s", ChangeSetName="c")
    assert changes(told) == changes(expected["describe_changeset_result"])
    assert told.keys() == expected["describe_changeset_result"].keys() - {"ResponseMetadata"}


def test_an_attribute_that_does_not_exist_rolls_back_at_once(cloud: Cloud) -> None:
    expected = recorded("engine/test_attributes", "TestResourceAttributes::test_invalid_getatt_fails")
    create(cloud, data("engine/cfn_invalid_getatt.yaml"))
    told = cfn(cloud, "DescribeStackEvents", StackName="stack")["StackEvents"]
    assert [told_event(event) for event in told] == [
        told_event(event) for event in expected["stack_events"]["events"]
    ]


def test_a_required_property_is_missing(cloud: Cloud) -> None:
    expected = recorded("test_template_engine", "TestStackEvents::test_invalid_stack_deploy")["failed_event"]
    create(cloud, "Resources: {MyParameter: {Type: AWS::SSM::Parameter, Properties: {Value: abc123}}}")
    told = cfn(cloud, "DescribeStackEvents", StackName="stack")["StackEvents"]
    failed = next(event for event in told if event["ResourceStatus"] == "CREATE_FAILED")
    assert told_event(failed) == told_event(expected)
    assert failed["PhysicalResourceId"] == expected["PhysicalResourceId"]


def test_hidden_parameters_stay_hidden(cloud: Cloud) -> None:
    expected = recorded("api/test_stacks", "test_no_echo_parameter")
    template = (
        data("cfn_no_echo.yml").replace("AWS::S3::Bucket", "AWS::SQS::Queue").replace("BucketName", "QueueName")
    )
    create(cloud, template, {"SecretParameter": "SecretValue"})
    told = cfn(cloud, "DescribeStacks", StackName="stack")["Stacks"][0]
    assert [entry["ParameterValue"] for entry in told["Parameters"]][1:] == ["****", "****"]
    cfn(
        cloud,
        "CreateChangeSet",
        StackName="stack",
        ChangeSetName="c",
        TemplateBody=template,
        Parameters=given({"SecretParameter": "NewSecretValue1"}),
    )
    change_set = cfn(cloud, "DescribeChangeSet", StackName="stack", ChangeSetName="c")
    details = changes(change_set)[0]
    wanted = changes(expected["describe_updated_change_set"])[0]
    assert details["Details"] == wanted["Details"]
    assert details["Scope"] == wanted["Scope"]
    assert change_set["Parameters"] == expected["describe_updated_change_set"]["Parameters"]


@pytest.mark.parametrize(("policy", "last"), [("Retain", "DELETE_SKIPPED"), ("Delete", "DELETE_COMPLETE")])
def test_a_replaced_resource_goes_or_stays(cloud: Cloud, policy: str, last: str) -> None:
    template = data("update_retain_policy.yaml")
    create(cloud, template, {"ParameterName": "one", "ParameterValue": "v", "PolicyType": policy})
    deploy(
        cloud,
        "stack",
        "UPDATE",
        template,
        {"ParameterName": "two", "ParameterValue": "v", "PolicyType": policy},
    )
    told = cfn(cloud, "DescribeStackEvents", StackName="stack")["StackEvents"]
    ours = [event for event in told if event["LogicalResourceId"] == "MyParameter"]
    assert (ours[0]["ResourceStatus"], ours[0]["PhysicalResourceId"]) == (last, "one")
    kept = cloud.call("ssm", "DescribeParameters")["Parameters"]
    assert sorted(parameter["Name"] for parameter in kept) == (
        ["one", "two"] if policy == "Retain" else ["two"]
    )


def test_loops_are_unrolled(cloud: Cloud) -> None:
    expected = recorded("api/test_transformers", "TestLanguageExtensionsTransform::test_transform_foreach")
    create(cloud, data("cfn_languageextensions_foreach.yml"), {"pRepoARNs": "a,b,c"})
    processed = cfn(cloud, "GetTemplate", StackName="stack", TemplateStage="Processed")["TemplateBody"]
    text = json.dumps(expected["transformed"])
    for number, name in enumerate("abc"):
        text = text.replace(f"<topic-name-{number}>", name)
    ours = json.loads(processed)
    for resource in ours["Resources"].values():
        resource["Properties"]["FifoTopic"] = True
    assert ours == json.loads(text)


def test_a_stack_policy_must_be_one(cloud: Cloud) -> None:
    expected = recorded("api/test_stack_policies", "TestStackPolicy::test_set_invalid_policy_with_url")["error"]
    create(cloud, resources(P=parameter("x")))
    error = cloud.error(
        "cloudformation", "SetStackPolicy", StackName="stack", StackPolicyBody=data("invalid_stack_policy.json")
    )
    assert str(error) == expected["Error"]["Message"]
    error = cloud.error(
        "cloudformation",
        "SetStackPolicy",
        StackName="stack",
        StackPolicyBody=data("stack_policy.json"),
        StackPolicyURL="https://b.s3.amazonaws.com/p",
    )
    both = recorded("api/test_stack_policies", "TestStackPolicy::test_set_policy_both_policy_and_url")["error"]
    assert str(error) == both["Error"]["Message"]


def test_types_may_be_restricted(cloud: Cloud) -> None:
    expected = recorded("api/test_update_stack", "test_update_with_resource_types")["resource_not_allowed"]
    template = json.dumps(one("x"))
    create(cloud, template)
    error = cloud.error(
        "cloudformation", "UpdateStack", StackName="stack", TemplateBody=template, ResourceTypes=["AWS::EC2::*"]
    )
    assert str(error) == expected["Error"]["Message"]


def test_the_summary_of_a_failed_stack(cloud: Cloud) -> None:
    expected = recorded("api/test_templates", "test_get_template_summary_failed_stack")["template-summary"]
    create(cloud, "Resources: {MyParameter: {Type: AWS::SSM::Parameter, Properties: {Value: abc123}}}")
    told = cfn(cloud, "GetTemplateSummary", StackName="stack")
    assert told == {key: value for key, value in expected.items() if key != "ResponseMetadata"}


def test_a_role_that_does_not_exist(cloud: Cloud) -> None:
    expected = recorded("api/test_update_stack", "test_update_with_role_without_permissions")["error"]["Error"]
    create(cloud, resources(P=parameter("x")))
    arn = "arn:aws:iam::000000000000:role/role-fb405076"
    error = cloud.error(
        "cloudformation",
        "UpdateStack",
        StackName="stack",
        TemplateBody=json.dumps(resources(P=parameter("y"))),
        RoleARN=arn,
    )
    assert settled(str(error)) == expected["Message"]
