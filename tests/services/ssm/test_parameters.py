from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.cloud import Cloud


def put(cloud: Cloud, name: str, value: str = "v", **more: Any) -> dict[str, Any]:
    return cloud.ssm("PutParameter", **{"Name": name, "Value": value, "Type": "String", **more})


def value(cloud: Cloud, name: str, **more: Any) -> str:
    found: str = cloud.ssm("GetParameter", Name=name, **more)["Parameter"]["Value"]
    return found


def test_a_parameter_reads_back(cloud: Cloud) -> None:
    assert put(cloud, "/app/url", "http://x") == {"Version": 1, "Tier": "Standard"}
    assert cloud.ssm("GetParameter", Name="/app/url")["Parameter"] == {
        "Name": "/app/url", "Type": "String", "Value": "http://x", "Version": 1, "DataType": "text",
        "LastModifiedDate": cloud.clock.now_ms, "ARN": "arn:aws:ssm:us-east-1:000000000000:parameter/app/url",
    }  # fmt: skip
    assert value(cloud, "arn:aws:ssm:us-east-1:000000000000:parameter/app/url") == "http://x"


def test_a_missing_parameter_has_no_text(cloud: Cloud) -> None:
    error = cloud.error("ssm", "GetParameter", Name="no")
    assert (error.shape, error.text) == ("ParameterNotFound", "")


def test_overwriting_has_to_be_said(cloud: Cloud) -> None:
    put(cloud, "p", "1")
    error = cloud.error("ssm", "PutParameter", Name="p", Value="2")
    assert error.shape == "ParameterAlreadyExists"
    assert cloud.ssm("PutParameter", Name="p", Value="2", Overwrite=True)["Version"] == 2
    assert value(cloud, "p") == "2"
    assert value(cloud, "p:1") == "1"
    error = cloud.error("ssm", "GetParameter", Name="p:9")
    assert error.shape == "ParameterVersionNotFound"


def test_a_secret_is_shown_only_when_asked_for(cloud: Cloud) -> None:
    put(cloud, "s", "hunter2", Type="SecureString")
    hidden = value(cloud, "s")
    assert "hunter2" not in hidden
    assert hidden == value(cloud, "s")
    assert value(cloud, "s", WithDecryption=True) == "hunter2"
    (described,) = cloud.ssm("DescribeParameters")["Parameters"]
    assert described["KeyId"] == "alias/aws/ssm"
    error = cloud.error("ssm", "PutParameter", Name="s", Value="x", Type="String", Overwrite=True)
    assert error.shape == "HierarchyTypeMismatchException"


@pytest.mark.parametrize(
    ("name", "shape", "text"),
    [
        ("/aws/x", "AccessDeniedException", "No access to reserved parameter name: /aws/x."),
        ("awsome", "ValidationException", "can't be prefixed with"),
        ("/ssm/x", "ValidationException", "can't be prefixed with"),
        ("a b", "ValidationException", "Parameter name"),
        ("a/b", "ValidationException", "must be a fully qualified name"),
        ("/a//b", "ValidationException", "Parameter name"),
        ("/" + "/".join("a" * 16), "HierarchyLevelLimitExceededException", "15 levels"),
    ],
)
def test_names_have_rules(cloud: Cloud, name: str, shape: str, text: str) -> None:
    error = cloud.error("ssm", "PutParameter", Name=name, Value="v", Type="String")
    assert error.shape == shape
    assert text in error.text


def test_a_path_holds_what_is_below_it(cloud: Cloud) -> None:
    for name in ("/app/a", "/app/b/c", "/app/b/d", "/apple", "top", "/application/x"):
        put(cloud, name)

    def below(path: str, **more: Any) -> list[str]:
        return [p["Name"] for p in cloud.ssm("GetParametersByPath", Path=path, **more)["Parameters"]]

    assert below("/app") == ["/app/a"]
    assert below("/app/", Recursive=True) == ["/app/a", "/app/b/c", "/app/b/d"]
    assert below("/") == ["/apple", "top"]
    assert below("/none") == []
    first = cloud.ssm("GetParametersByPath", Path="/app", Recursive=True, MaxResults=2)
    assert below("/app", Recursive=True, MaxResults=2, NextToken=first["NextToken"]) == ["/app/b/d"]
    assert cloud.error("ssm", "GetParametersByPath", Path="app").shape == "ValidationException"


def test_several_are_read_and_deleted_at_once(cloud: Cloud) -> None:
    put(cloud, "a", "1")
    put(cloud, "b", "2")
    answer = cloud.ssm("GetParameters", Names=["b", "no", "a"])
    assert [p["Name"] for p in answer["Parameters"]] == ["b", "a"]
    assert answer["InvalidParameters"] == ["no"]
    assert cloud.ssm("DeleteParameters", Names=["a", "no"]) == {
        "DeletedParameters": ["a"], "InvalidParameters": ["no"],
    }  # fmt: skip
    assert cloud.error("ssm", "DeleteParameter", Name="a").shape == "ParameterNotFound"


