"""Streams: every change of an item, in order, for a day."""

from __future__ import annotations

from typing import Any

import pytest
from tests.cloud import Cloud

from ballroom.kernel.store.shard import Shard

DAY_MS = 86_400_000


def table(cloud: Cloud, view: str = "NEW_AND_OLD_IMAGES", name: str = "cars") -> str:
    cloud.dynamodb(
        "CreateTable", TableName=name, BillingMode="PAY_PER_REQUEST",
        StreamSpecification={"StreamEnabled": True, "StreamViewType": view},
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
    )  # fmt: skip
    cloud.clock.settle()
    return str(cloud.dynamodb("DescribeTable", TableName=name)["Table"]["LatestStreamArn"])


def put(cloud: Cloud, key: str, **attributes: Any) -> None:
    cloud.dynamodb("PutItem", TableName="cars", Item={"id": {"S": key}, **attributes})


def delete(cloud: Cloud, key: str) -> None:
    cloud.dynamodb("DeleteItem", TableName="cars", Key={"id": {"S": key}})


def shard(cloud: Cloud, arn: str) -> str:
    [found] = cloud.dynamodbstreams("DescribeStream", StreamArn=arn)["StreamDescription"]["Shards"]
    return str(found["ShardId"])


def iterator(cloud: Cloud, arn: str, kind: str = "TRIM_HORIZON", **more: Any) -> str:
    request = {"StreamArn": arn, "ShardId": shard(cloud, arn), "ShardIteratorType": kind, **more}
    return str(cloud.dynamodbstreams("GetShardIterator", **request)["ShardIterator"])


def records(cloud: Cloud, arn: str, kind: str = "TRIM_HORIZON", **more: Any) -> list[dict[str, Any]]:
    place = iterator(cloud, arn, kind, **more)
    found: list[dict[str, Any]] = cloud.dynamodbstreams("GetRecords", ShardIterator=place)["Records"]
    return found


def keys_of(found: list[dict[str, Any]]) -> str:
    return "".join(record["dynamodb"]["Keys"]["id"]["S"] for record in found)


def test_each_change_is_a_record_with_its_images(cloud: Cloud) -> None:
    arn = table(cloud)
    now = cloud.clock.now_ms // 1000 * 1000
    put(cloud, "a", n={"N": "1"}, b={"B": b"x"})
    put(cloud, "a", n={"N": "2"})
    delete(cloud, "a")
    made, changed, gone = records(cloud, arn)
    assert made.pop("eventID")
    assert made == {
        "eventName": "INSERT", "eventVersion": "1.1", "eventSource": "aws:dynamodb", "awsRegion": "us-east-1",
        "dynamodb": {
            "ApproximateCreationDateTime": now, "Keys": {"id": {"S": "a"}}, "SequenceNumber": "1" + "0" * 19 + "1",
            "NewImage": {"id": {"S": "a"}, "n": {"N": "1"}, "b": {"B": b"x"}}, "SizeBytes": 11,
            "StreamViewType": "NEW_AND_OLD_IMAGES",
        },
    }  # fmt: skip
    assert changed["eventName"] == "MODIFY"
    assert changed["dynamodb"]["OldImage"]["n"] == {"N": "1"}
    assert changed["dynamodb"]["NewImage"] == {"id": {"S": "a"}, "n": {"N": "2"}}
    assert gone["eventName"] == "REMOVE"
    assert "NewImage" not in gone["dynamodb"]
    assert gone["dynamodb"]["OldImage"] == {"id": {"S": "a"}, "n": {"N": "2"}}


def test_what_changes_nothing_leaves_no_record(cloud: Cloud) -> None:
    arn = table(cloud)
    put(cloud, "a", n={"N": "1"})
    put(cloud, "a", n={"N": "1.0"})
    delete(cloud, "b")
    assert len(records(cloud, arn)) == 1


def test_the_order_of_attributes_and_of_a_sets_elements_is_no_change(cloud: Cloud) -> None:
    arn = table(cloud)
    put(cloud, "a", n={"N": "1"}, s={"L": [{"SS": ["x", "y"]}]})
    put(cloud, "a", s={"L": [{"SS": ["y", "x"]}]}, n={"N": "1"})
    put(cloud, "a", s={"L": [{"SS": ["y", "z"]}]}, n={"N": "1"})
    assert [record["eventName"] for record in records(cloud, arn)] == ["INSERT", "MODIFY"]


@pytest.mark.parametrize(
    ("view", "images"),
    [
        ("KEYS_ONLY", set()), ("NEW_IMAGE", {"NewImage"}), ("OLD_IMAGE", {"OldImage"}),
        ("NEW_AND_OLD_IMAGES", {"NewImage", "OldImage"}),
    ],
)  # fmt: skip
def test_the_view_says_which_images_there_are(cloud: Cloud, view: str, images: set[str]) -> None:
    arn = table(cloud, view)
    put(cloud, "a", n={"N": "1"})
    put(cloud, "a", n={"N": "2"})
    assert {"NewImage", "OldImage"} & records(cloud, arn)[1]["dynamodb"].keys() == images


