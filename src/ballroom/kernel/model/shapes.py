"""Shapes: what a service's model says about the values that go in and out.

Values inside Ballroom, whatever protocol they came by: structures and maps are dicts, lists are lists,
strings str, integers and longs int, floats and doubles float, booleans bool, blobs bytes (a streaming
blob passes untouched), timestamps int milliseconds since the epoch, documents any JSON value.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any, Protocol

SCALARS = frozenset(
    {"string", "integer", "long", "float", "double", "boolean", "blob", "timestamp"},
)


class ShapeSource(Protocol):
    """Whatever can look a shape up by name: the service model."""

    def shape(self, name: str) -> Shape: ...


class Member:
    """A place in a structure, list or map: its name, the shape it refers to and the traits it adds."""

    def __init__(self, source: ShapeSource, name: str, raw: Mapping[str, Any]) -> None:
        self.name = name
        self.traits = raw
        self._source = source

    @cached_property
    def shape(self) -> Shape:
        return self._source.shape(self.traits["shape"])

    @property
    def location(self) -> str | None:
        """`uri`, `querystring`, `header`, `headers`, `statusCode`, or None for the body."""
        location: str | None = self.traits.get("location")
        return location

    @property
    def wire_name(self) -> str:
        """The name on the wire, where it differs from the member's own."""
        name: str = self.traits.get("locationName", self.name)
        return name

    @property
    def flattened(self) -> bool:
        return bool(self.traits.get("flattened") or self.shape.traits.get("flattened"))

    @property
    def timestamp_format(self) -> str | None:
        chosen: str | None = self.traits.get("timestampFormat") or self.shape.traits.get("timestampFormat")
        return chosen

    @property
    def is_json_text(self) -> bool:
        """A JSON value that travels as text (the `jsonvalue` trait)."""
        return bool(self.traits.get("jsonvalue"))

    @property
    def is_streaming(self) -> bool:
        return bool(self.traits.get("streaming") or self.shape.traits.get("streaming"))

    @property
    def is_event_stream(self) -> bool:
        return bool(self.shape.traits.get("eventstream"))

    @property
    def is_sensitive(self) -> bool:
        return bool(self.traits.get("sensitive") or self.shape.traits.get("sensitive"))


class Shape:
    """One shape of a model. Which of the properties are there depends on `kind`."""

    def __init__(self, source: ShapeSource, name: str, raw: Mapping[str, Any]) -> None:
        self.name = name
        self.kind: str = raw["type"]
        self.traits = raw
        self._source = source

    @cached_property
    def members(self) -> dict[str, Member]:
        """The members of a structure, in the model's order."""
        raw = self.traits.get("members", {})
        return {name: Member(self._source, name, member) for name, member in raw.items()}

    @cached_property
    def element(self) -> Member:
        """The element of a list."""
        return Member(self._source, "member", self.traits["member"])

    @cached_property
    def key(self) -> Member:
        """The key of a map."""
        return Member(self._source, "key", self.traits["key"])

    @cached_property
    def value(self) -> Member:
        """The value of a map."""
        return Member(self._source, "value", self.traits["value"])

    @cached_property
    def required(self) -> frozenset[str]:
        return frozenset(self.traits.get("required", ()))

    @property
    def payload(self) -> Member | None:
        """The member that is the whole HTTP body, if one is."""
        name = self.traits.get("payload")
        return self.members[name] if name else None

    @property
    def is_document(self) -> bool:
        return bool(self.traits.get("document"))

    @property
    def is_scalar(self) -> bool:
        return self.kind in SCALARS

    def __repr__(self) -> str:
        return f"<{self.kind} {self.name}>"


class ErrorShape(Shape):
    """A structure that an operation may fail with."""

    @property
    def code(self) -> str:
        """The code that older protocols (query, rest-xml) and awsQueryCompatible services carry."""
        code: str = self.traits.get("error", {}).get("code", self.name)
        return code

    @property
    def fault(self) -> str:
        """`Sender` where the client is to blame, else `Receiver`."""
        told = self.traits.get("error", {})
        if "senderFault" in told:
            return "Sender" if told["senderFault"] else "Receiver"
        return "Receiver" if self.traits.get("fault") or told.get("httpStatusCode", 400) >= 500 else "Sender"

    @property
    def status(self) -> int:
        """The HTTP status; 400 or 500 by fault where the model says nothing."""
        told: int | None = self.traits.get("error", {}).get("httpStatusCode")
        return told or (400 if self.fault == "Sender" else 500)

    @cached_property
    def text_member(self) -> str:
        """How this error spells its text: `message` or `Message`."""
        return next((name for name in self.members if name.lower() == "message"), "message")
