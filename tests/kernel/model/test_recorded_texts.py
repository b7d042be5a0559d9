"""Every constraint text that AWS answered in the recorded cases, as far as the models can explain it."""

from __future__ import annotations

import functools
import hashlib
import json
import re
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from ballroom.kernel.errors import ServiceError
from ballroom.kernel.model import Shape, load_service, patterns

VECTORS = Path(__file__).parents[4] / "shared" / "vectors"
SENTENCE = re.compile(
    r"Value (?:'(?P<value>.*?)'|(?P<null>null)) at '(?P<path>[^']*)' failed to satisfy constraint: ", re.DOTALL
)


class Recorded(NamedTuple):
    """A text that AWS answered, and the error code with it."""

    service: str
    code: str
    message: str

    def __str__(self) -> str:
        place = SENTENCE.search(self.message)
        return f"{self.service}-{place['path'] if place else ''}-{hash_of(self.message)}"


def hash_of(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:6]


UNEXPLAINED = {
    # The service's own check, worded like the model's
    ("lambda", "startingPosition", "must not be null."): "Lambda's own text: code and full stop differ",
    # Lambda's service knows another list of values than its model
    ("lambda", "compatibleRuntime", "nasa"): "AWS's internal enum has values that the model lacks",
    (
        "lambda",
        "compatibleRuntimes",
        "runtime",
    ): "AWS lists the runtimes that it still takes, with its own wording",
}


def recorded() -> list[Any]:
    if not VECTORS.is_dir():
        return []
    found: dict[Recorded, None] = {}
    for path in sorted(VECTORS.glob("*/errors.json")):
        for error in json.loads(path.read_text()):
            message = error.get("message") or ""
            if re.match(r"\d+ validation errors? detected: Value", message):
                found[Recorded(path.parent.name, error["code"], without_placeholders(message))] = None
    return [pytest.param(case, id=str(case), marks=marks(case)) for case in found]


STAND_INS = {
    "<bus-name>": "bus-name",
    "<invalid_token_1025_chars>": "x" * 1025,
    "<invalid_token_3097_chars>": "x" * 3097,
    "second-invalid-target-id": "x" * 65,
}


def without_placeholders(message: str) -> str:
    """The text with values of the kind that the recording's placeholders stand for."""
    for placeholder, value in STAND_INS.items():
        message = message.replace(placeholder, value)
    return message


def marks(case: Recorded) -> list[pytest.MarkDecorator]:
    for (service, path, clue), reason in UNEXPLAINED.items():
        if case.service == service and f"'{path}'" in case.message and clue in case.message:
            return [pytest.mark.xfail(reason=reason, strict=True)]
    return []


@pytest.mark.skipif(not VECTORS.is_dir(), reason="the recorded cases are not here")
@pytest.mark.parametrize("case", recorded())
def test_the_recorded_text_is_what_some_operation_answers(case: Recorded) -> None:
    service = load_service(case.service)
    answers = set()
    for name in service.operation_names:
        operation = service.operation(name)
        value = value_for(case, operation.input)
        if value is None:
            continue
        with pytest.raises(ServiceError) as raised:
            operation.validate(value)
        answers.add((raised.value.shape, raised.value.text))
        if (case.code, case.message) in answers:
            return
    raise AssertionError(f"none of {len(answers)} answers is it: {sorted(answers)[:3]}")


def value_for(case: Recorded, shape: Shape | None) -> dict[str, Any] | None:
    """An input that breaks just what the text tells of; None where the operation has no such members."""
    if shape is None:
        return None
    broken: dict[str, Any] = {}
    for sentence in SENTENCE.finditer(case.message):
        path = sentence["path"].split(".")
        if case.service == "apigateway" and path[0].endswith("Input"):
            path = path[1:]
        if not put(broken, shape, path, sentence["value"]):
            return None
    return complete(shape, broken)