def test_a_transaction_that_fails_leaves_no_record(cloud: Cloud) -> None:
    arn = table(cloud)
    put(cloud, "a")
    check = {"TableName": "cars", "Key": {"id": {"S": "a"}}, "ConditionExpression": "attribute_not_exists(id)"}
    write = {"TableName": "cars", "Item": {"id": {"S": "b"}}}
    cloud.error("dynamodb", "TransactWriteItems", TransactItems=[{"Put": write}, {"ConditionCheck": check}])
    put(cloud, "c")
    assert keys_of(records(cloud, arn)) == "ac"


def test_iterators_stand_where_they_were_asked_to(cloud: Cloud) -> None:
    arn = table(cloud)
    for key in "abc":
        put(cloud, key)
        cloud.clock.advance(minutes=1)
    sequence = records(cloud, arn)[1]["dynamodb"]["SequenceNumber"]
    assert keys_of(records(cloud, arn, "TRIM_HORIZON")) == "abc"
    assert keys_of(records(cloud, arn, "LATEST")) == ""
    assert keys_of(records(cloud, arn, "AT_SEQUENCE_NUMBER", SequenceNumber=sequence)) == "bc"
    assert keys_of(records(cloud, arn, "AFTER_SEQUENCE_NUMBER", SequenceNumber=sequence)) == "c"
    assert keys_of(records(cloud, arn, "AT_TIMESTAMP", Timestamp=cloud.clock.now_ms - 61_000)) == "c"


def test_records_come_in_pages_and_an_open_stream_goes_on(cloud: Cloud) -> None:
    arn = table(cloud)
    for key in "abc":
        put(cloud, key)
    first = cloud.dynamodbstreams("GetRecords", ShardIterator=iterator(cloud, arn), Limit=2)
    assert len(first["Records"]) == 2
    second = cloud.dynamodbstreams("GetRecords", ShardIterator=first["NextShardIterator"])
    assert len(second["Records"]) == 1
    put(cloud, "d")
    third = cloud.dynamodbstreams("GetRecords", ShardIterator=second["NextShardIterator"])
    assert keys_of(third["Records"]) == "d"


def test_an_iterator_expires_and_hostile_ones_are_refused(cloud: Cloud) -> None:
    arn = table(cloud)
    found = iterator(cloud, arn)
    cloud.clock.advance(minutes=16)
    error = cloud.error("dynamodbstreams", "GetRecords", ShardIterator=found)
    assert (error.shape, error.text) == ("ExpiredIteratorException", "Iterator expired")
    for junk in ("x", "AAAA", "é", "a" * 2048, "kw=="):
        assert cloud.error("dynamodbstreams", "GetRecords", ShardIterator=junk).shape == "ValidationException"
    for sequence in ("9" * 40, "x" * 21):
        error = cloud.error(
            "dynamodbstreams", "GetShardIterator", StreamArn=arn, ShardId=shard(cloud, arn),
            ShardIteratorType="AT_SEQUENCE_NUMBER", SequenceNumber=sequence,
        )  # fmt: skip
        assert error.shape == "ValidationException"


def test_records_are_there_for_a_day(cloud: Cloud) -> None:
    arn = table(cloud)
    put(cloud, "a")
    old = records(cloud, arn)[0]["dynamodb"]["SequenceNumber"]
    cloud.clock.advance(ms=DAY_MS + 2 * 3_600_000)
    put(cloud, "b")
    assert keys_of(records(cloud, arn)) == "b"
    error = cloud.error(
        "dynamodbstreams", "GetShardIterator", StreamArn=arn, ShardId=shard(cloud, arn),
        ShardIteratorType="AT_SEQUENCE_NUMBER", SequenceNumber=old,
    )  # fmt: skip
    assert error.shape == "TrimmedDataAccessException"


def test_numbers_go_on_after_everything_was_trimmed_and_the_server_restarted(durable_cloud: Cloud) -> None:
    cloud = durable_cloud
    arn = table(cloud)
    put(cloud, "a")
    first = records(cloud, arn)[0]["dynamodb"]["SequenceNumber"]
    cloud.clock.advance(ms=2 * DAY_MS)
    cloud.reopen()
    put(cloud, "b")
    assert int(records(cloud, arn)[0]["dynamodb"]["SequenceNumber"]) == int(first) + 1


def test_a_disabled_stream_ends_and_stays_readable_for_a_day(cloud: Cloud) -> None:
    arn = table(cloud)
    put(cloud, "a")
    cloud.dynamodb("UpdateTable", TableName="cars", StreamSpecification={"StreamEnabled": False})
    put(cloud, "b")
    described = cloud.dynamodbstreams("DescribeStream", StreamArn=arn)["StreamDescription"]
    assert described["StreamStatus"] == "DISABLED"
    assert "EndingSequenceNumber" in described["Shards"][0]["SequenceNumberRange"]
    answer = cloud.dynamodbstreams("GetRecords", ShardIterator=iterator(cloud, arn))
    assert len(answer["Records"]) == 1
    assert "NextShardIterator" not in answer
    cloud.clock.advance(ms=2 * DAY_MS)
    assert cloud.error("dynamodbstreams", "DescribeStream", StreamArn=arn).shape == "ResourceNotFoundException"


