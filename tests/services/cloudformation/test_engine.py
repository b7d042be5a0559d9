"""Stack operations: order, failure, going back, waiting, crashes."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from tests.cloud import Cloud

from .flaky import Flaky, flaky_type
from .stacks import create, delete, outputs, reasons, stack, status, story, template, thing, update


@pytest.fixture
def flaky() -> Iterator[Flaky]:
    with flaky_type() as state:
        yield state


def test_resources_are_made_in_the_order_of_their_needs(cloud: Cloud, flaky: Flaky) -> None:
    body = template(
        C=thing({"Ref": "B"}), B=thing({"Fn::GetAtt": ["A", "Value"]}), A=thing("a"), D=thing("d", "C")
    )
    create(cloud, body)
    assert flaky.done == ["create A", "create B", "create C", "create D"]
    delete(cloud)
    assert flaky.done[4:] == ["delete D", "delete C", "delete B", "delete A"]
    assert flaky.live == {}


def test_a_failed_creation_takes_everything_back(cloud: Cloud, flaky: Flaky) -> None:
    flaky.failing = {"create B"}
    create(cloud, template(A=thing(), B=thing("b", "A"), C=thing("c", "B")))
    assert status(cloud) == "ROLLBACK_COMPLETE"
    assert flaky.live == {}
    assert reasons(cloud) == [
        "create B failed",
        "The following resource(s) failed to create: [B]. Rollback requested by user.",
    ]
    assert story(cloud) == [
        "s CREATE_IN_PROGRESS", "A CREATE_IN_PROGRESS", "A CREATE_IN_PROGRESS", "A CREATE_COMPLETE",
        "B CREATE_IN_PROGRESS", "B CREATE_FAILED", "s ROLLBACK_IN_PROGRESS", "B DELETE_COMPLETE",
        "A DELETE_IN_PROGRESS", "A DELETE_COMPLETE", "s ROLLBACK_COMPLETE",
    ]  # fmt: skip


@pytest.mark.parametrize("slow", [False, True], ids=["joined", "waiting"])
def test_what_others_own_is_never_taken_or_deleted(cloud: Cloud, flaky: Flaky, slow: bool) -> None:
    cloud.ssm("PutParameter", Name="/mine", Value="mine", Type="String")
    parameter = {
        "Type": "AWS::SSM::Parameter",
        "Properties": {"Name": "/mine", "Type": "String", "Value": "theirs"},
    }
    create(cloud, template(P=parameter))
    assert status(cloud) == "ROLLBACK_COMPLETE"
    assert "already exists" in reasons(cloud)[0]
    assert cloud.ssm("GetParameter", Name="/mine")["Parameter"]["Value"] == "mine"


@pytest.mark.parametrize(
    ("request_more", "expected", "kept"),
    [
        ({"OnFailure": "DO_NOTHING"}, "CREATE_FAILED", 1),
        ({"DisableRollback": True}, "CREATE_FAILED", 1),
        ({"OnFailure": "DELETE"}, "DELETE_COMPLETE", 0),
        ({"OnFailure": "ROLLBACK"}, "ROLLBACK_COMPLETE", 0),
    ],
    ids=str,
)
def test_what_happens_after_a_failure_is_the_callers_choice(
    cloud: Cloud, flaky: Flaky, request_more: dict[str, object], expected: str, kept: int
) -> None:
    flaky.failing = {"create B"}
    stack_id = create(cloud, template(A=thing(), B=thing("b", "A")), **request_more)
    assert status(cloud, stack_id) == expected
    assert len(flaky.live) == kept


def test_a_failed_update_goes_back(cloud: Cloud, flaky: Flaky) -> None:
    create(cloud, template(A=thing("1"), B=thing("1", "A"), C=thing("1", Fixed="1")))
    before = dict(flaky.live)
    flaky.failing = {"update B"}
    update(cloud, template(A=thing("2"), B=thing("2", "A", "N", "C"), C=thing("1", Fixed="2"), N=thing("new")))
    assert status(cloud) == "UPDATE_ROLLBACK_FAILED"  # going back to B's first value fails as well
    flaky.failing = set()
    cloud.cloudformation("ContinueUpdateRollback", StackName="s")
    cloud.clock.settle()
    assert status(cloud) == "UPDATE_ROLLBACK_COMPLETE"
    assert flaky.live == before
    told = story(cloud)
    cleaning = told[told.index("s UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS") + 1 :]
    assert sorted(cleaning[:-1]) == [
        "C DELETE_COMPLETE", "C DELETE_IN_PROGRESS", "N DELETE_COMPLETE", "N DELETE_IN_PROGRESS",
    ]  # fmt: skip
    assert cleaning[-1] == "s UPDATE_ROLLBACK_COMPLETE"
    listed = cloud.cloudformation("DescribeStackResources", StackName="s")["StackResources"]
    assert {r["LogicalResourceId"]: r["PhysicalResourceId"] for r in listed}.keys() == {"A", "B", "C"}
    assert {r["PhysicalResourceId"] for r in listed} == set(before)
    update(cloud, template(A=thing("3"), B=thing("3", "A"), C=thing("1", Fixed="1")))
    assert status(cloud) == "UPDATE_COMPLETE"


def test_a_creation_that_fails_in_an_update_goes_back(cloud: Cloud, flaky: Flaky) -> None:
    create(cloud, template(A=thing("1")))
    flaky.failing = {"create B"}
    update(cloud, template(A=thing("2"), B=thing("b", "A")))
    assert status(cloud) == "UPDATE_ROLLBACK_COMPLETE"
    assert list(flaky.live.values()) == ["1"]
    assert "The following resource(s) failed to create: [B]." in reasons(cloud)


def test_resources_may_be_skipped_when_going_back(cloud: Cloud, flaky: Flaky) -> None:
    create(cloud, template(A=thing("1")))
    flaky.failing = {"update A"}
    update(cloud, template(A=thing("2")))
    assert status(cloud) == "UPDATE_ROLLBACK_FAILED"
    error = cloud.error("cloudformation", "ContinueUpdateRollback", StackName="s", ResourcesToSkip=["B"])
    assert "[B]" in str(error)
    cloud.cloudformation("ContinueUpdateRollback", StackName="s", ResourcesToSkip=["A"])
    cloud.clock.settle()
    assert status(cloud) == "UPDATE_ROLLBACK_COMPLETE"


def test_an_update_may_stay_as_it_failed(cloud: Cloud, flaky: Flaky) -> None:
    create(cloud, template(A=thing("1"), B=thing("1", "A")))
    flaky.failing = {"update B"}
    body = template(A=thing("2"), B=thing("2", "A"))
    update(cloud, body, DisableRollback=True)
    assert status(cloud) == "UPDATE_FAILED"
    flaky.failing = set()
    update(cloud, body)  # the same again: what failed is tried again
    assert status(cloud) == "UPDATE_COMPLETE"
    assert list(flaky.live.values()) == ["2", "2"]


def test_a_replacement_is_deleted_after_the_update(cloud: Cloud, flaky: Flaky) -> None:
    create(cloud, template(A=thing("1", Fixed="1"), B=thing({"Ref": "A"})))
    update(cloud, template(A=thing("1", Fixed="2"), B=thing({"Ref": "A"})))
    assert story(cloud)[-9:] == [
        "A UPDATE_IN_PROGRESS", "A UPDATE_IN_PROGRESS", "A UPDATE_COMPLETE", "B UPDATE_IN_PROGRESS",
        "B UPDATE_COMPLETE", "s UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", "A DELETE_IN_PROGRESS", "A "
        "DELETE_COMPLETE",
        "s UPDATE_COMPLETE",
    ]  # fmt: skip
    assert len(flaky.live) == 2


def test_a_named_resource_cannot_be_replaced_under_its_name(cloud: Cloud, flaky: Flaky) -> None:
    create(cloud, template(A=thing("1", Fixed="1", Name="a")))
    update(cloud, template(A=thing("1", Fixed="2", Name="a")))
    assert status(cloud) == "UPDATE_ROLLBACK_COMPLETE"
    assert reasons(cloud)[-2].startswith("CloudFormation cannot update a stack when a custom-named resource")
    assert flaky.live == {"a": "1"}


def test_what_a_template_no_longer_has_is_deleted_in_order(cloud: Cloud, flaky: Flaky) -> None:
    create(cloud, template(A=thing(), B=thing("b", "A"), C=thing("c", "B")))
    update(cloud, template(C=thing("c")))
    assert flaky.done[3:] == ["delete B", "delete A"] or flaky.done[3:] == ["update C", "delete B", "delete A"]
    assert len(flaky.live) == 1


def test_a_deletion_that_fails_can_leave_resources(cloud: Cloud, flaky: Flaky) -> None:
    stack_id = create(cloud, template(A=thing(), B=thing("b", "A"), C=thing()))
    flaky.failing = {"delete B"}
    delete(cloud)
    assert status(cloud) == "DELETE_FAILED"
    assert stack(cloud)["StackStatusReason"].startswith("The following resource(s) failed to delete: [B].")
    assert "delete A" not in flaky.done  # B still needs it
    delete(cloud, RetainResources=["B"])
    assert status(cloud, stack_id) == "DELETE_COMPLETE"
    assert "B DELETE_SKIPPED" in story(cloud, stack_id)
    assert list(flaky.live.values()) == ["b"]


def test_a_deletion_policy_keeps_a_resource(cloud: Cloud, flaky: Flaky) -> None:
    stack_id = create(cloud, template(A={**thing(), "DeletionPolicy": "Retain"}, B=thing()))
    delete(cloud)
    assert "A DELETE_SKIPPED" in story(cloud, stack_id)
    assert len(flaky.live) == 1


def test_a_protected_stack_is_not_deleted(cloud: Cloud, flaky: Flaky) -> None:
    create(cloud, template(A=thing()), EnableTerminationProtection=True)
    error = cloud.error("cloudformation", "DeleteStack", StackName="s")
    assert str(error) == "Stack [s] cannot be deleted while TerminationProtection is enabled"
    cloud.cloudformation("UpdateTerminationProtection", StackName="s", EnableTerminationProtection=False)
    delete(cloud)
    assert flaky.live == {}


def test_deleting_what_does_not_exist_succeeds(cloud: Cloud) -> None:
    assert cloud.cloudformation("DeleteStack", StackName="nobody") == {}


# -- waiting -----------------------------------------------------------------------------------------


def test_a_stack_waits_and_other_resources_go_on(cloud: Cloud, flaky: Flaky) -> None:
    flaky.waiting = {"A"}
    create(cloud, template(A=thing(), B=thing(), C=thing("c", "A")))
    assert status(cloud) == "CREATE_IN_PROGRESS"
    assert flaky.done == ["create A", "create B"]
    flaky.waiting = set()
    cloud.clock.advance(seconds=59)
    assert status(cloud) == "CREATE_IN_PROGRESS"  # nobody has told it


def test_waiting_has_an_end(cloud: Cloud, flaky: Flaky) -> None:
    flaky.waiting = {"A"}
    create(cloud, template(A=thing()))
    cloud.clock.advance(ms=59_999)
    assert status(cloud) == "CREATE_IN_PROGRESS"
    cloud.clock.advance(ms=1)
    assert status(cloud) == "ROLLBACK_COMPLETE"
    assert flaky.live == {}


def test_a_failure_cancels_what_waits(cloud: Cloud, flaky: Flaky) -> None:
    flaky.waiting, flaky.failing = {"A"}, {"create B"}
    create(cloud, template(A=thing(), B=thing("b")))
    assert status(cloud) == "ROLLBACK_COMPLETE"
    assert "Resource creation cancelled" in reasons(cloud)
    assert flaky.live == {}


def test_a_creation_has_a_time_limit(cloud: Cloud, flaky: Flaky) -> None:
    flaky.waiting = {"A"}
    body = {"Resources": {"A": thing()}}
    create(cloud, json.dumps(body), TimeoutInMinutes=1)
    cloud.clock.advance(minutes=1)
    assert status(cloud) == "ROLLBACK_COMPLETE"


def test_a_stack_under_creation_can_be_deleted(cloud: Cloud, flaky: Flaky) -> None:
    flaky.waiting = {"A"}
    stack_id = create(cloud, template(A=thing(), B=thing()))
    delete(cloud)
    assert status(cloud, stack_id) == "DELETE_COMPLETE"
    assert flaky.live == {}


def test_an_update_can_be_cancelled(cloud: Cloud, flaky: Flaky) -> None:
    create(cloud, template(A=thing("1")))
    flaky.waiting = {"B"}
    update(cloud, template(A=thing("2"), B=thing("b")))
    assert status(cloud) == "UPDATE_IN_PROGRESS"
    error = cloud.error("cloudformation", "UpdateStack", StackName="s", TemplateBody=template(A=thing("3")))
    assert "is in UPDATE_IN_PROGRESS state and can not be updated." in str(error)
    cloud.cloudformation("CancelUpdateStack", StackName="s")
    cloud.clock.settle()
    assert status(cloud) == "UPDATE_ROLLBACK_COMPLETE"
    assert list(flaky.live.values()) == ["1"]
    error = cloud.error("cloudformation", "CancelUpdateStack", StackName="s")
    assert str(error) == "CancelUpdateStack cannot be called from current stack status"


def test_a_wait_condition_waits_for_its_signals(cloud: Cloud) -> None:
    body = template(
        H={"Type": "AWS::CloudFormation::WaitConditionHandle"},
        W={
            "Type": "AWS::CloudFormation::WaitCondition",
            "Properties": {"Handle": {"Ref": "H"}, "Count": 2, "Timeout": "60"},
        },
    )
    whole = {**json.loads(body), "Outputs": {"D": {"Value": {"Fn::GetAtt": ["W", "Data"]}}}}
    create(cloud, json.dumps(whole))
    listed = cloud.cloudformation("DescribeStackResources", StackName="s")["StackResources"]
    url = next(r["PhysicalResourceId"] for r in listed if r["LogicalResourceId"] == "H")
    for unique in ("one", "one", "two"):
        assert status(cloud) == "CREATE_IN_PROGRESS"
        report(cloud, url, {"Status": "SUCCESS", "UniqueId": unique, "Data": f"d-{unique}", "Reason": "r"})
    assert status(cloud) == "CREATE_COMPLETE"
    assert json.loads(outputs(cloud)["D"]) == {"one": "d-one", "two": "d-two"}


def test_a_failure_signal_fails_the_stack(cloud: Cloud) -> None:
    body = template(
        H={"Type": "AWS::CloudFormation::WaitConditionHandle"},
        W={
            "Type": "AWS::CloudFormation::WaitCondition",
            "Properties": {"Handle": {"Ref": "H"}, "Timeout": "60"},
        },
    )
    create(cloud, body)
    listed = cloud.cloudformation("DescribeStackResources", StackName="s")["StackResources"]
    url = next(r["PhysicalResourceId"] for r in listed if r["LogicalResourceId"] == "H")
    report(cloud, url, {"Status": "FAILURE", "UniqueId": "u", "Data": "", "Reason": "broken"})
    assert status(cloud) == "ROLLBACK_COMPLETE"
    assert "WaitCondition received failed message: 'broken' for uniqueId: u" in reasons(cloud)


def report(cloud: Cloud, url: str, body: object, expected: int = 200) -> None:
    from ballroom.kernel import HttpRequest
    from ballroom.services.cloudformation.signals import take_report

    path = "/" + url.split("/", 3)[3]
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    http = HttpRequest("PUT", path, "", [], content, "localhost")
    assert cloud.run(take_report(cloud.context(), http)).status == expected
    cloud.clock.settle()


@pytest.mark.parametrize(
    ("path", "body", "expected"),
    [
        ("/_ballroom/cloudformation/unknown", b"{}", 404),
        ("/_ballroom/cloudformation/x", b"{", 400),
        ("/_ballroom/cloudformation/x", b"[]", 400),
        ("/_ballroom/cloudformation/x", b"[" * 4000, 400),
        ("/_ballroom/cloudformation/x", b"x" * 5000, 413),
    ],
)
def test_bad_reports_are_refused(cloud: Cloud, path: str, body: bytes, expected: int) -> None:
    report(cloud, "http://localhost" + path, body, expected)


# -- crashes -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("slow", [False, True], ids=["joined", "waiting"])
@pytest.mark.parametrize("after", range(6))
def test_a_stack_goes_on_after_a_crash_and_doubles_nothing(
    durable_cloud: Cloud, flaky: Flaky, after: int, slow: bool
) -> None:
    flaky.slow = slow
    cloud = durable_cloud
    body = template(
        A=thing("a"),
        B=thing({"Ref": "A"}),
        Q={"Type": "AWS::SQS::Queue"},
        P={"Type": "AWS::SSM::Parameter", "Properties": {"Type": "String", "Value": {"Ref": "Q"}}},
        U={"Type": "AWS::IAM::User"},
        K={"Type": "AWS::IAM::AccessKey", "Properties": {"UserName": {"Ref": "U"}}},
    )
    stack_id = cloud.cloudformation(
        "CreateStack", StackName="s", TemplateBody=body, Capabilities=["CAPABILITY_IAM"]
    )["StackId"]

    async def some_turns() -> None:
        import asyncio

        for _ in range(after):
            await asyncio.sleep(0)

    cloud.run(some_turns())
    cloud.reopen()
    cloud.clock.settle()
    assert status(cloud) == "CREATE_COMPLETE"
    assert len(cloud.sqs("ListQueues")["QueueUrls"]) == 1
    assert len(cloud.ssm("DescribeParameters")["Parameters"]) == 1
    user = cloud.iam("ListUsers")["Users"][0]["UserName"]
    assert len(cloud.iam("ListAccessKeys", UserName=user)["AccessKeyMetadata"]) == 1
    assert len(flaky.live) == 2
    delete(cloud)
    assert status(cloud, stack_id) == "DELETE_COMPLETE"
    assert flaky.live == {}
    assert "QueueUrls" not in cloud.sqs("ListQueues") or not cloud.sqs("ListQueues")["QueueUrls"]
