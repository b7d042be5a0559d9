"""What do events cost: CPU of the server process for PutEvents, and how soon a target sees them?

    python -m benchmarks.events [--connections 64] [--seconds 3]

A server of its own on a temporary data directory (durable: every answer waits for its fsync), driven over
HTTP. One rule of many matches, and sends to a queue; answers are checked, and at the end that every
event is in the queue.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.load import Client, Target, drive
from benchmarks.serving import Report, _create_function, _fsync_ms, client, must, server, show

PATTERN = {"source": ["shop"], "detail-type": ["placed"], "detail": {"kind": ["k7"], "amount": [{"numeric": [">", 5]}]}}
DETAIL = json.dumps({"kind": "k7", "amount": 42, "id": "o-1", "items": ["a", "b"], "text": "x" * 250})
QUEUE = "arn:aws:sqs:us-east-1:000000000000:bench"
CLOCK = """
import time
def handler(event, context):
    return time.time()
"""


def put_rules(target: Target, first: int, last: int) -> None:
    events = client(target, "events")
    for n in range(first, last):
        pattern = {**PATTERN, "detail": {**PATTERN["detail"], "kind": [f"other-{n}"]}}  # type: ignore[dict-item]
        events.put_rule(Name=f"r{n}", EventPattern=json.dumps(pattern))


def request(target: Target, entries: int) -> bytes:
    entry = {"Source": "shop", "DetailType": "placed", "Detail": DETAIL}
    return target.request(
        "events", json.dumps({"Entries": [entry] * entries}).encode(),
        content_type="application/x-amz-json-1.1", x_amz_target="AWSEvents.PutEvents",
    )  # fmt: skip


async def load(target: Target, report: Report, options: argparse.Namespace) -> int:
    anybody = Target(target.endpoint, target.pid)
    sent = 0

    async def measure(entries: int, what: str, goal: str) -> float:
        asked = request(anybody, entries)

        async def put(c: Client) -> None:
            nonlocal sent
            answer = must(await c.send(asked))
            assert b'"FailedEntryCount":0' in answer.replace(b" ", b"")
            sent += entries

        figures = await drive(target, put, connections=options.connections, seconds=options.seconds)
        report.add(what, show(figures), goal)
        return figures.cpu_us

    url = client(target, "sqs").create_queue(QueueName="plain")["QueueUrl"]
    plain = anybody.json("SendMessage", QueueUrl=url, MessageBody=DETAIL)

    async def send(c: Client) -> None:
        must(await c.send(plain))

    figures = await drive(target, send, connections=options.connections, seconds=options.seconds)
    report.add("to compare: SendMessage", show(figures), "")
    put_rules(target, 0, 99)
    few = await measure(1, "PutEvents, 1 entry, 1 of 100 rules, to a queue", "at most 150 µs")
    await measure(10, "PutEvents, 10 entries", "at most 600 µs")
    put_rules(target, 99, 999)
    many = await measure(1, "PutEvents, 1 entry, 1 of 1,000 rules", f"at most {1.2 * few:.0f} µs")
    report.add("  compared with 100 rules", f"{many / few:.2f}", "at most 1.2")
    return sent


async def until_received(target: Target, report: Report, folder: Path) -> None:
    """One event after the other: from the request to the answer of a poll that waits."""
    anybody = Target(target.endpoint, target.pid)
    put = request(anybody, 1)
    url = client(target, "sqs").create_queue(QueueName="latency")["QueueUrl"]
    client(target, "events").put_targets(
        Rule="hit", Targets=[{"Id": "t", "Arn": QUEUE.replace("bench", "latency")}]
    )
    receive = anybody.json("ReceiveMessage", QueueUrl=url, WaitTimeSeconds=20)
    loop = asyncio.get_running_loop()
    host, _, port = target.endpoint.removeprefix("http://").partition(":")
    one, two = [(await loop.create_connection(Client, host, int(port)))[1] for _ in range(2)]
    times = []
    for _ in range(200):
        waiting = asyncio.ensure_future(two.send(receive))
        await asyncio.sleep(0.005)
        began = time.perf_counter()
        await one.send(put)
        [message] = json.loads(must(await waiting))["Messages"]
        times.append(1000 * (time.perf_counter() - began))
        must(await two.send(anybody.json("DeleteMessage", QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])))
    fsync = _fsync_ms(folder)
    report.add(
        "event to SQS receive, p50", f"{statistics.median(times):.2f} ms (fsync {fsync:.2f})",
        "at most 1 ms over one fsync",
    )  # fmt: skip
    _create_function(target, "clock", CLOCK)
    told = client(target, "sqs").create_queue(QueueName="told")["QueueUrl"]
    client(target, "lambda").put_function_event_invoke_config(
        FunctionName="clock", DestinationConfig={"OnSuccess": {"Destination": QUEUE.replace("bench", "told")}}
    )
    function = "arn:aws:lambda:us-east-1:000000000000:function:clock"
    client(target, "events").put_targets(Rule="hit", Targets=[{"Id": "t", "Arn": function}])
    receive = anybody.json("ReceiveMessage", QueueUrl=told, WaitTimeSeconds=20)
    times = []
    for _ in range(50):
        began = time.time()
        await one.send(put)
        [message] = json.loads(must(await two.send(receive)))["Messages"]
        times.append(1000 * (json.loads(message["Body"])["responsePayload"] - began))
        must(await two.send(anybody.json("DeleteMessage", QueueUrl=told, ReceiptHandle=message["ReceiptHandle"])))
    report.add(
        "event to the start of a warm handler, p50", f"{statistics.median(times[3:]):.2f} ms (fsync {fsync:.2f})",
        "at most 5 ms over one fsync",
    )  # fmt: skip
    one.close()
    two.close()


def counted(target: Target, url: str) -> int:
    names: Any = ["ApproximateNumberOfMessages"]
    answer = client(target, "sqs").get_queue_attributes(QueueUrl=url, AttributeNames=names)
    return int(answer["Attributes"]["ApproximateNumberOfMessages"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=3)
    options = parser.parse_args()
    report = Report()
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        with server(data, "--quotas", "events.rules-per-bus=2000", "--isolation", "process") as target:
            url = client(target, "sqs").create_queue(QueueName="bench")["QueueUrl"]
            events = client(target, "events")
            events.put_rule(Name="hit", EventPattern=json.dumps(PATTERN))
            events.put_targets(Rule="hit", Targets=[{"Id": "t", "Arn": QUEUE}])
            sent = asyncio.run(load(target, report, options))
            assert counted(target, url) >= sent, "every acknowledged event is in the queue"
            asyncio.run(until_received(target, report, Path(folder)))


if __name__ == "__main__":
    main()
