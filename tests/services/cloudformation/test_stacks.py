"""What a stack is made of: exports, nested stacks, custom resources, policies, parameters, change sets."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from typing import Any

import pytest
from tests.cloud import Cloud

from ballroom.kernel import HttpRequest, registry
from ballroom.kernel.registry import Operation
from ballroom.services.cloudformation.signals import take_report

from .flaky import Flaky, flaky_type
from .stacks import (
    create,
    delete,
    outputs,
    reasons,
    stack,
    status,
    story,
    template,
    thing,
    update,
)


@pytest.fixture
def flaky() -> Iterator[Flaky]:
    with flaky_type() as state:
        yield state


def exporting(value: str, name: str = "shared") -> str:
    return json.dumps(
        {
            "Resources": {"A": thing(value)},
            "Outputs": {"O": {"Value": {"Fn::GetAtt": ["A", "Value"]}, "Export": {"Name": name}}},
        }
    )


IMPORTING = template(B=thing({"Fn::ImportValue": {"Fn::Sub": "sha${X}"}})).replace(
    '{"Resources"', '{"Parameters": {"X": {"Type": "String", "Default": "red"}}, "Resources"', 1
)


# -- exports -----------------------------------------------------------------------------------------


def test_an_export_in_use_stays(cloud: Cloud, flaky: Flaky) -> None:
    create(cloud, exporting("1"), "one")
    create(cloud, IMPORTING, "two")
    assert sorted(flaky.live.values()) == ["1", "1"]
    assert cloud.cloudformation("ListImports", ExportName="shared") == {"Imports": ["two"]}
    delete(cloud, "one")
    assert status(cloud, "one") == "CREATE_COMPLETE"
    assert stack(cloud, "one")["StackStatusReason"] == (
        "Delete canceled. Cannot delete export shared as it is in use by two."
    )
    update(cloud, exporting("2"), "one")
    assert status(cloud, "one") == "UPDATE_ROLLBACK_COMPLETE"
    assert "Export shared cannot be updated as it is in use by two." in reasons(cloud, "one")
    update(cloud, exporting("1", "other"), "one")
    assert "Export shared cannot be deleted as it is in use by two." in reasons(cloud, "one")
    delete(cloud, "two")
    error = cloud.error("cloudformation", "ListImports", ExportName="shared")
    assert str(error) == "Export 'shared' is not imported by any stack."
    update(cloud, exporting("2", "other"), "one")
    assert [e["Name"] for e in cloud.cloudformation("ListExports")["Exports"]] == ["other"]
    delete(cloud, "one")
    assert cloud.cloudformation("ListExports")["Exports"] == []


def test_an_import_that_is_given_up_frees_the_export(cloud: Cloud, flaky: Flaky) -> None:
    create(cloud, exporting("1"), "one")
    create(cloud, IMPORTING, "two")
    update(cloud, template(B=thing("own")), "two")
    delete(cloud, "one")
    assert [s["StackName"] for s in cloud.cloudformation("DescribeStacks")["Stacks"]] == ["two"]


def test_an_export_has_one_owner(cloud: Cloud, flaky: Flaky) -> None:
    create(cloud, exporting("1"), "one")
    create(cloud, exporting("1"), "two")
    assert status(cloud, "two") == "ROLLBACK_COMPLETE"
    assert reasons(cloud, "two")[0].startswith("Export with name shared is already exported by stack one.")


def test_an_import_of_nothing_fails(cloud: Cloud, flaky: Flaky) -> None:
    create(cloud, IMPORTING)
    assert status(cloud) == "ROLLBACK_COMPLETE"
    assert reasons(cloud)[0] == "No export named shared found."


# -- nested stacks -----------------------------------------------------------------------------------


@contextlib.contextmanager
def objects(**bodies: str) -> Iterator[None]:
    """S3, as far as reading these objects goes."""

    async def get_object(ctx: Any, request: dict[str, Any]) -> dict[str, Any]:
        from ballroom.kernel import ServiceError

        if request["Key"] not in bodies:
            raise ServiceError.of("NoSuchKey", "The specified key does not exist.", status=404)
        return {"Body": bodies[request["Key"]].encode()}

    with replaced("s3", "GetObject", get_object):
        yield


@contextlib.contextmanager
def replaced(service: str, name: str, handler: Any) -> Iterator[None]:
    """Another service's operation, played by a test."""
    before = registry.operations.get((service, name))
    registry.operations[service, name] = Operation(service, name, handler, True, False)
    try:
        yield
    finally:
        if before is None:
            del registry.operations[service, name]
        else:
            registry.operations[service, name] = before


