"""Diagnostics as they are found, and `Fields`, the checked view of one JSON object of a definition.

The compiler reads a definition only through `Fields`, which reports what is missing, of the wrong type or not
supported where it is: one pass both validates and compiles, so the two cannot disagree.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Literal

from ballroom.services.stepfunctions.language.machine import Diagnostic, Json

SCHEMA = "SCHEMA_VALIDATION_FAILED"
MAX_FINDINGS = 100
"""What is reported of a definition, of errors and of warnings; AWS's largest answer too."""
MAX_TEXT = 1024
"""Characters of a message or a location: a hostile name may have a million."""


class Findings:
    """The diagnostics of one definition, in the order found."""

    def __init__(self) -> None:
        self.diagnostics: list[Diagnostic] = []
        self.errors = 0
        self.warnings = 0

    def error(self, message: str, location: str, code: str = SCHEMA) -> None:
        """Report what makes the definition invalid."""
        self.errors += 1
        self._add(self.errors, "ERROR", code, message, location)

    def warning(self, message: str, location: str, code: str) -> None:
        """Report what is odd, but allowed."""
        self.warnings += 1
        self._add(self.warnings, "WARNING", code, message, location)

    def _add(
        self, so_far: int, severity: Literal["ERROR", "WARNING"], code: str, message: str, location: str
    ) -> None:
        if so_far <= MAX_FINDINGS:
            self.diagnostics.append(Diagnostic(severity, code, message[:MAX_TEXT], location[:MAX_TEXT]))


class Fields:
    """One JSON object of a definition, and where it is."""

    __slots__ = ("body", "findings", "location")

    def __init__(self, body: dict[str, Json], location: str, findings: Findings) -> None:
        self.body = body
        self.location = location
        self.findings = findings

    def __contains__(self, name: str) -> bool:
        return name in self.body

    def get(self, name: str) -> Json:
        """The raw value, or None."""
        return self.body.get(name)

    def at(self, name: str) -> str:
        """The location of a field."""
        return f"{self.location.rstrip('/')}/{name}"

    def error(self, message: str, name: str = "") -> None:
        """Report an error of a field, or of the object."""
        self.findings.error(message, self.at(name) if name else self.location)

    def only(self, supported: Iterable[str]) -> None:
        """Report every field that is none of these."""
        allowed = frozenset(supported)
        for name in self.body:
            if name not in allowed:
                self.error(f"Field '{name}' is not supported")

    def require(self, *names: str) -> bool:
        """Report which of these are missing, if any."""
        missing = [name for name in names if name not in self.body]
        if missing:
            self.error(f"These fields are required: [{', '.join(missing)}]")
        return not missing

    def at_most_one(self, *names: str) -> bool:
        """Report if more than one of these is there."""
        present = [name for name in names if name in self.body]
        if len(present) > 1:
            self.error(f"You cannot provide more than one of these fields: [{', '.join(present)}]")
        return len(present) <= 1

    def text(self, name: str, *, empty: bool = True) -> str | None:
        """A string field, or None if it is absent or none."""
        if name not in self.body:
            return None
        value = self.body[name]
        if not isinstance(value, str):
            self.error("Expected value of type String", name)
            return None
        if not value and not empty:
            self.error("Value cannot be empty", name)
            return None
        return value

    def choice(self, name: str, values: tuple[str, ...]) -> str | None:
        """A string field that must be one of a few."""
        if name not in self.body:
            return None
        value = self.body[name]
        if value not in values or not isinstance(value, str):
            self.error(f"The field '{name}' should have one of these values: [{', '.join(values)}]", name)
            return None
        return value

    def boolean(self, name: str) -> bool | None:
        """A boolean field."""
        if name not in self.body:
            return None
        value = self.body[name]
        if not isinstance(value, bool):
            self.error("Expected value of type Boolean", name)
            return None
        return value

    def integer(self, name: str, low: int, high: int) -> int | None:
        """An integer field between two bounds."""
        if name not in self.body:
            return None
        value = self.body[name]
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int):
            self.error("Expected value of type Integer", name)
            return None
        if not low <= value <= high:
            self.error(f"Value must be an integer between {low} and {high}", name)
            return None
        return value

    def number(self, name: str, low: float, high: float | None = None) -> float | None:
        """A number field between two bounds."""
        if name not in self.body:
            return None
        value = self.body[name]
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            self.error("Expected value of type Float", name)
            return None
        if value < low or (high is not None and value > high):
            bounds = f"at least {low}" if high is None else f"between {low} and {high}"
            self.error(f"Value must be {bounds}", name)
            return None
        return float(value)

    def object(self, name: str) -> Fields | None:
        """A field that is an object."""
        if name not in self.body:
            return None
        value = self.body[name]
        if not isinstance(value, dict):
            self.error("Expected value of type Object", name)
            return None
        return Fields(value, self.at(name), self.findings)

    def array(self, name: str, *, empty: bool = True) -> list[Json] | None:
        """A field that is an array."""
        if name not in self.body:
            return None
        value = self.body[name]
        if not isinstance(value, list):
            self.error("Expected value of type Array", name)
            return None
        if not value and not empty:
            self.error("Value cannot be empty", name)
            return None
        return value

    def objects(self, name: str, *, empty: bool = True) -> Iterator[Fields]:
        """The objects of an array field, each with its own location."""
        for index, item in enumerate(self.array(name, empty=empty) or ()):
            location = f"{self.at(name)}[{index}]"
            if isinstance(item, dict):
                yield Fields(item, location, self.findings)
            else:
                self.findings.error("Expected value of type Object", location)
