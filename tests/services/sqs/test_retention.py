from __future__ import annotations

import pytest
from tests.cloud import Cloud
from tests.services.sqs.helpers import a_queue, bodies, counts, delete, hide, receive, send

NAMES = ["q", "q.fifo"]


@pytest.mark.parametrize("name", NAMES)
def test_a_message_expires_when_its_retention_period_is_over(cloud: Cloud, name: str) -> None:
    url = a_queue(cloud, name, MessageRetentionPeriod=60, holding=["old"])
    cloud.clock.advance(seconds=30)
    send(cloud, url, "new")
    cloud.clock.advance(ms=29_999)
    assert counts(cloud, url) == (2, 0, 0)
    cloud.clock.advance(ms=1)
    assert counts(cloud, url) == (1, 0, 0)
    assert bodies(receive(cloud, url)) == ["new"]


@pytest.mark.parametrize("name", NAMES)
def test_an_expired_message_is_never_delivered_even_before_it_is_swept(cloud: Cloud, name: str) -> None:
    url = a_queue(cloud, name, MessageRetentionPeriod=60, holding=["old"])
    receive(cloud, url, VisibilityTimeout=0)
    send(cloud, url, "also old")
    cloud.kernel.clock._frozen_ms += 60_000  # no timer fires
    assert receive(cloud, url) == []
    assert counts(cloud, url) == (0, 0, 0)


@pytest.mark.parametrize("name", NAMES)
def test_messages_in_flight_and_delayed_ones_expire_too(cloud: Cloud, name: str) -> None:
    url = a_queue(cloud, name, MessageRetentionPeriod=60, holding=["in flight", "given back"])
    message, back = receive(cloud, url, VisibilityTimeout=600)
    hide(cloud, url, back, 1)
    cloud.sqs("SetQueueAttributes", QueueUrl=url, Attributes={"DelaySeconds": "900"})
    send(cloud, url, "delayed")
    assert counts(cloud, url) == (0, 2, 1)
    cloud.clock.advance(seconds=60)
    assert counts(cloud, url) == (0, 0, 0)
    assert receive(cloud, url) == []
    delete(cloud, url, message)
    assert counts(cloud, url) == (0, 0, 0)


@pytest.mark.parametrize("name", NAMES)
def test_a_shorter_period_applies_to_stored_messages(cloud: Cloud, name: str) -> None:
    url = a_queue(cloud, name, holding=["x"])
    cloud.clock.advance(seconds=61)
    cloud.sqs("SetQueueAttributes", QueueUrl=url, Attributes={"MessageRetentionPeriod": "60"})
    cloud.clock.advance(ms=1)
    assert counts(cloud, url) == (0, 0, 0)


@pytest.mark.parametrize("name", NAMES)
def test_a_longer_period_applies_to_stored_messages(cloud: Cloud, name: str) -> None:
    url = a_queue(cloud, name, MessageRetentionPeriod=60, holding=["x"])
    cloud.clock.advance(seconds=50)
    cloud.sqs("SetQueueAttributes", QueueUrl=url, Attributes={"MessageRetentionPeriod": "120"})
    cloud.clock.advance(seconds=69)
    assert counts(cloud, url) == (1, 0, 0)
    cloud.clock.advance(seconds=1)
    assert counts(cloud, url) == (0, 0, 0)


@pytest.mark.parametrize("name", NAMES)
def test_many_messages_are_swept_in_slices(cloud: Cloud, name: str) -> None:
    url = a_queue(cloud, name, MessageRetentionPeriod=60, holding=[str(n) for n in range(450)])
    cloud.clock.advance(seconds=60)
    assert counts(cloud, url) == (0, 0, 0)
    send(cloud, url, "next")
    cloud.clock.advance(seconds=59)
    assert counts(cloud, url) == (1, 0, 0)
    cloud.clock.advance(seconds=1)
    assert counts(cloud, url) == (0, 0, 0)


def test_retention_does_not_make_a_skipping_clock_jump(cloud: Cloud) -> None:
    a_queue(cloud, holding=["x"])
    begun = cloud.clock.now_ms
    cloud.kernel.clock.auto_skip(True)
    cloud.clock.settle()
    assert cloud.clock.now_ms == begun


def test_an_idle_queue_has_no_housekeeping(cloud: Cloud) -> None:
    url = a_queue(cloud, MessageRetentionPeriod=60, holding=["x"])
    delete(cloud, url, receive(cloud, url)[0])
    cloud.clock.advance(minutes=10)
    commits = cloud.kernel.shard.sequence
    cloud.clock.advance(days=30)
    assert cloud.kernel.shard.sequence - commits <= 2
