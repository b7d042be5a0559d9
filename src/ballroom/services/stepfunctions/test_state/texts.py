"""How TestState prints values: what passed through untouched appears as it was written, byte for byte.

Source: recorded answers.
"""

from __future__ import annotations

import json

from ballroom.services.stepfunctions.language.intrinsics import dump
from ballroom.services.stepfunctions.language.machine import Json


class Texts:
    """JSON texts and the values they were parsed to."""

    def __init__(self) -> None:
        self._known: list[tuple[Json, str]] = []
        self._spaced: dict[int, Json] = {}

    def parse(self, text: str) -> Json:
        """The value of a JSON text, remembered. Raises ValueError."""
        value = json.loads(text)
        self._known.append((value, text))
        if text == json.dumps(value, ensure_ascii=False) or text == json.dumps(value):
            self._remember_parts(value)
        return value

    def _remember_parts(self, value: Json) -> None:
        """What is inside a text with blanks after its commas and colons is printed with them too."""
        waiting = [value]
        while waiting:
            part = waiting.pop()
            if isinstance(part, (dict, list)):
                self._spaced[id(part)] = part
                waiting.extend(part.values() if isinstance(part, dict) else part)

    def print(self, value: Json) -> str:
        """The text of a value."""
        if isinstance(value, (dict, list)):
            for known, text in self._known:
                if known is value:
                    return text
            if id(value) in self._spaced:
                return json.dumps(value, ensure_ascii=False)
        return dump(value)
