from __future__ import annotations

import pytest
from tests.cloud import Cloud
from tests.services.sqs.helpers import a_queue, bodies, counts, delete, hide, receive, send


def test_a_message_returns_when_its_visibility_timeout_ends(cloud: Cloud) -> None:
    url = a_queue(cloud, VisibilityTimeout=30, holding=["hi"])
    assert bodies(receive(cloud, url)) == ["hi"]
    cloud.clock.advance(ms=29_999)
    assert bodies(receive(cloud, url)) == []
    cloud.clock.advance(ms=1)
    assert bodies(receive(cloud, url)) == ["hi"]


def test_a_receive_may_bring_its_own_visibility_timeout(cloud: Cloud) -> None:
    url = a_queue(cloud, holding=["hi"])
    assert bodies(receive(cloud, url, VisibilityTimeout=0)) == ["hi"]
    assert bodies(receive(cloud, url, VisibilityTimeout=3)) == ["hi"]
    cloud.clock.advance(ms=2_999)
    assert receive(cloud, url) == []
    cloud.clock.advance(ms=1)
    assert bodies(receive(cloud, url)) == ["hi"]


def test_a_deleted_message_never_returns(cloud: Cloud) -> None:
    url = a_queue(cloud, holding=["hi"])
    delete(cloud, url, receive(cloud, url)[0])
    cloud.clock.advance(minutes=1)
    assert receive(cloud, url) == []
    assert counts(cloud, url) == (0, 0, 0)


def test_deleting_twice_succeeds(cloud: Cloud) -> None:
    url = a_queue(cloud, holding=["hi"])
    message = receive(cloud, url)[0]
    delete(cloud, url, message)
    delete(cloud, url, message)
    assert counts(cloud, url) == (0, 0, 0)


@pytest.mark.parametrize("which", [0, 1, 2])
def test_the_handle_of_any_receive_deletes_from_a_standard_queue(cloud: Cloud, which: int) -> None:
    url = a_queue(cloud, holding=["hi"])
    receipts = []
    for _ in range(3):
        receipts.append(receive(cloud, url, VisibilityTimeout=5)[0])
        cloud.clock.advance(seconds=5)
    delete(cloud, url, receipts[which])
    assert receive(cloud, url) == []


def test_a_handle_still_works_once_the_message_is_visible_again(cloud: Cloud) -> None:
    url = a_queue(cloud, VisibilityTimeout=1, holding=["hi"])
    message = receive(cloud, url)[0]
    cloud.clock.advance(seconds=2)
    hide(cloud, url, message, 10)
    assert receive(cloud, url) == []
    cloud.clock.advance(seconds=10)
    delete(cloud, url, message)
    assert receive(cloud, url) == []


def test_changing_the_visibility_counts_from_now_and_only_once(cloud: Cloud) -> None:
    url = a_queue(cloud, VisibilityTimeout=60, holding=["hi"])
    message = receive(cloud, url)[0]
    cloud.clock.advance(seconds=15)
    hide(cloud, url, message, 10)
    cloud.clock.advance(ms=9_999)
    assert receive(cloud, url) == []
    cloud.clock.advance(ms=1)
    assert bodies(receive(cloud, url)) == ["hi"]
    cloud.clock.advance(seconds=59)
    assert receive(cloud, url) == []
    cloud.clock.advance(seconds=1)
    assert bodies(receive(cloud, url)) == ["hi"]


def test_no_visibility_beyond_twelve_hours_since_the_receive(cloud: Cloud) -> None:
    url = a_queue(cloud, holding=["hi"])
    message = receive(cloud, url, VisibilityTimeout=60)[0]
    cloud.clock.advance(seconds=10)
    error = cloud.error(
        "sqs",
        "ChangeMessageVisibility",
        QueueUrl=url,
        ReceiptHandle=message["ReceiptHandle"],
        VisibilityTimeout=43_191,
    )
    assert error.text == (
        "Value 43191 for parameter VisibilityTimeout is invalid. Reason: Total VisibilityTimeout for the "
        "message is beyond the limit [43200 seconds]"
    )
    hide(cloud, url, message, 43_190)


