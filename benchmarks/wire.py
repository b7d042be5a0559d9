"""What does it cost to read, validate and answer a request, socket and service aside?

    python -m benchmarks.wire [--seconds 0.5]

CPU time of this thread, in µs for one request: the median of several rounds, each round going once through
all cases, with the spread between rounds. The goals are those of the project's budget for a request.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from typing import Any, NamedTuple

from ballroom.gateway import wire
from ballroom.kernel.model import load_service

ROUNDS = 9
HEADERS = [
    ("host", "127.0.0.1:4566"),
    ("user-agent", "Boto3/1.40.0 md/Botocore#1.40.0 ua/2.1 os/linux"),
    ("x-amz-date", "20240501T120000Z"),
    ("authorization", "AWS4-HMAC-SHA256 Credential=AKIA/20240501/us-east-1/sqs/aws4_request, Signature=0"),
]
QUEUE = "http://127.0.0.1:4566/000000000000/orders"
FORM_QUEUE = b"http%3A%2F%2F127.0.0.1%3A4566%2F000000000000%2Forders"


class Case(NamedTuple):
    """A request and its answer."""

    service: str
    operation: str
    protocol: str
    path: str
    body: bytes
    output: dict[str, Any]
    goal_us: float | None = None


MESSAGE = {
    "MessageId": "5fea7756-0ea4-451a-a703-a558b933e274",
    "MD5OfMessageBody": "5eb63bbbe01eeed093cb22bb8f5acdc3",
}
RECEIVED = [
    {
        "MessageId": MESSAGE["MessageId"],
        "ReceiptHandle": "h" * 180,
        "MD5OfBody": "5" * 32,
        "Body": "hello world",
    }
] * 10
CASES = [
    Case(
        *("sts", "GetCallerIdentity", "query", "/", b"Action=GetCallerIdentity&Version=2011-06-15"),
        {"UserId": "AKIAIOSFODNN7EXAMPLE", "Account": "000000000000", "Arn": "arn:aws:iam::000000000000:root"},
        6,
    ),
    Case(
        *("sqs", "SendMessage", "json", "/", b'{"QueueUrl":"%b","MessageBody":"hello world"}' % QUEUE.encode()),
        MESSAGE,
        10,
    ),
    Case(
        *("sqs", "SendMessage", "query", "/"),
        b"Action=SendMessage&Version=2012-11-05&QueueUrl=%b&MessageBody=hello+world" % FORM_QUEUE,
        MESSAGE,
    ),
    Case(
        *("sqs", "ReceiveMessage", "json", "/", b'{"QueueUrl":"%b","MaxNumberOfMessages":10}' % QUEUE.encode()),
        {"Messages": RECEIVED},
    ),
    Case(
        *("lambda", "Invoke", "rest-json", "/2015-03-31/functions/hello/invocations", b'{"name":"world"}'),
        {"StatusCode": 200, "ExecutedVersion": "$LATEST", "Payload": b'{"statusCode":200}'},
    ),
    Case(
        *("dynamodb", "PutItem", "json", "/"),
        b'{"TableName":"cars","Item":{"id":{"S":"c-1"},"price":{"N":"19000"},"tags":{"SS":["a","b"]}}}',
        {},
    ),
    Case(
        *("cloudwatch", "PutMetricData", "smithy-rpc-v2-cbor", "/"),
        b"\xa2iNamespaceaNjMetricData\x81\xa2jMetricNameaMeValue\xfb?\xf0\x00\x00\x00\x00\x00\x00",
        {},
    ),
    Case(
        *("s3", "PutBucketTagging", "rest-xml", "/bucket"),
        b"<Tagging><TagSet><Tag><Key>team</Key><Value>cars</Value></Tag></TagSet></Tagging>",
        {},
    ),
]


def request(case: Case) -> Callable[[], Any]:
    """What the gateway does with one request of a case."""
    operation = load_service(case.service).operation(case.operation)
    codec, validate = wire.codec(operation, case.protocol), operation.validate

    def run() -> Any:
        value = codec.parse("POST", case.path, "", HEADERS, case.body)
        validate(value)
        return codec.serialise(case.output, "5fea7756-0ea4-451a-a703-a558b933e274")

    return run


def cost_us(run: Callable[[], Any], seconds: float) -> float:
    """CPU of one call, from as many as fit in the time."""
    count = 0
    started, until = time.thread_time(), time.perf_counter() + seconds
    while time.perf_counter() < until:
        for _ in range(200):
            run()
        count += 200
    return 1e6 * (time.thread_time() - started) / count


def main() -> None:
    """Run all cases in turn, several times over."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--seconds", type=float, default=0.1, help="for each case in each round")
    seconds = arguments.parse_args().seconds
    runs = [request(case) for case in CASES]
    for run in runs:
        assert run().status < 300
    costs = [[cost_us(run, seconds) for run in runs] for _ in range(ROUNDS)]
    print(f"{'operation':32} {'protocol':20} {'µs':>6}  spread        goal")
    for position, case in enumerate(CASES):
        found = [row[position] for row in costs]
        goal = "" if case.goal_us is None else f"<= {case.goal_us:g}"
        name = f"{case.service} {case.operation}"
        spread = f"{min(found):.1f}-{max(found):.1f}"
        print(f"{name:32} {case.protocol:20} {statistics.median(found):6.1f}  {spread:12}  {goal}")


if __name__ == "__main__":
    main()
