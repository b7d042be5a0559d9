"""State machines, versions, aliases, tags: what is created, changed, refused and listed."""

from __future__ import annotations

import json

import pytest
from tests.cloud import Cloud

from .machines import PREFIX, ROLE, chain, create, output, passing, start, status, wait

ONE, TWO = chain(A=passing(Result=1)), chain(A=passing(Result=2))


def test_creating_the_same_again_answers_the_same(cloud: Cloud) -> None:
    first = cloud.stepfunctions("CreateStateMachine", name="m", definition=json.dumps(ONE), roleArn=ROLE)
    cloud.clock.advance(seconds=1)
    again = cloud.stepfunctions("CreateStateMachine", name="m", definition=json.dumps(ONE), roleArn=ROLE + "2")
    assert again == first


def test_another_definition_of_that_name_is_refused(cloud: Cloud) -> None:
    create(cloud, ONE)
    refused = cloud.error(
        "stepfunctions", "CreateStateMachine", name="m", definition=json.dumps(ONE, indent=1), roleArn=ROLE
    )
    assert repr(refused) == (
        f"StateMachineAlreadyExists: State Machine Already Exists: '{PREFIX}:stateMachine:m'"
    )


def test_a_definition_is_described_as_it_was_sent(cloud: Cloud) -> None:
    text = json.dumps(ONE, indent=3)
    arn = cloud.stepfunctions("CreateStateMachine", name="m", definition=text, roleArn=ROLE)["stateMachineArn"]
    described = cloud.stepfunctions("DescribeStateMachine", stateMachineArn=arn)
    assert described.pop("creationDate") == cloud.clock.now_ms
    assert described == {
        "stateMachineArn": arn, "name": "m", "status": "ACTIVE", "type": "STANDARD", "definition": text,
        "roleArn": ROLE, "tracingConfiguration": {"enabled": False},
        "loggingConfiguration": {"level": "OFF", "includeExecutionData": False},
    }  # fmt: skip


def test_an_update_counts_for_executions_that_start_later(cloud: Cloud) -> None:
    arn = create(cloud, chain(W=wait(5), A=passing(Result=1)))
    before = start(cloud, arn)
    updated = cloud.stepfunctions("UpdateStateMachine", stateMachineArn=arn, definition=json.dumps(TWO))
    assert updated["revisionId"]
    after = start(cloud, arn)
    cloud.clock.advance(seconds=5)
    assert (output(cloud, before), output(cloud, after)) == (1, 2)


@pytest.mark.parametrize(
    ("operation", "arn", "expected"),
    [
        ("DescribeStateMachine", "nonsense", "InvalidArn: Invalid Arn: 'Invalid ARN prefix: nonsense'"),
        (
            "DescribeStateMachine", f"{PREFIX}:activity:a",
            "InvalidArn: Invalid Arn: 'Resource type not valid in this context: activity'",
        ),
        (
            "DescribeStateMachine", f"{PREFIX}:stateMachine:none",
            f"StateMachineDoesNotExist: State Machine Does Not Exist: '{PREFIX}:stateMachine:none'",
        ),
        (
            "StartExecution", f"{PREFIX}:stateMachine:none",
            f"StateMachineDoesNotExist: State Machine Does Not Exist: '{PREFIX}:stateMachine:none'",
        ),
        ("PublishStateMachineVersion", "invalid_arn", "InvalidArn: Invalid Arn: 'Invalid ARN prefix: invalid_arn'"),
    ],
)  # fmt: skip
def test_what_does_not_exist_is_refused(cloud: Cloud, operation: str, arn: str, expected: str) -> None:
    assert repr(cloud.error("stepfunctions", operation, stateMachineArn=arn)) == expected


@pytest.mark.parametrize("name", ["a b", "a?b", "a:b", "a\x07b", "a$b"])
def test_a_name_with_forbidden_characters_is_refused(cloud: Cloud, name: str) -> None:
    refused = cloud.error(
        "stepfunctions", "CreateStateMachine", name=name, definition=json.dumps(ONE), roleArn=ROLE
    )
    assert repr(refused) == f"InvalidName: Invalid Name: '{name}'"


def test_lists_come_in_pages(cloud: Cloud) -> None:
    for n in range(5):
        create(cloud, ONE, f"m{n}")
    names, token = [], {}
    while True:
        page = cloud.stepfunctions("ListStateMachines", maxResults=2, **token)
        names += [one["name"] for one in page["stateMachines"]]
        if "nextToken" not in page:
            break
        token = {"nextToken": page["nextToken"]}
    assert names == ["m0", "m1", "m2", "m3", "m4"]


def test_deleting_a_machine_aborts_what_runs_of_it(cloud: Cloud) -> None:
    arn = create(cloud, chain(W=wait(100)))
    execution = start(cloud, arn)
    assert cloud.stepfunctions("DeleteStateMachine", stateMachineArn=arn) == {}
    assert status(cloud, execution) == "ABORTED"
    assert cloud.stepfunctions("DeleteStateMachine", stateMachineArn=arn) == {}