def nested(key: str = "child", **parameters: Any) -> dict[str, Any]:
    url = f"https://bucket.s3.amazonaws.com/{key}"
    return {"Type": "AWS::CloudFormation::Stack", "Properties": {"TemplateURL": url, "Parameters": parameters}}


def child(value: Any = None) -> str:
    return json.dumps(
        {
            "Parameters": {"V": {"Type": "String"}},
            "Resources": {"T": thing(value or {"Ref": "V"})},
            "Outputs": {"Id": {"Value": {"Ref": "T"}}},
        }
    )


def parent(value: str = "v") -> str:
    return json.dumps(
        {
            "Resources": {
                "N": nested(V=value),
                "After": thing({"Fn::GetAtt": ["N", "Outputs.Id"]}),
            },
            "Outputs": {"Id": {"Value": {"Fn::GetAtt": ["N", "Outputs.Id"]}}},
        }
    )


def test_a_stack_within_a_stack(cloud: Cloud, flaky: Flaky) -> None:
    with objects(child=child()):
        parent_id = create(cloud, parent())
        assert status(cloud) == "CREATE_COMPLETE"
        inner = next(s for s in cloud.cloudformation("DescribeStacks")["Stacks"] if s["StackName"] != "s")
        assert inner["ParentId"] == inner["RootId"] == parent_id
        assert inner["StackName"].startswith("s-N-")
        assert outputs(cloud)["Id"] in flaky.live
        assert flaky.done == ["create T", "create After"]
        update(cloud, parent("w"))
        assert status(cloud) == "UPDATE_COMPLETE"
        assert flaky.live[outputs(cloud)["Id"]] == "w"
        delete(cloud)
        assert flaky.live == {}
        assert cloud.cloudformation("DescribeStacks")["Stacks"] == []


def test_a_nested_stack_that_fails_fails_its_parent(cloud: Cloud, flaky: Flaky) -> None:
    flaky.failing = {"create T"}
    with objects(child=child()):
        create(cloud, parent())
    assert status(cloud) == "ROLLBACK_COMPLETE"
    assert any(
        reason.endswith("was not successfully created: The following resource(s) failed to create: [T]. "
                        "Rollback requested by user.")
        for reason in reasons(cloud)
    )  # fmt: skip
    assert flaky.live == {}


def test_a_nested_template_that_is_refused_fails_its_parent(cloud: Cloud, flaky: Flaky) -> None:
    with objects(child="Parameters: {V: {Type: String}}\nResources: {X: {Type: AWS::Nobody::Knows}}"):
        create(cloud, parent())
    assert status(cloud) == "ROLLBACK_COMPLETE"
    assert "Unrecognized resource types: [AWS::Nobody::Knows]" in " ".join(reasons(cloud))


# -- custom resources --------------------------------------------------------------------------------


