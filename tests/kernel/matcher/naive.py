"""The pattern language in the plainest way: what the compiled matcher is compared with.

An event is the list of its scalars, each with its path and the array elements it lies in; a pattern matches
when a scalar can be chosen for each field so that no two choices lie in different elements of one array.
"""

from __future__ import annotations

import ipaddress
import itertools
from collections.abc import Iterator
from typing import Any

Place = dict[tuple[Any, ...], int]  # which element of which array
Scalar = tuple[str, Any, Place]


def matches(pattern: dict[str, Any], event: dict[str, Any]) -> bool:
    scalars = list(_scalars(event, (), (), {}))
    return any(_holds(conjunction, scalars) for conjunction in _conjunctions(pattern, "", [{}]))


def _scalars(value: Any, path: tuple[str, ...], where: tuple[Any, ...], place: Place) -> Iterator[Scalar]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _scalars(inner, (*path, key), (*where, key), place)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _scalars(inner, path, (*where, index), {**place, where: index})
    else:
        yield ".".join(path), value, place


def _conjunctions(pattern: dict[str, Any], path: str, so_far: list[dict[str, Any]]) -> list[dict[str, Any]]:
    for key, rule in pattern.items():
        if key == "$or":
            so_far = [c for option in rule for c in _conjunctions(option, path, [dict(c) for c in so_far])]
        elif isinstance(rule, dict):
            so_far = _conjunctions(rule, f"{path}{key}.", so_far)
        else:
            for conjunction in so_far:
                conjunction[path + key] = rule
    return so_far


def _holds(conjunction: dict[str, Any], scalars: list[Scalar]) -> bool:
    choices = []
    for path, rules in conjunction.items():
        there = [s for s in scalars if s[0] == path]
        if not there and {"exists": False} in rules:
            continue
        choices.append([s for s in there if any(_accepts(rule, s[1]) for rule in rules)])
    return any(_consistent([place for _, _, place in chosen]) for chosen in itertools.product(*choices))


def _consistent(places: list[Place]) -> bool:
    seen: Place = {}
    return all(seen.setdefault(array, index) == index for place in places for array, index in place.items())


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _equal(one: Any, other: Any) -> bool:
    if _is_number(one) and _is_number(other):
        return bool(one == other)
    return type(one) is type(other) and bool(one == other)


def _accepts(rule: Any, value: Any) -> bool:
    if not isinstance(rule, dict):
        return _equal(rule, value)
    ((operator, operand),) = rule.items()
    match operator:
        case "exists":
            return bool(operand)
        case "anything-but":
            inner = operand
            if isinstance(operand, dict):
                ((operator, inner),) = operand.items()
                return not any(
                    _accepts({operator: o}, value) for o in (inner if isinstance(inner, list) else [inner])
                )
            return not any(_equal(o, value) for o in (inner if isinstance(inner, list) else [inner]))
        case "numeric":
            compare = {
                "<": float.__lt__,
                "<=": float.__le__,
                ">": float.__gt__,
                ">=": float.__ge__,
                "=": float.__eq__,
            }
            return _is_number(value) and all(
                compare[op](float(value), float(bound))
                for op, bound in zip(operand[::2], operand[1::2], strict=True)
            )
    if not isinstance(value, str):
        return False
    if isinstance(operand, dict):
        return _accepts({operator: operand["equals-ignore-case"].lower()}, value.lower())
    match operator:
        case "prefix":
            return bool(value.startswith(operand))
        case "suffix":
            return bool(value.endswith(operand))
        case "equals-ignore-case":
            return bool(value.lower() == operand.lower())
        case "cidr":
            try:
                return ipaddress.ip_address(value) in ipaddress.ip_network(operand, strict=False)
            except ValueError:
                return False
        case "wildcard":
            return _glob(operand, value)
    raise AssertionError(operator)


def _glob(pattern: str, text: str) -> bool:
    if not pattern:
        return not text
    if pattern[0] == "*":
        return any(_glob(pattern[1:], text[n:]) for n in range(len(text) + 1))
    return text[:1] == pattern[0] and _glob(pattern[1:], text[1:])