def test_versions_keep_what_was_published(cloud: Cloud) -> None:
    arn = create(cloud, ONE)
    first = cloud.stepfunctions("PublishStateMachineVersion", stateMachineArn=arn, description="first")
    assert cloud.stepfunctions("PublishStateMachineVersion", stateMachineArn=arn) == first
    revision = cloud.stepfunctions("UpdateStateMachine", stateMachineArn=arn, definition=json.dumps(TWO))
    refused = cloud.error(
        "stepfunctions", "PublishStateMachineVersion", stateMachineArn=arn, revisionId="other"
    )
    assert repr(refused) == (
        "ConflictException: Failed to publish the State Machine version for revision other. "
        f"The current State Machine revision is {revision['revisionId']}."
    )
    second = cloud.stepfunctions("PublishStateMachineVersion", stateMachineArn=arn)
    listed = cloud.stepfunctions("ListStateMachineVersions", stateMachineArn=arn)["stateMachineVersions"]
    assert [one["stateMachineVersionArn"] for one in listed] == [f"{arn}:2", f"{arn}:1"]
    assert second["stateMachineVersionArn"] == f"{arn}:2"
    assert output(cloud, start(cloud, f"{arn}:1")) == 1
    described = cloud.stepfunctions("DescribeStateMachine", stateMachineArn=f"{arn}:1")
    assert (described["description"], json.loads(described["definition"])) == ("first", ONE)


def test_an_alias_divides_starts_between_versions(cloud: Cloud) -> None:
    arn = create(cloud, ONE, publish=True)
    cloud.stepfunctions("UpdateStateMachine", stateMachineArn=arn, definition=json.dumps(TWO), publish=True)
    routes = [{"stateMachineVersionArn": f"{arn}:{n}", "weight": 50} for n in (1, 2)]
    alias = cloud.stepfunctions("CreateStateMachineAlias", name="live", routingConfiguration=routes)
    again = cloud.stepfunctions("CreateStateMachineAlias", name="live", routingConfiguration=routes)
    assert again == alias
    executions = [start(cloud, alias["stateMachineAliasArn"]) for _ in range(40)]
    assert {output(cloud, one) for one in executions} == {1, 2}
    described = cloud.stepfunctions("DescribeExecution", executionArn=executions[0])
    assert described["stateMachineAliasArn"] == f"{arn}:live"
    assert described["stateMachineVersionArn"] in (f"{arn}:1", f"{arn}:2")
    listed = cloud.stepfunctions("ListExecutions", stateMachineArn=f"{arn}:live", maxResults=1000)
    assert len(listed["executions"]) == 40


def test_a_version_behind_an_alias_is_not_deleted(cloud: Cloud) -> None:
    arn = create(cloud, ONE, publish=True)
    routes = [{"stateMachineVersionArn": f"{arn}:1", "weight": 100}]
    alias = cloud.stepfunctions("CreateStateMachineAlias", name="live", routingConfiguration=routes)
    refused = cloud.error("stepfunctions", "DeleteStateMachineVersion", stateMachineVersionArn=f"{arn}:1")
    assert repr(refused) == (
        "ConflictException: Version to be deleted must not be referenced by an alias. "
        "Current list of aliases referencing this version: [live]"
    )
    cloud.stepfunctions("DeleteStateMachineAlias", **{"stateMachineAliasArn": alias["stateMachineAliasArn"]})
    cloud.stepfunctions("DeleteStateMachineVersion", stateMachineVersionArn=f"{arn}:1")
    assert cloud.stepfunctions("ListStateMachineVersions", stateMachineArn=arn) == {"stateMachineVersions": []}


def test_tags_are_added_changed_and_removed(cloud: Cloud) -> None:
    arn = create(cloud, ONE, tags=[{"key": "a", "value": "1"}])
    cloud.stepfunctions("TagResource", resourceArn=arn, tags=[{"key": "b", "value": "2"}, {"key": "a", "value": "3"}])
    cloud.stepfunctions("UntagResource", resourceArn=arn, tagKeys=["b", "none"])
    assert cloud.stepfunctions("ListTagsForResource", resourceArn=arn) == {"tags": [{"key": "a", "value": "3"}]}
    assert cloud.error("stepfunctions", "ListTagsForResource", resourceArn=arn + "x").shape == "ResourceNotFound"


@pytest.mark.parametrize(
    ("configuration", "text"),
    [
        ({"level": "ALL"}, "Must specify exactly one Log Destination."),
        (
            {"level": "ALL", "destinations": [
                {"cloudWatchLogsLogGroup": {"logGroupArn": "arn:aws:logs:us-east-1:000000000000:log-group:g:*"}}]},
            "Log Destination not found.",
        ),
    ],
)  # fmt: skip
def test_logs_need_a_group_that_exists(cloud: Cloud, configuration: dict[str, object], text: str) -> None:
    refused = cloud.error(
        "stepfunctions", "CreateStateMachine", name="m", definition=json.dumps(ONE), roleArn=ROLE,
        loggingConfiguration=configuration,
    )  # fmt: skip
    assert repr(refused) == f"InvalidLoggingConfiguration: Invalid Logging Configuration: {text}"


def test_a_resource_that_does_not_exist_here_is_refused_at_creation(cloud: Cloud) -> None:
    machine = chain(A={"Type": "Task", "Resource": "arn:aws:states:::ecs:runTask", "Parameters": {}})
    refused = cloud.error(
        "stepfunctions", "CreateStateMachine", name="m", definition=json.dumps(machine), roleArn=ROLE
    )
    assert repr(refused) == (
        "InvalidDefinition: Invalid State Machine Definition: 'SCHEMA_VALIDATION_FAILED: The resource "
        "arn:aws:states:::ecs:runTask is not supported by Ballroom yet at /States/A/Resource'"
    )
