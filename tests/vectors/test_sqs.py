"""SQS against what AWS answered, over HTTP, in json and in the query protocol.

The recordings tell the answers; `sqs_steps` asks the questions again.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from ballroom.testing import BallroomServer
from tests.vectors.recorded import Case, cases, needs_recordings
from tests.vectors.sqs_clients import Client, JsonClient, QueryClient
from tests.vectors.sqs_steps import STEPS, Steps

ACCOUNT = "111111111111"
_PLACEHOLDER = re.compile(r"<[^<>]+>")

NOT_HERE = {
    # what was sent is not in the recording
    "test_send_message_batch_with_oversized_contents_with_updated_maximum_message_size",
}
ALWAYS_MIXED = {"test_posting_to_fifo_requires_deduplicationid_group_id"}
DIFFERS = {
    "test_message_system_attribute_names_with_attribute_names[sqs_query]": (
        "given both, the query protocol prefers one of AttributeNames and MessageSystemAttributeNames; "
        "we answer both, as json does"
    ),
}


def replayable() -> list[Any]:
    found = []
    for case in cases("sqs"):
        name = case.name.rsplit("::", 1)[-1]
        if case.name.startswith("resource_providers/") or name.partition("[")[0] in NOT_HERE:
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
    function, _, parameters = case.name.rsplit("::", 1)[-1].partition("[")
    protocol, _, rest = parameters.rstrip("]").partition("-")
    in_json = JsonClient(endpoint(server), ACCOUNT)
    in_query = QueryClient(endpoint(server), ACCOUNT)
    # some recordings of the query protocol made the call that matters in json: only there is this member
    mixed = function in ALWAYS_MIXED or "QueryErrorCode" not in json.dumps(case.answers)
    client: Client = in_query if protocol == "sqs_query" and mixed else in_json
    if protocol not in ("sqs", "sqs_query"):
        rest = parameters.rstrip("]")
    answers = STEPS[function](Steps(server, client, in_json, in_query), rest)
    assert answers.keys() == case.answers.keys()
    read: dict[str, str] = {}
    for key, expected in case.answers.items():
        unify(expected, answers[key], read, key)


def endpoint(server: BallroomServer) -> str:
    return f"http://127.0.0.1:{server.ballroom.settings.port}"


def unify(expected: Any, actual: Any, read: dict[str, str], where: str) -> None:
    """Ours says what the recording says, under one consistent reading of its placeholders."""
    if isinstance(expected, dict):
        if isinstance(actual, str):
            actual = json.loads(actual)
        assert isinstance(actual, dict), where
        if actual.get("Detail", "") is None:  # some recordings leave the empty element out
            expected = {"Detail": None, **expected}
        assert expected.keys() == actual.keys(), where
        for key, value in expected.items():
            unify(value, actual[key], read, f"{where}.{key}")
    elif isinstance(expected, list):
        assert isinstance(actual, list), where
        assert len(expected) == len(actual), where
        for n, (one, other) in enumerate(zip(expected, actual, strict=True)):
            unify(one, other, read, f"{where}[{n}]")
    elif expected == "timestamp":
        assert str(actual).isdecimal(), where
    elif isinstance(expected, str) and _PLACEHOLDER.search(expected):
        names = _PLACEHOLDER.findall(expected)
        texts = [re.escape(text) for text in _PLACEHOLDER.split(expected)]
        pattern = "".join(a + b for a, b in zip(texts, ["(.+?)"] * len(names) + [""], strict=True))
        found = re.fullmatch(pattern, actual, re.DOTALL)
        assert found is not None, f"{where}: {expected!r} is not {actual!r}"
        for name, value in zip(names, found.groups(), strict=True):
            assert read.setdefault(name, value) == value, f"{where}: {name}"
    else:
        assert actual == expected, where
