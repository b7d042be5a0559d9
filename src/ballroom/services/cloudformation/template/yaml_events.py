"""Builds a template from YAML: short forms written out, nothing constructed, everything bounded.

From the parser's events, not through a loader: no tag can construct an object, nothing recurses, and
depth, nodes and duplicate keys are checked as they come.

Source: CloudFormation User Guide, "Template format", "Intrinsic function reference".
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import yaml
from yaml.resolver import Resolver

from ..errors import ValidationError
from .load import DEPTH_LIMIT, MISSING, NODE_LIMIT, too_deep

_SHORT_FORMS = {
    name: f"Fn::{name}"
    for name in (
        "And", "Base64", "Cidr", "Equals", "FindInMap", "ForEach", "GetAtt", "GetAZs", "If", "ImportValue",
        "Join", "Length", "Not", "Or", "Select", "Split", "Sub", "ToJsonString", "Transform",
        "Contains", "EachMemberEquals", "EachMemberIn", "RefAll", "ValueOf", "ValueOfAll",
    )
} | {"Ref": "Ref", "Condition": "Condition"}  # fmt: skip
_PLAIN = "tag:yaml.org,2002:"
_INTEGER = re.compile(r"[-+]?(0[xX][0-9a-fA-F_]+|[0-9][0-9_]*)\Z")
_EXPANSION_LIMIT = 100_000
_Loader = getattr(yaml, "CLoader", yaml.Loader)  # only its parser is used: events, never objects


class _Open:
    """A collection being filled; a mapping remembers the key that waits for its value."""

    __slots__ = ("anchor", "key", "mark", "tag", "value")

    def __init__(
        self, value: dict[str, Any] | list[Any], tag: str | None, anchor: str | None, mark: Any
    ) -> None:
        self.value, self.tag, self.anchor, self.mark = value, tag, anchor, mark
        self.key: str | None = None


class Builder:
    """One reading of one text."""

    def __init__(self, aliases: bool) -> None:
        self._aliases = aliases
        self._anchors: dict[str, Any] = {}
        self._open: list[_Open] = []
        self._nodes = self._expanded = 0
        self._resolve: Any = Resolver().resolve
        self._root: Any = MISSING

    def build(self, text: str) -> Any:
        """The value; `MISSING` for a text without one.

        Raises:
            ValidationError: in AWS's words, with the place.
        """
        try:
            for event in self._events(text):
                self._nodes += 1
                if self._nodes > NODE_LIMIT:
                    raise ValidationError("Template format error: the template has too many nodes")
                self._take(event)
        except yaml.MarkedYAMLError as error:
            raise _malformed(error.problem_mark) from None
        except (yaml.YAMLError, UnicodeError, ValueError):  # a number or character that YAML cannot hold
            raise ValidationError("Template format error: YAML not well-formed.") from None
        return self._root

    @staticmethod
    def _events(text: str) -> Iterator[Any]:
        return iter(yaml.parse(text, Loader=_Loader))

    def _take(self, event: Any) -> None:
        if isinstance(event, yaml.ScalarEvent):
            self._scalar(event)
        elif isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent):
            if len(self._open) >= DEPTH_LIMIT:
                raise too_deep()
            self._refuse_anchor(event)
            empty: dict[str, Any] | list[Any] = {} if isinstance(event, yaml.MappingStartEvent) else []
            self._open.append(_Open(empty, event.tag, event.anchor, event.start_mark))
        elif isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
            done = self._open.pop()
            self._add(_tagged(done.tag, done.value, done.mark), done.anchor, done.mark)
        elif isinstance(event, yaml.AliasEvent):
            self._alias(event)
        elif isinstance(event, yaml.DocumentStartEvent) and self._root is not MISSING:
            raise _malformed(event.start_mark)

    def _refuse_anchor(self, event: Any) -> None:
        if event.anchor and not self._aliases:
            raise ValidationError(
                "Template format error: YAML aliases are not allowed in CloudFormation templates"
            )

    def _scalar(self, event: Any) -> None:
        self._refuse_anchor(event)
        above = self._open[-1] if self._open else None
        if above is not None and isinstance(above.value, dict) and above.key is None:
            if event.value == "<<" and event.implicit[0] and not self._aliases:
                raise _malformed(event.start_mark)
            if event.value in above.value:
                raise ValidationError(
                    f"Template format error: duplicate key '{event.value}' (line {event.start_mark.line + 1}, "
                    f"column {event.start_mark.column + 1})"
                )
            above.key = event.value
            return
        if event.tag and not event.tag.startswith(_PLAIN):
            value: Any = _tagged(event.tag, event.value, event.start_mark)
        else:
            tag = event.tag or self._resolve(yaml.ScalarNode, event.value, event.implicit)
            value = _plain(tag, event.value, event.start_mark)
        self._add(value, event.anchor, event.start_mark)

    def _add(self, value: Any, anchor: str | None, mark: Any) -> None:
        if anchor:
            self._anchors[anchor] = value
        if not self._open:
            self._root = value
            return
        above = self._open[-1]
        if isinstance(above.value, list):
            above.value.append(value)
        elif above.key is None:
            raise _malformed(mark)  # a collection as a key
        else:
            self._set(above, above.key, value, mark)
            above.key = None

    def _set(self, above: _Open, key: str, value: Any, mark: Any) -> None:
        assert isinstance(above.value, dict)
        if key != "<<" or not self._aliases:
            above.value[key] = value
            return
        for merged in value if isinstance(value, list) else [value]:
            if not isinstance(merged, dict):
                raise _malformed(mark)
            for name, inherited in merged.items():
                above.value.setdefault(name, inherited)

    def _alias(self, event: Any) -> None:
        if not self._aliases:
            raise ValidationError(
                "Template format error: YAML aliases are not allowed in CloudFormation templates"
            )
        if event.anchor not in self._anchors:
            raise _malformed(event.start_mark)
        self._add(self._copy(self._anchors[event.anchor]), None, event.start_mark)

    def _copy(self, value: Any) -> Any:
        self._expanded += 1
        if self._expanded > _EXPANSION_LIMIT:
            raise ValidationError("Template format error: YAML aliases expand to too many nodes")
        if isinstance(value, dict):
            return {key: self._copy(item) for key, item in value.items()}
        return [self._copy(item) for item in value] if isinstance(value, list) else value


def _malformed(mark: Any) -> ValidationError:
    where = f" (line {mark.line + 1}, column {mark.column + 1})" if mark is not None else ""
    return ValidationError(f"Template format error: YAML not well-formed.{where}")


def _tagged(tag: str | None, value: Any, mark: Any) -> Any:
    """`!Join [...]` as `{"Fn::Join": [...]}`; a tag that is no short form is refused."""
    if tag is None or tag in (_PLAIN + "map", _PLAIN + "seq"):
        return value
    function = _SHORT_FORMS.get(tag[1:]) if tag.startswith("!") else None
    if function is None:
        raise ValidationError(
            f"Template format error: unsupported tag {tag} (line {mark.line + 1}, column {mark.column + 1})"
        )
    if function == "Fn::GetAtt" and isinstance(value, str):
        return {function: value.split(".", 1)}
    return {function: value}


def _plain(tag: str, value: str, mark: Any) -> Any:
    """A scalar of YAML's core types. Dates stay text, as AWS keeps them (`Version: 2012-10-17`)."""
    kind = tag.removeprefix(_PLAIN)
    if kind == "null":
        return None
    if kind == "bool":
        return value.lower() in ("yes", "true", "on", "y")
    if kind == "int":
        return _integer(value)
    if kind == "float":
        number = value.replace("_", "").lower()
        return value if "inf" in number or "nan" in number or ":" in number else float(number)
    if kind in ("str", "timestamp", "value", "merge"):
        return value
    raise _malformed(mark)  # !!binary, !!set, !!python/...


def _integer(value: str) -> Any:
    """A YAML 1.1 integer; sexagesimal ones (`22:22`) stay the text that their author meant."""
    if not _INTEGER.match(value):
        return value
    digits = value.replace("_", "")
    unsigned = digits.lstrip("+-")
    if len(unsigned) > 1 and unsigned[0] == "0" and unsigned[1] not in "xX":
        return int(digits, 8) if all(c in "01234567" for c in unsigned) else value
    if len(unsigned) > 300:
        return value
    return int(digits, 0)
