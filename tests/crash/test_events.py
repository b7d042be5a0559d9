"""kill -9 under PutEvents and a replay: every acknowledged event reaches its targets, in order where it counts."""

from __future__ import annotations

import json
import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from tests.crash.test_kill import drain, wait_until
from tests.server import ServerProcess

KILLS = 5
ACCOUNT = "000000000000"
BUS = f"arn:aws:events:us-east-1:{ACCOUNT}:event-bus/default"


def entry(**detail: Any) -> dict[str, Any]:
    return {"Source": "shop", "DetailType": "placed", "Detail": json.dumps(detail)}


def prepare(server: ServerProcess) -> None:
    sqs, events = server.client("sqs"), server.client("events")
    for name in ("first", "second", "other"):
        sqs.create_queue(QueueName=name)
    sqs.create_queue(
        QueueName="ordered.fifo", Attributes={"FifoQueue": "true", "ContentBasedDeduplication": "true"}
    )
    bus = events.create_event_bus(Name="orders")["EventBusArn"]
    events.create_archive(ArchiveName="all", EventSourceArn=BUS)

    def rule(name: str, target: dict[str, Any], **where: str) -> None:
        events.put_rule(Name=name, EventPattern=json.dumps({"source": ["shop"]}), **where)
        events.put_targets(Rule=name, Targets=[{"Id": "t", **target}], **where)

    queue = f"arn:aws:sqs:us-east-1:{ACCOUNT}:"
    rule("first", {"Arn": queue + "first"})
    rule("second", {"Arn": queue + "second"})
    rule("ordered", {"Arn": queue + "ordered.fifo", "SqsParameters": {"MessageGroupId": "g"}})
    rule("forward", {"Arn": bus, "RoleArn": f"arn:aws:iam::{ACCOUNT}:role/r"})
    rule("other", {"Arn": queue + "other"}, EventBusName="orders")


def put_until_killed(server: ServerProcess, worker: str, acknowledged: list[str], over: threading.Event) -> None:
    events = server.client("events")
    with suppress(BotoCoreError, ClientError):
        for n in range(1_000_000):
            if over.is_set():
                return
            names = [f"{worker}-{n}-{m}" for m in range(3)]
            answer = events.put_events(Entries=[entry(name=name) for name in names])
            assert answer["FailedEntryCount"] == 0
            acknowledged += names


def names_in(server: ServerProcess, queue: str) -> list[str]:
    bodies = [json.loads(body) for body in drain(server, queue)]
    return [body["detail"]["name"] for body in bodies]


def test_every_acknowledged_event_reaches_each_target(tmp_path: Path) -> None:
    chance = random.Random(2027)
    acknowledged: list[str] = []
    by_worker: dict[str, list[str]] = {}
    with ServerProcess(tmp_path / "data") as server:
        prepare(server)
        started_s = int(time.time()) - 60  # real time: the span of the replay
        for round in range(KILLS):
            over = threading.Event()
            with ThreadPoolExecutor(2) as pool:
                for worker in range(2):
                    name = f"{round}-{worker}"
                    by_worker[name] = []
                    pool.submit(put_until_killed, server, name, by_worker[name], over)
                time.sleep(chance.uniform(0.1, 0.6))  # real time: a process is killed at a random moment
                server.kill()
                over.set()
            server.start()
        for names in by_worker.values():
            acknowledged += names
        assert len(acknowledged) > 10 * KILLS, "the load was real"
        for queue in ("first", "second", "other"):
            seen = names_in(server, queue)
            assert set(acknowledged) <= set(seen), f"an acknowledged event did not reach {queue}"
            assert len(seen) == len(set(seen)), "the commit of an event is its message's"
        ordered = names_in(server, "ordered.fifo")
        assert len(ordered) == len(set(ordered))
        for worker, names in by_worker.items():
            of_worker = [name for name in ordered if name.startswith(f"{worker}-")]
            assert of_worker[: len(names)] == names, "a FIFO target has another order"
        replayed_through_kills(server, set(acknowledged), started_s, chance)


def replayed_through_kills(
    server: ServerProcess, acknowledged: set[str], started_s: int, chance: random.Random
) -> None:
    server.client("events").start_replay(
        ReplayName="again", EventSourceArn=BUS.replace("event-bus/default", "archive/all"),
        EventStartTime=started_s, EventEndTime=int(time.time()) + 60, Destination={"Arn": BUS},
    )  # fmt: skip
    for _ in range(3):
        time.sleep(chance.uniform(0.01, 0.1))  # real time, as above
        server.kill()
        server.start()
    events = server.client("events")
    wait_until(lambda: events.describe_replay(ReplayName="again")["State"] == "COMPLETED", "the replay's end")
    seen = names_in(server, "first")
    assert acknowledged <= set(seen)
    assert len(seen) == len(set(seen)), "a replay goes on exactly where it stood"