def put(target: dict[str, Any], shape: Shape, path: list[str], text: str | None) -> bool:
    """Set the member that a path names; False if the shape has none."""
    name = next((n for n in shape.members if n[:1].lower() + n[1:] == path[0]), None)
    if name is None:
        return False
    inner = shape.members[name].shape
    if len(path) == 1:
        if text is None:
            target[name] = ABSENT
            return True
        value = from_text(inner, text)
        target[name] = value
        return value is not None
    if inner.kind == "structure":
        return put(target.setdefault(name, {}), inner, path[1:], text)
    if inner.kind == "list" and path[1] == "1" and inner.element.shape.kind == "structure":
        items = target.setdefault(name, [{}])
        return put(items[0], inner.element.shape, path[3:], text)
    return False


ABSENT = object()


def from_text(shape: Shape, text: str) -> Any:
    """The value that Java printed so; None where the shape can't hold it."""
    if shape.kind == "string":
        return text
    if shape.kind in ("integer", "long"):
        return int(text) if re.fullmatch(r"-?\d+", text) else None
    if shape.kind == "list" and text.startswith("["):
        inner = shape.element.shape
        if inner.kind == "string":
            return [part for part in text[1:-1].split(", ") if part]
        if inner.kind == "structure":
            return objects(inner, text) if text != "[]" else []
    return None


def objects(shape: Shape, text: str) -> list[dict[str, Any]]:
    """Structures printed as `Name(field=value, ...)`."""
    found = []
    names = {name[:1].lower() + name[1:]: name for name in shape.members}
    for inside in re.findall(rf"{shape.name}\((.*?)\)(?=, {shape.name}\(|\]$)", text, re.DOTALL):
        pairs = re.split(r", (?=\w+=)", inside)
        given = dict(pair.split("=", 1) for pair in pairs)
        found.append({names[k]: v for k, v in given.items() if v != "null"})
    return found


def complete(shape: Shape, broken: Any) -> Any:
    """The broken value with all else that is required."""
    made = dict(broken)
    for name in shape.required - made.keys():
        made[name] = valid(shape.members[name].shape)
    for name, value in list(made.items()):
        if value is ABSENT:
            del made[name]
        elif isinstance(value, dict) and shape.members[name].shape.kind == "structure":
            made[name] = complete(shape.members[name].shape, value)
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            inner = shape.members[name].shape.element.shape
            made[name] = [complete(inner, item) for item in value]
    return made


CANDIDATES = (
    *("a", "abc", "ab.c", "12", "200", "1", "a" * 20, "a" * 40, "*", "lambda:InvokeFunction", "123456789012"),
    *("arn:aws:iam::123456789012:role/x", "arn:aws:states:us-east-1:123456789012:stateMachine:x", "GET"),
    *("arn:aws:lambda:us-east-1:123456789012:function:x", "arn:aws:sqs:us-east-1:123456789012:x"),
    *("arn:aws:lambda:us-east-1:123456789012:layer:x", "arn:aws:kms:us-east-1:123456789012:key/x"),
)


@functools.cache
def valid(shape: Shape) -> Any:
    """A small valid value."""
    if shape.kind == "structure":
        return {name: valid(shape.members[name].shape) for name in shape.required}
    if shape.kind == "list":
        return [valid(shape.element.shape)] * max(1, shape.traits.get("min", 1))
    if shape.kind == "map":
        return {valid(shape.key.shape): valid(shape.value.shape)}
    if shape.kind == "string":
        if "enum" in shape.traits:
            return shape.traits["enum"][0]
        matches = patterns.matcher(shape.traits["pattern"]) if "pattern" in shape.traits else None
        low, high = shape.traits.get("min", 0), shape.traits.get("max", 10**9)
        fitting = (c for c in CANDIDATES if low <= len(c) <= high and (matches is None or matches(c)))
        return next(fitting, "a")
    least = shape.traits.get("min", 1)
    return {"boolean": True, "blob": b"a", "timestamp": 0, "float": 1.0, "double": 1.0}.get(
        shape.kind, int(least)
    )
