"""Subscription filters at work: matching events go to a function, as a delivery of their own.

Source: CloudWatch Logs User Guide, "Subscription filters with AWS Lambda" (the payload's form).
"""

from __future__ import annotations

import base64
import gzip
from typing import Any

import orjson

from ballroom.kernel import Context, Delivery, RetryPolicy, Tx, on_delivery, service_caller
from ballroom.kernel.delivery import exponential

from .patterns import compile_pattern
from .resources import LogGroup, LogStream, SubscriptionFilter, key

_KIND = "logs.subscription"
_POLICY = RetryPolicy(
    maximum_attempts=None, maximum_age_ms=24 * 3600 * 1000, back_off_ms=exponential(1_000, 2, 300_000)
)


def forward(
    tx: Tx, group: LogGroup, stream: LogStream, events: list[dict[str, Any]], sequence: int
) -> None:
    """Leave deliveries to a group's subscribers; `sequence` is that of the last event before these."""
    from .ingest import event_id

    for found in tx.scan_prefix(SubscriptionFilter, key(tx, "subscription", group.name)):
        pattern = compile_pattern(found.pattern)
        matching: list[dict[str, Any]] = []
        for n, event in enumerate(events, sequence + 1):
            if not pattern.matches(event["message"]):
                continue
            row: dict[str, Any] = {
                "id": event_id(event["timestamp"], stream.number, n),
                "timestamp": event["timestamp"], "message": event["message"],
            }
            if extracted := pattern.extract(event["message"]):
                row["extractedFields"] = {name.lstrip("$"): value for name, value in extracted.items()}
            matching.append(row)
        if not matching:
            continue
        data = {
            "messageType": "DATA_MESSAGE", "owner": tx.account, "logGroup": group.name,
            "logStream": stream.name, "subscriptionFilters": [found.name], "logEvents": matching,
        }
        payload = orjson.dumps(
            {"account": tx.account, "region": tx.region, "to": found.destination, "data": data}
        )
        lane = f"{tx.account}/{tx.region}/{group.number}/{found.name}/{stream.number}"
        tx.deliver(_KIND, payload, policy=_POLICY, lane=lane, subject=found.destination)


@on_delivery(_KIND)
async def send(ctx: Context, delivery: Delivery) -> None:
    """Hand a batch to its function, in the order of the stream; a failed hand-over is tried again."""
    envelope = orjson.loads(delivery.payload)
    packed = base64.b64encode(gzip.compress(orjson.dumps(envelope["data"]), mtime=0)).decode()
    caller = service_caller(envelope["account"], envelope["region"], "logs.amazonaws.com")
    await ctx.call(
        "lambda", "Invoke",
        {
            "FunctionName": envelope["to"], "InvocationType": "Event",
            "Payload": orjson.dumps({"awslogs": {"data": packed}}),
        },
        caller=caller,
    )
