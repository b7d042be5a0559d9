"""EventBridge against what AWS answered; `events_steps` asks the questions again."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cloud import Cloud
from tests.vectors.events_steps import STEPS, Events
from tests.vectors.recorded import VECTORS, Case, assert_same, cases, needs_recordings

TEMPLATES = VECTORS / "events" / "data" / "event_pattern_templates"
NOT_HERE = {
    "test_put_events_with_target_api_gateway": "API Gateway is not there yet",
    "test_put_events_with_target_kinesis": "Kinesis is not there yet",
    "test_connection_secrets": "Secrets Manager is not there yet; the secret cannot be read elsewhere",
    "test_event_with_large_and_complex_payload": "what was sent is not in the recording",
}



def replayable() -> list[Any]:
    found = []
    for case in cases("events"):
        name = case.name.rsplit("::", 1)[-1]
        function = name.partition("[")[0]
        if function == "test_event_pattern":
            continue
        reason = NOT_HERE.get(function)
        marks = [pytest.mark.skip(reason=reason)] if reason is not None else []
        found.append(pytest.param(case, id=name[:100], marks=marks))
    return found


@pytest.fixture
def events() -> Iterator[Events]:
    cloud = Cloud()
    yield Events(cloud)
    cloud.close()


@needs_recordings
@pytest.mark.parametrize("case", replayable())
def test_recorded(events: Events, case: Case) -> None:
    case = Case(case.service, case.name, _comparable(case.answers))
    function, bracket, parameters = case.name.rsplit("::", 1)[-1].partition("[")
    ours = STEPS[function](events, parameters[:-1]) if bracket else STEPS[function](events)
    assert ours.keys() == case.answers.keys()
    assert_same(case, ours)


def _comparable(value: Any) -> Any:
    """Times are numbers with us; a placeholder of a placeholder is one."""
    if isinstance(value, dict):
        return {k: _comparable(v) for k, v in value.items() if k not in ("ResponseMetadata", "MessageRaw")}
    if isinstance(value, list):
        return [_comparable(item) for item in value]
    if value == "datetime":
        return "timestamp"
    fixed = {"target-arn": "<arn>", "receipt-handle": "<handle>", "m-d5-of-body": "<md5>", "target-id": "<id>"}
    if isinstance(value, str) and value in fixed:
        return f"{fixed[value][:-1]}:{id(value)}>"
    return value.replace("<<next-token>", "<token").replace("second-invalid-target-id", "<long>") if isinstance(value, str) else value


def pattern_cases() -> list[Any]:
    return [pytest.param(path, id=path.stem) for path in sorted(TEMPLATES.glob("*.json5"))]


@needs_recordings
@pytest.mark.parametrize("path", pattern_cases())
def test_recorded_pattern(events: Events, path: Path) -> None:
    template = _json5(path.read_text())
    event, pattern = json.dumps(template["Event"]), json.dumps(template["EventPattern"])
    if path.stem.endswith("_EXC"):
        error = events.error("TestEventPattern", Event=event, EventPattern=pattern)
        assert error.shape == "InvalidEventPatternException"
        assert error.text.splitlines()[0] == _texts().get(path.stem, error.text.splitlines()[0])
    else:
        answer = events("TestEventPattern", Event=event, EventPattern=pattern)
        assert answer == {"Result": not path.stem.endswith("_NEG")}


def _texts() -> dict[str, str]:
    found = {}
    for case in cases("events"):
        for name, answer in case.answers.items():
            if "exception_message" in answer:
                found[name] = answer["exception_message"]["Error"]["Message"].splitlines()[0]
    return found


def _json5(text: str) -> Any:
    """Comments and commas before a closing bracket are all that these files use of JSON5."""
    text = re.sub(r"(?m)(^|\s)//.*$", "", text)
    return json.loads(re.sub(r",(\s*[}\]])", r"\1", text))
