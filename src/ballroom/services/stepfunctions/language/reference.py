"""What Reference Paths refer to: where a ResultPath puts a result, and numbers that paths lead to."""

from __future__ import annotations

from typing import Any

from ballroom.services.stepfunctions.language.intrinsics import dump
from ballroom.services.stepfunctions.language.machine import Json, StatesError


def number_at(raw: Json, *, whole: bool) -> float | None:
    """A number, also one written as a string (AWS parses the text)."""
    if isinstance(raw, bool):
        return None
    if isinstance(raw, str):
        if len(raw) > 40 or raw != raw.strip() or "_" in raw:
            return None
        try:
            return int(raw) if whole else float(raw)
        except ValueError:
            return None
    if isinstance(raw, int):
        return raw
    if isinstance(raw, float) and (not whole or raw.is_integer()):
        return int(raw) if whole else raw
    return None


def placed(text: str, tokens: list[Any], raw: Json, result: Json) -> Json:
    """The input with the result at a path; objects on the way are made, the input is left as it was."""
    token = tokens[0]
    inner = tokens[1:]
    if isinstance(token, str):
        if not isinstance(raw, dict):
            raise StatesError(
                "States.ResultPathMatchFailure", f"Unable to apply ReferencePath {text} to input {dump(raw)}"
            )
        value = placed(text, inner, raw.get(token, {}), result) if inner else result
        return {**raw, token: value}
    if not isinstance(raw, list) or not 0 <= token < len(raw):
        raise StatesError(
            "States.ResultPathMatchFailure", f"Unable to apply ReferencePath {text} to input {dump(raw)}"
        )
    changed = raw.copy()
    changed[token] = placed(text, inner, raw[token], result) if inner else result
    return changed
