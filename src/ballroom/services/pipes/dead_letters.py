"""What a pipe tells of records of a stream that it gave up: where they stand, in a queue or topic.

Source: EventBridge User Guide, "Error handling and troubleshooting" of pipes, dead-letter queue.
"""

from __future__ import annotations

from typing import Any

import orjson

from ballroom.kernel import ServiceError, Tx
from ballroom.kernel.arn import find_arn
from ballroom.sources.stream_poller import Discarded
from ballroom.sources.stream_records import sequence_of

from .resources import Pipe
from .templates import iso_ms


def tell_dead_letter(tx: Tx, pipe: Pipe, destination: str, told: Discarded) -> None:
    """Leave a note; a destination that is gone costs the note, and the pipe goes on."""
    arn = find_arn(destination)
    if arn is None:
        return
    text = orjson.dumps(_document(tx, pipe, told)).decode()
    try:
        with tx.savepoint():
            if arn.service == "sqs":
                url = tx.call("sqs", "GetQueueUrl", {"QueueName": arn.resource})["QueueUrl"]
                tx.call("sqs", "SendMessage", {"QueueUrl": url, "MessageBody": text})
            else:
                tx.call("sns", "Publish", {"TopicArn": destination, "Message": text})
    except ServiceError:
        dimensions = (("PipeName", pipe.name),)
        tx.kernel.metrics.count(
            pipe.account, pipe.region, "AWS/EventBridge/Pipes", "DeadLetterDeliveryFailed", dimensions
        )


def _document(tx: Tx, pipe: Pipe, told: Discarded) -> dict[str, Any]:
    first, last = told.records[0], told.records[-1]
    return {
        "context": {
            "partnerResourceArn": pipe.arn,
            "condition": told.condition,
            "approximateInvokeCount": told.attempts,
        },
        "version": "1.0",
        "timestamp": iso_ms(tx.now_ms),
        "DDBStreamBatchInfo": {
            "shardId": told.shard_id,
            "startSequenceNumber": sequence_of(first),
            "endSequenceNumber": sequence_of(last),
            "approximateArrivalOfFirstRecord": iso_ms(first["dynamodb"]["ApproximateCreationDateTime"]),
            "approximateArrivalOfLastRecord": iso_ms(last["dynamodb"]["ApproximateCreationDateTime"]),
            "batchSize": len(told.records),
            "streamArn": told.stream_arn,
        },
    }
