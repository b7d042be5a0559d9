"""S3's configurations, access, CORS, websites, forms and events against what AWS answered, over HTTP."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from ballroom.kernel import registry
from ballroom.services import load_services
from ballroom.testing import BallroomServer
from tests.vectors.recorded import Case, cases, needs_recordings
from tests.vectors.s3_configuration_steps import NEEDS, STEPS
from tests.vectors.s3_steps import Steps

_PLACEHOLDER = re.compile(r"<[^<>]+>")
_ANY = {
    "datetime", "timestamp", "date", "<datetime>", "host-id", "sequencer", "version-id", "amz-request-id",
    "amz-id", "m-d5-of-body", "last--modified", "server", "object-sequencer", "request-id",
}  # fmt: skip
_DIFFERENT = re.compile(r"etag|checksum.*|x-amz-checksum-.*|size|contentlength|content-length", re.IGNORECASE)
"""Digests and sizes of contents that the recordings do not tell."""
_TRANSPORT = {"date", "server", "transfer-encoding", "connection", "content-length"}
DIFFERS: dict[str, str] = {}


def steps_of(case: Case) -> Any:
    short = case.name.split("::", 1)[-1]
    name = short.rsplit("::", 1)[-1]
    return STEPS.get(short) or STEPS.get(name) or STEPS.get(name.partition("[")[0])


def replayable() -> list[Any]:
    load_services()
    found = []
    for case in cases("s3"):
        name = case.name.rsplit("::", 1)[-1]
        if steps_of(case) is not None:
            needed = NEEDS.get(name)
            if needed is not None and needed not in registry.operations:
                continue
            marks = [pytest.mark.xfail(reason=DIFFERS[name], strict=True)] if name in DIFFERS else []
            found.append(pytest.param(case, id=name, marks=marks))
    return found


@pytest.fixture(scope="module")
def server() -> Iterator[BallroomServer]:
    with BallroomServer() as running:
        yield running


@needs_recordings
@pytest.mark.parametrize("case", replayable())
def test_recorded(server: BallroomServer, case: Case) -> None:
    parameters = case.name.rsplit("::", 1)[-1].partition("[")[2].rstrip("]")
    answers = steps_of(case)(Steps(server), parameters)
    assert answers
    read: dict[str, Any] = {}
    for key, answer in answers.items():
        unify(case.answers[key], answer, read, key)


def unify(expected: Any, actual: Any, read: dict[str, Any], where: str) -> None:
    """Ours says what the recording says, under one consistent reading of its placeholders."""
    name = re.sub(r"\[\d+\]$", "", where.rpartition(".")[2])
    if isinstance(expected, dict) and isinstance(actual, dict):
        status = expected.get("ResponseMetadata", {}).get("HTTPStatusCode")
        if status is not None:
            assert actual["ResponseMetadata"]["HTTPStatusCode"] == status, where
        wanted, given = _comparable(expected, name), _comparable(actual, name)
        assert wanted.keys() == given.keys(), where
        for key, value in wanted.items():
            unify(value, given[key], read, f"{where}.{key}")
    elif isinstance(expected, list):
        assert isinstance(actual, list), where
        assert len(expected) == len(actual), where
        for n, (one, other) in enumerate(zip(expected, actual, strict=True)):
            unify(one, other, read, f"{where}[{n}]")
    elif expected in _ANY or name in ("Location", "HostId", "RequestId") or (name == "Body" and _is_content(expected)):
        assert actual is not None, where
    elif _DIFFERENT.fullmatch(name):
        assert type(actual) is type(expected), where
        assert read.setdefault(f"{name} {expected}", actual) == actual, f"{where}: {name}"
    elif isinstance(expected, str) and _PLACEHOLDER.search(expected) and "<html>" not in expected:
        texts = [re.escape(text) for text in _PLACEHOLDER.split(expected)]
        names = _PLACEHOLDER.findall(expected)
        pattern = "".join(a + b for a, b in zip(texts, ["(.+?)"] * len(names) + [""], strict=True))
        found = re.fullmatch(pattern, str(actual), re.DOTALL)
        assert found is not None, f"{where}: {expected!r} is not {actual!r}"
        for one, value in zip(names, found.groups(), strict=True):
            assert read.setdefault(one, value) == value, f"{where}: {one}"
    else:
        assert actual == expected, where


def _is_content(expected: Any) -> bool:
    return isinstance(expected, str) and expected != ""


def _comparable(given: dict[str, Any], name: str) -> dict[str, Any]:
    if name == "Headers":
        return {n.lower(): v for n, v in given.items() if n.lower() not in _TRANSPORT}
    return {n: v for n, v in given.items() if n not in ("ResponseMetadata", "EncodingType")}
