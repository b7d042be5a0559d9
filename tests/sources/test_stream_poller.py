"""Streams into batches: order, retries, age, bisection, parallel lanes, restarts."""

from __future__ import annotations

from typing import Any

import pytest

from ballroom.kernel import Context, ServiceError
from ballroom.services.dynamodb.streams import reading
from ballroom.sources.stream_poller import Discarded, StreamPoller, StreamSource
from tests.cloud import Cloud
from tests.services.dynamodb.test_streams import put, table


class Consumer:
    """Notes what it is given; `fails` says which keys fail, and how often."""

    def __init__(self, cloud: Cloud, arn: str, *, partial: bool = False, fails: str = "", **settings: Any) -> None:
        self.cloud, self.partial, self.fails = cloud, partial, fails
        self.batches: list[str] = []
        self.discarded: list[tuple[str, str, int]] = []
        given = {"batch_size": 10, "starting_position": "TRIM_HORIZON", "consumer_id": "c", "consumer": "test"}
        self.source = StreamSource(arn=arn, **{**given, **settings})
        self.start()

    def start(self) -> None:
        async def begin() -> StreamPoller:
            return StreamPoller(self.cloud.kernel, self.source, self.work, self.discard)

        self.poller = self.cloud.run(begin())
        self.cloud.clock.settle()

    def stop(self) -> None:
        async def end() -> None:
            self.poller.stop()

        self.cloud.run(end())

    async def work(self, ctx: Context, records: list[dict[str, Any]]) -> int | None:
        keys = _keys(records)
        self.batches.append(keys)
        bad = [n for n, key in enumerate(keys) if key in self.fails]
        if bad and self.partial:
            return bad[0]
        if bad:
            raise ServiceError.of("Failed", "no", status=400)
        return None

    def discard(self, ctx: Context, told: Discarded) -> None:
        self.discarded.append((_keys(told.records), told.condition, told.attempts))


def _keys(records: list[dict[str, Any]]) -> str:
    return "".join(record["dynamodb"]["Keys"]["id"]["S"] for record in records)


def fill(cloud: Cloud, keys: str) -> None:
    for key in keys:
        put(cloud, key)
    cloud.clock.settle()


def test_records_come_in_order_and_as_they_happen(cloud: Cloud) -> None:
    arn = table(cloud)
    fill(cloud, "abc")
    consumer = Consumer(cloud, arn, batch_size=2)
    fill(cloud, "d")
    assert "".join(consumer.batches) == "abcd"
    assert all(len(batch) <= 2 for batch in consumer.batches)


def test_latest_begins_with_what_comes_next(cloud: Cloud) -> None:
    arn = table(cloud)
    fill(cloud, "abc")
    consumer = Consumer(cloud, arn, starting_position="LATEST")
    fill(cloud, "de")
    assert "".join(consumer.batches) == "de"


def test_a_window_gathers(cloud: Cloud) -> None:
    arn = table(cloud)
    consumer = Consumer(cloud, arn, window_s=60)
    fill(cloud, "a")
    cloud.clock.advance(seconds=59)
    fill(cloud, "b")
    assert consumer.batches == []
    cloud.clock.advance(seconds=1)
    assert consumer.batches == ["ab"]


def test_a_failing_batch_holds_up_the_stream_until_it_is_given_up(cloud: Cloud) -> None:
    arn = table(cloud)
    consumer = Consumer(cloud, arn, batch_size=1, retries=2, fails="b")
    fill(cloud, "abc")
    assert consumer.batches == ["a", "b"]
    cloud.clock.advance(minutes=1)
    assert consumer.batches == ["a", "b", "b", "b", "c"]
    assert consumer.discarded == [("b", "RetryAttemptsExhausted", 3)]


def test_without_a_limit_a_batch_is_tried_until_it_succeeds(cloud: Cloud) -> None:
    arn = table(cloud)
    consumer = Consumer(cloud, arn, fails="a")
    fill(cloud, "a")
    cloud.clock.advance(hours=1)
    assert len(consumer.batches) > 20
    consumer.fails = ""
    cloud.clock.advance(minutes=2)
    fill(cloud, "b")
    assert consumer.batches[-1] == "b"
    assert consumer.discarded == []


