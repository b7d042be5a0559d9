"""Payload templates of JSONPath states: JSON in which a name that ends in `.$` asks for a path or a call.

Compiled to a closure `(data, scope) -> value`; what has nothing to evaluate is a constant, shared by all uses.
"""

from __future__ import annotations

from collections.abc import Callable

from ballroom.services.stepfunctions.language.findings import Fields
from ballroom.services.stepfunctions.language.intrinsic_text import InvalidCall, parse_call
from ballroom.services.stepfunctions.language.intrinsics import dump
from ballroom.services.stepfunctions.language.machine import Json, Scope, StatesError
from ballroom.services.stepfunctions.language.path import (
    InvalidPath,
    Path,
    PathNotFound,
    parse_path,
)

Evaluate = Callable[[Json, Scope], Json]
MAX_DEPTH = 100
"""How deep a payload may nest: evaluating it takes stack."""
TOO_DEEP = f"A payload may be nested {MAX_DEPTH} deep"
NO_INPUT = "Unable to apply Path transformation to null or empty input."


def compile_template(fields: Fields, name: str, references: set[str]) -> Evaluate:
    """The closure of a payload template in a field; what is wrong in it is reported there."""
    location = fields.at(name)

    def compiled(value: Json, depth: int) -> Evaluate | None:
        """The closure, or None for a constant."""
        if depth > MAX_DEPTH:
            fields.error(TOO_DEEP, name)
            return None
        if isinstance(value, dict):
            return of_object(value, depth)
        if isinstance(value, list):
            parts = [compiled(item, depth + 1) for item in value]
            if not any(parts):
                return None
            items = [part or _constant(item) for part, item in zip(parts, value, strict=True)]
            return lambda data, scope: [item(data, scope) for item in items]
        return None

    def of_object(value: dict[str, Json], depth: int) -> Evaluate | None:
        constant: dict[str, Json] = {}
        dynamic: list[tuple[str, Evaluate]] = []
        for key, item in value.items():
            if key.endswith(".$"):
                target = key[:-2]
                got = evaluation(item, key, fields, location, references)
                dynamic.append((target, got))
                constant[target] = None
            else:
                inner = compiled(item, depth + 1)
                if inner is not None:
                    dynamic.append((key, inner))
                constant[key] = item if inner is None else None
                _looks_dynamic(key, item, fields, location)
        if not dynamic:
            return None
        if len(dynamic) == len(constant):
            return lambda data, scope: {key: get(data, scope) for key, get in dynamic}

        def build(data: Json, scope: Scope) -> Json:
            built = constant.copy()
            for key, get in dynamic:
                built[key] = get(data, scope)
            return built

        return build

    raw = fields.get(name)
    return compiled(raw, 0) or _constant(raw)


def _constant(value: Json) -> Evaluate:
    return lambda data, scope: value


def _looks_dynamic(key: str, item: Json, fields: Fields, location: str) -> None:
    """The linter's warning about a forgotten `.$`."""
    if isinstance(item, str) and (item.startswith(("$.", "$$.", "$[")) or item.startswith("States.")):
        fields.findings.warning(
            'No ".$" on a field that appears to be a JSONPath or Intrinsic Function.',
            f"{location}/{key}",
            "NO_DOLLAR",
        )


def evaluation(text: Json, field: str, fields: Fields, location: str, references: set[str]) -> Evaluate:
    """The closure of a path or an intrinsic call; `field` is what failures name."""
    if isinstance(text, str):
        try:
            if text.startswith("$"):
                path = parse_path(text)
                note_variable(path, references)
                return _by_path(path, field)
            call = parse_call(text)
            for path in call.paths:
                note_variable(path, references)
            return call.get
        except (InvalidPath, InvalidCall):
            pass
    fields.findings.error(
        f"The value for the field '{field}' must be a valid JSONPath or a valid intrinsic function call",
        location,
    )
    return _constant(None)


def note_variable(path: Path, references: set[str]) -> None:
    """Remember the variable that a path reads."""
    if path.variable is not None:
        references.add(path.variable)


def _by_path(path: Path, field: str) -> Evaluate:
    get, text = path.get, path.text
    if path.root == "data" and not path.tokens:
        return get

    def value(data: Json, scope: Scope) -> Json:
        try:
            return get(data, scope)
        except PathNotFound:
            if data is None and path.root == "data":
                raise StatesError("States.Runtime", NO_INPUT) from None
            raise StatesError(
                "States.Runtime",
                f"The JSONPath '{text}' specified for the field '{field}' could not be found in the input "
                f"'{dump(data)}'",
            ) from None

    return value