@pytest.mark.parametrize("seconds", [-1, 43_201])
def test_a_visibility_timeout_out_of_range_is_refused(cloud: Cloud, seconds: int) -> None:
    url = a_queue(cloud, holding=["hi"])
    message = receive(cloud, url)[0]
    error = cloud.error(
        "sqs",
        "ChangeMessageVisibility",
        QueueUrl=url,
        ReceiptHandle=message["ReceiptHandle"],
        VisibilityTimeout=seconds,
    )
    assert error.shape == "InvalidParameterValueException"
    assert error.text.startswith(f"Value {seconds} for parameter VisibilityTimeout is invalid.")


def test_the_visibility_of_a_deleted_message_cannot_change(cloud: Cloud) -> None:
    url = a_queue(cloud, holding=["hi"])
    message = receive(cloud, url)[0]
    delete(cloud, url, message)
    error = cloud.error(
        "sqs",
        "ChangeMessageVisibility",
        QueueUrl=url,
        ReceiptHandle=message["ReceiptHandle"],
        VisibilityTimeout=1,
    )
    assert error.text == (
        f"Value {message['ReceiptHandle']} for parameter ReceiptHandle is invalid. "
        "Reason: Message does not exist or is not available for visibility timeout change."
    )


@pytest.mark.parametrize("operation", ["DeleteMessage", "ChangeMessageVisibility"])
@pytest.mark.parametrize("handle", ["garbage", "AAAA", "é", "x" * 2000])
def test_what_never_was_a_receipt_handle_is_refused(cloud: Cloud, operation: str, handle: str) -> None:
    url = a_queue(cloud)
    more = {"VisibilityTimeout": 1} if operation == "ChangeMessageVisibility" else {}
    error = cloud.error("sqs", operation, QueueUrl=url, ReceiptHandle=handle, **more)
    assert (error.shape, error.status) == ("ReceiptHandleIsInvalid", 404)
    assert error.text == f'The input receipt handle "{handle}" is not a valid receipt handle.'


def test_the_receipt_handle_of_another_queue_is_refused(cloud: Cloud) -> None:
    message = receive(cloud, a_queue(cloud, holding=["hi"]))[0]
    other = a_queue(cloud, "other")
    error = cloud.error("sqs", "DeleteMessage", QueueUrl=other, ReceiptHandle=message["ReceiptHandle"])
    assert error.shape == "ReceiptHandleIsInvalid"
    assert "is not valid for this queue" in error.text


def test_a_delay_hides_a_new_message(cloud: Cloud) -> None:
    url = a_queue(cloud, DelaySeconds=10)
    send(cloud, url, "later")
    send(cloud, url, "now", DelaySeconds=0)
    send(cloud, url, "latest", DelaySeconds=900)
    assert counts(cloud, url) == (1, 0, 2)
    assert bodies(receive(cloud, url)) == ["now"]
    cloud.clock.advance(seconds=10)
    assert counts(cloud, url) == (1, 1, 1)
    later = receive(cloud, url)
    assert bodies(later) == ["later"]
    delete(cloud, url, later[0])
    cloud.clock.advance(seconds=890)
    assert sorted(bodies(receive(cloud, url))) == ["latest", "now"]


def test_counts_follow_a_message_through_its_life(cloud: Cloud) -> None:
    url = a_queue(cloud, VisibilityTimeout=30, holding=["a", "b", "c"])
    assert counts(cloud, url) == (3, 0, 0)
    first, second = receive(cloud, url, 2)
    assert counts(cloud, url) == (1, 2, 0)
    delete(cloud, url, first)
    assert counts(cloud, url) == (1, 1, 0)
    hide(cloud, url, second, 0)
    assert counts(cloud, url) == (2, 0, 0)
    receive(cloud, url, 2)
    assert counts(cloud, url) == (0, 2, 0)
    cloud.clock.advance(seconds=30)
    assert counts(cloud, url) == (2, 0, 0)


@pytest.mark.parametrize("delay", [-1, 901])
def test_a_delay_out_of_range_is_refused(cloud: Cloud, delay: int) -> None:
    url = a_queue(cloud)
    error = cloud.error("sqs", "SendMessage", QueueUrl=url, MessageBody="x", DelaySeconds=delay)
    assert error.text == (
        f"Value {delay} for parameter DelaySeconds is invalid. Reason: DelaySeconds must be >= 0 and <= 900."
    )
