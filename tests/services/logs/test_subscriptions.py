from __future__ import annotations

import base64
import gzip
from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from tests.cloud import Cloud
from tests.services.logs.helpers import GROUP, a_group, a_stream, put

from ballroom.kernel import Context, registry
from ballroom.kernel.registry import Operation

FUNCTION = "arn:aws:lambda:us-east-1:000000000000:function:sink"
Received = list[dict[str, Any]]


@pytest.fixture
def received(cloud: Cloud) -> Iterator[Received]:
    """What a function that subscribes is handed; lambda itself is replaced by two operations."""
    batches: Received = []

    async def invoke(ctx: Context, request: dict[str, Any]) -> dict[str, Any]:
        assert (request["FunctionName"], request["InvocationType"]) == (FUNCTION, "Event")
        data = orjson.loads(request["Payload"])["awslogs"]["data"]
        batches.append(orjson.loads(gzip.decompress(base64.b64decode(data))))
        return {"StatusCode": 202}

    def configuration(tx: object, request: dict[str, Any]) -> dict[str, Any]:
        return {"FunctionArn": request["FunctionName"]}

    kept = {name: registry.operations.get(("lambda", name)) for name in ("Invoke", "GetFunctionConfiguration")}
    registry.operations["lambda", "Invoke"] = Operation("lambda", "Invoke", invoke, True, True)
    registry.operations["lambda", "GetFunctionConfiguration"] = Operation(
        "lambda", "GetFunctionConfiguration", configuration, False, True
    )
    yield batches
    for name, operation in kept.items():
        if operation is None:
            del registry.operations["lambda", name]
        else:
            registry.operations["lambda", name] = operation


def subscribe(cloud: Cloud, name: str = "f", pattern: str = "", **more: Any) -> None:
    cloud.logs(
        "PutSubscriptionFilter",
        **{"logGroupName": GROUP, "filterName": name, "filterPattern": pattern},
        **{"destinationArn": FUNCTION, **more},
    )


def test_a_function_gets_what_matches(cloud: Cloud, received: Received) -> None:
    a_group(cloud)
    a_stream(cloud, "s")
    subscribe(cloud, pattern="{ $.level = ERROR }")
    now = cloud.clock.now_ms
    put(cloud, "s", (0, '{"level": "ERROR"}'), (1, "fine"))
    cloud.clock.settle()
    (batch,) = received
    (event,) = batch.pop("logEvents")
    assert batch == {
        "messageType": "DATA_MESSAGE", "owner": "000000000000", "logGroup": GROUP, "logStream": "s",
        "subscriptionFilters": ["f"],
    }  # fmt: skip
    assert (event["timestamp"], event["message"]) == (now, '{"level": "ERROR"}')
    found = cloud.logs("FilterLogEvents", logGroupName=GROUP)["events"]
    assert event["id"] == found[0]["eventId"]


def test_batches_of_a_stream_arrive_in_order(cloud: Cloud, received: Received) -> None:
    a_group(cloud)
    a_stream(cloud, "s")
    subscribe(cloud)
    for n in range(20):
        put(cloud, "s", (n, str(n)))
    cloud.clock.settle()
    messages = [event["message"] for batch in received for event in batch["logEvents"]]
    assert messages == [str(n) for n in range(20)]


def test_a_filter_reads_back_and_can_be_replaced_and_deleted(cloud: Cloud, received: Received) -> None:
    a_group(cloud)
    subscribe(cloud)
    subscribe(cloud, pattern="[]")
    (found,) = cloud.logs("DescribeSubscriptionFilters", logGroupName=GROUP)["subscriptionFilters"]
    assert found == {
        "filterName": "f", "logGroupName": GROUP, "filterPattern": "[]", "destinationArn": FUNCTION,
        "distribution": "ByLogStream", "creationTime": cloud.clock.now_ms, "applyOnTransformedLogs": False,
    }  # fmt: skip
    cloud.logs("DeleteSubscriptionFilter", logGroupName=GROUP, filterName="f")
    assert cloud.logs("DescribeSubscriptionFilters", logGroupName=GROUP)["subscriptionFilters"] == []


def test_a_group_has_two_subscriptions_at_most(cloud: Cloud, received: Received) -> None:
    a_group(cloud)
    subscribe(cloud, "a")
    subscribe(cloud, "b")
    error = cloud.error(
        "logs", "PutSubscriptionFilter", logGroupName=GROUP, filterName="c", filterPattern="",
        destinationArn=FUNCTION,
    )  # fmt: skip
    assert (error.shape, error.text) == ("LimitExceededException", "Resource limit exceeded.")


@pytest.mark.parametrize(
    ("destination", "text"),
    [
        ("arn:aws:kinesis:us-east-1:000000000000:stream/s", "Could not deliver test message"),
        ("arn:aws:lambda:us-east-1:000000000000:function:no", "Could not execute the lambda function."),
        ("arn:aws:sqs:us-east-1:000000000000:q", "cannot work with destinationArn for vendor sqs"),
    ],
)
def test_a_destination_that_cannot_be_reached_is_refused(cloud: Cloud, destination: str, text: str) -> None:
    a_group(cloud)
    error = cloud.error(
        "logs", "PutSubscriptionFilter", logGroupName=GROUP, filterName="c", filterPattern="",
        destinationArn=destination,
    )  # fmt: skip
    assert error.shape == "InvalidParameterException"
    assert text in error.text
