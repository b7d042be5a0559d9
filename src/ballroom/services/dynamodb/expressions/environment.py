"""What a request defines for its expressions: names (`#a`) and values (`:v`), and whether all are used.

Source: DynamoDB Developer Guide, "Expression attribute names", "Using expression attribute values".
"""

from __future__ import annotations

import re
from typing import Any

from ballroom.services.dynamodb.errors import Invalid, TooDeep
from ballroom.services.dynamodb.expressions.nodes import Parsed, Path
from ballroom.services.dynamodb.expressions.parser import parse
from ballroom.services.dynamodb.expressions.paths import Parts
from ballroom.services.dynamodb.values.attribute_values import Attributes, take

_ALIAS = re.compile(r"#[A-Za-z0-9_]+").fullmatch
_VALUE = re.compile(r":[A-Za-z0-9_]+").fullmatch
Names = tuple[tuple[str, str], ...]
"""Aliases with what they stand for: part of the key under which compiled expressions are kept."""


class Environment:
    """The names and values of one request, as expressions are read from it."""

    __slots__ = ("_used", "names", "values")

    def __init__(self, request: dict[str, Any]) -> None:
        """Check names and values.

        Raises:
            Invalid: one is malformed, or there is none in what is given.
        """
        self._used: set[str] = set()
        names = request.get("ExpressionAttributeNames")
        values = request.get("ExpressionAttributeValues")
        self.names: dict[str, str] = {} if names is None else _checked_names(names)
        self.values: Attributes = {} if values is None else _checked_values(values)

    def parse(self, kind: str, text: str) -> tuple[Parsed, Names]:
        """The parsed expression with what its aliases stand for.

        Raises:
            Invalid: a syntax error, or something that is not defined.
        """
        parsed = parse(kind, text)
        names, values = self.names, self.values
        for alias in parsed.aliases:
            if alias not in names:
                raise Invalid(
                    f"Invalid {kind}: An expression attribute name used in the document path is not defined; "
                    f"attribute name: {alias}"
                )
        for value in parsed.values:
            if value not in values:
                raise Invalid(
                    f"Invalid {kind}: An expression attribute value used in expression is not defined; "
                    f"attribute value: {value}"
                )
        if names or values:
            self._used.update(parsed.aliases)
            self._used.update(parsed.values)
        return parsed, tuple((alias, names[alias]) for alias in parsed.aliases)

    def check_all_used(self) -> None:
        """Raise if a name or a value is in none of the expressions."""
        if len(self._used) == len(self.names) + len(self.values):
            return
        for member, defined in (
            ("ExpressionAttributeNames", self.names),
            ("ExpressionAttributeValues", self.values),
        ):
            unused = [name for name in defined if name not in self._used]
            if unused:
                raise Invalid(
                    f"Value provided in {member} unused in expressions: keys: {{{', '.join(unused)}}}"
                )


def resolve(path: Path, names: Names) -> Parts:
    """The path with its aliases replaced."""
    if not names:
        return path.parts
    known = dict(names)
    return tuple(known[part] if isinstance(part, str) and part.startswith("#") else part for part in path.parts)


def _checked_names(names: dict[str, str]) -> dict[str, str]:
    if not names:
        raise Invalid("ExpressionAttributeNames must not be empty")
    for alias, name in names.items():
        if not _ALIAS(alias):
            raise Invalid(f'ExpressionAttributeNames contains invalid key: Syntax error; key: "{alias}"')
        if not name:
            raise Invalid(
                "ExpressionAttributeNames contains invalid value: Empty attribute name; "
                f'key: "{alias}", value: ""'
            )
    return names


def _checked_values(given: dict[str, Any]) -> Attributes:
    if not given:
        raise Invalid("ExpressionAttributeValues must not be empty")
    if not all(map(_VALUE, given)):
        wrong = next(name for name in given if not _VALUE(name))
        raise Invalid(f'ExpressionAttributeValues contains invalid key: Syntax error; key: "{wrong}"')
    values: Attributes = {}
    for name, value in given.items():
        try:
            values[name] = take(value)
        except TooDeep:
            raise
        except Invalid as reason:
            raise Invalid(
                f"ExpressionAttributeValues contains invalid value: {reason.text} for key {name}"
            ) from None
    return values
