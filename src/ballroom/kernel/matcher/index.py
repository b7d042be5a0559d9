"""All rules of a bus at once.

Each conjunction hangs on its one most selective field: the one whose predicates the fewest rules share.
An event is walked once along the fields that something hangs on; what hangs on its values are the
candidates, and only their other fields are looked at. Counting, per rule, how many predicates an event
satisfies was worse: a `source` that all rules share would touch each of them for every event.
"""

from __future__ import annotations

from typing import Any

import orjson

from ballroom.kernel.matcher.buckets import Bucket, BucketKey, Entry, FieldIndex, bucket_keys
from ballroom.kernel.matcher.pattern import (
    Path,
    Pattern,
    flat,
    holds,
    without_dots,
)
from ballroom.kernel.matcher.tests import FieldTest

_ABSENT: Any = object()


class _Node:
    """A key on the way to fields."""

    __slots__ = ("children", "dotted", "field", "live", "uses")

    def __init__(self) -> None:
        self.children: dict[str, _Node] = {}
        self.live: dict[str, _Node] = {}  # children to visit: with something hanging there or below
        self.field = FieldIndex()
        self.dotted: dict[str, int] = {}  # keys with dots that would shorten a path from here
        self.uses = 0


class _KeyWithDots(Exception):
    """The event spells a path that rules use with dots: it has to be rewritten first."""


class RuleIndex:
    """Rules by name, and the names of those that an event matches.

    An event costs what it is large and what it matches, whatever the number of rules; adding a rule costs
    the same whatever their number. Rules that ask for nothing but absent fields are tested each time.
    """

    def __init__(self) -> None:
        self._rules: dict[str, list[Entry]] = {}
        self._root = _Node()
        self._unanchored: Bucket = []

    def __len__(self) -> int:
        return len(self._rules)

    def __contains__(self, rule_id: str) -> bool:
        return rule_id in self._rules

    def add(self, rule_id: str, pattern: Pattern) -> None:
        """Add a rule; one of the same name is replaced."""
        if rule_id in self._rules:
            self.remove(rule_id)
        self._rules[rule_id] = [self._hang(Entry(rule_id, c)) for c in pattern.conjunctions]

    def remove(self, rule_id: str) -> None:
        """Take a rule out; nothing happens when there is none of this name."""
        for entry in self._rules.pop(rule_id, ()):
            self._unhang(entry)

    def match(self, event: bytes | dict[str, Any]) -> list[str]:
        """The names of the rules that the event matches, each once, in no particular order.

        Raises:
            orjson.JSONDecodeError: the bytes are no JSON.
        """
        content = event if isinstance(event, dict) else orjson.loads(event)
        if type(content) is not dict:
            return []
        found: list[str] = []
        try:
            _walk(self._root, content, content, found)
        except _KeyWithDots:
            content = without_dots(content)
            found = []
            _walk(self._root, content, content, found)
        if self._unanchored:
            _verify(self._unanchored, content, found)
        return list(dict.fromkeys(found)) if len(found) > 1 else found

    def _hang(self, entry: Entry) -> Entry:
        most = len(self._rules) + 1
        best: tuple[float, Path, FieldTest, _Node, list[BucketKey], bool] | None = None
        for path, test in entry.conjunction.fields:
            node = self._reach(path, dotted=entry.conjunction.dotted is not None)
            keys, exact = bucket_keys(test)
            cost = node.field.cost(keys, most)
            node.field.use(keys, 1)
            if not test.absent and (best is None or cost <= best[0]):
                best = cost, path, test, node, keys, exact
        if best is None:
            self._unanchored.append(entry)
            return entry
        _, path, test, node, keys, exact = best
        entry.home, entry.keys = node.field, keys
        if exact:
            entry.rest = tuple(field for field in entry.conjunction.fields if field[1] is not test)
        node.field.hang(keys, entry)
        self._enliven(path)
        return entry

    def _unhang(self, entry: Entry) -> None:
        if entry.home is None:
            self._unanchored = [other for other in self._unanchored if other is not entry]
        else:
            entry.home.unhang(entry.keys, entry)
        for path, test in entry.conjunction.fields:
            node = self._reach(path, dotted=entry.conjunction.dotted is not None, count=-1)
            node.field.use(bucket_keys(test)[0], -1)
            self._prune(path)

    def _reach(self, path: Path, *, dotted: bool, count: int = 1) -> _Node:
        """The node at the path, made if need be; the nodes on the way know of one use more or less."""
        node = self._root
        for depth, key in enumerate(path):
            if dotted and len(path) - depth > 1:
                for end in range(depth + 2, len(path) + 1):
                    name = ".".join(path[depth:end])
                    left = node.dotted.get(name, 0) + count
                    if left:
                        node.dotted[name] = left
                    else:
                        del node.dotted[name]
            child = node.children.get(key)
            if child is None:
                child = node.children[key] = _Node()
            child.uses += count
            if child.dotted or (dotted and len(path) - depth > 2):
                node.live[key] = child
            node = child
        return node

    def _enliven(self, path: Path) -> None:
        node = self._root
        for key in path:
            node.live[key] = node.children[key]
            node = node.children[key]

    def _prune(self, path: Path) -> None:
        """Forget nodes that no rule uses, and visit no longer those where nothing hangs."""
        way = [self._root]
        for key in path:
            way.append(way[-1].children[key])
        for parent, key, child in zip(reversed(way[:-1]), reversed(path), reversed(way[1:]), strict=True):
            if not child.uses:
                del parent.children[key]
            if not child.uses or not (child.field.entries or child.live or child.dotted):
                parent.live.pop(key, None)


