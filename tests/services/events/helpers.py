"""What tests of EventBridge say often, in few words."""

from __future__ import annotations

import json
from typing import Any

from tests.cloud import Cloud
from tests.services.sqs.helpers import a_queue, arn, receive

SOURCE = "shop.orders"


def a_rule(
    cloud: Cloud, name: str = "r", *, pattern: dict[str, Any] | None = None, targets: Any = (), **more: Any
) -> str:
    """The ARN of a new rule for `SOURCE` with these targets (ARNs, or whole targets)."""
    if "ScheduleExpression" not in more:
        more["EventPattern"] = json.dumps(pattern or {"source": [SOURCE]})
    made: str = cloud.events("PutRule", Name=name, **more)["RuleArn"]
    if targets:
        bus = {"EventBusName": more["EventBusName"]} if "EventBusName" in more else {}
        put_targets(cloud, name, *targets, **bus)
    return made


def put_targets(cloud: Cloud, rule: str, *targets: Any, **more: Any) -> None:
    specs = [{"Id": f"t{n}", "Arn": t} if isinstance(t, str) else {"Id": f"t{n}", **t} for n, t in enumerate(targets)]
    answer = cloud.events("PutTargets", Rule=rule, Targets=specs, **more)
    assert answer == {"FailedEntryCount": 0, "FailedEntries": []}


def entry(detail: Any = None, **more: Any) -> dict[str, Any]:
    """One entry of PutEvents."""
    return {"Source": SOURCE, "DetailType": "placed", "Detail": json.dumps(detail or {"n": 1}), **more}


def put(cloud: Cloud, *entries: dict[str, Any]) -> list[str]:
    """The ids of accepted events."""
    answer = cloud.events("PutEvents", Entries=list(entries) or [entry()])
    assert answer["FailedEntryCount"] == 0, answer
    return [result["EventId"] for result in answer["Entries"]]


def received(cloud: Cloud, url: str) -> list[Any]:
    """The bodies, parsed, of up to ten messages."""
    return [json.loads(message["Body"]) for message in receive(cloud, url)]


__all__ = ["SOURCE", "a_queue", "a_rule", "arn", "entry", "put", "put_targets", "receive", "received"]
