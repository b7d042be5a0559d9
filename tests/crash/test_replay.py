"""kill -9 while archived messages are replayed: each one is in the queue once and in order."""

from __future__ import annotations

import json
import random
import time
from pathlib import Path

from tests.crash.test_kill import wait_until
from tests.crash.test_publications import drained
from tests.server import ServerProcess

MESSAGES = 1_500
KILLS = 4


def test_a_killed_replay_goes_on(tmp_path: Path) -> None:
    chance = random.Random(2028)
    with ServerProcess(tmp_path / "data") as server:
        sns, sqs = server.client("sns"), server.client("sqs")
        attributes = {"FifoTopic": "true", "ArchivePolicy": '{"MessageRetentionPeriod": "7"}'}
        topic = sns.create_topic(Name="t.fifo", Attributes=attributes)["TopicArn"]
        for first in range(0, MESSAGES, 10):
            entries = [
                {"Id": str(n), "Message": str(n), "MessageGroupId": "g", "MessageDeduplicationId": str(n)}
                for n in range(first, first + 10)
            ]
            assert not sns.publish_batch(TopicArn=topic, PublishBatchRequestEntries=entries)["Failed"]
        sqs.create_queue(QueueName="q.fifo", Attributes={"FifoQueue": "true"})
        policy = {"PointType": "Timestamp", "StartingPoint": "2023-01-01T00:00:00.000Z"}
        arn = sns.subscribe(
            TopicArn=topic, Protocol="sqs", Endpoint="arn:aws:sqs:us-east-1:000000000000:q.fifo",
            Attributes={"ReplayPolicy": json.dumps(policy)},
        )["SubscriptionArn"]  # fmt: skip
        under_way = 0
        for _ in range(KILLS):
            under_way += status(server, arn) != "Completed"
            time.sleep(chance.uniform(0, 0.05))  # real time: a process is killed at a random moment
            server.kill()
            server.start()
        assert under_way, "a replay was killed on its way"
        wait_until(lambda: status(server, arn) == "Completed", "the replay ends")
        assert drained(server, "q.fifo") == [str(n) for n in range(MESSAGES)]


def status(server: ServerProcess, arn: str) -> str:
    told = server.client("sns").get_subscription_attributes(SubscriptionArn=arn)["Attributes"]
    return str(told["ReplayStatus"])
