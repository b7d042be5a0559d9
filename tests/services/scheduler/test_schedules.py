"""Schedules: created, planned on the virtual clock, and what they invoke."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.cloud import Cloud

from ballroom.services.scheduler.planning import next_moment
from ballroom.services.scheduler.resources import Schedule

ROLE = "arn:aws:iam::000000000000:role/scheduler"
QUEUE = "arn:aws:sqs:us-east-1:000000000000:jobs"
OFF = {"Mode": "OFF"}
START = 1_800_000_000_000
"""2027-01-15T08:00:00Z"""


def target(arn: str = QUEUE, **more: Any) -> dict[str, Any]:
    return {"Arn": arn, "RoleArn": ROLE, **more}


def create(cloud: Cloud, expression: str, name: str = "s", **more: Any) -> str:
    request = {
        "Name": name, "ScheduleExpression": expression, "FlexibleTimeWindow": OFF, "Target": target(), **more,
    }  # fmt: skip
    return str(cloud.scheduler("CreateSchedule", **request)["ScheduleArn"])


def refused(cloud: Cloud, expression: str = "rate(1 hour)", **more: Any) -> tuple[str, str]:
    request = {
        "Name": "s", "ScheduleExpression": expression, "FlexibleTimeWindow": OFF, "Target": target(), **more,
    }  # fmt: skip
    error = cloud.error("scheduler", "CreateSchedule", **request)
    return error.shape, error.text


def queue(cloud: Cloud, name: str = "jobs", **attributes: str) -> str:
    return str(cloud.sqs("CreateQueue", QueueName=name, Attributes=attributes)["QueueUrl"])


def received(cloud: Cloud, url: str) -> list[dict[str, Any]]:
    messages: list[dict[str, Any]] = []
    while found := cloud.sqs(
        "ReceiveMessage", QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"]
    ).get("Messages"):
        messages += found
        for message in found:
            cloud.sqs("DeleteMessage", QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    return messages


def bodies(cloud: Cloud, url: str) -> list[str]:
    return [message["Body"] for message in received(cloud, url)]


@pytest.fixture(autouse=True)
def at_a_known_time(cloud: Cloud) -> None:
    cloud.clock.advance(ms=START - cloud.clock.now_ms)


def test_a_schedule_reads_back(cloud: Cloud) -> None:
    arn = create(cloud, "rate(5 minutes)", Description="every five", StartDate=START + 60_000)
    assert arn == "arn:aws:scheduler:us-east-1:000000000000:schedule/default/s"
    assert cloud.scheduler("GetSchedule", Name="s") == {
        "Arn": arn, "GroupName": "default", "Name": "s", "CreationDate": START, "LastModificationDate": START,
        "ScheduleExpression": "rate(5 minutes)", "Description": "every five", "StartDate": START + 60_000,
        "ScheduleExpressionTimezone": "UTC", "State": "ENABLED", "ActionAfterCompletion": "NONE",
        "FlexibleTimeWindow": OFF,
        "Target": target(RetryPolicy={"MaximumEventAgeInSeconds": 86400, "MaximumRetryAttempts": 185}),
    }  # fmt: skip


def test_a_rate_fires_each_time_and_an_end_date_ends_it(cloud: Cloud) -> None:
    url = queue(cloud)
    create(
        cloud, "rate(1 hour)", EndDate=START + 3 * 3_600_000,
        Target=target(Input='{"at": "<aws.scheduler.scheduled-time>", "try": <aws.scheduler.attempt-number>}'),
    )  # fmt: skip
    cloud.clock.advance(minutes=59)
    assert bodies(cloud, url) == []
    cloud.clock.advance(days=1)
    assert [json.loads(body) for body in bodies(cloud, url)] == [
        {"at": f"2027-01-15T{hour}:00:00Z", "try": 1} for hour in ("09", "10", "11")
    ]


def test_a_start_date_is_a_rates_first_moment(cloud: Cloud) -> None:
    url = queue(cloud)
    create(cloud, "rate(1 day)", StartDate=START + 90_000)
    cloud.clock.advance(ms=89_999)
    assert bodies(cloud, url) == []
    cloud.clock.advance(ms=1)
    assert len(received(cloud, url)) == 1
    cloud.clock.advance(days=2)
    assert len(received(cloud, url)) == 2


def test_without_input_the_target_gets_a_notification(cloud: Cloud) -> None:
    url = queue(cloud)
    arn = create(cloud, "at(2027-01-15T08:30:00)")
    cloud.clock.advance(hours=1)
    [body] = bodies(cloud, url)
    event = json.loads(body)
    assert event.pop("id")
    assert event == {
        "version": "0", "detail-type": "Scheduled Event", "source": "aws.scheduler", "account": "000000000000",
        "time": "2027-01-15T08:30:00Z", "region": "us-east-1", "resources": [arn], "detail": "{}",
    }  # fmt: skip


def test_cron_follows_its_time_zone(cloud: Cloud) -> None:
    url = queue(cloud)
    create(
        cloud, "cron(0 12 * * ? *)", ScheduleExpressionTimezone="Europe/Berlin",
        Target=target(Input="<aws.scheduler.scheduled-time>"),
    )  # fmt: skip
    cloud.clock.advance(days=2)
    assert bodies(cloud, url) == ["2027-01-15T11:00:00Z", "2027-01-16T11:00:00Z"]


def test_a_completed_schedule_may_delete_itself(cloud: Cloud) -> None:
    queue(cloud)
    create(cloud, "at(2027-01-15T09:00:00)", "gone", ActionAfterCompletion="DELETE")
    create(cloud, "at(2027-01-15T09:00:00)", "stays")
    cloud.clock.advance(hours=2)
    assert cloud.error("scheduler", "GetSchedule", Name="gone").text == "Schedule gone does not exist."
    assert cloud.scheduler("GetSchedule", Name="stays")["State"] == "ENABLED"


def test_a_flexible_window_spreads_invocations(cloud: Cloud) -> None:
    url = queue(cloud)
    for number in range(20):
        create(
            cloud, "at(2027-01-15T09:00:00)", f"s{number}",
            FlexibleTimeWindow={"Mode": "FLEXIBLE", "MaximumWindowInMinutes": 60},
        )  # fmt: skip
    cloud.clock.advance(minutes=90)
    early = len(received(cloud, url))
    assert 0 < early < 20
    cloud.clock.advance(minutes=30)
    assert early + len(received(cloud, url)) == 20


def test_a_changed_schedule_forgets_its_earlier_timer(cloud: Cloud) -> None:
    url = queue(cloud)
    create(cloud, "rate(1 hour)")
    request = {"Name": "s", "ScheduleExpression": "rate(3 hours)", "FlexibleTimeWindow": OFF, "Target": target()}
    cloud.scheduler("UpdateSchedule", **request)
    cloud.clock.advance(hours=2)
    assert bodies(cloud, url) == []
    cloud.scheduler("UpdateSchedule", **request, State="DISABLED")
    cloud.clock.advance(days=1)
    assert bodies(cloud, url) == []
    cloud.scheduler("UpdateSchedule", **request)
    cloud.clock.advance(hours=3)
    assert len(received(cloud, url)) == 1


def test_a_deleted_schedule_does_not_fire(cloud: Cloud) -> None:
    url = queue(cloud)
    create(cloud, "rate(1 hour)")
    cloud.scheduler("DeleteSchedule", Name="s")
    cloud.clock.advance(hours=2)
    assert bodies(cloud, url) == []


def test_a_fifo_queue_gets_the_message_group(cloud: Cloud) -> None:
    url = queue(cloud, "jobs.fifo", FifoQueue="true")
    arn = QUEUE + ".fifo"
    assert refused(cloud, Target=target(arn))[0] == "ValidationException"
    create(cloud, "rate(1 hour)", Target=target(arn, SqsParameters={"MessageGroupId": "g"}, Input="x"))
    cloud.clock.advance(hours=2)
    messages = cloud.sqs(
        "ReceiveMessage", QueueUrl=url, MaxNumberOfMessages=10, MessageSystemAttributeNames=["All"]
    )["Messages"]
    assert [m["Attributes"]["MessageGroupId"] for m in messages] == ["g", "g"]


def test_a_universal_target_calls_any_operation(cloud: Cloud) -> None:
    parameters = {"QueueName": "made", "Attributes": {"DelaySeconds": "7"}}
    create(
        cloud, "rate(1 hour)",
        Target=target("arn:aws:scheduler:::aws-sdk:sqs:createQueue", Input=json.dumps(parameters)),
    )  # fmt: skip
    cloud.clock.advance(hours=1)
    url = cloud.sqs("GetQueueUrl", QueueName="made")["QueueUrl"]
    assert cloud.sqs("GetQueueAttributes", QueueUrl=url, AttributeNames=["DelaySeconds"])["Attributes"] == {
        "DelaySeconds": "7"
    }


def test_what_fails_for_good_goes_to_the_dead_letter_queue(cloud: Cloud) -> None:
    dead = queue(cloud, "dead")
    arn = create(
        cloud, "at(2027-01-15T09:00:00)",
        Target=target(Input="hello", DeadLetterConfig={"Arn": QUEUE.replace("jobs", "dead")}),
    )  # fmt: skip
    cloud.clock.advance(hours=2)
    [message] = received(cloud, dead)
    assert message["Body"] == "hello"
    told = {name: value["StringValue"] for name, value in message["MessageAttributes"].items()}
    assert told.pop("EXECUTION_ID")
    assert told == {
        "ERROR_CODE": "QueueDoesNotExist", "ERROR_MESSAGE": "The specified queue does not exist.",
        "IS_PAYLOAD_TRUNCATED": "false", "RETRY_ATTEMPTS": "0", "SCHEDULED_TIME": "2027-01-15T09:00:00Z",
        "SCHEDULE_ARN": arn, "TARGET_ARN": QUEUE,
    }  # fmt: skip


def test_moments_missed_while_stopped_count_for_a_day() -> None:
    hour = 3_600_000
    settings = {
        "ScheduleExpression": "rate(6 hours)", "ScheduleExpressionTimezone": "UTC", "State": "ENABLED",
        "FlexibleTimeWindow": OFF, "Target": target(),
    }  # fmt: skip
    schedule = Schedule("000000000000", "us-east-1", "default", "s", settings, 0, 0, "g")
    moments, after, now = [], 6 * hour, 240 * hour + 5
    while (after := next_moment(schedule, after, now) or now) < now:
        moments.append(after // hour)
    assert moments == [222, 228, 234, 240]


@pytest.mark.parametrize(
    "expression",
    ["cron(0 12 * * *)", "rate(5 minute)", "rate(0 minutes)", "at(2027-13-01T00:00:00)", "never", "at(2027-01-01)"],
)
def test_a_wrong_expression_is_refused(cloud: Cloud, expression: str) -> None:
    assert refused(cloud, expression) == ("ValidationException", f"Invalid Schedule Expression {expression}.")


@pytest.mark.parametrize(
    ("arn", "shape"),
    [
        ("nonsense", "ValidationException"),
        ("arn:aws:ec2:us-east-1:000000000000:instance/i", "ValidationException"),
        ("arn:aws:kinesis:us-east-1:000000000000:stream/s", "NotImplemented"),
        ("arn:aws:scheduler:::aws-sdk:sqs:receiveMessage", "ValidationException"),
        ("arn:aws:scheduler:::aws-sdk:sqs:fly", "ValidationException"),
        ("arn:aws:scheduler:::aws-sdk:nothing:doIt", "ValidationException"),
        ("arn:aws:scheduler:::aws-sdk:rds:stopDBCluster", "NotImplemented"),
        ("arn:aws:events:us-east-1:000000000000:event-bus/default", "ValidationException"),
    ],
)
def test_a_target_that_could_never_be_invoked_is_refused(cloud: Cloud, arn: str, shape: str) -> None:
    assert refused(cloud, Target=target(arn))[0] == shape


def test_settings_that_do_not_fit_are_refused(cloud: Cloud) -> None:
    assert refused(cloud, FlexibleTimeWindow={"Mode": "FLEXIBLE"})[0] == "ValidationException"
    assert refused(cloud, StartDate=START + 2, EndDate=START + 1)[0] == "ValidationException"
    assert refused(cloud, ScheduleExpressionTimezone="Mars/Base")[0] == "ValidationException"
    assert refused(cloud, GroupName="none") == (
        "ResourceNotFoundException", "Schedule group none does not exist.",
    )  # fmt: skip
    assert refused(cloud, Target=target(SqsParameters={"MessageGroupId": "g"}, Arn=ROLE.replace("iam", "sns")))[
        0
    ].endswith("Exception")


def test_a_name_is_taken_once_but_a_repeated_request_is_answered_again(cloud: Cloud) -> None:
    arn = create(cloud, "rate(1 hour)", ClientToken="t")
    assert create(cloud, "rate(1 hour)", ClientToken="t") == arn
    assert refused(cloud) == ("ConflictException", "Schedule s already exists.")


def test_schedules_are_listed_over_groups_in_pages(cloud: Cloud) -> None:
    cloud.scheduler("CreateScheduleGroup", Name="a")
    for group, name in (("default", "x1"), ("default", "y"), ("a", "x2"), ("a", "x3")):
        create(cloud, "rate(1 hour)", name, GroupName=group, State="DISABLED" if name == "y" else "ENABLED")

    def names(**request: Any) -> list[str]:
        found, token = [], None
        while True:
            page = cloud.scheduler("ListSchedules", MaxResults=2, **request, **({"NextToken": token} if token else {}))
            found += [schedule["Name"] for schedule in page["Schedules"]]
            token = page.get("NextToken")
            if token is None:
                return found

    assert names() == ["x2", "x3", "x1", "y"]
    assert names(GroupName="default") == ["x1", "y"]
    assert names(NamePrefix="x") == ["x2", "x3", "x1"]
    assert names(State="DISABLED") == ["y"]
    assert cloud.error("scheduler", "ListSchedules", NextToken="junk").shape == "ValidationException"


def test_a_recurring_schedule_does_not_pull_the_clock(cloud: Cloud) -> None:
    create(cloud, "rate(1 minute)")
    before = cloud.clock.now_ms
    cloud.clock.settle()
    assert cloud.clock.now_ms == before
