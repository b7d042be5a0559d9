from __future__ import annotations

import pytest
from tests.cloud import Cloud
from tests.services.sqs.helpers import a_queue, arn, bodies, counts, delete, receive, redrive, send

from ballroom.gateway.wire import legacy
from ballroom.services.sqs import errors


@pytest.mark.parametrize("name", ["q", "q.fifo"])
def test_a_queue_goes_on_after_a_restart(durable_cloud: Cloud, name: str) -> None:
    cloud = durable_cloud
    url = a_queue(cloud, name, VisibilityTimeout=30, holding=["a", "b"])
    for group in ("x", "y"):
        send(cloud, url, f"of {group}", MessageGroupId=group)
    (message,) = receive(cloud, url, 1)
    assert message["Body"] == "a"
    cloud.reopen()
    assert counts(cloud, url) == (3, 1, 0)
    assert bodies(receive(cloud, url)) == (["of x", "of y"] if name.endswith("fifo") else ["b", "of x", "of y"])
    delete(cloud, url, message)
    cloud.clock.advance(seconds=30)
    cloud.reopen()
    assert sorted(bodies(receive(cloud, url))) == ["b", "of x", "of y"]


def test_deduplication_and_sequence_numbers_survive_a_restart(durable_cloud: Cloud) -> None:
    cloud = durable_cloud
    url = a_queue(cloud, "q.fifo")
    first = send(cloud, url, "x")
    delete(cloud, url, receive(cloud, url)[0])
    cloud.reopen()
    assert send(cloud, url, "x")["MessageId"] == first["MessageId"]
    assert send(cloud, url, "y")["SequenceNumber"] > first["SequenceNumber"]
    assert bodies(receive(cloud, url)) == ["y"]


def test_a_delayed_message_and_a_move_task_survive_a_restart(durable_cloud: Cloud) -> None:
    cloud = durable_cloud
    dead = a_queue(cloud, "dead")
    url = a_queue(cloud, RedrivePolicy=redrive("dead"), holding=["1", "2", "3"])
    for _ in range(2):
        receive(cloud, url, VisibilityTimeout=0)
    cloud.sqs("StartMessageMoveTask", SourceArn=arn("dead"), MaxNumberOfMessagesPerSecond=1)
    send(cloud, url, "later", DelaySeconds=60)
    cloud.clock.advance(ms=500)
    cloud.reopen()
    assert counts(cloud, url)[2] == 1
    cloud.clock.advance(seconds=5)
    assert counts(cloud, dead) == (0, 0, 0)
    cloud.clock.advance(seconds=55)
    assert bodies(receive(cloud, url)) == ["1", "2", "3", "later"] or sum(counts(cloud, url)) == 4


def test_the_deletion_of_a_purged_backlog_goes_on_after_a_restart(durable_cloud: Cloud) -> None:
    cloud = durable_cloud
    url = a_queue(cloud, holding=[str(n) for n in range(50)])
    cloud.sqs("PurgeQueue", QueueUrl=url)
    cloud.reopen()
    assert counts(cloud, url) == (0, 0, 0)
    send(cloud, url, "new")
    assert bodies(receive(cloud, url)) == ["new"]


def test_a_joined_send_that_is_undone_leaves_no_message(cloud: Cloud) -> None:
    url = a_queue(cloud)

    def send_and_fail(tx: object) -> None:
        tx.call("sqs", "SendMessage", {"QueueUrl": url, "MessageBody": "x"}, caller=cloud.caller())  # type: ignore[attr-defined]
        raise RuntimeError("no")

    with pytest.raises(RuntimeError):
        cloud.transact(send_and_fail)
    assert counts(cloud, url) == (0, 0, 0)
    assert receive(cloud, url) == []


def test_metrics_count_what_happens(cloud: Cloud) -> None:
    url = a_queue(cloud)
    send(cloud, url, "four")
    delete(cloud, url, receive(cloud, url)[0])
    receive(cloud, url)
    told = {name: point for (_, _, _, name, _), point in cloud.kernel.metrics.read().items()}
    assert {name: total for name, (_, total, _, _) in told.items()} == {
        "NumberOfMessagesSent": 1,
        "SentMessageSize": 4,
        "NumberOfMessagesReceived": 1,
        "NumberOfMessagesDeleted": 1,
        "NumberOfEmptyReceives": 1,
    }


def test_the_gateway_and_the_batches_agree_on_codes() -> None:
    for error in vars(errors).values():
        if isinstance(error, type) and issubclass(error, errors.SqsError) and error.query_code:
            code = legacy.error_code("sqs", error.shape) or legacy.error_names("sqs", error.shape)[1]
            assert code == error.query_code
