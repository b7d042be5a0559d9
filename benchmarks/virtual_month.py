"""Thirty virtual days: messages with delays sent along the way, each through a function.

One in ten invocations fails the first time, so its message comes again after the visibility timeout.
"""

from __future__ import annotations

import json
import time

from ballroom.testing import BallroomServer

MESSAGES = 10_000
STEPS = 200
FUNCTION = """
import json
def handler(event, context):
    failed = []
    for record in event["Records"]:
        number = json.loads(record["body"])["n"]
        if number % 10 == 0 and record["attributes"]["ApproximateReceiveCount"] == "1":
            failed.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failed}
"""


def run() -> tuple[float, int]:
    """Real seconds, and the number of messages."""
    from benchmarks.load import Target
    from benchmarks.serving import _create_function

    with BallroomServer() as ballroom:
        target = Target(ballroom.endpoint, 0)
        _create_function(target, "worker", FUNCTION)
        sqs = ballroom.client("sqs")
        url = sqs.create_queue(QueueName="month", Attributes={"VisibilityTimeout": "180"})["QueueUrl"]
        ballroom.client("lambda").create_event_source_mapping(
            FunctionName="worker", EventSourceArn="arn:aws:sqs:us-east-1:000000000000:month",
            BatchSize=10, FunctionResponseTypes=["ReportBatchItemFailures"],
        )  # fmt: skip
        began = time.perf_counter()
        number = 0
        for _ in range(STEPS):
            for _ in range(MESSAGES // STEPS // 10):
                entries = []
                for slot in range(10):
                    body = json.dumps({"n": number})
                    entries.append({"Id": str(slot), "MessageBody": body, "DelaySeconds": number * 7 % 900})
                    number += 1
                sqs.send_message_batch(QueueUrl=url, Entries=entries)
            ballroom.clock.advance(hours=24 * 30 / STEPS)
        seconds = time.perf_counter() - began
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible",
                 "ApproximateNumberOfMessagesDelayed"]  # fmt: skip
        left = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
        assert not any(int(n) for n in left.values()), left
        return seconds, number
