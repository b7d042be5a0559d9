"""What Step Functions stores, and under which keys.

| key | record | read by |
|---|---|---|
| `states`, account, region, `machine`, name | Machine | every operation on it; ListStateMachines |
| `states`, account, region, `version`, machine, number | Version | ListStateMachineVersions, starts by it |
| `states`, account, region, `alias`, machine, name | Alias | ListStateMachineAliases, starts by alias |
| `states`, account, region, `activity`, name | Activity | ListActivities, activity tasks |
| `states-definition`, id | Definition | compiled once; each execution keeps the definition it began with |
| `states`, account, region, `execution`, machine, name | Execution | Describe, Stop, idempotent starts |
| `states`, account, region, `listed`, of, started, number | Listed | ListExecutions, newest first |
| `states`, account, region, `by-status`, of, status, started, number | Listed | ... with a status filter |
| `states-run`, number | Run | where a running execution stands, its root branch included |
| `states-branch`, number, path... | Branch | where a branch or iteration of it stands |
| `states-items`, number, path... | Items | what a Map in progress maps over, written once |
| `states-result`, number, path..., index | Result | what a branch or iteration that has ended gave |
| `states-history`, number, first event | Page | the events, a row for each commit, written once |
| `states-ready`, number | Ready | executions with something to do at once: taken up at start |
| `states-express`, number | Begun | asynchronous Express executions that wait: begun again after a crash |
| `states-activity-task`, account, region, activity, scheduled | ActivityTask | GetActivityTask, in order |

`of` is a state machine, `machine:version`, `machine:alias`, or a map run's ARN.

Executions have a number, which rises with time and makes the keys of what is written at every step short. A
transition writes the row of the branch that moved (position, variables, input) and a row of history; an
execution that runs from wait to wait writes them once for all transitions between.
"""

from __future__ import annotations

from typing import Any

import msgspec

from ballroom.kernel import Key, Record, Tx

from .arns import ExecutionRef, MachineRef, execution_arn, machine_arn
from .errors import ExecutionDoesNotExist, StateMachineDoesNotExist

DAY_MS = 24 * 3600 * 1000
RETENTION_MS = 90 * DAY_MS
_END = 1 << 62
"""Larger than any time: subtracted from, it sorts the newest first."""


class Settings(msgspec.Struct, frozen=True, array_like=True):
    """What UpdateStateMachine may change: one revision's settings. Shapes are the API's."""

    definition: str
    """The id of a Definition."""
    role: str
    logging: dict[str, Any]
    tracing: bool
    encryption: dict[str, Any]
    revision: str = ""
    """Empty until the first update, as on AWS."""


class Machine(Record, frozen=True):
    """A state machine and its current revision."""

    account: str
    region: str
    name: str
    type: str
    created_ms: int
    updated_ms: int
    settings: Settings
    tags: dict[str, str]
    last_version: int = 0
    versions: int = 0
    generation: int = 0
    """Tells machines apart that had the same name one after the other."""

    @property
    def arn(self) -> str:
        """Its ARN."""
        return machine_arn(self.region, self.account, self.name)

    @property
    def ref(self) -> MachineRef:
        """Where it is found."""
        return MachineRef(self.account, self.region, self.name)


class Version(Record, frozen=True):
    """A published revision."""

    number: int
    created_ms: int
    description: str
    settings: Settings


class Alias(Record, frozen=True):
    """A name for one or two versions, with weights that add up to 100."""

    name: str
    description: str
    created_ms: int
    updated_ms: int
    routes: list[tuple[int, int]]
    """(version, weight)."""


class Definition(Record, frozen=True):
    """The text of a definition; written once, kept as long as anything may run it."""

    text: str
    type: str


class Activity(Record, frozen=True):
    """An activity: a queue of tasks for workers."""

    name: str
    created_ms: int
    encryption: dict[str, Any]
    tags: dict[str, str]


class Execution(Record, frozen=True):
    """An execution as it is described; the input and output are JSON as text."""

    number: int
    machine: str
    """The state machine's name, or `name/label` for a child of a map run."""
    name: str
    status: str
    started_ms: int
    stopped_ms: int
    settings: Settings
    input: str
    output: str | None = None
    error: str | None = None
    cause: str | None = None
    of_version: int = 0
    alias: str = ""
    trace: str = ""
    redrives: int = 0
    redriven_ms: int = 0
    map_run: str = ""
    parent: tuple[int, str, int] | None = None
    """Whom to tell when it ends: number, branch and attempt of the Task that waits for it."""
    test_case: str = ""
    """The test case of a mock configuration that it runs."""
    express: bool = False
    item_count: int = 0
    within: str = ""
    """The child of a map run: the Map state whose processor it runs, ..."""
    map_index: int = 0
    redrive_token: str = ""
    """... and which of the children it is."""
    came_from: str = ""
    """Lineage: the request or span that started it."""
    came_with: str = ""
    """The trace header of that request, which its tasks pass on."""


