"""Input templates and dynamic parameters: values taken from an event.

`<$.path>` stands for a part of the event, `<aws.pipes....>` for what is known of the pipe. Within a JSON string
a value becomes text; elsewhere it becomes JSON. A source's encoded field (the body of a queue's message) is
read as JSON where a path goes into it.

Source: EventBridge User Guide, "Amazon EventBridge Pipes input transformation", "Implicit body data parsing".
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, NamedTuple

import orjson

from ballroom.kernel.event_paths import MISSING, InvalidPath, compile_path

from .errors import Invalid

_PLACEHOLDER = re.compile(r"<([^<>\s]+)>")
_QUOTE = re.compile(r'\\.|"', re.DOTALL)
_ENCODED = ("body", "data")


class Known(NamedTuple):
    """What reserved variables stand for."""

    pipe_arn: str
    pipe_name: str
    source_arn: str
    enrichment_arn: str
    target_arn: str
    ingested_ms: int


class Template:
    """A compiled input template; it gives a JSON value, or plain text."""

    def __init__(self, text: str) -> None:
        """Compile.

        Raises:
            Invalid: a placeholder is none.
        """
        self._pieces: list[str | tuple[Callable[[Any, Known], Any], bool]] = []
        free = text.lstrip()[:1] not in ("{", "[", '"', "<")  # neither JSON nor a lone placeholder
        at, quoted = 0, free
        for found in _PLACEHOLDER.finditer(text):
            piece = text[at : found.start()]
            for quote in _QUOTE.finditer(piece):
                quoted ^= quote.group() == '"' and not free
            self._pieces += (piece, (_reader(found[1]), quoted))
            at = found.end()
        self._pieces.append(text[at:])

    def render(self, event: Any, known: Known) -> Any:
        """The value that the template makes of an event: parsed if it is JSON, else its text."""
        text = "".join(
            piece if isinstance(piece, str) else _shown(piece[0](event, known), quoted=piece[1])
            for piece in self._pieces
        )
        try:
            return orjson.loads(text)
        except orjson.JSONDecodeError:
            return text


def _reader(name: str) -> Callable[[Any, Known], Any]:
    if name.startswith("$"):
        read = _path(name)
        return lambda event, known: read(event)
    reserved = _RESERVED.get(name)
    if reserved is None:
        raise Invalid(f"InputTemplate: <{name}> is neither a JSON path nor a reserved variable.")
    return reserved


def _path(text: str) -> Callable[[Any], Any]:
    try:
        read = compile_path(text)
    except InvalidPath:
        raise Invalid(f"{text} is no JSON path that EventBridge supports.") from None
    inside = any(text.startswith((f"$.{field}.", f"$.{field}[")) for field in _ENCODED)
    return (lambda event: read(decoded(event))) if inside else read


def decoded(event: Any) -> Any:
    """The event with its encoded field as JSON, where it is any."""
    if not isinstance(event, dict):
        return event
    for field in _ENCODED:
        text = event.get(field)
        if isinstance(text, str):
            try:
                return {**event, field: orjson.loads(text)}
            except orjson.JSONDecodeError:
                return event
    return event


_RESERVED: dict[str, Callable[[Any, Known], Any]] = {
    "aws.pipes.pipe-arn": lambda event, known: known.pipe_arn,
    "aws.pipes.pipe-name": lambda event, known: known.pipe_name,
    "aws.pipes.source-arn": lambda event, known: known.source_arn,
    "aws.pipes.enrichment-arn": lambda event, known: known.enrichment_arn,
    "aws.pipes.target-arn": lambda event, known: known.target_arn,
    "aws.pipes.event.ingestion-time": lambda event, known: iso_ms(known.ingested_ms),
    "aws.pipes.event": lambda event, known: event,
    "aws.pipes.event.json": lambda event, known: decoded(event),
}


def _shown(value: Any, *, quoted: bool) -> str:
    if not quoted:
        return "" if value is MISSING else orjson.dumps(value).decode()
    if value is MISSING or value is None:
        return ""
    text = value if isinstance(value, str) else orjson.dumps(value).decode()
    return orjson.dumps(text).decode()[1:-1]


def compile_parameter(text: str) -> Callable[[Any], str | None]:
    """A parameter that is a constant, or a JSON path into the event that goes to the target."""
    if not text.startswith("$"):
        return lambda event: text
    read = _path(text)

    def value(event: Any) -> str | None:
        found = read(event)
        if found is MISSING or found is None:
            return None
        return found if isinstance(found, str) else orjson.dumps(found).decode()

    return value


def iso_ms(ms: int) -> str:
    """`2027-01-15T08:00:00.123Z`"""
    moment = datetime.fromtimestamp(ms / 1000, UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{ms % 1000:03d}Z"
