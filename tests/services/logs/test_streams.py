from __future__ import annotations

import pytest
from tests.cloud import Cloud
from tests.services.logs.helpers import GROUP, a_group, a_stream, found, put


@pytest.fixture(autouse=True)
def _group(cloud: Cloud) -> None:
    a_group(cloud)


def listed(cloud: Cloud, **more: object) -> list[str]:
    """The names of all pages."""
    names: list[str] = []
    answer = cloud.logs("DescribeLogStreams", logGroupName=GROUP, **more)
    while True:
        names += [stream["logStreamName"] for stream in answer["logStreams"]]
        if "nextToken" not in answer:
            return names
        answer = cloud.logs("DescribeLogStreams", logGroupName=GROUP, nextToken=answer["nextToken"], **more)


def test_an_empty_stream_reads_back_without_times(cloud: Cloud) -> None:
    a_stream(cloud, "s")
    (stream,) = cloud.logs("DescribeLogStreams", logGroupIdentifier=GROUP)["logStreams"]
    assert stream == {
        "logStreamName": "s", "creationTime": cloud.clock.now_ms, "storedBytes": 0,
        "arn": "arn:aws:logs:us-east-1:000000000000:log-group:/app:log-stream:s",
    }  # fmt: skip


def test_a_stream_knows_its_first_and_last_event(cloud: Cloud) -> None:
    a_stream(cloud, "s")
    now = cloud.clock.now_ms
    put(cloud, "s", (5, "b"), (9, "c"))
    put(cloud, "s", (1, "a"))
    (stream,) = cloud.logs("DescribeLogStreams", logGroupName=GROUP)["logStreams"]
    assert stream["firstEventTimestamp"] == now + 1
    assert stream["lastEventTimestamp"] == now + 9
    assert stream["lastIngestionTime"] == now


@pytest.mark.parametrize("limit", [1, 2, 50])
def test_streams_are_listed_by_name_both_ways(cloud: Cloud, limit: int) -> None:
    for name in ("b1", "a", "b\n2", "b3", "c"):
        a_stream(cloud, name)
    assert listed(cloud, limit=limit) == ["a", "b\n2", "b1", "b3", "c"]
    assert listed(cloud, limit=limit, descending=True) == ["c", "b3", "b1", "b\n2", "a"]
    assert listed(cloud, limit=limit, logStreamNamePrefix="b") == ["b\n2", "b1", "b3"]
    assert listed(cloud, limit=limit, logStreamNamePrefix="b", descending=True) == ["b3", "b1", "b\n2"]


@pytest.mark.parametrize("limit", [1, 2, 3, 50])
def test_streams_are_listed_by_their_last_event_both_ways(cloud: Cloud, limit: int) -> None:
    for name, last in {"new": 30, "old": 10, "mid": 20}.items():
        a_stream(cloud, name)
        put(cloud, name, (0, "x"), (last, "y"))
    a_stream(cloud, "empty1")
    a_stream(cloud, "empty2")
    order = {"orderBy": "LastEventTime", "limit": limit}
    assert listed(cloud, **order, descending=True) == ["new", "mid", "old", "empty1", "empty2"]
    assert listed(cloud, **order) == ["empty1", "empty2", "old", "mid", "new"]


def test_an_order_by_last_event_excludes_a_prefix(cloud: Cloud) -> None:
    error = cloud.error(
        "logs", "DescribeLogStreams", logGroupName=GROUP, orderBy="LastEventTime", logStreamNamePrefix="a"
    )
    assert error.text == "Cannot order by LastEventTime with a logStreamNamePrefix."


def test_a_deleted_stream_takes_its_events_along(cloud: Cloud) -> None:
    a_stream(cloud, "s", "x")
    a_stream(cloud, "t", "y")
    cloud.logs("DeleteLogStream", logGroupName=GROUP, logStreamName="s")
    assert found(cloud) == ["y"]
    a_stream(cloud, "s")
    cloud.clock.advance(seconds=1)
    assert found(cloud) == ["y"]
    assert cloud.logs("DescribeLogGroups")["logGroups"][0]["storedBytes"] == 27


def test_a_stream_is_created_once(cloud: Cloud) -> None:
    a_stream(cloud, "s")
    error = cloud.error("logs", "CreateLogStream", logGroupName=GROUP, logStreamName="s")
    assert error.shape == "ResourceAlreadyExistsException"
    assert error.text == "The specified log stream already exists"