@pytest.mark.parametrize("keys", ["", "a"])
def test_a_stream_ends_with_its_last_record_whatever_was_taken_back_after(cloud: Cloud, keys: str) -> None:
    arn = table(cloud)
    for key in keys:
        put(cloud, key)
    check = {"TableName": "cars", "Key": {"id": {"S": "none"}}, "ConditionExpression": "attribute_exists(id)"}
    write = {"TableName": "cars", "Item": {"id": {"S": "b"}}}
    cloud.error("dynamodb", "TransactWriteItems", TransactItems=[{"Put": write}, {"ConditionCheck": check}])
    cloud.dynamodb("UpdateTable", TableName="cars", StreamSpecification={"StreamEnabled": False})
    answer = cloud.dynamodbstreams("GetRecords", ShardIterator=iterator(cloud, arn))
    assert keys_of(answer["Records"]) == keys
    assert "NextShardIterator" not in answer


def test_a_deleted_tables_stream_stays_readable_for_a_day(cloud: Cloud) -> None:
    arn = table(cloud)
    put(cloud, "a")
    cloud.dynamodb("DeleteTable", TableName="cars")
    cloud.clock.advance(seconds=1)
    other = table(cloud)
    assert (len(records(cloud, arn)), len(records(cloud, other))) == (1, 0)
    listed = cloud.dynamodbstreams("ListStreams", TableName="cars")["Streams"]
    assert [stream["StreamArn"] for stream in listed] == [arn, other]


def test_streams_are_listed_in_pages(cloud: Cloud) -> None:
    for name in ("one", "two", "three"):
        table(cloud, name=name)
    first = cloud.dynamodbstreams("ListStreams", Limit=2)
    assert [s["TableName"] for s in first["Streams"]] == ["one", "three"]
    last = cloud.dynamodbstreams("ListStreams", ExclusiveStartStreamArn=first["LastEvaluatedStreamArn"])
    assert [s["TableName"] for s in last["Streams"]] == ["two"]


def test_streams_of_one_moment_are_told_apart(cloud: Cloud) -> None:
    first = table(cloud)
    put(cloud, "a")
    cloud.dynamodb("UpdateTable", TableName="cars", StreamSpecification={"StreamEnabled": False})
    view = {"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"}
    told = cloud.dynamodb("UpdateTable", TableName="cars", StreamSpecification=view)["TableDescription"]
    put(cloud, "b")
    cloud.dynamodb("DeleteTable", TableName="cars")
    third = table(cloud)
    arns = [first, told["LatestStreamArn"], third]
    assert [keys_of(records(cloud, arn)) for arn in arns] == ["a", "b", ""]


@pytest.mark.parametrize(
    ("operation", "given", "most"),
    [("ListStreams", {}, 100), ("DescribeStream", {"StreamArn": "x" * 40}, 100),
     ("GetRecords", {"ShardIterator": "x"}, 1000)],
)  # fmt: skip
def test_a_limit_has_a_limit(cloud: Cloud, operation: str, given: dict[str, Any], most: int) -> None:
    error = cloud.error("dynamodbstreams", operation, **given, Limit=most + 1)
    assert error.shape == "ValidationException"
    assert error.text == (
        f"1 validation error detected: Value '{most + 1}' at 'limit' failed to satisfy constraint: "
        f"Member must have value less than or equal to {most}"
    )


def test_a_stream_without_a_record_ends_where_it_began(cloud: Cloud) -> None:
    arn = table(cloud)
    cloud.dynamodb("UpdateTable", TableName="cars", StreamSpecification={"StreamEnabled": False})
    [ended] = cloud.dynamodbstreams("DescribeStream", StreamArn=arn)["StreamDescription"]["Shards"]
    numbers = ended["SequenceNumberRange"]
    assert numbers["StartingSequenceNumber"] == numbers["EndingSequenceNumber"]


def test_large_records_are_read_and_trimmed_a_megabyte_at_a_time(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    arn = table(cloud)
    for n in range(20):
        put(cloud, str(n % 10), large={"S": "x" * 390_000}, n={"N": str(n)})
    rows: list[int] = []
    scan = Shard.scan

    def counted(*given: Any) -> list[Any]:
        found = scan(*given)
        rows.append(len(found))
        return found

    monkeypatch.setattr(Shard, "scan", counted)
    place = iterator(cloud, arn)
    pages = []
    rows.clear()
    while True:
        page = cloud.dynamodbstreams("GetRecords", ShardIterator=place)
        if not page["Records"]:
            break
        pages.append(keys_of(page["Records"]))
        place = page["NextShardIterator"]
    assert "".join(pages) == "01234567890123456789"
    assert max(rows) <= 3
    rows.clear()
    cloud.clock.advance(ms=DAY_MS + 2 * 3_600_000)
    assert max(rows) <= 3
    assert records(cloud, arn) == []
