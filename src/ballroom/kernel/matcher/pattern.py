"""A compiled pattern, and one of its conjunctions against one event.

A field is a path of keys; its values in an event are the scalars found there, arrays looked through.
Two fields that pass through the same array must be satisfied by the same element of it ("array
consistency"), which is what looking at the event along the pattern's own tree gives. `exists: false`
speaks of the whole event: no such value anywhere.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ballroom.kernel.matcher.tests import FieldTest

Path = tuple[str, ...]
REACH = 128  # keys that a pattern may nest
_ABSENT: Any = object()


class Conjunction:
    """Tests of fields that must all hold."""

    __slots__ = ("asks_for_absence", "dotted", "fields", "tree")

    def __init__(self, fields: dict[Path, FieldTest], *, dotted: bool = True) -> None:
        self.fields = tuple(fields.items())
        self.asks_for_absence = any(test.absent for test in fields.values())
        self.tree: _Tree | None = None  # made when an event with arrays of objects asks for it
        self.dotted = frozenset(name for path in fields for name in dotted_names(path)) if dotted else None

    def matches(self, event: dict[str, Any]) -> bool:
        """Does an event without dotted keys (see `without_dots`) match?"""
        verdict = holds(self.fields, event)
        return self.matches_arrays(event) if verdict is None else verdict

    def matches_arrays(self, event: dict[str, Any]) -> bool:
        """The same for events that have objects within arrays."""
        if self.tree is not None and not self.asks_for_absence:
            return self.tree.matches(event)
        left: dict[Path, FieldTest] = {}
        for path, test in self.fields:
            if test.absent and next(values_at(event, path), _ABSENT) is _ABSENT:
                continue
            left[path] = test
        if len(left) == len(self.fields):
            if self.tree is None:
                self.tree = _Tree(left)
            return self.tree.matches(event)
        return _Tree(left).matches(event)


def holds(fields: tuple[tuple[Path, FieldTest], ...], event: dict[str, Any]) -> bool | None:
    """Do all fields match? None when one leads through an array of objects: see `matches_arrays`."""
    for path, test in fields:
        value: Any = event
        for key in path:
            if type(value) is not dict:
                if type(value) is list:
                    return None
                value = _ABSENT
                break
            value = value.get(key, _ABSENT)
        kind = type(value)
        if kind is str:
            check = test.on_string
            if check is None or not check(value):
                return False
        elif value is _ABSENT or kind is dict:
            if not test.absent:
                return False
        elif kind is list:
            if not _accepts_any(test, value):
                return False
        elif not test.accepts(value):
            return False
    return True


def _accepts_any(test: FieldTest, array: list[Any]) -> bool:
    there = False
    for element in flat(array):
        if type(element) is not dict:
            there = True
            if test.accepts(element):
                return True
    return test.absent and not there


class _Tree:
    """A conjunction as a tree of keys, walked along the event."""

    __slots__ = ("children", "test")

    def __init__(self, fields: dict[Path, FieldTest]) -> None:
        self.test: FieldTest | None = None
        below: dict[str, dict[Path, FieldTest]] = {}
        for path, test in fields.items():
            if path:
                below.setdefault(path[0], {})[path[1:]] = test
            else:
                self.test = test
        self.children = {key: _Tree(rest) for key, rest in below.items()}

    def matches(self, value: Any) -> bool:
        if type(value) is list:
            for element in flat(value):  # noqa: SIM110 - any() over a generator costs twice as much
                if self.matches(element):
                    return True
            return False
        if type(value) is dict:
            if self.test is not None:
                return False
            for key, child in self.children.items():
                found = value.get(key, _ABSENT)
                kind = type(found)
                if kind is list or kind is dict:
                    if not child.matches(found):
                        return False
                elif found is _ABSENT or child.test is None or not child.test.accepts(found) or child.children:
                    return False
            return True
        return not self.children and self.test is not None and self.test.accepts(value)


def flat(array: list[Any]) -> list[Any]:
    """The elements of an array, arrays within it looked through; not recursive, arrays may be deep."""
    if list not in map(type, array):
        return array
    elements: list[Any] = []
    stack = [iter(array)]
    while stack:
        for element in stack[-1]:
            if type(element) is list:
                stack.append(iter(element))
                break
            elements.append(element)
        else:
            stack.pop()
    return elements


def values_at(value: Any, path: Path) -> Iterator[Any]:
    """Every scalar at the path, through arrays."""
    if type(value) is list:
        for element in flat(value):
            yield from values_at(element, path)
    elif type(value) is dict:
        if path and path[0] in value:
            yield from values_at(value[path[0]], path[1:])
    elif not path:
        yield value


def dotted_names(path: Path) -> Iterator[str]:
    """The keys with dots by which an event may shorten the path: a.b and b.c and a.b.c of a, b, c."""
    for start in range(len(path) - 1):
        for end in range(start + 2, len(path) + 1):
            yield ".".join(path[start:end])


def without_dots(value: dict[str, Any], depth: int = REACH) -> dict[str, Any]:
    """The event with keys such as "a.b" written as nested objects, which is the same to a pattern.

    What two spellings of one key hold is kept as an array, of which any element may match. Deeper than
    any pattern reaches, the event is left as it is.
    """
    result: dict[str, Any] = {}
    for name, content in value.items():
        plain = _undotted(content, depth - 1)
        *parents, last = name.split(".")
        place = result
        for parent in parents:
            inner = place.get(parent, _ABSENT)
            if type(inner) is not dict:
                fresh: dict[str, Any] = {}
                place[parent] = fresh if inner is _ABSENT else [inner, fresh]
                inner = fresh
            place = inner
        place[last] = _merged(place[last], plain) if last in place else plain
    return result


def _undotted(value: Any, depth: int) -> Any:
    if depth > 0 and type(value) is dict:
        return without_dots(value, depth)
    if depth > 0 and type(value) is list:
        return [_undotted(element, depth - 1) for element in value]
    return value


def _merged(one: Any, other: Any) -> Any:
    if type(one) is dict and type(other) is dict:
        for key, value in other.items():
            one[key] = _merged(one[key], value) if key in one else value
        return one
    return [one, other]


class Pattern:
    """A pattern that was checked and compiled; test events with `matches`, or add it to a `RuleIndex`."""

    __slots__ = ("conjunctions", "dotted")

    def __init__(self, conjunctions: tuple[Conjunction, ...]) -> None:
        self.conjunctions = conjunctions
        self.dotted = any(c.dotted for c in conjunctions)

    def matches(self, event: dict[str, Any]) -> bool:
        """Does the event match? Costs in proportion to the pattern."""
        if self.dotted and has_dots(event):
            event = without_dots(event)
        return any(conjunction.matches(event) for conjunction in self.conjunctions)


def has_dots(value: Any) -> bool:
    """Does any key contain a dot?"""
    stack = [value]
    while stack:
        item = stack.pop()
        if type(item) is dict:
            if "." in "".join(item):
                return True
            stack.extend(v for v in item.values() if type(v) is dict or type(v) is list)
        elif type(item) is list:
            stack.extend(v for v in item if type(v) is dict or type(v) is list)
    return False
