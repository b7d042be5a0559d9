from __future__ import annotations

import pytest
from tests.cloud import Cloud
from tests.services.sqs.helpers import a_queue, arn, attributes, bodies, counts, delete, receive, redrive, send

DAY_S = 86_400


def fail(cloud: Cloud, url: str, times: int = 1) -> None:
    """Receive everything and do not delete it."""
    for _ in range(times):
        receive(cloud, url, VisibilityTimeout=0)


def test_a_message_goes_to_the_dead_letter_queue_after_enough_receives(cloud: Cloud) -> None:
    dead = a_queue(cloud, "dead")
    url = a_queue(cloud, RedrivePolicy=redrive("dead", 3))
    sent = send(cloud, url, "poison", MessageAttributes={"a": {"DataType": "String", "StringValue": "b"}})
    first_ms = cloud.clock.now_ms
    for count in ("1", "2", "3"):
        message = receive(cloud, url, VisibilityTimeout=0, AttributeNames=["ApproximateReceiveCount"])[0]
        assert message["Attributes"] == {"ApproximateReceiveCount": count}
        assert receive(cloud, dead) == []
        cloud.clock.advance(seconds=1)
    assert receive(cloud, url) == []
    assert counts(cloud, url) == (0, 0, 0)
    buried = receive(cloud, dead, AttributeNames=["All"], MessageAttributeNames=["All"])[0]
    assert buried["MessageId"] == sent["MessageId"]
    assert buried["MessageAttributes"] == {"a": {"DataType": "String", "StringValue": "b"}}
    assert buried["Attributes"] == {
        "ApproximateFirstReceiveTimestamp": str(first_ms),
        "ApproximateReceiveCount": "4",
        "DeadLetterQueueSourceArn": arn("q"),
        "SenderId": "000000000000",
        "SentTimestamp": str(first_ms),
    }


def test_good_messages_come_while_bad_ones_are_buried(cloud: Cloud) -> None:
    dead = a_queue(cloud, "dead")
    url = a_queue(cloud, RedrivePolicy=redrive("dead"), holding=["bad", "worse"])
    fail(cloud, url)
    send(cloud, url, "good")
    assert bodies(receive(cloud, url)) == ["good"]
    assert counts(cloud, dead) == (2, 0, 0)


def test_a_message_stays_while_its_dead_letter_queue_is_missing(cloud: Cloud) -> None:
    dead = a_queue(cloud, "dead")
    url = a_queue(cloud, RedrivePolicy=redrive("dead"), holding=["x"])
    cloud.sqs("DeleteQueue", QueueUrl=dead)
    fail(cloud, url, 3)
    assert bodies(receive(cloud, url)) == ["x"]


def test_a_fifo_group_goes_on_when_its_first_message_is_buried(cloud: Cloud) -> None:
    dead = a_queue(cloud, "dead.fifo")
    url = a_queue(cloud, "q.fifo", RedrivePolicy=redrive("dead.fifo", 2), holding=["bad", "next"])
    for _ in range(2):
        assert bodies(receive(cloud, url, 1, VisibilityTimeout=0)) == ["bad"]
    assert bodies(receive(cloud, url)) == ["next"]
    told = receive(cloud, dead, AttributeNames=["All"])[0]
    assert told["Body"] == "bad"
    assert told["Attributes"]["MessageGroupId"] == "g"
    assert told["Attributes"]["DeadLetterQueueSourceArn"] == arn("q.fifo")


def test_a_standard_dead_letter_ages_from_when_it_was_sent(cloud: Cloud) -> None:
    dead = a_queue(cloud, "dead", MessageRetentionPeriod=3 * DAY_S)
    url = a_queue(cloud, RedrivePolicy=redrive("dead"), holding=["x"])
    cloud.clock.advance(days=2)
    send(cloud, dead, "younger")
    fail(cloud, url, 2)
    assert counts(cloud, dead) == (2, 0, 0)
    cloud.clock.advance(days=1)
    assert counts(cloud, dead) == (1, 0, 0)
    assert bodies(receive(cloud, dead)) == ["younger"]


