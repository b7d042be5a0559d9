"""Recorded answers of AWS: loading them, and comparing ours with them.

Values that differ between runs are placeholders there: equal placeholders stand for equal values.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from ballroom.kernel import ServiceError
from ballroom.kernel.model import load_service

VECTORS = Path(__file__).parents[2].parent / "shared" / "vectors"
_PLACEHOLDER = re.compile(r"<[^<>]+>")
_TIMES = {"timestamp", "datetime", "<datetime>", "<timestamp>", "last-updated-time"}


@dataclass(frozen=True)
class Case:
    """One recorded test: the answers it got, by the keys it gave them."""

    service: str
    name: str
    answers: dict[str, Any]

    def __str__(self) -> str:
        return self.name.split("::", 1)[-1]


def cases(service: str) -> list[Case]:
    """The recorded tests of a service; none where the recordings are not at hand."""
    found = []
    for path in sorted((VECTORS / service / "snapshots").rglob("*.json")):
        for name, recorded in json.loads(path.read_text()).items():
            short = name.split(f"services/{service}/", 1)[-1]
            found.append(Case(service, short, recorded["recorded-content"]))
    return [case for case in found if case.answers]


needs_recordings = pytest.mark.skipif(not VECTORS.is_dir(), reason="the recorded cases are not at hand")


def assert_same(case: Case, ours: dict[str, Any]) -> None:
    """Our answers and errors say what the recorded ones say, under a consistent reading of placeholders."""
    read: dict[str, str] = {}
    for key, answer in ours.items():
        expected = case.answers[key]
        actual = _as_recorded(case.service, answer) if isinstance(answer, ServiceError) else answer
        if isinstance(expected, dict):
            expected = {name: value for name, value in expected.items() if name != "ResponseMetadata"}
        _unify(expected, actual, read, key)


def _as_recorded(service: str, error: ServiceError) -> dict[str, Any]:
    shape = load_service(service).error(error.shape)
    code = shape.code if shape is not None else error.shape
    recorded = {"Code": code, "Message": error.text}
    if service in ("iam", "sns", "sts"):
        recorded["Type"] = error.fault
    return {"Error": recorded}


def _unify(expected: Any, actual: Any, read: dict[str, str], where: str) -> None:
    if isinstance(expected, dict):
        if isinstance(actual, str):
            actual = json.loads(unquote(actual))
        assert isinstance(actual, dict), where
        assert expected.keys() == actual.keys(), where
        for key, value in expected.items():
            _unify(value, actual[key], read, f"{where}.{key}")
    elif isinstance(expected, list):
        assert isinstance(actual, list), where
        assert len(expected) == len(actual), where
        for n, (one, other) in enumerate(zip(expected, actual, strict=True)):
            _unify(one, other, read, f"{where}[{n}]")
    elif expected in _TIMES:
        assert isinstance(actual, int), where
    elif isinstance(expected, str):
        assert isinstance(actual, str), where
        _unify_text(expected, actual, read, where)
    else:
        assert expected == actual, where


def _unify_text(expected: str, actual: str, read: dict[str, str], where: str) -> None:
    names = _PLACEHOLDER.findall(expected)
    literals = [re.escape(part) for part in _PLACEHOLDER.split(expected)]
    pattern = "".join(a + b for a, b in zip(literals, ["(.+?)"] * len(names) + [""], strict=True))
    found = re.fullmatch(pattern, actual, re.DOTALL)
    assert found is not None, f"{where}: {expected!r} is not {actual!r}"
    for name, value in zip(names, found.groups(), strict=True):
        assert read.setdefault(name, value) == value, f"{where}: {name}"
