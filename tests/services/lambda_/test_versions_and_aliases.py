from __future__ import annotations

from collections import Counter

import pytest
from tests.cloud import Cloud
from tests.services.lambda_.floor import ARN, Stage, a_function, invoke, package


def test_publishing_twice_without_a_change_answers_the_same_version(cloud: Cloud) -> None:
    a_function(cloud)
    first = cloud.call("lambda", "PublishVersion", FunctionName="f", Description="one")
    again = cloud.call("lambda", "PublishVersion", FunctionName="f", Description="two")
    assert (first["Version"], first["FunctionArn"], first["Description"]) == ("1", f"{ARN}:f:1", "one")
    assert again == first


@pytest.mark.parametrize("change", ["settings", "description", "code"])
def test_a_change_makes_a_new_version(cloud: Cloud, change: str) -> None:
    a_function(cloud)
    cloud.call("lambda", "PublishVersion", FunctionName="f")
    if change == "code":
        cloud.call("lambda", "UpdateFunctionCode", FunctionName="f", ZipFile=package("handler = 1\n"))
    else:
        setting = {"Timeout": 10} if change == "settings" else {"Description": "new"}
        cloud.call("lambda", "UpdateFunctionConfiguration", FunctionName="f", **setting)
    assert cloud.call("lambda", "PublishVersion", FunctionName="f")["Version"] == "2"


def test_numbers_are_never_used_again(cloud: Cloud) -> None:
    a_function(cloud)
    cloud.call("lambda", "PublishVersion", FunctionName="f")
    cloud.call("lambda", "DeleteFunction", FunctionName="f", Qualifier="1")
    assert cloud.call("lambda", "PublishVersion", FunctionName="f")["Version"] == "2"
    listed = cloud.call("lambda", "ListVersionsByFunction", FunctionName="f")["Versions"]
    assert [v["Version"] for v in listed] == ["$LATEST", "2"]


def test_a_wrong_hash_stops_publishing(cloud: Cloud) -> None:
    created = a_function(cloud)
    error = cloud.error("lambda", "PublishVersion", FunctionName="f", CodeSha256="wrong")
    assert error.text == (
        f"CodeSHA256 (wrong) is different from current CodeSHA256 in $LATEST ({created['CodeSha256']}). "
        "Please try again with the CodeSHA256 in $LATEST."
    )


def test_a_published_version_does_not_change(cloud: Cloud, stage: Stage) -> None:
    a_function(cloud, Environment={"Variables": {"STAGE": "one"}}, Publish=True)
    cloud.call(
        "lambda", "UpdateFunctionConfiguration", FunctionName="f", Environment={"Variables": {"STAGE": "two"}}
    )
    assert invoke(cloud, Qualifier="1")["ExecutedVersion"] == "1"
    assert invoke(cloud)["ExecutedVersion"] == "$LATEST"
    assert [spec.env["STAGE"] for spec in stage.specs] == ["one", "two"]
    assert [one.arn for one in stage.seen] == [f"{ARN}:f:1", f"{ARN}:f"]


def test_an_alias_splits_invocations_by_weight(cloud: Cloud, stage: Stage) -> None:
    a_function(cloud, Publish=True)
    cloud.call("lambda", "UpdateFunctionConfiguration", FunctionName="f", Timeout=9)
    cloud.call("lambda", "PublishVersion", FunctionName="f")
    cloud.call(
        "lambda", "CreateAlias", FunctionName="f", Name="live", FunctionVersion="1",
        RoutingConfig={"AdditionalVersionWeights": {"2": 0.3}},
    )  # fmt: skip
    answered = Counter(invoke(cloud, Qualifier="live")["ExecutedVersion"] for _ in range(300))
    assert set(answered) == {"1", "2"}
    assert 45 < answered["2"] < 135  # 90 expected; five deviations each way
    cloud.call("lambda", "UpdateAlias", FunctionName="f", Name="live", RoutingConfig={})
    assert {invoke(cloud, Qualifier="live")["ExecutedVersion"] for _ in range(20)} == {"1"}


@pytest.mark.parametrize(
    ("routing", "text"),
    [
        ({"2": 0.1, "3": 0.1}, "cannot be greater than 1"),
        ({"1": 0.1}, "already included in routing configuration"),
        ({"9": 0.1}, f"Function not found: {ARN}:f:9"),
    ],
    ids=["two more", "itself", "missing"],
)
def test_impossible_weights_are_refused(cloud: Cloud, routing: dict[str, float], text: str) -> None:
    a_function(cloud, Publish=True)
    error = cloud.error(
        "lambda", "CreateAlias", FunctionName="f", Name="live", FunctionVersion="1",
        RoutingConfig={"AdditionalVersionWeights": routing},
    )  # fmt: skip
    assert text in error.text


def test_a_version_that_an_alias_uses_stays(cloud: Cloud) -> None:
    a_function(cloud, Publish=True)
    cloud.call("lambda", "CreateAlias", FunctionName="f", Name="live", FunctionVersion="1")
    error = cloud.error("lambda", "DeleteFunction", FunctionName="f", Qualifier="1")
    assert (error.shape, error.status) == ("ResourceConflictException", 409)


def test_an_alias_has_revisions_of_its_own(cloud: Cloud) -> None:
    a_function(cloud, Publish=True)
    made = cloud.call("lambda", "CreateAlias", FunctionName="f", Name="live", FunctionVersion="1")
    changed = cloud.call("lambda", "UpdateAlias", FunctionName="f", Name="live", Description="new")
    assert changed["RevisionId"] != made["RevisionId"]
    error = cloud.error("lambda", "UpdateAlias", FunctionName="f", Name="live", RevisionId=made["RevisionId"])
    assert error.shape == "PreconditionFailedException"
