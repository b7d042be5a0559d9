"""What does a publication cost the server, by its subscriptions, beside sending to a queue?

    python -m benchmarks.sns [--connections 64] [--publications 3000]

A server of its own on a temporary data directory: each answer waits for the one commit that holds the message in
all queues. CPU is the whole server process's. SendMessage and a topic without subscriptions in the same run say
what the machine and the request alone cost. The queues' counts are checked.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import tempfile
from typing import Any
from urllib.parse import urlencode

from benchmarks.sqs import BODY, Connection, measure, send, server

FORM = "application/x-www-form-urlencoded"
ACCOUNT = "000000000000"


async def sns(c: Connection, action: str, **given: Any) -> bytes:
    form = urlencode({"Action": action, "Version": "2010-03-31", **given}).encode()
    c.begin("sns", "", FORM, form)
    return await c.end()


async def publish(c: Connection, topic: str) -> None:
    assert b"<MessageId>" in await sns(c, "Publish", TopicArn=topic, Message=BODY)


async def a_topic(c: Connection, name: str, queues: int, *, raw: bool) -> str:
    arn = f"arn:aws:sns:us-east-1:{ACCOUNT}:{name}"
    await sns(c, "CreateTopic", Name=name)
    for n in range(queues):
        queue = f"{name}-{n}"
        await c.call("CreateQueue", QueueName=queue)
        attributes = (
            {"Attributes.entry.1.key": "RawMessageDelivery", "Attributes.entry.1.value": "true"} if raw else {}
        )
        endpoint = f"arn:aws:sqs:us-east-1:{ACCOUNT}:{queue}"
        await sns(c, "Subscribe", TopicArn=arn, Protocol="sqs", Endpoint=endpoint, **attributes)
    return arn


async def check(c: Connection, port: int, name: str, expected: int) -> None:
    url = f"http://localhost:{port}/{ACCOUNT}/{name}-9"
    told = await c.call("GetQueueAttributes", QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"])
    assert told["Attributes"]["ApproximateNumberOfMessages"] == str(expected), json.dumps(told)


async def run(port: int, pid: int, connections: int, count: int) -> None:
    opened = [await Connection.open(port) for _ in range(connections)]
    first = opened[0]
    url = (await first.call("CreateQueue", QueueName="plain"))["QueueUrl"]
    count -= count % connections
    await measure(pid, opened, send, url, count)
    sending, _ = await measure(pid, opened, send, url, count)
    print(f"SendMessage                     {sending:7.1f} us CPU")
    nobody = await a_topic(first, "nobody", 0, raw=False)
    await publish(first, nobody)
    alone, _ = await measure(pid, opened, publish, nobody, count)
    print(f"Publish, no subscription        {alone:7.1f} us CPU")
    for name, raw in (("envelopes", False), ("raw", True)):
        topic = await a_topic(first, name, 10, raw=raw)
        await publish(first, topic)
        cpu, wall = await measure(pid, opened, publish, topic, count)
        await check(first, port, name, count + 1)
        print(
            f"Publish to 10 queues, {name:9} {cpu:7.1f} us CPU, {(cpu - alone) / 10:5.1f} per subscription, "
            f"{(cpu - alone) / 10 / sending:4.2f} of a SendMessage, {1e6 / wall:6.0f} publications/s"
        )
    for c in opened:
        c.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--publications", type=int, default=3000)
    args = parser.parse_args()
    folder = tempfile.mkdtemp(prefix="ballroom-sns-")
    try:
        with server(folder) as (port, pid, _):
            asyncio.run(run(port, pid, args.connections, args.publications))
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
