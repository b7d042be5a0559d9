"""Map runs: what is stored of a distributed Map, and under which keys.

| key | record | read by |
|---|---|---|
| `states-map-run`, ARN | MapRun | everything about it; its counters change with every child |
| `states-map-runs-of`, execution's number, started, id | MapRunOf | ListMapRuns |
| `states-map-plan`, id | Plan | what its children are started from |
| `states-map-items`, id, first | ItemsPage | the items, as they were read |
| `states-map-child`, id, index | Child | an Express child that is under way: begun again after a crash |
| `states-map-result`, id, index | ResultRow | outputs and failures of children, gathered at the end |
| `states-map-unsuccessful`, id, round, index | Unsuccessful | the children that a redrive does again |

When a run has succeeded, or its Map has gone on in spite of its failure, only the first two kinds of rows are
left; one that can be redriven keeps all, as long as its execution is kept.

Source: Developer Guide, "Viewing a Distributed Map Run execution in Step Functions".
"""

from __future__ import annotations

from typing import Any

import msgspec

from ballroom.kernel import Kernel, Key, Record, Tx
from ballroom.kernel.arn import find_arn, make_arn

from .errors import InvalidArn, ResourceNotFound
from .resources import Settings

READING, WORKING, ENDING, WRITING, OVER = range(5)
"""Items are read; children run; no more are started, and those that run end; results are gathered; done."""


class MapRun(Record, frozen=True):
    """A map run. Counts are of child executions, and (`..._items`) of the items that they were given."""

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
    batched: bool = False
    phase: int = READING
    whole: bool = False
    """All items have been read: `total` is known."""
    total: int = 0
    next_item: int = 0
    """The first item that no child was given."""
    children: int = 0
    running: int = 0
    running_items: int = 0
    succeeded: int = 0
    succeeded_items: int = 0
    failed: int = 0
    failed_items: int = 0
    timed_out: int = 0
    timed_out_items: int = 0
    aborted: int = 0
    aborted_items: int = 0
    redo: int = 0
    """Unsuccessful children that a redrive has not come to yet."""
    redo_items: int = 0
    stuck: int = 0
    """Unsuccessful children that no redrive can help."""
    stuck_items: int = 0
    written: int = 0
    written_items: int = 0
    outcome: str = "SUCCEEDED"
    """The status that it will have when it is over."""
    error: str = ""
    cause: str | None = None
    redrives: int = 0
    redriven_ms: int = 0
    redrive_asked: bool = False
    """It is to be redriven as soon as it is over."""

    @property
    def unsuccessful(self) -> int:
        """Children that did not succeed."""
        return self.failed + self.timed_out + self.aborted

    @property
    def unsuccessful_items(self) -> int:
        """Items of children that did not succeed."""
        return self.failed_items + self.timed_out_items + self.aborted_items


class Plan(Record, frozen=True):
    """What a map run's children are started from: nothing of it changes while it runs."""

    settings: Settings
    of_version: int
    alias: str
    test_case: str
    entered: int
    """The event that entered the Map."""
    input: Any
    context: dict[str, Any]
    variables: dict[str, Any]
    """What the Map's expressions see."""
    caller: str
    """The name of the execution, for the session of its role."""
    writer: dict[str, Any] | None
    """The ResultWriter's parameters; None: results are not written to S3."""


class MapRunOf(Record, frozen=True):
    """A map run of an execution."""

    arn: str


class ItemsPage(Record, frozen=True):
    """Some of a map run's items, packed: what is kept at hand of rows must not weigh as much as they do."""

    packed: bytes


MOST_PAGE_BYTES = 4 << 20


def store_items(tx: Tx, id: int, first: int, pages: list[tuple[int, ItemsPage]]) -> None:
    """Store pages, and how many items each has, from an item on."""
    for count, page in pages:
        tx.put(items_page_key(id, first), page)
        first += count


def pack_items(items: list[Any]) -> list[tuple[int, ItemsPage]]:
    """Items as pages that are not too large, and how many items each has.

    Raises:
        OverflowError, RecursionError: an item cannot be stored.
    """
    packed = _encode(items)
    if len(packed) <= MOST_PAGE_BYTES or len(items) == 1:
        return [(len(items), ItemsPage(packed))]
    middle = len(items) // 2
    return pack_items(items[:middle]) + pack_items(items[middle:])


class ItemPages:
    """The page of each run that children are being started from, unpacked; derived memory."""

    _MOST = 8

    def __init__(self, kernel: Kernel) -> None:
        self._pages: dict[int, tuple[int, list[Any]]] = {}

    def item(self, tx: Tx, id: int, index: int) -> Any:
        """An item of a run."""
        first, items = self._pages.get(id, (0, []))
        if not first <= index < first + len(items):
            first, items = self._pages[id] = self._load(tx, id, index)
        return items[index - first]

    def _load(self, tx: Tx, id: int, index: int) -> tuple[int, list[Any]]:
        if len(self._pages) >= self._MOST:
            del self._pages[next(iter(self._pages))]
        prefix, after = items_page_key(id, 0)[:-1], items_page_key(id, index + 1)
        ((key, row),) = tx.scan_prefix_items(ItemsPage, prefix, after=after, limit=1, reverse=True)
        return int(key[-1]), _decode(row.packed)

    def forget(self, id: int) -> None:
        """The run is over."""
        self._pages.pop(id, None)


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[Any]).decode


class Child(Record, frozen=True):
    """An Express child under way."""

    arn: str
    """Of the map run."""
    input: str
    items: int


class Unsuccessful(Record, frozen=True):
    """Nothing but its key: a child to do again when the map run is redriven."""


class ChildResult(msgspec.Struct, array_like=True, frozen=True):
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
    redrives: int = 0


class ResultRow(Record, frozen=True):
    """A ChildResult, packed as items are."""

    packed: bytes


_encode_result = msgspec.msgpack.Encoder().encode
_decode_result = msgspec.msgpack.Decoder(ChildResult).decode


def put_result(tx: Tx, id: int, index: int, result: ChildResult) -> None:
    """Note what became of a child."""
    tx.put(child_result_key(id, index), ResultRow(_encode_result(result)))


def find_result(tx: Tx, id: int, index: int) -> ChildResult | None:
    """What became of a child; None: it has not ended."""
    row = tx.get(ResultRow, child_result_key(id, index))
    return _decode_result(row.packed) if row is not None else None


def results_after(tx: Tx, id: int, after: int, limit: int) -> list[tuple[int, ChildResult]]:
    """What became of the children that come after one, in order; the first ones if `after` is -1."""
    prefix = child_result_key(id, 0)[:-1]
    start = (*prefix, after) if after >= 0 else None
    found = tx.scan_prefix_items(ResultRow, prefix, after=start, limit=limit)
    return [(int(key[-1]), _decode_result(row.packed)) for key, row in found]


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


def unsuccessful_key(id: int, round: int, index: int) -> Key:
    """A child that did not succeed, in the round (how often the run had been redriven) that it failed in."""
    return ("states-map-unsuccessful", id, round, index)


def plan_key(id: int) -> Key:
    """What a map run's children are started from."""
    return ("states-map-plan", id)


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
