"""What the tests of CloudWatch Logs say often."""

from __future__ import annotations

from typing import Any

from tests.cloud import Cloud

GROUP = "/app"


def a_group(cloud: Cloud, name: str = GROUP, **settings: Any) -> str:
    cloud.logs("CreateLogGroup", logGroupName=name, **settings)
    return name


def a_stream(cloud: Cloud, name: str, *messages: str, group: str = GROUP) -> str:
    """A stream whose messages are a millisecond apart, the first now."""
    cloud.logs("CreateLogStream", logGroupName=group, logStreamName=name)
    if messages:
        put(cloud, name, *enumerate(messages), group=group)
    return name


def put(cloud: Cloud, stream: str, *events: tuple[int, str], group: str = GROUP) -> dict[str, Any]:
    """Put events, given as (milliseconds from now, message)."""
    now = cloud.clock.now_ms
    rows = [{"timestamp": now + ms, "message": message} for ms, message in events]
    return cloud.logs("PutLogEvents", logGroupName=group, logStreamName=stream, logEvents=rows)


def get(cloud: Cloud, stream: str, **more: Any) -> dict[str, Any]:
    return cloud.logs("GetLogEvents", logGroupName=GROUP, logStreamName=stream, **more)


def search(cloud: Cloud, **more: Any) -> dict[str, Any]:
    return cloud.logs("FilterLogEvents", **{"logGroupName": GROUP, **more})


def found(cloud: Cloud, pattern: str = "", **more: Any) -> list[str]:
    """The messages of all pages of a search."""
    messages: list[str] = []
    answer = search(cloud, filterPattern=pattern, **more)
    while True:
        messages += texts(answer)
        if "nextToken" not in answer:
            return messages
        answer = search(cloud, filterPattern=pattern, nextToken=answer["nextToken"], **more)


def texts(answer: dict[str, Any]) -> list[str]:
    return [event["message"] for event in answer["events"]]
