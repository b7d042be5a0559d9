from __future__ import annotations

import pytest
from tests.cloud import Cloud
from tests.services.logs.helpers import GROUP, a_group, a_stream, found, put


def names(cloud: Cloud, **more: object) -> list[str]:
    return [group["logGroupName"] for group in cloud.logs("DescribeLogGroups", **more)["logGroups"]]


def test_a_group_reads_back_as_it_was_created(cloud: Cloud) -> None:
    a_group(cloud, kmsKeyId="arn:aws:kms:us-east-1:000000000000:key/k", logGroupClass="INFREQUENT_ACCESS")
    (group,) = cloud.logs("DescribeLogGroups")["logGroups"]
    arn = "arn:aws:logs:us-east-1:000000000000:log-group:/app"
    assert group == {
        "logGroupName": GROUP, "creationTime": cloud.clock.now_ms, "arn": f"{arn}:*", "logGroupArn": arn,
        "metricFilterCount": 0, "storedBytes": 0, "deletionProtectionEnabled": False,
        "logGroupClass": "INFREQUENT_ACCESS", "kmsKeyId": "arn:aws:kms:us-east-1:000000000000:key/k",
    }  # fmt: skip


def test_a_name_is_taken_once(cloud: Cloud) -> None:
    a_group(cloud)
    error = cloud.error("logs", "CreateLogGroup", logGroupName=GROUP)
    assert error.shape == "ResourceAlreadyExistsException"
    assert error.text == "The specified log group already exists"


def test_accounts_and_regions_do_not_see_each_other(cloud: Cloud) -> None:
    a_group(cloud)
    for other in (cloud.caller(account="111111111111"), cloud.caller(region="eu-west-1")):
        assert cloud.logs("DescribeLogGroups", other)["logGroups"] == []
        cloud.logs("CreateLogGroup", other, logGroupName=GROUP)


def test_groups_are_listed_by_prefix_or_part_in_pages(cloud: Cloud) -> None:
    for name in ("a", "b/1", "b/2", "b/3", "c-b/1"):
        a_group(cloud, name)
    assert names(cloud, logGroupNamePrefix="b/") == ["b/1", "b/2", "b/3"]
    assert names(cloud, logGroupNamePattern="b/1") == ["b/1", "c-b/1"]
    first = cloud.logs("DescribeLogGroups", limit=2, logGroupNamePrefix="b")
    assert [g["logGroupName"] for g in first["logGroups"]] == ["b/1", "b/2"]
    assert names(cloud, limit=2, logGroupNamePrefix="b", nextToken=first["nextToken"]) == ["b/3"]
    listed = cloud.logs("ListLogGroups", logGroupNamePattern="^b/2|^c-b")["logGroups"]
    assert [group["logGroupName"] for group in listed] == ["b/2", "c-b/1"]


def test_prefix_and_pattern_exclude_each_other(cloud: Cloud) -> None:
    error = cloud.error("logs", "DescribeLogGroups", logGroupNamePrefix="a", logGroupNamePattern="b")
    assert error.text == "LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters."


def test_tags_are_the_same_by_name_and_by_arn(cloud: Cloud) -> None:
    a_group(cloud, tags={"env": "test"})
    arn = "arn:aws:logs:us-east-1:000000000000:log-group:/app"
    cloud.logs("TagResource", resourceArn=arn, tags={"a": "1"})
    cloud.logs("TagLogGroup", logGroupName=GROUP, tags={"b": "2"})
    assert cloud.logs("ListTagsForResource", resourceArn=arn)["tags"] == {"env": "test", "a": "1", "b": "2"}
    cloud.logs("UntagResource", resourceArn=arn, tagKeys=["env"])
    cloud.logs("UntagLogGroup", logGroupName=GROUP, tags=["a"])
    assert cloud.logs("ListTagsLogGroup", logGroupName=GROUP)["tags"] == {"b": "2"}


