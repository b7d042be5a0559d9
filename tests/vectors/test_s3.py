"""S3's objects against what AWS answered, over HTTP, through boto3.

The recordings tell the answers; `s3_steps` asks the questions again. What the recorded tests sent is
mostly told by the answers' digests; where it is not, digests and sizes are compared for being the same
where they were the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from ballroom.testing import BallroomServer
from tests.vectors.recorded import Case, cases, needs_recordings
from tests.vectors.s3_steps import STEPS, Steps

_PLACEHOLDER = re.compile(r"<[^<>]+>")
_ANY = {"datetime", "timestamp", "date", "last-modified", "<datetime>"}
_DIGESTS = re.compile(r"ETag|Checksum(CRC|SHA|MD5|XX).*")
_IDENTITIES = {"DisplayName", "ID", "Location", "Bucket", "HostId", "RequestId"}
DIFFERS: dict[str, str] = {}


def replayable() -> list[Any]:
    found = []
    for case in cases("s3"):
        name = case.name.rsplit("::", 1)[-1]
        if name.partition("[")[0] in STEPS or name in STEPS:
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
    name = case.name.rsplit("::", 1)[-1]
    function, _, parameters = name.partition("[")
    steps = STEPS.get(name) or STEPS[function]
    answers = steps(Steps(server), parameters.rstrip("]"))
    assert answers
    read: dict[str, Any] = {}
    for key, answer in answers.items():
        _unify(case.answers[key], answer, read, key)


def _unify(expected: Any, actual: Any, read: dict[str, Any], where: str) -> None:
    """Ours says what the recording says, under one consistent reading of its placeholders."""
    name = where.rpartition(".")[2].partition("[")[0]
    if isinstance(expected, dict) and isinstance(actual, dict):
        for ignored in ("ResponseMetadata",):
            status = expected.get(ignored, {}).get("HTTPStatusCode")
            if status is not None and ignored in actual:
                assert actual[ignored]["HTTPStatusCode"] == status, where
        wanted = {k: v for k, v in expected.items() if k != "ResponseMetadata"}
        given = {k: v for k, v in actual.items() if k != "ResponseMetadata"}
        assert wanted.keys() == given.keys(), where
        for key, value in wanted.items():
            _unify(value, given[key], read, f"{where}.{key}")
    elif isinstance(expected, list):
        assert isinstance(actual, list), where
        assert len(expected) == len(actual), where
        for n, (one, other) in enumerate(zip(expected, actual, strict=True)):
            _unify(one, other, read, f"{where}[{n}]")
    elif expected in _ANY or name in _IDENTITIES or name == "Body":
        assert actual not in (None,), where
    elif _DIGESTS.fullmatch(name) or name in ("Size", "ContentLength"):
        assert type(actual) is type(expected), where
        assert read.setdefault(f"{name} {expected}", actual) == actual, f"{where}: {name}"
    elif isinstance(expected, str) and _PLACEHOLDER.search(expected):
        texts = [re.escape(text) for text in _PLACEHOLDER.split(expected)]
        names = _PLACEHOLDER.findall(expected)
        pattern = "".join(a + b for a, b in zip(texts, ["(.+?)"] * len(names) + [""], strict=True))
        found = re.fullmatch(pattern, str(actual), re.DOTALL)
        assert found is not None, f"{where}: {expected!r} is not {actual!r}"
        for one, value in zip(names, found.groups(), strict=True):
            assert read.setdefault(one, value) == value, f"{where}: {one}"
    else:
        assert actual == expected, where
