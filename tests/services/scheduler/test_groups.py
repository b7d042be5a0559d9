from __future__ import annotations

from tests.cloud import Cloud

from .test_schedules import create

ARN = "arn:aws:scheduler:us-east-1:000000000000:schedule-group/a"


def test_a_group_reads_back_with_its_tags(cloud: Cloud) -> None:
    made = cloud.scheduler("CreateScheduleGroup", Name="a", Tags=[{"Key": "k", "Value": "v"}])
    assert made == {"ScheduleGroupArn": ARN}
    now = cloud.clock.now_ms
    assert cloud.scheduler("GetScheduleGroup", Name="a") == {
        "Arn": ARN, "Name": "a", "State": "ACTIVE", "CreationDate": now, "LastModificationDate": now,
    }  # fmt: skip
    cloud.scheduler("TagResource", ResourceArn=ARN, Tags=[{"Key": "l", "Value": "w"}])
    cloud.scheduler("UntagResource", ResourceArn=ARN, TagKeys=["k"])
    assert cloud.scheduler("ListTagsForResource", ResourceArn=ARN) == {"Tags": [{"Key": "l", "Value": "w"}]}
    error = cloud.error("scheduler", "CreateScheduleGroup", Name="a")
    assert (error.shape, error.text) == ("ConflictException", "Schedule group a already exists.")


def test_the_default_group_is_always_there(cloud: Cloud) -> None:
    for name in ("a", "z"):
        cloud.scheduler("CreateScheduleGroup", Name=name)
    first = cloud.scheduler("ListScheduleGroups", MaxResults=2)
    assert [group["Name"] for group in first["ScheduleGroups"]] == ["a", "default"]
    last = cloud.scheduler("ListScheduleGroups", MaxResults=2, NextToken=first["NextToken"])
    assert [group["Name"] for group in last["ScheduleGroups"]] == ["z"]
    assert "NextToken" not in last
    found = cloud.scheduler("ListScheduleGroups", NamePrefix="d")["ScheduleGroups"]
    assert [group["Name"] for group in found] == ["default"]
    assert cloud.error("scheduler", "DeleteScheduleGroup", Name="default").shape == "ValidationException"


def test_a_deleted_group_takes_its_schedules_along(cloud: Cloud) -> None:
    cloud.scheduler("CreateScheduleGroup", Name="a")
    for number in range(600):
        create(cloud, "rate(1 hour)", f"s{number}", GroupName="a")
    cloud.scheduler("DeleteScheduleGroup", Name="a")
    cloud.clock.settle()
    assert cloud.error("scheduler", "GetScheduleGroup", Name="a").text == "Schedule group a does not exist."
    assert cloud.scheduler("ListSchedules") == {"Schedules": []}
