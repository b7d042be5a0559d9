"""Starting executions, of both types, however the start is asked for.

Source: API Reference, StartExecution, StartSyncExecution; Developer Guide, "Name restrictions".
"""

from __future__ import annotations

from dataclasses import dataclass

import orjson

from ballroom.kernel import Tx

from .arns import ExecutionRef, MachineRef, check_name, machine_arn, parse_machine
from .definitions import compiled
from .ends import NAMESPACE, status_changed
from .engine.branch import path_text
from .engine.execution import DEEPEST, MOST_BYTES, Live, too_deep
from .engine.express import Express, QuietJournal
from .engine.journal import MOST_EVENTS, NUMBER, Journal
from .engine.running import Running, states_of
from .engine.session import Session
from .errors import ExecutionAlreadyExists, InvalidArn, InvalidExecutionInput, StateMachineDoesNotExist
from .logging import wants_events
from .mocks import check_case
from .resources import (
    Alias,
    Execution,
    Machine,
    Settings,
    Version,
    alias_key,
    execution_key,
    load_machine,
    version_key,
)
from .versioning import chosen_version

_STARTED = NUMBER["ExecutionStarted"]


@dataclass(frozen=True, slots=True)
class Target:
    """What a start runs."""

    machine: Machine
    ref: MachineRef
    settings: Settings
    version: int
    alias: str
    test_case: str


def target_of(tx: Tx, asked: str) -> Target:
    """What a start by that ARN (of a state machine, version, alias, or `#TestCase`) runs.

    Raises:
        StateMachineDoesNotExist: there is none.
    """
    arn, _, test_case = asked.partition("#")
    ref = parse_machine(arn)
    machine = load_machine(tx, ref, asked=asked)
    if test_case:
        check_case(tx.kernel, ref.name, test_case)
    version, settings = ref.version, machine.settings
    if ref.alias:
        alias = tx.get(Alias, alias_key(ref, ref.alias))
        if alias is None:
            raise StateMachineDoesNotExist(asked)
        version = chosen_version(tx, alias)
    if version:
        published = tx.get(Version, version_key(ref, version))
        if published is None:
            raise StateMachineDoesNotExist(asked)
        settings = published.settings
    return Target(machine, ref, settings, version, ref.alias, test_case)


def checked_input(text: str | None) -> str:
    """The input of a start.

    Raises:
        InvalidExecutionInput: it is no JSON, too long, or nested too deep.
    """
    if text is None:
        return "{}"
    if len(text) > MOST_BYTES // 4 and len(text.encode("utf-8", "surrogatepass")) > MOST_BYTES:
        raise InvalidExecutionInput("Input exceeds the maximum number of bytes service limit")
    try:
        value = orjson.loads(text)
    except (orjson.JSONDecodeError, UnicodeEncodeError) as wrong:
        raise InvalidExecutionInput(str(wrong)) from wrong
    if text.count("[") + text.count("{") > DEEPEST and too_deep(value):
        raise InvalidExecutionInput("Input is nested too deep")
    return text


def start_standard(
    tx: Tx, target: Target, name: str | None, input: str, *, trace: str = "",
    parent: tuple[int, tuple[int, ...], int] | None = None,
) -> Execution:  # fmt: skip
    """Start a Standard execution, or answer with the running one of the same name and input.

    Raises:
        ExecutionAlreadyExists: the name was used within 90 days, with another input or by one that has ended.
    """
    if name is not None:
        check_name(name)
    ref = ExecutionRef(target.ref.account, target.ref.region, target.ref.name, name or tx.ids.uuid())
    existing = tx.get(Execution, execution_key(ref))
    if existing is not None:
        if existing.status == "RUNNING" and existing.input == input and parent is None:
            return existing
        raise ExecutionAlreadyExists(ref.arn)
    running = tx.kernel.state(Running)
    record = Execution(
        running.next_number(tx), ref.machine, ref.name, "RUNNING", tx.now_ms, 0, target.settings, input,
        of_version=target.version, alias=target.alias, trace=trace, test_case=target.test_case,
        parent=None if parent is None else (parent[0], path_text(parent[1]), parent[2]),
    )  # fmt: skip
    begin(tx, ref, record)
    return record


def begin(tx: Tx, ref: ExecutionRef, record: Execution) -> None:
    """Let an execution begin, in this transaction."""
    running = tx.kernel.state(Running)
    definition = states_of(compiled(tx.kernel, record.settings.definition).machine, record.within)
    live = Live(ref, record, definition, Journal(limit=MOST_EVENTS))
    live.is_new = True
    if definition.timeout_s:
        live.expires_ms = tx.now_ms + 1000 * definition.timeout_s
        tx.wake_at(live.expires_ms, "states.expire", live.number)
    _count_start(tx, ref)
    running.drive(tx, lambda session: _enter(session, live))


def _enter(session: Session, live: Live) -> None:
    live.session = session
    live.journal.add(
        _STARTED, 0, session.now_ms, {"input": live.record.input, "roleArn": live.record.settings.role}
    )
    live.begin()
    session.add(live)
    if not live.express:
        status_changed(session, live)


def start_express(
    tx: Tx, target: Target, name: str | None, input: str, trace: str = "", *, at_least_once: bool = False
) -> Live:
    """Start an Express execution; it may have ended when this returns."""
    if name is not None:
        check_name(name)
    ref = ExecutionRef(target.ref.account, target.ref.region, target.ref.name, name or tx.ids.uuid())
    running = tx.kernel.state(Running)
    record = Execution(
        running.next_number(tx), ref.machine, ref.name, "RUNNING", tx.now_ms, 0, target.settings, input,
        of_version=target.version, alias=target.alias, trace=trace, express=True, test_case=target.test_case,
    )  # fmt: skip
    return begin_express(tx, ref, record, at_least_once=at_least_once)


def begin_express(
    tx: Tx, ref: ExecutionRef, record: Execution, *, at_least_once: bool = False, again: str = ""
) -> Live:
    """Let an Express execution begin; it may have ended when this returns.

    `again`: the unique part of its ARN, if it was acknowledged by a server that died.
    """
    definition = states_of(compiled(tx.kernel, record.settings.definition).machine, record.within)
    journal = Journal(limit=1 << 62) if wants_events(record.settings.logging) else QuietJournal()
    live = Live(ref, record, definition, journal, unique=again or tx.ids.uuid())
    live.held = Express(tx.kernel, live, at_least_once=at_least_once)
    live.held.stored = bool(again)
    _count_start(tx, ref)
    tx.kernel.state(Running).drive(tx, lambda session: _enter(session, live))
    return live


def _count_start(tx: Tx, ref: ExecutionRef) -> None:
    dimensions = (("StateMachineArn", machine_arn(ref.region, ref.account, ref.machine.partition("/")[0])),)
    metrics = tx.kernel.metrics
    tx.after_commit(lambda: metrics.count(ref.account, ref.region, NAMESPACE, "ExecutionsStarted", dimensions))


__all__ = ["InvalidArn", "Target", "begin", "checked_input", "start_express", "start_standard", "target_of"]
