"""Streams after any sequence of writes: what they tell, one after the other, makes the table."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.cloud import Cloud

from ballroom.kernel import ServiceError

from .tables import a_table, item, plains, scan, values

Items = dict[str, dict[str, Any]]
Write = tuple[str, list[tuple[str, bool, int, set[str]]]]
ones = st.tuples(st.sampled_from("abc"), st.booleans(), st.integers(0, 2), st.sampled_from([{"x"}, {"x", "y"}]))
writes = st.lists(
    st.tuples(
        st.sampled_from(["put", "update", "batch", "transact", "cancelled", "partiql", "expire"]),
        st.lists(ones, min_size=1, max_size=3, unique_by=lambda one: one[0]),
    ),
    max_size=10,
)
REFUSED = {"ConditionalCheckFailedException", "DuplicateItemException", "TransactionCanceledException"}


def attempt(cloud: Cloud, operation: str, **request: Any) -> None:
    """A write that may meet a condition."""
    try:
        cloud.dynamodb(operation, **request)
    except ServiceError as refused:
        if refused.shape not in REFUSED:
            raise


def carry_out(cloud: Cloud, model: Items, write: Write) -> None:
    """Write, and give what is expected to be there then."""
    kind, given = write
    if kind in ("batch", "transact", "cancelled"):
        asked: list[dict[str, Any]] = []
        for pk, deletes, n, s in given:
            if kind == "batch":
                one = {"DeleteRequest": {"Key": item(pk=pk)}} if deletes else put_request(pk, n, s)
            elif deletes:
                one = {"Delete": {"TableName": "tab", "Key": item(pk=pk)}}
            else:
                one = {"Put": {"TableName": "tab", "Item": item(pk=pk, n=n, s=s)}}
            asked.append(one)
        if kind == "batch":
            cloud.dynamodb("BatchWriteItem", RequestItems={"tab": asked})
        else:
            check = {"TableName": "tab", "Key": item(pk="z"), "ConditionExpression": "attribute_exists(pk)"}
            more = [{"ConditionCheck": check}] if kind == "cancelled" else []
            attempt(cloud, "TransactWriteItems", TransactItems=asked + more)
            if more:
                return
        for pk, deletes, n, s in given:
            model.pop(pk, None)
            if not deletes:
                model[pk] = {"pk": pk, "n": n, "s": s}
        return
    for pk, deletes, n, s in given:
        single(cloud, model, kind, pk, n, s, deletes=deletes)


def put_request(pk: str, n: int, s: set[str]) -> dict[str, Any]:
    return {"PutRequest": {"Item": item(pk=pk, n=n, s=s)}}


def single(cloud: Cloud, model: Items, kind: str, pk: str, n: int, s: set[str], *, deletes: bool) -> None:
    if kind == "expire":
        now_s = cloud.clock.now_ms // 1000
        cloud.dynamodb("PutItem", TableName="tab", Item=item(pk=pk, ttl=now_s + 5))
        cloud.clock.advance(seconds=10)
        model.pop(pk, None)
    elif kind == "partiql":
        statement = f"DELETE FROM tab WHERE pk='{pk}'" if deletes else f"UPDATE tab SET n={n} WHERE pk='{pk}'"
        attempt(cloud, "ExecuteStatement", Statement=statement)
        if deletes:
            model.pop(pk, None)
        elif pk in model:
            model[pk] = {**model[pk], "n": n}
    elif kind == "update":
        cloud.dynamodb(
            "UpdateItem", TableName="tab", Key=item(pk=pk),
            UpdateExpression="ADD s :s REMOVE n" if deletes else "ADD s :s SET n = :n",
            ExpressionAttributeValues=values(s=s) if deletes else values(s=s, n=n),
        )  # fmt: skip
        after = {**model.get(pk, {"pk": pk}), "n": n}
        after["s"] = after.get("s", set()) | s
        model[pk] = {name: one for name, one in after.items() if name != "n" or not deletes}
    elif deletes:
        cloud.dynamodb("DeleteItem", TableName="tab", Key=item(pk=pk))
        model.pop(pk, None)
    else:
        cloud.dynamodb("PutItem", TableName="tab", Item=item(s=s, n=n, pk=pk))
        model[pk] = {"pk": pk, "n": n, "s": s}


@settings(max_examples=40, deadline=None)
@given(writes)
def test_what_a_stream_tells_makes_the_table(sequence: list[Write]) -> None:
    cloud = Cloud()
    try:
        a_table(cloud, StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"})
        expiry = {"AttributeName": "ttl", "Enabled": True}
        cloud.dynamodb("UpdateTimeToLive", TableName="tab", TimeToLiveSpecification=expiry)
        model: Items = {}
        for write in sequence:
            carry_out(cloud, model, write)
        assert {found["pk"]: found for found in scan(cloud)} == model
        assert replayed(cloud) == model
    finally:
        cloud.close()


def replayed(cloud: Cloud) -> Items:
    """What the records make of nothing, each checked against what was there before it."""
    arn = cloud.dynamodb("DescribeTable", TableName="tab")["Table"]["LatestStreamArn"]
    described = cloud.dynamodbstreams("DescribeStream", StreamArn=arn)["StreamDescription"]
    shard = described["Shards"][0]["ShardId"]
    place = cloud.dynamodbstreams(
        "GetShardIterator", StreamArn=arn, ShardId=shard, ShardIteratorType="TRIM_HORIZON"
    )["ShardIterator"]
    found: Items = {}
    numbers = []
    while records := (page := cloud.dynamodbstreams("GetRecords", ShardIterator=place, Limit=7))["Records"]:
        for record in records:
            told = record["dynamodb"]
            pk = told["Keys"]["pk"]["S"]
            old, new = (plains(told[name]) if name in told else None for name in ("OldImage", "NewImage"))
            assert old == found.pop(pk, None)
            assert old != new
            assert record["eventName"] == ("INSERT" if old is None else "MODIFY" if new else "REMOVE")
            expired = new is None and old is not None and "ttl" in old
            assert ("userIdentity" in record) is (expired and old["ttl"] * 1000 <= cloud.clock.now_ms)
            if new is not None:
                found[pk] = new
            numbers.append(int(told["SequenceNumber"]))
        place = page["NextShardIterator"]
    assert numbers == sorted(set(numbers))
    return found
