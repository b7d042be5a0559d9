from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.cloud import Cloud
from tests.services.logs.helpers import GROUP, a_group, a_stream, found, get, put, search, texts

DAY = 24 * 3600 * 1000


@pytest.fixture(autouse=True)
def _group(cloud: Cloud) -> None:
    a_group(cloud)


def test_events_come_back_in_order_of_time(cloud: Cloud) -> None:
    a_stream(cloud, "s")
    put(cloud, "s", (10, "b"), (10, "c"), (20, "d"))
    put(cloud, "s", (5, "a"))
    assert texts(get(cloud, "s", startFromHead=True)) == ["a", "b", "c", "d"]


def test_the_newest_events_are_read_unless_asked_from_the_head(cloud: Cloud) -> None:
    a_stream(cloud, "s", "1", "2", "3", "4", "5")
    newest = get(cloud, "s", limit=2)
    assert texts(newest) == ["4", "5"]
    before = get(cloud, "s", limit=2, nextToken=newest["nextBackwardToken"])
    assert texts(before) == ["2", "3"]
    assert texts(get(cloud, "s", limit=2, nextToken=before["nextForwardToken"])) == ["4", "5"]


def test_the_token_at_either_end_is_the_one_passed(cloud: Cloud) -> None:
    a_stream(cloud, "s", "1", "2")
    token = get(cloud, "s", startFromHead=True)["nextForwardToken"]
    end = get(cloud, "s", nextToken=token)
    assert (texts(end), end["nextForwardToken"]) == ([], token)
    put(cloud, "s", (5, "3"))
    assert texts(get(cloud, "s", nextToken=token)) == ["3"]
    token = get(cloud, "s")["nextBackwardToken"]
    start = get(cloud, "s", nextToken=token)
    assert (texts(start), start["nextBackwardToken"]) == ([], token)


def test_an_empty_stream_can_be_followed(cloud: Cloud) -> None:
    a_stream(cloud, "s")
    token = get(cloud, "s")["nextForwardToken"]
    put(cloud, "s", (0, "first"))
    assert texts(get(cloud, "s", nextToken=token)) == ["first"]


def test_start_is_part_of_the_time_asked_for_and_end_is_not(cloud: Cloud) -> None:
    a_stream(cloud, "s", "1", "2", "3")
    now = cloud.clock.now_ms
    assert texts(get(cloud, "s", startTime=now + 1, endTime=now + 2)) == ["2"]
    assert found(cloud, startTime=now + 1, endTime=now + 2) == ["2", "3"]  # FilterLogEvents includes its end


@pytest.mark.parametrize("token", ["", "x", "f/12/s", "g/" + "0" * 56 + "/s"])
def test_other_tokens_are_refused(cloud: Cloud, token: str) -> None:
    a_stream(cloud, "s")
    error = cloud.error("logs", "GetLogEvents", logGroupName=GROUP, logStreamName="s", nextToken=token)
    assert error.shape == "InvalidParameterException"


def test_an_answer_holds_a_megabyte_at_most(cloud: Cloud) -> None:
    a_stream(cloud, "s")
    for n in range(3):
        put(cloud, "s", (n, str(n) * 500_000))
    first = get(cloud, "s", startFromHead=True)
    assert [text[0] for text in texts(first)] == ["0", "1"]
    assert [text[0] for text in texts(get(cloud, "s", nextToken=first["nextForwardToken"]))] == ["2"]
    assert [text[0] for text in found(cloud)] == ["0", "1", "2"]


def test_a_batch_out_of_order_is_refused(cloud: Cloud) -> None:
    a_stream(cloud, "s")
    now = cloud.clock.now_ms
    rows = [{"timestamp": now, "message": "a"}, {"timestamp": now - 1, "message": "b"}]
    error = cloud.error("logs", "PutLogEvents", logGroupName=GROUP, logStreamName="s", logEvents=rows)
    assert error.text == "Log events in a single PutLogEvents request must be in chronological order."


