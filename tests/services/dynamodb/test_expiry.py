"""Items that expire: deleted by the clock, on the service's own behalf."""

from __future__ import annotations

from typing import Any

import pytest
from tests.cloud import Cloud

from .tables import a_table, get, item, put, scan, update, values


def expiring(cloud: Cloud, **more: Any) -> None:
    """A table whose items expire by `at`."""
    a_table(cloud, **more)
    enable(cloud)


def enable(cloud: Cloud, attribute: str = "at", *, enabled: bool = True) -> None:
    cloud.dynamodb(
        "UpdateTimeToLive",
        TableName="tab",
        TimeToLiveSpecification={"AttributeName": attribute, "Enabled": enabled},
    )


def seconds(cloud: Cloud, later: float = 0) -> int:
    return int(cloud.clock.now_ms // 1000 + later)


def test_an_item_is_deleted_when_its_time_has_come(cloud: Cloud) -> None:
    expiring(cloud)
    put(cloud, pk="a", at=seconds(cloud, 60))
    put(cloud, pk="b", at=seconds(cloud, 3600))
    put(cloud, pk="c")
    cloud.clock.advance(seconds=58)
    assert get(cloud, pk="a")
    cloud.clock.advance(seconds=3)
    assert [found["pk"] for found in scan(cloud)] != []
    assert get(cloud, pk="a") is None
    assert get(cloud, pk="b") is not None
    cloud.clock.advance(days=30)
    assert [found["pk"] for found in scan(cloud)] == ["c"]


def test_an_item_that_is_written_expired_stays_for_a_minute(cloud: Cloud) -> None:
    expiring(cloud)
    put(cloud, pk="a", at=seconds(cloud, -1000))
    cloud.clock.settle()
    assert get(cloud, pk="a") is not None
    cloud.clock.advance(seconds=61)
    assert get(cloud, pk="a") is None


def test_a_new_time_is_the_one_that_counts(cloud: Cloud) -> None:
    expiring(cloud)
    for key in ("a", "b", "c"):
        put(cloud, pk=key, at=seconds(cloud, 60))
    later = values(t=seconds(cloud, 600))
    update(cloud, "SET #t = :t", later, ExpressionAttributeNames={"#t": "at"})
    update(cloud, "REMOVE #t", Key=item(pk="b"), ExpressionAttributeNames={"#t": "at"})
    cloud.clock.advance(seconds=100)
    assert sorted(found["pk"] for found in scan(cloud)) == ["a", "b"]
    cloud.clock.advance(seconds=600)
    assert [found["pk"] for found in scan(cloud)] == ["b"]


@pytest.mark.parametrize(
    "at",
    [
        {"S": "1000"},
        {"N": "-5"},
        {"N": "0"},
        {"N": "9.9E+125"},
        {"N": "1E-130"},
        {"L": [{"N": "1"}]},
        {"NULL": True},
    ],
)
def test_what_is_no_time_or_years_ago_never_expires(cloud: Cloud, at: dict[str, Any]) -> None:
    expiring(cloud)
    cloud.dynamodb("PutItem", TableName="tab", Item={"pk": {"S": "a"}, "at": at})
    cloud.clock.advance(days=400)
    assert get(cloud, pk="a") is not None


def test_an_item_that_expired_more_than_five_years_ago_stays(cloud: Cloud) -> None:
    expiring(cloud)
    year = 365 * 24 * 3600
    put(cloud, pk="old", at=seconds(cloud, -5 * year - 10))
    put(cloud, pk="new", at=seconds(cloud, -5 * year + 3600))
    cloud.clock.advance(seconds=120)
    assert [found["pk"] for found in scan(cloud)] == ["old"]


def test_the_items_that_were_there_expire_as_well(cloud: Cloud) -> None:
    a_table(cloud)
    for number in range(450):
        put(cloud, pk=f"{number:03}", at=seconds(cloud, 1000 + number % 7))
    enable(cloud)
    cloud.clock.advance(seconds=900)
    assert len(scan(cloud)) == 450
    cloud.clock.advance(seconds=200)
    assert scan(cloud) == []
    table = cloud.dynamodb("DescribeTable", TableName="tab")["Table"]
    assert (table["ItemCount"], table["TableSizeBytes"]) == (0, 0)


def test_nothing_expires_once_it_is_switched_off(cloud: Cloud) -> None:
    expiring(cloud)
    put(cloud, pk="a", at=seconds(cloud, 60))
    enable(cloud, enabled=False)
    cloud.clock.advance(seconds=100)
    assert get(cloud, pk="a") is not None
    enable(cloud, "other")
    cloud.clock.advance(seconds=100)
    assert get(cloud, pk="a") is not None


def test_the_stream_says_who_deleted_it_and_indexes_follow(cloud: Cloud) -> None:
    from .tables import index

    expiring(
        cloud,
        types={"g": "S"},
        GlobalSecondaryIndexes=[index("by-g", "g")],
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
    )
    put(cloud, pk="a", g="x", at=seconds(cloud, 60))
    cloud.clock.advance(seconds=61)
    assert cloud.dynamodb("Scan", TableName="tab", IndexName="by-g")["Count"] == 0
    arn = cloud.dynamodb("DescribeTable", TableName="tab")["Table"]["LatestStreamArn"]
    shard = cloud.dynamodbstreams("DescribeStream", StreamArn=arn)["StreamDescription"]["Shards"][0]
    iterator = cloud.dynamodbstreams(
        "GetShardIterator", StreamArn=arn, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
    )["ShardIterator"]
    put_record, removal = cloud.dynamodbstreams("GetRecords", ShardIterator=iterator)["Records"]
    assert "userIdentity" not in put_record
    assert removal["eventName"] == "REMOVE"
    assert removal["userIdentity"] == {"PrincipalId": "dynamodb.amazonaws.com", "Type": "Service"}
    assert removal["dynamodb"]["OldImage"]["g"] == {"S": "x"}


def test_many_items_that_expire_together_go_in_slices(cloud: Cloud) -> None:
    expiring(cloud)
    for number in range(130):
        put(cloud, pk=str(number), at=seconds(cloud, 60))
    cloud.clock.advance(seconds=61)
    assert scan(cloud) == []


def test_deletions_survive_a_restart(tmp_path: Any) -> None:
    cloud = Cloud(tmp_path)
    try:
        expiring(cloud)
        put(cloud, pk="a", at=seconds(cloud, 60))
        cloud.reopen()
        put(cloud, pk="b", at=seconds(cloud, 100))
        cloud.clock.advance(seconds=61)
        assert [found["pk"] for found in scan(cloud)] == ["b"]
        cloud.clock.advance(seconds=61)
        assert scan(cloud) == []
    finally:
        cloud.close()


def test_deletions_are_counted_and_cost_no_capacity(cloud: Cloud) -> None:
    expiring(cloud)
    cloud.clock.advance(ms=60_000 - cloud.clock.now_ms % 60_000 + 1)  # counts are those of a minute
    for key in ("a", "b"):
        put(cloud, pk=key, at=seconds(cloud, 30))
    before = capacity(cloud)
    cloud.clock.advance(seconds=31)
    assert capacity(cloud) == {**before, "TimeToLiveDeletedItemCount": 2.0}


def capacity(cloud: Cloud) -> dict[str, float]:
    """Sums by metric of this minute."""
    return {key[3]: point[1] for key, point in cloud.kernel.metrics.read().items() if key[2] == "AWS/DynamoDB"}


def test_what_is_deleted_or_made_anew_meanwhile_is_left_alone(cloud: Cloud) -> None:
    expiring(cloud)
    put(cloud, pk="a", at=seconds(cloud, 30))
    cloud.dynamodb("DeleteItem", TableName="tab", Key=item(pk="a"))
    put(cloud, pk="a")
    cloud.clock.advance(seconds=31)
    assert get(cloud, pk="a") == {"pk": "a"}
    cloud.dynamodb("DeleteTable", TableName="tab")
    expiring(cloud)
    put(cloud, pk="a")
    cloud.clock.advance(seconds=61)
    assert get(cloud, pk="a") == {"pk": "a"}
