"""Map runs: what is stored of a distributed Map, and under which keys.

| key | record | read by |
|---|---|---|
| `states-map-run`, ARN | MapRun | everything about it; its counters change with every child |
| `states-map-runs-of`, execution's number, started, id | MapRunOf | ListMapRuns |
| `states-map-items`, id, first | ItemsPage | the items, as they were read; dropped at the end |
| `states-map-child`, id, index | Child | an Express child that is under way: begun again after a crash |
| `states-map-result`, id, index | ChildResult | outputs and failures of children, gathered at the end |

Source: Developer Guide, "Viewing a Distributed Map Run execution in Step Functions".
"""

from __future__ import annotations

from typing import Any

from ballroom.kernel import Key, Record, Tx
from ballroom.kernel.arn import find_arn, make_arn

from .errors import InvalidArn, ResourceNotFound

PAGE_ITEMS = 1_000


class MapRun(Record, frozen=True):
    """A map run. Counts are of items and of child executions; `next_item` is the first not given out."""

    arn: str
    id: int
    account: str
    region: str
    number: int
    """The execution that it belongs to, ..."""
    path: str
    attempt: int
    """... and the branch and attempt of its Map."""
    execution_arn: str
    state: str
    label: str
    status: str
    started_ms: int
    stopped_ms: int
    express: bool
    limit: int
    tolerated_count: int
    tolerated_percentage: float
    total: int = 0
    next_item: int = 0
    children: int = 0
    running: int = 0
    running_items: int = 0
    succeeded: int = 0
    succeeded_items: int = 0
    failed: int = 0
    failed_items: int = 0
    timed_out: int = 0
    aborted: int = 0
    aborted_items: int = 0
    written: int = 0
    reading: bool = False
    redrives: int = 0


class MapRunOf(Record, frozen=True):
    """A map run of an execution."""

    arn: str


class ItemsPage(Record, frozen=True):
    """Some of a map run's items."""

    items: list[Any]


class Child(Record, frozen=True):
    """An Express child under way."""

    input: str
    items: int


class ChildResult(Record, frozen=True):
    """What became of a child."""

    arn: str
    name: str
    status: str
    input: str
    output: str | None
    error: str | None
    cause: str | None
    started_ms: int
    stopped_ms: int
    items: int


def map_run_key(arn: str) -> Key:
    """A map run."""
    return ("states-map-run", arn)


def runs_of_key(number: int, started_ms: int, id: int) -> Key:
    """A map run in the list of its execution."""
    return ("states-map-runs-of", number, started_ms, id)


def items_page_key(id: int, first: int) -> Key:
    """A page of items."""
    return ("states-map-items", id, first)


def child_key(id: int, index: int) -> Key:
    """An Express child under way."""
    return ("states-map-child", id, index)


def child_result_key(id: int, index: int) -> Key:
    """What became of a child."""
    return ("states-map-result", id, index)


def map_run_arn(region: str, account: str, machine: str, label: str, unique: str) -> str:
    """A map run's ARN."""
    return make_arn("states", region, account, f"mapRun:{machine}/{label}:{unique}")


def parse_map_run(arn: str) -> tuple[str, str, str]:
    """Account, region and state machine of a map run's ARN.

    Raises:
        InvalidArn: it is none.
    """
    found = find_arn(arn)
    if found is None or found.service != "states":
        raise InvalidArn(f"Invalid ARN prefix: {arn}")
    kind, _, rest = found.resource.partition(":")
    if kind != "mapRun":
        raise InvalidArn(f"Resource type not valid in this context: {kind}")
    return found.account, found.region, rest.partition("/")[0]


def find_map_run(tx: Tx, arn: str) -> MapRun | None:
    """The map run, or None."""
    return tx.get(MapRun, map_run_key(arn))


def load_map_run(tx: Tx, arn: str) -> MapRun:
    """The map run.

    Raises:
        InvalidArn: the ARN is none of a map run.
        ResourceNotFound: there is none.
    """
    parse_map_run(arn)
    found = find_map_run(tx, arn)
    if found is None:
        raise ResourceNotFound(f"Resource not found: '{arn}'")
    return found