class Listed(Record, frozen=True):
    """An execution as it is listed."""

    number: int
    machine: str
    name: str
    status: str
    started_ms: int
    stopped_ms: int
    of_version: int = 0
    alias: str = ""
    redrives: int = 0
    redriven_ms: int = 0
    map_run: str = ""
    item_count: int = 0


class Page(Record, frozen=True):
    """Events in order; `events` is packed by `engine.journal`."""

    events: bytes


class Ready(Record, frozen=True):
    """An execution with something to do at once."""

    account: str
    region: str


class ActivityTask(Record, frozen=True):
    """A task that waits for a worker."""

    number: int
    path: str
    attempt: int
    token: str
    input: str


def machine_key(ref: MachineRef) -> Key:
    """A state machine."""
    return ("states", ref.account, ref.region, "machine", ref.name)


def version_key(ref: MachineRef, number: int) -> Key:
    """A version."""
    return ("states", ref.account, ref.region, "version", ref.name, number)


def alias_key(ref: MachineRef, name: str) -> Key:
    """An alias."""
    return ("states", ref.account, ref.region, "alias", ref.name, name)


def definition_key(id: str) -> Key:
    """A definition."""
    return ("states-definition", id)


def activity_key(account: str, region: str, name: str) -> Key:
    """An activity."""
    return ("states", account, region, "activity", name)


def execution_key(ref: ExecutionRef) -> Key:
    """An execution."""
    return ("states", ref.account, ref.region, "execution", ref.machine, ref.name)


def listed_prefix(account: str, region: str, of: str) -> Key:
    """The executions of a state machine or map run, newest first."""
    return ("states", account, region, "listed", of)


def by_status_prefix(account: str, region: str, of: str, status: str) -> Key:
    """The executions with one status, newest first."""
    return ("states", account, region, "by-status", of, status)


def newest_first(started_ms: int, number: int) -> Key:
    """The last parts of a key that sorts by start, newest first."""
    return (_END - started_ms, _END - number)


def history_key(number: int, first: int) -> Key:
    """A page of history."""
    return ("states-history", number, first)


def ready_key(number: int) -> Key:
    """The mark of an execution with something to do at once."""
    return ("states-ready", number)


def find_machine(tx: Tx, ref: MachineRef) -> Machine | None:
    """The state machine, or None."""
    return tx.get(Machine, machine_key(ref))


def load_machine(tx: Tx, ref: MachineRef, *, asked: str = "") -> Machine:
    """The state machine.

    Raises:
        StateMachineDoesNotExist: there is none.
    """
    found = tx.get(Machine, machine_key(ref))
    if found is None:
        raise StateMachineDoesNotExist(asked or ref.arn)
    return found


def load_execution(tx: Tx, ref: ExecutionRef) -> Execution:
    """The execution.

    Raises:
        ExecutionDoesNotExist: there is none, or it was forgotten.
    """
    found = tx.get(Execution, execution_key(ref))
    if found is None:
        raise ExecutionDoesNotExist(ref.arn)
    return found


def lists_of(execution: Execution) -> list[str]:
    """The lists that an execution stands in: of its state machine, version and alias, or of its map run."""
    if execution.map_run:
        return [execution.map_run]
    machine, lists = execution.machine, [execution.machine]
    if execution.of_version:
        lists.append(f"{machine}:{execution.of_version}")
    if execution.alias:
        lists.append(f"{machine}:{execution.alias}")
    return lists


def store_execution(tx: Tx, ref: ExecutionRef, before: Execution | None, now: Execution) -> None:
    """Write an execution and the rows that list it."""
    tx.put(execution_key(ref), now)
    listed = Listed(
        now.number, now.machine, now.name, now.status, now.started_ms, now.stopped_ms, now.of_version,
        now.alias, now.redrives, now.redriven_ms, now.map_run, now.item_count,
    )  # fmt: skip
    place = newest_first(now.started_ms, now.number)
    for of in lists_of(now):
        tx.put((*listed_prefix(ref.account, ref.region, of), *place), listed)
        if before is not None and before.status != now.status:
            tx.delete((*by_status_prefix(ref.account, ref.region, of, before.status), *place))
        tx.put((*by_status_prefix(ref.account, ref.region, of, now.status), *place), listed)


def remove_execution(tx: Tx, ref: ExecutionRef, execution: Execution) -> None:
    """Remove an execution and the rows that list it."""
    tx.delete(execution_key(ref))
    place = newest_first(execution.started_ms, execution.number)
    for of in lists_of(execution):
        tx.delete((*listed_prefix(ref.account, ref.region, of), *place))
        tx.delete((*by_status_prefix(ref.account, ref.region, of, execution.status), *place))


def arn_of(account: str, region: str, execution: Execution | Listed) -> str:
    """An execution's ARN."""
    return execution_arn(region, account, execution.machine, execution.name)