def test_history_keeps_a_hundred_versions_and_labels_hold_them(cloud: Cloud) -> None:
    put(cloud, "p", "1")
    cloud.ssm("LabelParameterVersion", Name="p", Labels=["first"])
    for n in range(2, 101):
        put(cloud, "p", str(n), Overwrite=True)
    assert value(cloud, "p:first") == "1"
    assert cloud.error("ssm", "PutParameter", Name="p", Value="x", Overwrite=True).shape == (
        "ParameterMaxVersionLimitExceeded"
    )
    cloud.ssm("LabelParameterVersion", Name="p", ParameterVersion=100, Labels=["first"])
    put(cloud, "p", "101", Overwrite=True)
    page = cloud.ssm("GetParameterHistory", Name="p")
    assert [p["Version"] for p in page["Parameters"]] == list(range(2, 52))
    page = cloud.ssm("GetParameterHistory", Name="p", NextToken=page["NextToken"])
    assert page["Parameters"][-2]["Labels"] == ["first"]
    assert "NextToken" not in page


def test_labels_that_are_none_are_told(cloud: Cloud) -> None:
    put(cloud, "p")
    answer = cloud.ssm("LabelParameterVersion", Name="p", Labels=["1st", "aws-x"])
    assert answer == {"InvalidLabels": ["1st", "aws-x"], "ParameterVersion": 1}
    cloud.ssm("LabelParameterVersion", Name="p", Labels=["good"])
    answer = cloud.ssm("UnlabelParameterVersion", Name="p", ParameterVersion=1, Labels=["good", "other"])
    assert answer == {"RemovedLabels": ["good"], "InvalidLabels": ["other"]}
    assert cloud.error("ssm", "GetParameter", Name="p:good").shape == "ParameterVersionNotFound"


def test_large_values_need_the_advanced_tier(cloud: Cloud) -> None:
    error = cloud.error("ssm", "PutParameter", Name="p", Value="x" * 4097, Type="String")
    assert error.text.startswith(
        "Standard tier parameters support a maximum parameter value of 4096 characters."
    )
    assert put(cloud, "p", "x" * 4097, Tier="Intelligent-Tiering")["Tier"] == "Advanced"
    assert cloud.error(
        "ssm", "PutParameter", Name="q", Value="x" * 8193, Type="String", Tier="Advanced"
    ).shape == ("ValidationException")


def test_a_value_has_to_match_its_pattern(cloud: Cloud) -> None:
    put(cloud, "p", "12", AllowedPattern=r"^\d+$")
    error = cloud.error("ssm", "PutParameter", Name="p", Value="x", Overwrite=True)
    assert error.shape == "ParameterPatternMismatchException"
    put(cloud, "list", "1,2", Type="StringList", AllowedPattern=r"^\d+$")
    error = cloud.error("ssm", "PutParameter", Name="q", Value="x", Type="String", AllowedPattern="(")
    assert error.shape == "InvalidAllowedPatternException"


def test_a_hostile_pattern_is_ended(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ballroom.services.ssm.patterns._SECONDS", 0.3)
    error = cloud.error(
        "ssm", "PutParameter", Name="p", Value="a" * 60, Type="String", AllowedPattern="(a+)+$b"
    )
    assert error.shape == "InvalidAllowedPatternException"


def test_parameters_are_described_by_filters(cloud: Cloud) -> None:
    put(cloud, "/app/a", Tags=[{"Key": "team", "Value": "cars"}], Description="d")
    put(cloud, "/app/b", Type="StringList", Value="x,y")
    put(cloud, "c")

    def described(**one: Any) -> list[str]:
        return [p["Name"] for p in cloud.ssm("DescribeParameters", ParameterFilters=[one])["Parameters"]]

    assert described(Key="Name", Option="BeginsWith", Values=["app"]) == ["/app/a", "/app/b"]
    assert described(Key="Name", Option="Contains", Values=["b"]) == ["/app/b"]
    assert described(Key="Name", Values=["c"]) == ["c"]
    assert described(Key="Type", Values=["StringList"]) == ["/app/b"]
    assert described(Key="Path", Values=["/app"]) == ["/app/a", "/app/b"]
    assert described(Key="tag:team", Values=["cars"]) == ["/app/a"]
    error = cloud.error(
        "ssm", "DescribeParameters", ParameterFilters=[{"Key": "Name", "Option": "Near", "Values": ["x"]}]
    )
    assert error.shape == "InvalidFilterOption"


def test_tags_come_and_go(cloud: Cloud) -> None:
    put(cloud, "p", Tags=[{"Key": "a", "Value": "1"}])
    parameter = {"ResourceType": "Parameter", "ResourceId": "p"}
    cloud.ssm("AddTagsToResource", **parameter, Tags=[{"Key": "b", "Value": "2"}])
    cloud.ssm("RemoveTagsFromResource", **parameter, TagKeys=["a"])
    assert cloud.ssm("ListTagsForResource", **parameter)["TagList"] == [{"Key": "b", "Value": "2"}]
    error = cloud.error(
        "ssm", "PutParameter", Name="p", Value="x", Overwrite=True, Tags=[{"Key": "c", "Value": ""}]
    )
    assert "tags and overwrite can't be used together" in error.text


def test_settings_without_effect_are_refused_by_name(cloud: Cloud) -> None:
    error = cloud.error("ssm", "PutParameter", Name="p", Value="x", Type="String", Policies="[]")
    assert error.shape == "NotImplemented"
    assert "Policies" in error.text


def test_a_secret_is_sealed_at_rest_and_survives_a_restart(durable_cloud: Cloud, tmp_path: Path) -> None:
    put(durable_cloud, "s", "hunter2-hunter2", Type="SecureString")
    durable_cloud.reopen()
    assert value(durable_cloud, "s", WithDecryption=True) == "hunter2-hunter2"
    written = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert b"hunter2-hunter2" not in written
    put(durable_cloud, "plain", "seen-in-the-store")
    durable_cloud.reopen()
    written = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert b"seen-in-the-store" in written