def test_a_fifo_dead_letter_ages_anew(cloud: Cloud) -> None:
    dead = a_queue(cloud, "dead.fifo", MessageRetentionPeriod=3 * DAY_S)
    url = a_queue(cloud, "q.fifo", RedrivePolicy=redrive("dead.fifo"), holding=["x"])
    cloud.clock.advance(days=2)
    fail(cloud, url, 2)
    cloud.clock.advance(days=2)
    assert bodies(receive(cloud, dead)) == ["x"]


# -- move tasks ------------------------------------------------------------------------------------------


def bury(cloud: Cloud, *messages: str, fifo: bool = False) -> tuple[str, str]:
    """URLs of a queue and of its dead-letter queue, which holds the messages."""
    end = ".fifo" if fifo else ""
    dead = a_queue(cloud, "dead" + end)
    url = a_queue(cloud, "q" + end, RedrivePolicy=redrive("dead" + end), holding=list(messages))
    while sum(counts(cloud, url)):
        fail(cloud, url)
    return url, dead


def tasks(cloud: Cloud, name: str = "dead") -> list[dict[str, object]]:
    answer = cloud.sqs("ListMessageMoveTasks", SourceArn=arn(name), MaxResults=10)
    found: list[dict[str, object]] = answer.get("Results", [])
    return found


@pytest.mark.parametrize("fifo", [False, True])
def test_a_move_task_brings_messages_back(cloud: Cloud, fifo: bool) -> None:
    url, dead = bury(cloud, "a", "b", fifo=fifo)
    name = "dead.fifo" if fifo else "dead"
    begun = cloud.clock.now_ms
    cloud.sqs("StartMessageMoveTask", SourceArn=arn(name))
    cloud.clock.settle()
    cloud.clock.advance(seconds=1)
    assert tasks(cloud, name) == [
        {
            "ApproximateNumberOfMessagesMoved": 2,
            "ApproximateNumberOfMessagesToMove": 2,
            "SourceArn": arn(name),
            "StartedTimestamp": begun,
            "Status": "COMPLETED",
        }
    ]
    assert counts(cloud, dead) == (0, 0, 0)
    messages = receive(cloud, url, AttributeNames=["All"])
    assert bodies(messages) == ["a", "b"]
    assert {m["Attributes"]["ApproximateReceiveCount"] for m in messages} == {"1"}
    assert not any("DeadLetterQueueSourceArn" in m["Attributes"] for m in messages)


def test_a_move_task_may_have_another_destination(cloud: Cloud) -> None:
    bury(cloud, "a")
    other = a_queue(cloud, "other")
    cloud.sqs("StartMessageMoveTask", SourceArn=arn("dead"), DestinationArn=arn("other"))
    cloud.clock.advance(seconds=1)
    assert bodies(receive(cloud, other)) == ["a"]
    assert tasks(cloud)[0]["DestinationArn"] == arn("other")


def test_a_move_task_keeps_to_its_rate_and_can_be_cancelled(cloud: Cloud) -> None:
    url, dead = bury(cloud, *(str(n) for n in range(10)))
    handle = cloud.sqs("StartMessageMoveTask", SourceArn=arn("dead"), MaxNumberOfMessagesPerSecond=2)
    cloud.clock.advance(ms=2_100)
    assert counts(cloud, url)[0] == 5
    running = tasks(cloud)[0]
    assert running["Status"] == "RUNNING"
    assert running["TaskHandle"] == handle["TaskHandle"]
    assert running["MaxNumberOfMessagesPerSecond"] == 2
    assert cloud.sqs("CancelMessageMoveTask", **handle) == {"ApproximateNumberOfMessagesMoved": 5}
    cloud.clock.advance(seconds=10)
    assert (counts(cloud, url)[0], counts(cloud, dead)[0]) == (5, 5)
    assert tasks(cloud)[0]["Status"] == "CANCELLED"
    assert "TaskHandle" not in tasks(cloud)[0]
    assert "active" in cloud.error("sqs", "CancelMessageMoveTask", **handle).text


def test_many_messages_move_in_slices(cloud: Cloud) -> None:
    url, _ = bury(cloud, *(str(n) for n in range(130)))
    cloud.sqs("StartMessageMoveTask", SourceArn=arn("dead"))
    cloud.clock.advance(seconds=1)
    assert counts(cloud, url)[0] == 130