def test_a_batch_spans_a_day_at_most(cloud: Cloud) -> None:
    a_stream(cloud, "s")
    put(cloud, "s", (-DAY, "a"), (0, "b"))
    now = cloud.clock.now_ms
    rows = [{"timestamp": now - DAY - 1, "message": "a"}, {"timestamp": now, "message": "b"}]
    error = cloud.error("logs", "PutLogEvents", logGroupName=GROUP, logStreamName="s", logEvents=rows)
    assert "cannot span more than 24 hours" in error.text


def test_a_batch_is_a_megabyte_at_most_with_26_bytes_for_each_event(cloud: Cloud) -> None:
    a_stream(cloud, "s")
    fits = 1_048_576 - 26
    put(cloud, "s", (0, "x" * fits))
    now = cloud.clock.now_ms
    for messages in (["x" * (fits + 1)], ["é" * (fits // 2), "x"]):
        rows = [{"timestamp": now, "message": message} for message in messages]
        error = cloud.error("logs", "PutLogEvents", logGroupName=GROUP, logStreamName="s", logEvents=rows)
        assert "too large" in error.text


def test_events_too_old_or_too_new_are_left_out_and_told(cloud: Cloud) -> None:
    a_stream(cloud, "s")
    answer = put(cloud, "s", (-14 * DAY - 1, "old"), (-14 * DAY, "just"))
    assert answer["rejectedLogEventsInfo"] == {"tooOldLogEventEndIndex": 1}
    answer = put(cloud, "s", (2 * 3600_000, "soon"), (2 * 3600_000 + 1, "new"))
    assert answer["rejectedLogEventsInfo"] == {"tooNewLogEventStartIndex": 1}
    assert found(cloud) == ["just", "soon"]
    assert "rejectedLogEventsInfo" not in put(cloud, "s", (0, "now"))


def test_events_past_the_retention_are_left_out_and_told(cloud: Cloud) -> None:
    a_stream(cloud, "s")
    cloud.logs("PutRetentionPolicy", logGroupName=GROUP, retentionInDays=1)
    answer = put(cloud, "s", (-DAY - 1, "expired"), (-DAY, "just"))
    assert answer["rejectedLogEventsInfo"] == {"expiredLogEventEndIndex": 1}


def test_sequence_tokens_are_accepted_and_ignored(cloud: Cloud) -> None:
    a_stream(cloud, "s")
    rows = [{"timestamp": cloud.clock.now_ms, "message": "a"}]
    place = {"logGroupName": GROUP, "logStreamName": "s"}
    cloud.logs("PutLogEvents", **place, logEvents=rows, sequenceToken="whatever")
    assert found(cloud) == ["a"]


def test_missing_groups_and_streams_are_named(cloud: Cloud) -> None:
    rows = [{"timestamp": cloud.clock.now_ms, "message": "a"}]
    error = cloud.error("logs", "PutLogEvents", logGroupName=GROUP, logStreamName="s", logEvents=rows)
    assert error.shape == "ResourceNotFoundException"
    assert error.text == "The specified log stream does not exist."
    error = cloud.error("logs", "PutLogEvents", logGroupName="no", logStreamName="s", logEvents=rows)
    assert error.text == "The specified log group does not exist."


def test_a_group_knows_how_many_bytes_it_holds(cloud: Cloud) -> None:
    a_stream(cloud, "s", "abc", "dé")
    assert cloud.logs("DescribeLogGroups")["logGroups"][0]["storedBytes"] == 3 + 26 + 3 + 26


def test_streams_merge_by_time(cloud: Cloud) -> None:
    for stream, times in {"a": [1, 4], "b": [2, 5], "c": [3, 3]}.items():
        a_stream(cloud, stream)
        put(cloud, stream, *((ms, f"{stream}{ms}") for ms in times))
    assert found(cloud) == ["a1", "b2", "c3", "c3", "a4", "b5"]
    assert found(cloud, limit=1) == ["a1", "b2", "c3", "c3", "a4", "b5"]


def test_a_search_is_narrowed_to_streams(cloud: Cloud) -> None:
    for stream in ("web/1", "web/2", "db"):
        a_stream(cloud, stream, stream)
    assert sorted(found(cloud, logStreamNamePrefix="web/")) == ["web/1", "web/2"]
    assert found(cloud, logStreamNames=["db"]) == ["db"]
    missing = cloud.error("logs", "FilterLogEvents", logGroupName=GROUP, logStreamNames=["no"])
    assert missing.text == "The specified log stream does not exist."
    narrow = {"logStreamNames": ["db"], "logStreamNamePrefix": "w"}
    both = cloud.error("logs", "FilterLogEvents", logGroupName=GROUP, **narrow)
    assert both.shape == "InvalidParameterException"


def test_a_search_takes_a_filter_pattern(cloud: Cloud) -> None:
    a_stream(cloud, "s", '{"level": "ERROR", "ms": 12}', '{"level": "INFO", "ms": 40}', "ERROR plain")
    assert found(cloud, "{ $.ms > 20 }") == ['{"level": "INFO", "ms": 40}']
    assert found(cloud, "ERROR -ms") == ["ERROR plain"]
    error = cloud.error("logs", "FilterLogEvents", logGroupName=GROUP, filterPattern="{ $.ms }")
    assert (error.shape, error.text) == ("InvalidParameterException", "Invalid filter pattern")


def test_a_search_of_many_events_ends_in_pages_and_misses_none(cloud: Cloud) -> None:
    a_stream(cloud, "a", *(f"a{n}" for n in range(2000)))
    a_stream(cloud, "b", *(f"b{n}" for n in range(2000)))
    assert len(found(cloud, "1")) == sum("1" in str(n) for n in range(2000)) * 2
    assert len(found(cloud, limit=700)) == 4000


def test_a_search_that_finds_nothing_tells_its_end(cloud: Cloud) -> None:
    a_stream(cloud, "s", "x")
    assert search(cloud, filterPattern="nothing") == {"events": [], "searchedLogStreams": []}


def test_event_ids_are_unique_and_stay(cloud: Cloud) -> None:
    a_stream(cloud, "a", "x", "x")
    a_stream(cloud, "b", "x")
    ids = [event["eventId"] for event in search(cloud)["events"]]
    assert len(set(ids)) == 3
    assert all(len(event_id) == 56 and event_id.isdigit() for event_id in ids)
    assert ids == [event["eventId"] for event in search(cloud)["events"]]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    batches=st.lists(
        st.tuples(st.sampled_from("abc"), st.lists(st.integers(0, 6), min_size=1, max_size=4)), max_size=6
    ),
    limit=st.integers(1, 5),
)
def test_a_search_in_pages_is_the_sorted_whole(
    cloud: Cloud, batches: list[tuple[str, list[int]]], limit: int
) -> None:
    group = f"g{cloud.kernel.ids.hex(8)}"
    a_group(cloud, group)
    for stream in "abc":
        a_stream(cloud, stream, group=group)
    expected = []
    for stream, times in batches:
        put(cloud, stream, *((ms, f"{stream}{ms}") for ms in sorted(times)), group=group)
        expected += [(ms, f"{stream}{ms}") for ms in times]
    in_order = [text for _, text in sorted(expected)]
    assert found(cloud, logGroupName=group, limit=limit) == in_order
    assert found(cloud, logGroupName=group, limit=limit, startFromHead=False) == in_order[::-1]


def test_functions_output_needs_no_group_beforehand(cloud: Cloud) -> None:
    events = [{"timestamp": cloud.clock.now_ms + n, "message": f"line {n}\n"} for n in range(3)]
    append = {"logGroupName": "/aws/lambda/f", "logStreamName": "2026/01/01/[$LATEST]abc", "logEvents": events}
    for _ in range(2):
        cloud.transact(lambda tx: tx.call("logs", "Append", append))
    assert len(found(cloud, "%line [0-9]$%", logGroupName="/aws/lambda/f")) == 6


def test_events_survive_a_restart(durable_cloud: Cloud) -> None:
    a_group(durable_cloud)
    a_stream(durable_cloud, "s", "kept")
    durable_cloud.reopen()
    assert found(durable_cloud) == ["kept"]
