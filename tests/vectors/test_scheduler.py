"""EventBridge Scheduler against what AWS answered."""

from __future__ import annotations

import re

import pytest

from tests.cloud import Cloud
from tests.vectors.recorded import Case, cases, needs_recordings

EXPRESSION = re.compile(r"valid_cron_expressions\[(.*)\]$")
EXPRESSIONS = [case for case in cases("scheduler") if EXPRESSION.search(case.name)]


@needs_recordings
@pytest.mark.parametrize("case", EXPRESSIONS, ids=str)
def test_a_recorded_expression_is_accepted(case: Case, cloud: Cloud) -> None:
    found = EXPRESSION.search(case.name)
    assert found is not None
    made = cloud.scheduler(
        "CreateSchedule", Name="s", ScheduleExpression=found[1], FlexibleTimeWindow={"Mode": "OFF"},
        Target={"Arn": "arn:aws:sqs:us-east-1:000000000000:q", "RoleArn": "arn:aws:iam::000000000000:role/r"},
    )  # fmt: skip
    assert list(made) == ["ScheduleArn"]


@needs_recordings
def test_an_untagged_group_has_no_tags(cloud: Cloud) -> None:
    [case] = [case for case in cases("scheduler") if case.name.endswith("test_untag_resource")]
    arn = cloud.scheduler("CreateScheduleGroup", Name="g", Tags=[{"Key": "a", "Value": "b"}])["ScheduleGroupArn"]
    cloud.scheduler("UntagResource", ResourceArn=arn, TagKeys=["a"])
    expected = dict(case.answers["list-untagged-schedule"])
    expected.pop("ResponseMetadata")
    assert cloud.scheduler("ListTagsForResource", ResourceArn=arn) == expected
