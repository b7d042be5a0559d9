"""Step Functions against histories that AWS recorded: every machine whose definition is at hand, run again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cloud import Cloud
from tests.vectors import stepfunctions_replay as replay
from tests.vectors.recorded import Case, cases, needs_recordings

_API_GATEWAY = "API Gateway does not exist here yet: its integration is refused when the machine is created"
DIFFERS: dict[str, str] = {
    "test_invoke_base": _API_GATEWAY,
    "test_invoke_with_headers[singleStringHeader]": _API_GATEWAY,
    "test_invoke_with_headers[custom_header1]": _API_GATEWAY,
    "test_invoke_with_headers[custom_header2]": _API_GATEWAY,
    "test_invoke_with_query_parameters": _API_GATEWAY,
    "test_invoke_error": _API_GATEWAY,
}
ELSEWHERE = ("v2/test_state/", "v2/logs/", "v2/local_mocking/")


def replayable() -> list[Any]:
    found = []
    for case in cases("stepfunctions"):
        if case.name.startswith(ELSEWHERE) or not replay.INDEX.get(case.name, {}).get("data"):
            continue
        if len(replay.recorded_histories(case)) != 1:
            continue
        name = case.name.rsplit("::", 1)[-1]
        marks = [pytest.mark.xfail(reason=DIFFERS[name], strict=True)] if name in DIFFERS else []
        found.append(pytest.param(case, id=name, marks=marks))
    return found


@needs_recordings
@pytest.mark.parametrize("case", replayable())
def test_recorded_history(case: Case, cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    (events,) = replay.recorded_histories(case).values()
    events = replay.concrete(events, case.name)
    definition = replay.definition_of(case.name, events)
    text = json.dumps(definition)
    if "ItemReader" in text:
        replay.put_objects(cloud, case.name, events)
    for document in replay.documents(case.name):
        if document["States"].keys().isdisjoint(definition["States"]) and "startExecution" in text:
            replay.create(cloud, "target", document, "arn:aws:iam::111111111111:role/target")
    events = (
        json.loads(json.dumps(events).replace("<ArnPart_0idx>", "target"))
        if "StartExecution" in text
        else events
    )
    worker = replay.Worker(cloud, events) if ":activity:" in text else None
    stand = replay.Stand(cloud, events, monkeypatch)
    execution = replay.run(cloud, definition, events[0]["executionStartedEventDetails"], stand, worker)
    replay.assert_same_history(events, replay.history(cloud, execution))


def mocked() -> list[Any]:
    found = []
    for case in cases("stepfunctions"):
        data = replay.INDEX.get(case.name, {}).get("data", [])
        if case.name.endswith("test_numbered_mock_responses_multiple_success_invocations"):
            continue  # what it sent is not in the recording
        if (
            case.name.startswith("v2/local_mocking/")
            and replay.recorded_histories(case)
            and any("mocked_responses" in path for path in data)
        ):
            found.append(pytest.param(case, id=case.name.rsplit("::", 1)[-1]))
    return found


@needs_recordings
@pytest.mark.parametrize("case", mocked())
def test_recorded_mocks(case: Case, cloud: Cloud, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The mocked responses in the format of Step Functions Local give the history that AWS gave in earnest."""
    (events,) = replay.recorded_histories(case).values()
    events = replay.concrete(events, case.name)
    definition = replay.definition_of(case.name, events)
    monkeypatch.setenv("SFN_MOCK_CONFIG", str(tmp_path / "mocks.json"))
    (tmp_path / "mocks.json").write_text(json.dumps(replay.mock_configuration(case.name, definition, events)))
    for event in events:  # what was handed over is not in the mock: only what came of it
        if event["type"] == "TaskSubmitted":
            event["taskSubmittedEventDetails"]["output"] = "RequestId"
    execution = replay.run_mocked(cloud, definition, events[0]["executionStartedEventDetails"])
    replay.assert_same_history(events, replay.history(cloud, execution))


def logged() -> list[Any]:
    return [
        pytest.param(case, id=case.name.rsplit("::", 1)[-1])
        for case in cases("stepfunctions")
        if "test_partial_log_levels[" in case.name
    ]


@needs_recordings
@pytest.mark.parametrize("case", logged())
def test_recorded_logs(case: Case, cloud: Cloud) -> None:
    file, level, with_data = case.name.partition("[")[2].rstrip("]").rsplit("_", 2)
    (events,) = replay.recorded_histories(case).values()
    names = [path.rpartition("/")[2] for path in replay.INDEX[case.name]["data"]]
    definition = replay.documents(case.name)[names.index(file)]
    lines = replay.run_logged(
        cloud, definition, events[0]["executionStartedEventDetails"], level, with_data == "True"
    )
    expected = case.answers.get("logged_execution_events", [])
    read: dict[str, str] = {}
    assert len(lines) == len(expected)
    for line, recorded in zip(lines, expected, strict=True):
        replay.unify(replay.concrete(recorded, case.name), line, read, recorded["id"])