def test_a_protected_group_cannot_be_deleted(cloud: Cloud) -> None:
    a_group(cloud, deletionProtectionEnabled=True)
    assert cloud.error("logs", "DeleteLogGroup", logGroupName=GROUP).shape == "InvalidOperationException"
    cloud.logs("PutLogGroupDeletionProtection", logGroupIdentifier=GROUP, deletionProtectionEnabled=False)
    cloud.logs("DeleteLogGroup", logGroupName=GROUP)
    assert names(cloud) == []


def test_a_group_made_again_does_not_hold_what_the_deleted_one_held(cloud: Cloud) -> None:
    a_group(cloud)
    a_stream(cloud, "s", *(f"old {n}" for n in range(1200)))
    cloud.logs("DeleteLogGroup", logGroupName=GROUP)
    a_group(cloud)
    assert cloud.logs("DescribeLogStreams", logGroupName=GROUP)["logStreams"] == []
    a_stream(cloud, "s", "new")
    cloud.clock.advance(seconds=1)
    assert found(cloud) == ["new"]


def test_rows_of_deleted_groups_go_in_the_background(cloud: Cloud) -> None:
    a_group(cloud)
    a_stream(cloud, "s", *(f"old {n}" for n in range(1200)))
    cloud.logs("DeleteLogGroup", logGroupName=GROUP)
    cloud.clock.advance(seconds=1)
    low, high = b"\x02logs\0", b"\x02logs\0\xff"
    left = [row.key for row in cloud.kernel.shard.scan(low, high, None)]
    assert len(left) == 1, left  # the counter of numbers, so that none is given twice


def test_retention_hides_events_to_the_millisecond_and_then_removes_them(cloud: Cloud) -> None:
    a_group(cloud)
    cloud.logs("PutRetentionPolicy", logGroupName=GROUP, retentionInDays=3)
    assert cloud.logs("DescribeLogGroups")["logGroups"][0]["retentionInDays"] == 3
    a_stream(cloud, "s", "first", "second")
    cloud.clock.advance(days=3)
    assert found(cloud) == ["first", "second"]
    cloud.clock.advance(ms=1)
    assert found(cloud) == ["second"]
    cloud.clock.advance(hours=6)
    assert found(cloud) == []
    cloud.logs("DeleteRetentionPolicy", logGroupName=GROUP)
    assert found(cloud) == []
    assert cloud.logs("DescribeLogGroups")["logGroups"][0]["storedBytes"] == 0
    (stream,) = cloud.logs("DescribeLogStreams", logGroupName=GROUP)["logStreams"]
    assert "firstEventTimestamp" not in stream


def test_retention_works_through_many_streams(cloud: Cloud) -> None:
    a_group(cloud)
    for n in range(250):
        a_stream(cloud, f"s{n:03}", "x", "y", "z")
    cloud.clock.advance(days=2)
    put(cloud, "s100", (0, "young"))
    cloud.logs("PutRetentionPolicy", logGroupName=GROUP, retentionInDays=1)
    cloud.clock.advance(seconds=1)
    cloud.logs("DeleteRetentionPolicy", logGroupName=GROUP)
    assert found(cloud) == ["young"]


@pytest.mark.parametrize("days", [0, 2, 4, 10000])
def test_only_awss_retention_periods_exist(cloud: Cloud, days: int) -> None:
    a_group(cloud)
    error = cloud.error("logs", "PutRetentionPolicy", logGroupName=GROUP, retentionInDays=days)
    assert error.shape == "InvalidParameterException"


def test_housekeeping_does_not_run_a_virtual_clock_away(cloud: Cloud) -> None:
    a_group(cloud)
    cloud.logs("PutRetentionPolicy", logGroupName=GROUP, retentionInDays=1)
    before = cloud.clock.now_ms
    cloud.clock.settle()
    assert cloud.clock.now_ms == before


def test_kms_keys_are_stored(cloud: Cloud) -> None:
    a_group(cloud)
    cloud.logs("AssociateKmsKey", logGroupName=GROUP, kmsKeyId="key")
    assert cloud.logs("DescribeLogGroups")["logGroups"][0]["kmsKeyId"] == "key"
    cloud.logs("DisassociateKmsKey", logGroupName=GROUP)
    assert "kmsKeyId" not in cloud.logs("DescribeLogGroups")["logGroups"][0]
