from __future__ import annotations

import hashlib

import pytest
from tests.cloud import Cloud
from tests.services.sqs.helpers import a_queue, attributes, bodies, counts, delete, hide, receive, send

from ballroom.kernel.keys import prefix_range
from ballroom.services.sqs.housekeeping import Anything


def a_fifo(cloud: Cloud, *messages: str, **given: object) -> str:
    """A FIFO queue holding messages written as `group:body`."""
    url = a_queue(cloud, "q.fifo", **given)
    for message in messages:
        group, _, body = message.partition(":")
        send(cloud, url, body, MessageGroupId=group)
    return url


def test_a_group_comes_in_order(cloud: Cloud) -> None:
    url = a_fifo(cloud, *(f"g:{n}" for n in range(25)))
    seen = []
    while messages := receive(cloud, url):
        seen += bodies(messages)
        for message in messages:
            delete(cloud, url, message)
    assert seen == [str(n) for n in range(25)]


def test_a_group_waits_while_one_of_its_messages_is_in_flight(cloud: Cloud) -> None:
    url = a_fifo(cloud, "g:1", "g:2", "h:3")
    first = receive(cloud, url, 1)
    assert bodies(first) == ["1"]
    assert bodies(receive(cloud, url)) == ["3"]
    assert receive(cloud, url) == []
    delete(cloud, url, first[0])
    assert bodies(receive(cloud, url)) == ["2"]


def test_a_receive_takes_as_many_as_possible_of_one_group(cloud: Cloud) -> None:
    url = a_fifo(cloud, "a:1", "b:2", "a:3", "b:4", "a:5")
    assert bodies(receive(cloud, url, 4)) == ["1", "3", "5", "2"]


def test_messages_return_in_order_when_their_visibility_timeout_ends(cloud: Cloud) -> None:
    url = a_fifo(cloud, "g:1", "g:2", "g:3", VisibilityTimeout=10)
    assert bodies(receive(cloud, url, 2)) == ["1", "2"]
    cloud.clock.advance(seconds=10)
    assert bodies(receive(cloud, url)) == ["1", "2", "3"]


@pytest.mark.parametrize("made_visible", [0, 1, 2])
def test_the_part_of_a_group_before_a_message_in_flight_can_be_received(
    cloud: Cloud, made_visible: int
) -> None:
    url = a_fifo(cloud, "g:foo", "g:bar", "g:baz")
    messages = receive(cloud, url)
    for message in messages[:made_visible]:
        hide(cloud, url, message, 0)
    assert bodies(receive(cloud, url)) == ["foo", "bar"][:made_visible]


def test_deleting_from_the_middle_keeps_the_group_locked(cloud: Cloud) -> None:
    url = a_fifo(cloud, "g:1", "g:2", "g:3")
    one, two = receive(cloud, url, 2)
    delete(cloud, url, two)
    assert receive(cloud, url) == []
    delete(cloud, url, one)
    assert bodies(receive(cloud, url)) == ["3"]


