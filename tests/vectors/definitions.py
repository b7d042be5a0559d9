"""The state machines of the recorded cases: JSON5 files, read with comments and trailing commas."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from tests.vectors.recorded import VECTORS

FOLDER = VECTORS / "stepfunctions"

_PARTS = re.compile(
    r'"(?:[^"\\]|\\.)*"|//[^\n]*|/\*.*?\*/|,(?=\s*(?:(?://[^\n]*|/\*.*?\*/)\s*)*[}\]])', re.DOTALL
)


def from_json5(text: str) -> Any:
    """JSON with comments and trailing commas, which is all of JSON5 that these files use."""
    return json.loads(_PARTS.sub(lambda found: found[0] if found[0][0] == '"' else "", text), strict=False)


def definition(path: str | Path) -> Any:
    """A document of the recordings."""
    return from_json5((FOLDER / path).read_text())


def definitions() -> list[str]:
    """All machines, by their path."""
    return sorted(str(path.relative_to(FOLDER)) for path in (FOLDER / "data/templates").rglob("*.json5"))