def _refuse_dots(names: dict[str, int], value: dict[str, Any]) -> None:
    """Stop where the object has a key that shortens a path; a few names are looked up one by one."""
    if len(names) > 4:
        if not names.keys().isdisjoint(value):
            raise _KeyWithDots
        return
    for name in names:
        if name in value:
            raise _KeyWithDots


def _walk(node: _Node, value: dict[str, Any], event: dict[str, Any], found: list[str]) -> None:
    if node.dotted:
        _refuse_dots(node.dotted, value)
    live = node.live
    if len(live) > len(value):
        live = {key: live[key] for key in value if key in live}
    for key, child in live.items():
        inner = value.get(key, _ABSENT)
        kind = type(inner)
        if kind is str:
            field = child.field
            bucket = field.strings.get(inner)
            if bucket is not None:
                _verify(bucket, event, found)
            if field.more:
                for bucket in field.buckets_beside_strings(inner):
                    _verify(bucket, event, found)
        elif kind is dict:
            if child.live or child.dotted:
                _walk(child, inner, event, found)
        elif kind is list:
            _walk_array(child, inner, event, found)
        elif inner is not _ABSENT and child.field.more:
            for bucket in child.field.buckets_beside_strings(inner):
                _verify(bucket, event, found)


def _walk_array(node: _Node, array: list[Any], event: dict[str, Any], found: list[str]) -> None:
    """Each element in turn; what hangs below objects is verified with array consistency."""
    field = node.field
    for element in flat(array):
        kind = type(element)
        if kind is dict:
            if node.live or node.dotted:
                _walk_element(node, element, event, found)
            continue
        if kind is str:
            bucket = field.strings.get(element)
            if bucket is not None:
                _verify(bucket, event, found)
        if field.more:
            for bucket in field.buckets_beside_strings(element):
                _verify(bucket, event, found)


def _walk_element(node: _Node, value: dict[str, Any], event: dict[str, Any], found: list[str]) -> None:
    """As `_walk`, within an array: a candidate is tested whole, since what hangs here does not say which
    element satisfies the other fields."""
    if node.dotted:
        _refuse_dots(node.dotted, value)
    live = node.live
    if len(live) > len(value):
        live = {key: live[key] for key in value if key in live}
    for key, child in live.items():
        inner = value.get(key, _ABSENT)
        if inner is _ABSENT:
            continue
        for element in flat(inner) if type(inner) is list else (inner,):
            kind = type(element)
            if kind is dict:
                if child.live or child.dotted:
                    _walk_element(child, element, event, found)
                continue
            field = child.field
            if kind is str:
                bucket = field.strings.get(element)
                if bucket is not None:
                    _verify_whole(bucket, event, found)
            if field.more:
                for bucket in field.buckets_beside_strings(element):
                    _verify_whole(bucket, event, found)


def _verify_whole(bucket: Bucket, event: dict[str, Any], found: list[str]) -> None:
    for entry in bucket:
        if entry.conjunction.matches_arrays(event):
            found.append(entry.rule_id)  # noqa: PERF401 - the usual bucket holds one


def _verify(bucket: Bucket, event: dict[str, Any], found: list[str]) -> None:
    for entry in bucket:
        rest = entry.rest
        if not rest:
            found.append(entry.rule_id)
            continue
        verdict = holds(rest, event)
        if verdict is None:
            verdict = entry.conjunction.matches_arrays(event)
        if verdict:
            found.append(entry.rule_id)