def test_an_expired_receipt_handle_is_refused(cloud: Cloud) -> None:
    url = a_fifo(cloud, "g:1", VisibilityTimeout=5)
    message = receive(cloud, url)[0]
    cloud.clock.advance(seconds=5)
    for operation, more in (("DeleteMessage", {}), ("ChangeMessageVisibility", {"VisibilityTimeout": 1})):
        error = cloud.error("sqs", operation, QueueUrl=url, ReceiptHandle=message["ReceiptHandle"], **more)
        assert error.text == (
            f"Value {message['ReceiptHandle']} for parameter ReceiptHandle is invalid. "
            "Reason: The receipt handle has expired."
        )
    again = receive(cloud, url)[0]
    error = cloud.error("sqs", "DeleteMessage", QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    assert "has expired" in error.text
    delete(cloud, url, again)
    delete(cloud, url, message)  # gone: nothing to refuse


def test_equal_bodies_are_one_message_for_five_minutes(cloud: Cloud) -> None:
    url = a_fifo(cloud)
    first = send(cloud, url, "x")
    cloud.clock.advance(ms=299_999)
    again = send(cloud, url, "x")
    assert (again["MessageId"], again["SequenceNumber"]) == (first["MessageId"], first["SequenceNumber"])
    cloud.clock.advance(ms=1)
    assert send(cloud, url, "x")["MessageId"] != first["MessageId"]
    assert bodies(receive(cloud, url)) == ["x", "x"]


def test_deduplication_survives_the_deletion_of_the_message(cloud: Cloud) -> None:
    url = a_fifo(cloud, "g:x")
    delete(cloud, url, receive(cloud, url)[0])
    send(cloud, url, "x")
    assert receive(cloud, url) == []


def test_an_explicit_deduplication_id_comes_before_the_content(cloud: Cloud) -> None:
    url = a_fifo(cloud)
    send(cloud, url, "x", MessageDeduplicationId="1")
    send(cloud, url, "x", MessageDeduplicationId="2")
    send(cloud, url, "y", MessageDeduplicationId="1")
    send(cloud, url, "z", MessageDeduplicationId=hashlib.sha256(b"w").hexdigest())
    send(cloud, url, "w")
    assert bodies(receive(cloud, url)) == ["x", "x", "z"]


@pytest.mark.parametrize(("scope", "expected"), [("queue", ["1"]), ("messageGroup", ["1", "2"])])
def test_deduplication_has_a_scope(cloud: Cloud, scope: str, expected: list[str]) -> None:
    url = a_fifo(cloud, DeduplicationScope=scope)
    send(cloud, url, "1", MessageDeduplicationId="d", MessageGroupId="a")
    send(cloud, url, "2", MessageDeduplicationId="d", MessageGroupId="b")
    assert bodies(receive(cloud, url)) == expected


def test_sequence_numbers_have_twenty_digits_and_increase(cloud: Cloud) -> None:
    url = a_fifo(cloud)
    numbers = [send(cloud, url, str(n), MessageGroupId=str(n % 2))["SequenceNumber"] for n in range(5)]
    cloud.sqs("PurgeQueue", QueueUrl=url)
    numbers.append(send(cloud, url, "after a purge")["SequenceNumber"])
    assert numbers == sorted(numbers)
    assert len(set(numbers)) == 6
    assert {len(number) for number in numbers} == {20}
    told = receive(cloud, url, MessageSystemAttributeNames=["SequenceNumber"])[0]
    assert told["Attributes"] == {"SequenceNumber": numbers[-1]}


def test_the_receiver_learns_group_and_deduplication_id(cloud: Cloud) -> None:
    url = a_fifo(cloud, "g:x")
    told = receive(cloud, url, AttributeNames=["All"])[0]["Attributes"]
    assert told["MessageGroupId"] == "g"
    assert told["MessageDeduplicationId"] == hashlib.sha256(b"x").hexdigest()


def test_a_queue_delay_holds_a_group_back(cloud: Cloud) -> None:
    url = a_fifo(cloud, DelaySeconds=10)
    send(cloud, url, "1")
    cloud.clock.advance(seconds=5)
    send(cloud, url, "2")
    assert counts(cloud, url) == (0, 0, 2)
    cloud.clock.advance(seconds=5)
    assert counts(cloud, url) == (1, 0, 1)
    assert bodies(receive(cloud, url)) == ["1"]
    cloud.clock.advance(seconds=5)
    assert receive(cloud, url) == []


def test_an_attempt_id_brings_the_same_messages_again_hidden_anew(cloud: Cloud) -> None:
    url = a_fifo(cloud, "g:1", "g:2", VisibilityTimeout=30)
    first = receive(cloud, url, ReceiveRequestAttemptId="try")
    cloud.clock.advance(seconds=20)
    again = receive(cloud, url, ReceiveRequestAttemptId="try")
    assert again == first
    cloud.clock.advance(seconds=20)
    assert receive(cloud, url) == []
    delete(cloud, url, first[0])
    assert receive(cloud, url, ReceiveRequestAttemptId="try") == []
    cloud.clock.advance(seconds=10)
    assert bodies(receive(cloud, url)) == ["2"]


def test_an_attempt_id_means_nothing_to_a_standard_queue(cloud: Cloud) -> None:
    error = cloud.error("sqs", "ReceiveMessage", QueueUrl=a_queue(cloud), ReceiveRequestAttemptId="try")
    assert error.shape == "InvalidParameterValueException"


def test_a_standard_queue_takes_no_deduplication_id(cloud: Cloud) -> None:
    error = cloud.error(
        "sqs", "SendMessage", QueueUrl=a_queue(cloud), MessageBody="x", MessageDeduplicationId="d"
    )
    assert error.text == (
        "Value d for parameter MessageDeduplicationId is invalid. "
        "Reason: The request include parameter that is not valid for this queue type."
    )


def test_high_throughput_needs_deduplication_by_group(cloud: Cloud) -> None:
    given = {"FifoQueue": "true", "FifoThroughputLimit": "perMessageGroupId"}
    error = cloud.error("sqs", "CreateQueue", QueueName="h.fifo", Attributes=given)
    assert error.shape == "InvalidAttributeValue"
    url = a_queue(cloud, "h.fifo", FifoThroughputLimit="perMessageGroupId", DeduplicationScope="messageGroup")
    assert attributes(cloud, url, "FifoThroughputLimit") == {"FifoThroughputLimit": "perMessageGroupId"}


def test_old_deduplication_ids_leave_the_disk(cloud: Cloud) -> None:
    url = a_fifo(cloud)
    for n in range(450):
        send(cloud, url, str(n))
    cloud.clock.advance(minutes=15)
    low, high = prefix_range(("sqs-data",))
    assert [key for key, _ in cloud.kernel.rows(Anything, low, high, None) if "dedup" in key] == []
