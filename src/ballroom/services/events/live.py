"""Derived memory: for each bus in use, its rules compiled to one index, and their targets ready to send.

Loaded from the store when a bus is first used, and kept coherent by `Tx.after_commit`; a commit that
fails throws all of it away (see `kernel.state`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ballroom.kernel.arn import Arn, find_arn
from ballroom.kernel.lineage import mark_of
from ballroom.kernel.matcher import InvalidPattern, RuleIndex, compile_pattern
from ballroom.services.events.kinds import Kind, kind_of
from ballroom.services.events.names import BusName
from ballroom.services.events.resources import (
    Archive,
    Bus,
    NameLink,
    Rule,
    Spec,
    Target,
    find_bus,
    key,
)
from ballroom.services.events.transform import Render, compile_input

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ballroom.kernel import Kernel, Tx

ARCHIVE = "\0"
"""Begins the index's ids of archives; rules go by their names."""
_EVERYTHING = '{"replay-name":[{"exists":false}]}'
_MOST_BUSES = 4096


class LiveTarget:
    """A target, ready to be sent to."""

    __slots__ = ("arn", "id", "kind", "parsed", "render", "route", "spec")

    def __init__(self, spec: Spec, rule_arn: str = "") -> None:
        self.id: str = spec["Id"]
        self.arn: str = spec["Arn"]
        parsed = find_arn(self.arn)
        assert parsed is not None  # checked when it was put
        self.parsed: Arn = parsed
        self.spec = spec
        self.kind: Kind = kind_of(parsed)
        self.render: Render = compile_input(spec)
        self.route = f"{rule_arn} -> {self.arn}"
        """How traces tell of it."""


class LiveRule:
    """A rule with its targets; targets of FIFO queues come first, since their order counts."""

    __slots__ = ("arn", "dimensions", "mark", "name", "record", "targets")

    def __init__(self, at: BusName, record: Rule, targets: Sequence[Target] = ()) -> None:
        self.name = record.name
        self.record = record
        self.arn = at.rule_arn(record.name)
        self.mark = mark_of(self.arn)
        self.dimensions = (("RuleName", record.name),)
        self.targets: list[LiveTarget] = []
        self.set_targets(targets)

    def set_targets(self, targets: Sequence[Target]) -> None:
        """These are its targets now."""
        made = [LiveTarget(target.spec, self.arn) for target in targets]
        self.targets = sorted(made, key=lambda target: not target.arn.endswith(".fifo"))


class LiveBus:
    """A bus: all of its rules by name, and an index of those that events may match."""

    __slots__ = ("archives", "at", "dead_letter", "index", "rules", "watched")

    def __init__(self, at: BusName) -> None:
        self.at = at
        self.watched = False
        self.rules: dict[str, LiveRule] = {}
        self.archives: dict[str, Archive] = {}
        self.index = RuleIndex()

    @property
    def listens(self) -> bool:
        """Whether an event could have any effect."""
        return bool(self.rules or self.archives or self.watched)

    def put_rule(self, record: Rule, targets: Sequence[Target] | None = None) -> None:
        """A rule is new or has changed."""
        known = self.rules.get(record.name)
        if known is not None:
            if known.record.pattern is not None and known.record.enabled:
                self.index.remove(record.name)
            known.record = record
            if targets is not None:
                known.set_targets(targets)
        else:
            self.rules[record.name] = LiveRule(self.at, record, targets or ())
        if record.pattern is not None and record.enabled:
            self.index.add(record.name, compile_pattern(record.pattern))

    def remove_rule(self, name: str) -> None:
        """A rule is gone."""
        known = self.rules.pop(name, None)
        if known is not None and known.record.pattern is not None and known.record.enabled:
            self.index.remove(name)

    def put_archive(self, archive: Archive) -> None:
        """An archive is new or has changed. It never takes what a replay sends."""
        self.remove_archive(archive.name)
        self.archives[archive.name] = archive
        self.index.add(ARCHIVE + archive.name, compile_pattern(archive.pattern or _EVERYTHING))

    def remove_archive(self, name: str) -> None:
        """An archive is gone."""
        if self.archives.pop(name, None) is not None:
            self.index.remove(ARCHIVE + name)


class Buses:
    """The buses in use."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self._buses: dict[BusName, LiveBus] = {}

    @staticmethod
    def of(kernel: Kernel) -> Buses:
        """The kernel's."""
        return kernel.state(Buses)

    def known(self, at: BusName) -> LiveBus | None:
        """The bus, if it is in memory."""
        return self._buses.get(at)

    def find(self, tx: Tx, at: BusName, *, unchanged: bool = False) -> LiveBus | None:
        """The bus, loaded if need be; None if there is none.

        What was loaded in a transaction that has written may never come to be, so it is not kept, but
        loaded again soon; unless the caller says that nothing of the bus was written (`unchanged`).
        """
        bus = self._buses.get(at)
        if bus is None and find_bus(tx, at) is not None:
            bus = _load(tx, at)
            if unchanged or tx.point()[0] == 0:
                if len(self._buses) >= _MOST_BUSES:
                    self._buses.clear()
                self._buses[at] = bus
            else:
                tx.after_commit(lambda: self._load_soon(at))
        return bus

    def _load_soon(self, at: BusName) -> None:
        def load() -> None:
            if not self._kernel.stopping:
                self._kernel.transact(self.find, at)

        self._kernel.loop.call_soon(load)

    def forget(self, at: BusName) -> None:
        """The bus is gone."""
        self._buses.pop(at, None)


def _load(tx: Tx, at: BusName) -> LiveBus:
    bus = LiveBus(at)
    record = find_bus(tx, at)
    bus.watched = record is not None and record.watched
    targets: dict[str, list[Target]] = {}
    for target in tx.scan_prefix(Target, key(at, "target", at.name)):
        targets.setdefault(target.rule, []).append(target)
    for rule in tx.scan_prefix(Rule, key(at, "rule", at.name)):
        bus.put_rule(rule, targets.get(rule.name, ()))
    for link in tx.scan_prefix(NameLink, key(at, "archive-of", at.name)):
        archive = tx.get(Archive, key(at, "archive", link.name))
        if archive is not None:
            bus.put_archive(archive)
    return bus


__all__ = ["ARCHIVE", "Bus", "Buses", "InvalidPattern", "LiveBus", "LiveRule", "LiveTarget"]
