"""What a target is sent: the event, a constant, a part of the event, or a template filled from it.

A placeholder in quotation marks becomes text; outside of them it becomes JSON. Objects and lists inside
text lose their quotation marks, as AWS's do.

Source: EventBridge User Guide, "Amazon EventBridge input transformation"; recorded answers.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, NamedTuple

import orjson

from ballroom.kernel.event_paths import MISSING, InvalidPath, Read, compile_path
from ballroom.services.events.errors import ValidationException

_PLACEHOLDER = re.compile(r"<([^<>\s]+)>")
_QUOTE = re.compile(r'\\.|"', re.DOTALL)
RESERVED = frozenset(
    {
        "aws.events.rule-arn", "aws.events.rule-name", "aws.events.event", "aws.events.event.json",
        "aws.events.event.ingestion-time",
    }
)  # fmt: skip


class Matched(NamedTuple):
    """An event as a rule has matched it."""

    event: dict[str, Any]
    body: bytes
    """The event as JSON."""
    rule_arn: str
    rule_name: str
    ingested_ms: int


Render = Callable[[Matched], bytes]


def whole(matched: Matched) -> bytes:
    """The event itself."""
    return matched.body


def compile_input(target: Mapping[str, Any]) -> Render:
    """A function from a matched event to what this target is sent.

    Raises:
        ValidationException: the target's input is wrong; the text names the target.
    """
    given = [name for name in ("Input", "InputPath", "InputTransformer") if target.get(name) is not None]
    if len(given) > 1:
        raise ValidationException(
            f"Only one of Input, InputPath, or InputTransformer must be provided for target {target['Id']}."
        )
    if not given:
        return whole
    if given[0] == "Input":
        return _constant(target["Id"], target["Input"])
    if given[0] == "InputPath":
        return _part(target["Id"], target["InputPath"])
    return _Template(target["Id"], target["InputTransformer"]).render


def _constant(target_id: str, text: str) -> Render:
    try:
        orjson.loads(text)
    except orjson.JSONDecodeError:
        raise ValidationException(f"JSON syntax error in input for target {target_id}.") from None
    constant = text.encode()
    return lambda matched: constant


def _part(target_id: str, path: str) -> Render:
    read = _path(target_id, path)

    def render(matched: Matched) -> bytes:
        value = read(matched.event)
        return b"null" if value is MISSING else orjson.dumps(value)

    return render


def _path(target_id: str, path: str) -> Read:
    try:
        return compile_path(path)
    except InvalidPath:
        raise ValidationException(f"Invalid JsonPath for target {target_id}.") from None


class _Piece(NamedTuple):
    name: str
    in_text: bool


class _Template:
    """An input transformer, taken apart once."""

    def __init__(self, target_id: str, transformer: Mapping[str, Any]) -> None:
        paths = transformer.get("InputPathsMap") or {}
        for name in paths:
            if name.upper().startswith("AWS"):
                raise ValidationException(
                    f"InputPathsMap for target {target_id} contains the reserved name {name}."
                )
        self._reads = {name: _path(target_id, path) for name, path in paths.items()}
        self._pieces: list[str | _Piece] = []
        template: str = transformer["InputTemplate"]
        at, in_text = 0, False
        for found in _PLACEHOLDER.finditer(template):
            name = found[1]
            if name not in self._reads and name not in RESERVED:
                raise ValidationException(
                    f"InputTemplate for target {target_id} contains invalid placeholder {name}."
                )
            between = template[at : found.start()]
            in_text ^= sum(mark == '"' for mark in _QUOTE.findall(between)) % 2 == 1
            self._pieces += [between, _Piece(name, in_text)]
            at = found.end()
        self._pieces.append(template[at:])

    def render(self, matched: Matched) -> bytes:
        """The template, filled."""
        return "".join(
            piece if piece.__class__ is str else self._fill(piece, matched)  # type: ignore[arg-type]
            for piece in self._pieces
        ).encode("utf-8", "surrogatepass")

    def _fill(self, piece: _Piece, matched: Matched) -> str:
        read = self._reads.get(piece.name)
        value = _reserved(piece.name, matched) if read is None else read(matched.event)
        if value is MISSING:
            return "" if piece.in_text else '""'
        text = orjson.dumps(value).decode()
        if not piece.in_text:
            return text
        return text[1:-1] if isinstance(value, str) else text.replace('"', "")


def _reserved(name: str, matched: Matched) -> Any:
    if name == "aws.events.rule-arn":
        return matched.rule_arn
    if name == "aws.events.rule-name":
        return matched.rule_name
    if name == "aws.events.event.json":
        return matched.event
    if name == "aws.events.event":
        return {k: v for k, v in matched.event.items() if k != "detail"}
    return iso_seconds(matched.ingested_ms)


def iso_seconds(ms: int) -> str:
    """`2026-01-31T12:00:00Z`."""
    return _second(ms // 1000)


@lru_cache(maxsize=64)
def _second(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat()[:19] + "Z"