class Function:
    """A function behind custom resources: keeps what it is asked, answers when it is told to."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []

    async def invoke(self, ctx: Any, request: dict[str, Any]) -> dict[str, Any]:
        assert request["InvocationType"] == "Event"
        event = json.loads(request["Payload"])
        if not any(known["RequestId"] == event["RequestId"] for known in self.events):
            self.events.append(event)
        return {"StatusCode": 202}

    def answer(self, cloud: Cloud, status: str = "SUCCESS", **more: Any) -> None:
        event = self.events[-1]
        body = {
            "Status": status,
            "PhysicalResourceId": "custom-1",
            "StackId": event["StackId"],
            "RequestId": event["RequestId"],
            "LogicalResourceId": event["LogicalResourceId"],
            **more,
        }
        path = "/" + event["ResponseURL"].split("/", 3)[3]
        http = HttpRequest("PUT", path, "", [], json.dumps(body).encode(), "localhost")
        assert cloud.run(take_report(cloud.context(), http)).status == 200
        cloud.clock.settle()


@pytest.fixture
def function() -> Iterator[Function]:
    made = Function()
    with replaced("lambda", "Invoke", made.invoke):
        yield made


def custom(**properties: Any) -> str:
    token = "arn:aws:lambda:us-east-1:000000000000:function:f"
    return json.dumps(
        {
            "Resources": {"C": {"Type": "Custom::Thing", "Properties": {"ServiceToken": token, **properties}}},
            "Outputs": {"Answer": {"Value": {"Fn::GetAtt": ["C", "Answer"]}}, "Ref": {"Value": {"Ref": "C"}}},
        }
    )


def test_a_function_makes_changes_and_deletes_a_custom_resource(cloud: Cloud, function: Function) -> None:
    stack_id = create(cloud, custom(Number=1, Flag=True))
    event = function.events[0]
    assert event["RequestType"] == "Create"
    assert event["ResourceProperties"]["Number"] == "1"
    assert event["ResourceProperties"]["Flag"] == "true"
    assert status(cloud) == "CREATE_IN_PROGRESS"
    function.answer(cloud, Data={"Answer": 42})
    assert outputs(cloud) == {"Answer": "42", "Ref": "custom-1"}
    update(cloud, custom(Number=2))
    event = function.events[1]
    assert (event["RequestType"], event["PhysicalResourceId"]) == ("Update", "custom-1")
    assert event["OldResourceProperties"]["Number"] == "1"
    function.answer(cloud, Data={"Answer": 43}, PhysicalResourceId="custom-2")
    assert outputs(cloud) == {"Answer": "43", "Ref": "custom-2"}
    assert (function.events[2]["RequestType"], function.events[2]["PhysicalResourceId"]) == (
        "Delete",
        "custom-1",
    )
    assert status(cloud) == "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"
    function.answer(cloud)
    assert status(cloud) == "UPDATE_COMPLETE"
    delete(cloud)
    assert status(cloud, stack_id) == "DELETE_IN_PROGRESS"
    assert function.events[3]["PhysicalResourceId"] == "custom-2"
    function.answer(cloud)
    assert status(cloud, stack_id) == "DELETE_COMPLETE"


def test_a_custom_resource_may_fail(cloud: Cloud, function: Function) -> None:
    create(cloud, custom())
    function.answer(cloud, "FAILED", Reason="no luck")
    assert (
        "Received response status [FAILED] from custom resource. Message returned: no luck" in reasons(cloud)[0]
    )
    assert function.events[-1]["RequestType"] == "Delete"
    function.answer(cloud)
    assert status(cloud) == "ROLLBACK_COMPLETE"


def test_a_function_that_never_answers(cloud: Cloud, function: Function) -> None:
    create(cloud, custom(ServiceTimeout=30))
    cloud.clock.advance(seconds=29)
    assert status(cloud) == "CREATE_IN_PROGRESS"
    cloud.clock.advance(seconds=1)
    assert "did not receive a response from your Custom Resource" in reasons(cloud)[0]


# -- parameters, references --------------------------------------------------------------------------


def test_values_from_systems_manager(cloud: Cloud, flaky: Flaky) -> None:
    cloud.ssm("PutParameter", Name="/v", Value="a,b", Type="StringList")
    body = json.dumps(
        {
            "Parameters": {
                "P": {"Type": "AWS::SSM::Parameter::Value<List<String>>", "Default": "/v"},
            },
            "Resources": {
                "A": thing({"Fn::Select": [1, {"Ref": "P"}]}),
                "B": thing("{{resolve:ssm:/v:1}}!"),
            },
        }
    )
    create(cloud, body)
    assert sorted(flaky.live.values()) == ["a,b!", "b"]
    assert stack(cloud)["Parameters"] == [{"ParameterKey": "P", "ParameterValue": "/v", "ResolvedValue": "a,b"}]
    cloud.ssm("PutParameter", Name="/v", Value="c,d", Type="StringList", Overwrite=True)
    update(cloud, body)
    assert sorted(flaky.live.values()) == ["a,b!", "d"]
    error = cloud.error(
        "cloudformation", "CreateStack", StackName="t", TemplateBody=body.replace("/v", "/nothing")
    )
    assert "[/nothing]" in str(error)


def test_previous_values_are_kept(cloud: Cloud, flaky: Flaky) -> None:
    body = json.dumps(
        {
            "Parameters": {"A": {"Type": "String"}, "B": {"Type": "String", "Default": "b"}},
            "Resources": {"T": thing({"Fn::Sub": "${A}-${B}"})},
        }
    )
    create(cloud, body, Parameters=[{"ParameterKey": "A", "ParameterValue": "1"}])
    cloud.cloudformation(
        "UpdateStack",
        StackName="s",
        UsePreviousTemplate=True,
        Parameters=[
            {"ParameterKey": "A", "UsePreviousValue": True},
            {"ParameterKey": "B", "ParameterValue": "2"},
        ],
    )
    cloud.clock.settle()
    assert list(flaky.live.values()) == ["1-2"]
    error = cloud.error("cloudformation", "UpdateStack", StackName="s", UsePreviousTemplate=True)
    assert str(error) == "Parameters: [A] must have values"


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ("Resources: {A: {Type: AWS::X::Y}, B: {Type: AWS::X::Z}}",
         "Template format error: Unrecognized resource types: [AWS::X::Y, AWS::X::Z]"),
        ("Resources: {A: {Type: AWS::SQS::Queue, Properties: {QueueName: !Ref B}},"
         " B: {Type: AWS::SQS::Queue, DependsOn: C}, C: {Type: AWS::SQS::Queue, DependsOn: [A, D]},"
         " D: {Type: AWS::SQS::Queue}}",
         "Circular dependency between resources: [A, B, C]"),
        ("Resources: {A: {Type: AWS::SQS::Queue, Properties: {QueueName: !Ref Nope}}}",
         "Template format error: Unresolved resource dependencies [Nope] in the Resources block of the "
         "template"),
        ("Resources: {A: {Type: AWS::SQS::Queue}}\nOutputs: {O: {Value: !Ref Nope}}",
         "Template format error: Unresolved resource dependencies [Nope] in the Outputs block of the template"),
        ("Resources: {A: {Type: AWS::SQS::Queue, Properties: {QueueName: !GetAtt Nope.Arn}}}",
         "Template error: instance of Fn::GetAtt references undefined resource Nope"),
        ("Transform: MyMacro\nResources: {A: {Type: AWS::SQS::Queue}}",
         "Ballroom does not support CloudFormation macros: no transform named MyMacro"),
        ("Resources: {A: {Type: AWS::SQS::Queue, Properties: {QueueName: '{{resolve:secretsmanager:x}}'}}}",
         "Ballroom does not support dynamic references to secretsmanager: {{resolve:secretsmanager:...}}"),
    ],
)  # fmt: skip
def test_what_cannot_work_is_refused_before_anything_is_made(cloud: Cloud, body: str, text: str) -> None:
    assert str(cloud.error("cloudformation", "CreateStack", StackName="s", TemplateBody=body)) == text
    assert cloud.cloudformation("ListStacks")["StackSummaries"] == []


def test_an_unknown_property_fails_the_resource(cloud: Cloud) -> None:
    create(cloud, "Resources: {A: {Type: AWS::SQS::Queue, Properties: {Colour: red}}}")
    assert reasons(cloud)[0] == "Encountered unsupported property Colour"
    assert status(cloud) == "ROLLBACK_COMPLETE"


def test_an_unknown_member_within_a_property_fails_the_resource(cloud: Cloud) -> None:
    role = "arn:aws:iam::000000000000:role/r"
    body = {
        "Type": "AWS::Lambda::Function",
        "Properties": {"Role": role, "Runtime": "python3.11", "Handler": "index.h", "Code": {"ZipFile": "x",
        "Zap": 1},
                       "Environment": {"Variable": {}}},
    }  # fmt: skip
    create(cloud, template(F=body))
    assert reasons(cloud)[0] == "Encountered unsupported property Variable"


def test_capabilities_must_be_acknowledged(cloud: Cloud) -> None:
    def refused(body: str, **more: Any) -> str:
        error = cloud.error("cloudformation", "CreateStack", StackName="s", TemplateBody=body, **more)
        assert error.shape == "InsufficientCapabilitiesException"
        return str(error)

    user = template(U={"Type": "AWS::IAM::User"})
    named = template(U={"Type": "AWS::IAM::User", "Properties": {"UserName": "me"}})
    assert refused(user) == "Requires capabilities : [CAPABILITY_IAM]"
    assert refused(named, Capabilities=["CAPABILITY_IAM"]) == "Requires capabilities : [CAPABILITY_NAMED_IAM]"
    create(cloud, named, Capabilities=["CAPABILITY_NAMED_IAM"])
    assert status(cloud) == "CREATE_COMPLETE"


def test_a_request_may_be_repeated(cloud: Cloud, flaky: Flaky) -> None:
    first = cloud.cloudformation(
        "CreateStack", StackName="s", TemplateBody=template(A=thing()), ClientRequestToken="t"
    )
    again = cloud.cloudformation(
        "CreateStack", StackName="s", TemplateBody=template(A=thing()), ClientRequestToken="t"
    )
    assert again == first
    error = cloud.error("cloudformation", "CreateStack", StackName="s", TemplateBody=template(A=thing()))
    assert str(error) == "Stack [s] already exists"
    cloud.clock.settle()
    events = cloud.cloudformation("DescribeStackEvents", StackName="s")["StackEvents"]
    assert {event["ClientRequestToken"] for event in events} == {"t"}
    assert len({event["EventId"] for event in events}) == len(events)


def test_tags_reach_what_can_have_them(cloud: Cloud) -> None:
    body = template(Q={"Type": "AWS::SQS::Queue", "Properties": {"Tags": [{"Key": "own", "Value": "1"}]}})
    stack_id = create(cloud, body, Tags=[{"Key": "all", "Value": "2"}])
    url = cloud.sqs("ListQueues")["QueueUrls"][0]
    tags = cloud.sqs("ListQueueTags", QueueUrl=url)["Tags"]
    assert tags == {
        "own": "1", "all": "2", "aws:cloudformation:stack-name": "s",
        "aws:cloudformation:logical-id": "Q", "aws:cloudformation:stack-id": stack_id,
    }  # fmt: skip
    update(cloud, body, Tags=[{"Key": "all", "Value": "3"}])
    assert cloud.sqs("ListQueueTags", QueueUrl=url)["Tags"]["all"] == "3"
    error = cloud.error(
        "cloudformation", "UpdateStack", StackName="s", TemplateBody=body, Tags=[{"Key": "aws:x", "Value": "3"}]
    )
    assert "aws: prefixed tag key names are not allowed" in str(error)


# -- stack policies ----------------------------------------------------------------------------------


def policy(*denied: str) -> str:
    return json.dumps(
        {
            "Statement": [
                {"Effect": "Allow", "Action": "Update:*", "Principal": "*", "Resource": "*"},
                {"Effect": "Deny", "Action": list(denied), "Principal": "*", "Resource": "LogicalResourceId/A"},
            ]
        }
    )


@pytest.mark.parametrize(
    ("action", "body"),
    [
        ("Update:Modify", template(A=thing("2"), B=thing("1"))),
        ("Update:Replace", template(A=thing("1", Fixed="2"), B=thing("1"))),
        ("Update:Delete", template(B=thing("1"))),
    ],
)
def test_a_stack_policy_is_enforced(cloud: Cloud, flaky: Flaky, action: str, body: str) -> None:
    create(cloud, template(A=thing("1"), B=thing("1")), StackPolicyBody=policy(action))
    update(cloud, body)
    assert status(cloud) == "UPDATE_ROLLBACK_COMPLETE"
    text = f"Action denied by stack policy: Statement [#2] does not allow [{action}] for resource "
    assert any(reason.startswith(text + "[LogicalResourceId/A]") for reason in reasons(cloud))
    allowed = json.dumps(
        {"Statement": [{"Effect": "Allow", "Action": "Update:*", "Principal": "*", "Resource": "*"}]}
    )
    update(cloud, body, StackPolicyDuringUpdateBody=allowed)
    assert status(cloud) == "UPDATE_COMPLETE"
    assert cloud.cloudformation("GetStackPolicy", StackName="s")["StackPolicyBody"] == policy(action)


# -- change sets -------------------------------------------------------------------------------------


def test_a_reviewed_stack_is_created_by_its_change_set(cloud: Cloud, flaky: Flaky) -> None:
    cloud.cloudformation(
        "CreateChangeSet",
        StackName="s",
        ChangeSetName="c",
        ChangeSetType="CREATE",
        TemplateBody=template(A=thing()),
    )
    assert status(cloud) == "REVIEW_IN_PROGRESS"
    assert flaky.live == {}
    error = cloud.error(
        "cloudformation",
        "CreateChangeSet",
        StackName="s",
        ChangeSetName="c",
        ChangeSetType="CREATE",
        TemplateBody=template(A=thing()),
    )
    assert error.shape == "AlreadyExistsException"
    summaries = cloud.cloudformation("ListChangeSets", StackName="s")["Summaries"]
    assert [(found["ChangeSetName"], found["Status"]) for found in summaries] == [("c", "CREATE_COMPLETE")]
    cloud.cloudformation("ExecuteChangeSet", StackName="s", ChangeSetName="c")
    cloud.clock.settle()
    assert status(cloud) == "CREATE_COMPLETE"
    assert cloud.cloudformation("ListChangeSets", StackName="s")["Summaries"] == []
    assert story(cloud)[0] == "s REVIEW_IN_PROGRESS"


def test_a_reviewed_stack_can_be_deleted(cloud: Cloud, flaky: Flaky) -> None:
    cloud.cloudformation(
        "CreateChangeSet",
        StackName="s",
        ChangeSetName="c",
        ChangeSetType="CREATE",
        TemplateBody=template(A=thing()),
    )
    delete(cloud)
    assert cloud.cloudformation("DescribeStacks")["Stacks"] == []


def test_a_change_set_for_an_unknown_stack(cloud: Cloud) -> None:
    error = cloud.error(
        "cloudformation", "CreateChangeSet", StackName="s", ChangeSetName="c", TemplateBody=template(A=thing())
    )
    assert str(error) == "Stack [s] does not exist"


def test_a_change_of_outputs_alone_is_a_change(cloud: Cloud, flaky: Flaky) -> None:
    body = json.loads(template(A=thing()))
    create(cloud, json.dumps(body))
    update(cloud, json.dumps({**body, "Outputs": {"O": {"Value": "1"}}}))
    assert outputs(cloud) == {"O": "1"}
    error = cloud.error(
        "cloudformation",
        "UpdateStack",
        StackName="s",
        TemplateBody=json.dumps({**body, "Outputs": {"O": {"Value": "1"}}}),
    )
    assert str(error) == "No updates are to be performed."


# -- templates ---------------------------------------------------------------------------------------


def test_a_template_is_summed_up(cloud: Cloud) -> None:
    body = """