def test_records_that_are_too_old_are_given_up(cloud: Cloud) -> None:
    arn = table(cloud)
    consumer = Consumer(cloud, arn, age_s=60, fails="a")
    fill(cloud, "a")
    cloud.clock.advance(minutes=5)
    fill(cloud, "b")
    assert consumer.batches[-1] == "b"
    [(keys, condition, _)] = consumer.discarded
    assert (keys, condition) == ("a", "RecordAgeExceeded")


def test_a_partial_failure_goes_on_from_the_record_that_failed(cloud: Cloud) -> None:
    arn = table(cloud)
    fill(cloud, "abcd")
    consumer = Consumer(cloud, arn, partial=True, fails="c", retries=1)
    cloud.clock.advance(minutes=1)
    assert consumer.batches == ["abcd", "cd", "cd"]
    assert consumer.discarded == [("cd", "RetryAttemptsExhausted", 2)]


def test_bisection_isolates_the_record_that_fails(cloud: Cloud) -> None:
    arn = table(cloud)
    fill(cloud, "abcd")
    consumer = Consumer(cloud, arn, bisects=True, fails="c", retries=1)
    cloud.clock.advance(minutes=5)
    assert consumer.discarded[0][0] == "c"
    assert consumer.batches[:3] == ["abcd", "ab", "cd"]
    assert consumer.batches[-1] == "d"


def test_lanes_keep_the_order_of_each_item(cloud: Cloud) -> None:
    arn = table(cloud)
    for n in range(3):
        for key in "abcdefgh":
            put(cloud, key, n={"N": str(n)})
    consumer = Consumer(cloud, arn, parallelization=4, batch_size=5)
    assert sorted("".join(consumer.batches)) == sorted("abcdefgh" * 3)
    assert len(consumer.batches) > 3


def test_a_restart_goes_on_behind_what_was_done(durable_cloud: Cloud) -> None:
    cloud = durable_cloud
    arn = table(cloud)
    consumer = Consumer(cloud, arn)
    fill(cloud, "ab")
    cloud.reopen()
    consumer.start()
    fill(cloud, "c")
    assert "".join(consumer.batches) == "abc"


def test_a_stopped_consumer_goes_on_where_it_was(cloud: Cloud) -> None:
    arn = table(cloud)
    consumer = Consumer(cloud, arn, starting_position="LATEST")
    fill(cloud, "a")
    consumer.stop()
    fill(cloud, "b")
    consumer.start()
    assert "".join(consumer.batches) == "ab"


def test_a_stream_that_ends_is_read_to_its_end(cloud: Cloud) -> None:
    arn = table(cloud)
    consumer = Consumer(cloud, arn)
    fill(cloud, "a")
    cloud.dynamodb("UpdateTable", TableName="cars", StreamSpecification={"StreamEnabled": False})
    cloud.clock.settle()
    assert consumer.batches == ["a"]
    assert consumer.poller.task.done()


def test_a_stream_that_is_gone_is_not_looked_for_again(cloud: Cloud) -> None:
    arn = table(cloud)
    cloud.dynamodb("DeleteTable", TableName="cars")
    cloud.clock.advance(hours=26)
    assert Consumer(cloud, arn).poller.task.done()


def test_a_consumer_whose_place_was_trimmed_misses_nothing_that_is_left(cloud: Cloud) -> None:
    arn = table(cloud)
    consumer = Consumer(cloud, arn, starting_position="LATEST")
    fill(cloud, "a")
    consumer.stop()
    fill(cloud, "b")
    cloud.clock.advance(hours=26)
    fill(cloud, "c")
    consumer.start()
    cloud.clock.advance(seconds=11)
    assert "".join(consumer.batches) == "ac"


def test_an_idle_consumer_looks_seldom(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    arn = table(cloud)
    consumer = Consumer(cloud, arn)
    looks: list[int] = []
    read = reading.read

    def counted(*given: Any) -> dict[str, Any]:
        looks.append(cloud.clock.now_ms)
        return read(*given)

    monkeypatch.setattr(reading, "read", counted)
    cloud.clock.advance(days=1)
    assert len(looks) < 100
    fill(cloud, "a")
    assert consumer.batches == ["a"]
