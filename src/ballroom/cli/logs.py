"""Reading and following the logs of functions, as `ballroom logs` and `ballroom up` print them."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import click

from ballroom.cli.connection import Connection
from ballroom.cli.output import fail, result, say

POLL_S = 0.3
GROUPS_EVERY_S = 3.0
OVERLAP_MS = 2_000
"""Streams of one group may be written a little out of order."""
_UNITS_MS = {"s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}


def parse_since(text: str) -> int:
    """Milliseconds from `10m` and the like."""
    match = re.fullmatch(r"(\d+)([smhd])", text.strip())
    if match is None:
        fail(f"{text!r} is no time span; write 30s, 10m, 2h or 1d.", 2)
    return int(match[1]) * _UNITS_MS[match[2]]


def groups_of(connection: Connection, name: str | None) -> list[str]:
    """The log groups of a stack's functions, of a function, or (None) of every function."""
    logs = connection.client("logs")
    if name is None:
        return _existing(logs, "/aws/lambda/")
    from botocore.exceptions import ClientError

    try:
        pages = (
            connection.client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=name)
        )
        functions = [
            resource["PhysicalResourceId"]
            for page in pages
            for resource in page["StackResourceSummaries"]
            if resource["ResourceType"] == "AWS::Lambda::Function" and resource.get("PhysicalResourceId")
        ]
        return [group for f in functions for group in _existing(logs, f"/aws/lambda/{f}", exact=True)]
    except ClientError as error:
        if error.response["Error"]["Code"] != "ValidationError":
            raise
    wanted = name if name.startswith("/") else f"/aws/lambda/{name}"
    return _existing(logs, wanted, exact=True)


def _existing(logs: Any, prefix: str, *, exact: bool = False) -> list[str]:
    pages = logs.get_paginator("describe_log_groups").paginate(logGroupNamePrefix=prefix)
    names = [group["logGroupName"] for page in pages for group in page["logGroups"]]
    return [n for n in names if n == prefix] if exact else names


class LogFollower:
    """Prints the events of some log groups in time order, each once."""

    def __init__(
        self,
        connection: Connection,
        groups: Callable[[], list[str]],
        *,
        since_ms: int,
        pattern: str = "",
        as_json: bool = False,
    ) -> None:
        self._logs = connection.client("logs")
        self._connection = connection
        self._groups = groups
        self._pattern, self._as_json = pattern, as_json
        now_ms: int = (connection.page("GET", "/_ballroom/clock") or {}).get("now", int(time.time() * 1000))
        self._from_ms = {"": now_ms - since_ms}
        self._seen: dict[str, int] = {}

    def run(self, *, follow: bool) -> None:
        """Print what there is; with `follow`, go on until interrupted."""
        groups = self._groups()
        looked = time.monotonic()
        while True:
            self.print_new(groups)
            if not follow:
                return
            time.sleep(POLL_S)
            if time.monotonic() - looked > GROUPS_EVERY_S or not groups:
                groups, looked = self._groups(), time.monotonic()

    def print_new(self, groups: list[str]) -> None:
        """Print what has been logged since the last look."""
        found: list[tuple[int, str, dict[str, Any]]] = []
        for group in groups:
            start = self._from_ms.get(group, self._from_ms[""])
            request: dict[str, Any] = {"logGroupName": group, "startTime": max(0, start)}
            if self._pattern:
                request["filterPattern"] = self._pattern
            newest = start
            for page in self._logs.get_paginator("filter_log_events").paginate(**request):
                for event in page["events"]:
                    if event["eventId"] not in self._seen:
                        self._seen[event["eventId"]] = event["timestamp"]
                        found.append((event["timestamp"], group, event))
                    newest = max(newest, event["timestamp"] - OVERLAP_MS)
            self._from_ms[group] = newest
        for _, group, event in sorted(found, key=lambda one: one[0]):
            self._print(group, event)
        horizon = min((self._from_ms[g] for g in groups), default=0)
        if len(self._seen) > 10_000:
            self._seen = {i: at for i, at in self._seen.items() if at >= horizon}

    def _print(self, group: str, event: dict[str, Any]) -> None:
        if self._as_json:
            result({"group": group, **event})
            return
        stamp = datetime.fromtimestamp(event["timestamp"] / 1000, UTC).astimezone().strftime("%H:%M:%S.%f")[:-3]
        name = click.style(group.removeprefix("/aws/lambda/"), fg="blue")
        say(f"{stamp} {name} {event['message'].rstrip()}")