Description: d
Metadata: {a: 1}
Parameters: {P: {Type: Number, Default: 1, NoEcho: true, AllowedValues: [1, 2], Description: pd}}
Resources: {U: {Type: AWS::IAM::User}, Q: {Type: AWS::SQS::Queue}}
"""
    summary = cloud.cloudformation("GetTemplateSummary", TemplateBody=body)
    assert summary["Parameters"] == [
        {
            "ParameterKey": "P", "ParameterType": "Number", "DefaultValue": "1", "NoEcho": True,
            "Description": "pd",
            "ParameterConstraints": {"AllowedValues": ["1", "2"]},
        }
    ]  # fmt: skip
    assert summary["Capabilities"] == ["CAPABILITY_IAM"]
    assert summary["CapabilitiesReason"] == ("The following resource(s) require capabilities: [AWS::IAM::User]")
    assert summary["ResourceTypes"] == ["AWS::IAM::User", "AWS::SQS::Queue"]
    checked = cloud.cloudformation("ValidateTemplate", TemplateBody=body)
    assert checked["Parameters"][0]["ParameterKey"] == "P"
    assert checked["Description"] == "d"


def test_every_resource_type_is_one_consistent_entry() -> None:
    from ballroom.services.cloudformation.resource_types.base import REGISTRY

    assert len(REGISTRY) > 25
    for name, entry in REGISTRY.items():
        assert entry.type == name
        if entry.name is not None and entry.name.property:
            assert entry.name.property in entry.create_only


@pytest.mark.parametrize("count", [120])
def test_lists_come_in_pages(cloud: Cloud, flaky: Flaky, count: int) -> None:
    create(cloud, template(**{f"T{n}": thing() for n in range(count)}))
    first = cloud.cloudformation("ListStackResources", StackName="s")
    assert len(first["StackResourceSummaries"]) == 100
    rest = cloud.cloudformation("ListStackResources", StackName="s", NextToken=first["NextToken"])
    assert len(rest["StackResourceSummaries"]) == count - 100
    assert "NextToken" not in rest
    error = cloud.error("cloudformation", "ListStackResources", StackName="s", NextToken="x")
    assert str(error) == "The specified NextToken is not valid"


def test_accounts_and_regions_are_apart(cloud: Cloud, flaky: Flaky) -> None:
    stack_id = create(cloud, template(A=thing()))
    for other in (cloud.caller(account="111122223333"), cloud.caller(region="eu-west-1")):
        assert cloud.call("cloudformation", "DescribeStacks", other)["Stacks"] == []
    other = cloud.caller(account="111122223333")
    error = cloud.error("cloudformation", "DescribeStacks", other, StackName=stack_id)
    assert str(error) == f"Stack with id {stack_id} does not exist"


def test_a_stack_under_review_has_no_template(cloud: Cloud) -> None:
    cloud.cloudformation(
        "CreateChangeSet", StackName="s", ChangeSetName="c", ChangeSetType="CREATE",
        TemplateBody=template(A={"Type": "AWS::SQS::Queue"}),
    )  # fmt: skip
    cloud.clock.settle()
    assert "TemplateBody" not in cloud.cloudformation("GetTemplate", StackName="s")