def test_a_move_task_fails_when_its_destination_goes(cloud: Cloud) -> None:
    url, _ = bury(cloud, *(str(n) for n in range(5)))
    cloud.sqs("StartMessageMoveTask", SourceArn=arn("dead"), MaxNumberOfMessagesPerSecond=1)
    cloud.clock.advance(ms=2_500)
    cloud.sqs("DeleteQueue", QueueUrl=url)
    cloud.clock.advance(seconds=5)
    task = tasks(cloud)[0]
    assert (task["Status"], task["FailureReason"]) == ("FAILED", "AWS.SimpleQueueService.NonExistentQueue")
    assert task["ApproximateNumberOfMessagesMoved"] == 3


def test_a_message_sent_to_the_dead_letter_queue_itself_has_nowhere_to_go_back(cloud: Cloud) -> None:
    _, dead = bury(cloud)
    send(cloud, dead, "x")
    cloud.sqs("StartMessageMoveTask", SourceArn=arn("dead"))
    cloud.clock.advance(seconds=1)
    assert tasks(cloud)[0]["FailureReason"] == "CouldNotDetermineMessageSource"
    assert bodies(receive(cloud, dead)) == ["x"]


def test_one_task_at_a_time(cloud: Cloud) -> None:
    bury(cloud, "a", "b", "c")
    cloud.sqs("StartMessageMoveTask", SourceArn=arn("dead"), MaxNumberOfMessagesPerSecond=1)
    error = cloud.error("sqs", "StartMessageMoveTask", SourceArn=arn("dead"))
    assert error.text == (
        "There is already a task running. Only one active task is allowed for a source queue arn "
        "at a given time."
    )


@pytest.mark.parametrize(
    ("given", "shape", "words"),
    [
        (
            {"SourceArn": arn("missing")},
            "ResourceNotFoundException",
            "The resource that you specified for the SourceArn parameter doesn't exist.",
        ),
        (
            {"SourceArn": arn("dead"), "DestinationArn": arn("missing")},
            "ResourceNotFoundException",
            "The resource that you specified for the DestinationArn parameter doesn't exist.",
        ),
        (
            {"SourceArn": arn("q")},
            "InvalidParameterValueException",
            "Source queue must be configured as a Dead Letter Queue.",
        ),
        ({"SourceArn": "nonsense"}, "InvalidParameterValueException", "format to specify the SourceArn"),
        (
            {"SourceArn": arn("dead"), "MaxNumberOfMessagesPerSecond": 501},
            "InvalidParameterValueException",
            "Value 501",
        ),
    ],
)
def test_a_move_task_that_cannot_work_is_refused(
    cloud: Cloud, given: dict[str, object], shape: str, words: str
) -> None:
    bury(cloud)
    error = cloud.error("sqs", "StartMessageMoveTask", **given)
    assert error.shape == shape
    assert words in error.text


def test_a_task_handle_that_leads_nowhere_is_refused(cloud: Cloud) -> None:
    bury(cloud, "a")
    handle = cloud.sqs("StartMessageMoveTask", SourceArn=arn("dead"), MaxNumberOfMessagesPerSecond=1)
    error = cloud.error("sqs", "CancelMessageMoveTask", TaskHandle="foobar")
    assert error.text == "Value foobar for parameter TaskHandle is invalid."
    cloud.sqs("DeleteQueue", QueueUrl="http://x/000000000000/dead")
    error = cloud.error("sqs", "CancelMessageMoveTask", **handle)
    assert (error.shape, error.status) == ("ResourceNotFoundException", 404)
    cloud.clock.advance(minutes=1)
    a_queue(cloud, "dead")
    assert cloud.error("sqs", "CancelMessageMoveTask", **handle).text == "Task does not exist."
    assert attributes(cloud, "http://x/000000000000/q", "RedrivePolicy")


def test_a_buried_message_can_be_deleted_from_its_new_queue(cloud: Cloud) -> None:
    _, dead = bury(cloud, "a")
    delete(cloud, dead, receive(cloud, dead)[0])
    assert counts(cloud, dead) == (0, 0, 0)
