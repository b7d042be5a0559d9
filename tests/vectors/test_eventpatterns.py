"""The pattern language against AWS's: the verdicts of its open engine, and what EventBridge and SNS answered."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from ballroom.kernel.matcher import SNS_ATTRIBUTES, InvalidPattern, RuleIndex, compile_pattern
from tests.vectors.recorded import VECTORS, needs_recordings

pytestmark = needs_recordings
_TEMPLATES = VECTORS / "events" / "data" / "event_pattern_templates"


def _verdicts() -> list[Any]:
    path = VECTORS / "eventpatterns" / "event-ruler-verdicts.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def _recorded() -> dict[str, Any]:
    path = VECTORS / "events" / "snapshots" / "test_events_patterns.snapshot.json"
    if not path.exists():
        return {}
    return {name.split("::")[-1]: c["recorded-content"] for name, c in json.loads(path.read_text()).items()}


def _json5(text: str) -> Any:
    text = re.sub(r"(^|(?<=[\s,{\[]))//.*$", "", text, flags=re.MULTILINE)
    return json.loads(re.sub(r",(\s*[}\]])", r"\1", text))


RECORDED = _recorded()


def verdict(pattern: str, event: Any) -> str:
    try:
        compiled = compile_pattern(pattern)
    except InvalidPattern:
        return "error"
    index = RuleIndex()
    index.add("rule", compiled)
    found = compiled.matches(event)
    assert index.match(json.dumps(event).encode()) == ["rule"] * found
    return "yes" if found else "no"


def test_every_verdict_of_the_open_engine_agrees() -> None:
    cases = _verdicts()
    differing = [c for c in cases if verdict(json.dumps(c["pattern"]), c["event"]) != c["verdict"]]
    assert differing == []
    assert len(cases) > 500


@pytest.mark.parametrize("path", sorted(_TEMPLATES.glob("*.json5")), ids=lambda path: path.stem)
def test_recorded_pattern(path: Any) -> None:
    case = _json5(path.read_text())
    pattern = json.dumps(case["EventPattern"])
    if not path.stem.endswith("_EXC"):
        assert verdict(pattern, case["Event"]) == ("no" if path.stem.endswith("_NEG") else "yes")
        return
    recorded = RECORDED[f"test_event_pattern[{path.stem}]"][path.stem]["exception_message"]["Error"]
    with pytest.raises(InvalidPattern) as caught:
        compile_pattern(pattern)
    text = str(caught.value).replace("us-east-1", "<region>").replace("arn:aws:", "arn:<partition>:")
    assert text == recorded["MessageRaw"]


@pytest.mark.parametrize("name", [name for name in RECORDED if name.startswith("test_invalid_json")])
def test_recorded_broken_json(name: str) -> None:
    text = name.split("[", 1)[1].removesuffix("]")
    with pytest.raises(InvalidPattern) as caught:
        compile_pattern(text)
    assert str(caught.value) == RECORDED[name]["invalid-pattern"]["Error"]["Message"]


def test_recorded_errors_of_filter_policies() -> None:
    errors = json.loads((VECTORS / "sns" / "errors.json").read_text())
    texts = [
        m
        for e in errors
        if (m := re.search(r'(FilterPolicy: .*\(String\)"(.*)"; line.*)$', e["message"], re.DOTALL))
    ]
    assert texts
    for expected, policy in (match.groups() for match in texts):
        with pytest.raises(InvalidPattern) as caught:
            compile_pattern(policy, SNS_ATTRIBUTES)
        assert str(caught.value) == expected
