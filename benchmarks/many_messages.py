"""A data directory that holds many SQS messages, made through the service itself."""

from __future__ import annotations

import asyncio
from pathlib import Path

from ballroom.kernel import Settings
from ballroom.server import Ballroom


def fill(data: Path, count: int, body_bytes: int = 100) -> None:
    """Send `count` messages to a queue of a new data directory."""

    async def main() -> None:
        ballroom = Ballroom(Settings(port=0, data_dir=data))
        await ballroom.start()
        kernel = ballroom.kernel
        queue = await kernel.call("sqs", "CreateQueue", {"QueueName": "full"})
        entries = [{"Id": str(n), "MessageBody": "x" * body_bytes} for n in range(10)]
        for done in range(0, count, 10):
            kernel.submit(
                "sqs", "SendMessageBatch", {"QueueUrl": queue["QueueUrl"], "Entries": entries},
                kernel.system_caller(), lambda answer: None,
            )  # fmt: skip
            if done % 5000 == 0:
                await kernel.shard.flush()
        await ballroom.stop()

    asyncio.run(main())
