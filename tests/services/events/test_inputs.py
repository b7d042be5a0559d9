"""What targets are sent: templates as tables."""

from __future__ import annotations

from typing import Any

import pytest

from ballroom.kernel.event_paths import MISSING, InvalidPath, compile_path
from ballroom.services.events.errors import ValidationException
from ballroom.services.events.transform import Matched, compile_input

EVENT: dict[str, Any] = {
    "version": "0", "id": "e-1", "source": "shop",
    "detail": {"text": 'say "hi"', "n": 1.5, "yes": True, "none": None, "list": ["a", 1], "map": {"k": "v"}},
}  # fmt: skip
PATHS = {
    "text": "$.detail.text", "n": "$.detail.n", "yes": "$.detail.yes", "none": "$.detail.none",
    "list": "$.detail.list", "map": "$.detail.map", "gone": "$.detail.gone",
}  # fmt: skip


def render(**target: Any) -> str:
    matched = Matched(EVENT, b'{"whole": true}', "arn:rule", "rule", 1_767_225_600_000)
    return compile_input({"Id": "t", **target})(matched).decode()


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ('{"a": <text>}', '{"a": "say \\"hi\\""}'),
        ('{"a": "<text>"}', '{"a": "say \\"hi\\""}'),
        ('"<text>, <n> and <yes>"', '"say \\"hi\\", 1.5 and true"'),
        ('{"a": <map>, "b": "<map>"}', '{"a": {"k":"v"}, "b": "{k:v}"}'),
        ('{"a": <list>, "b": "<list>"}', '{"a": ["a",1], "b": "[a,1]"}'),
        ('{"a": <none>, "b": "<none>"}', '{"a": null, "b": "null"}'),
        ('{"a": <gone>, "b": "<gone>"}', '{"a": "", "b": ""}'),
        ('{"a": "x\\"<n>\\"", "b": <text>}', '{"a": "x\\"1.5\\"", "b": "say \\"hi\\""}'),
        ('"a <n>"\n"b <n>"', '"a 1.5"\n"b 1.5"'),
        ("plain <n> text", "plain 1.5 text"),
        ("1 < 2 and <n> > 0", "1 < 2 and 1.5 > 0"),
        ('{"r": <aws.events.rule-arn>, "n": "<aws.events.rule-name>"}', '{"r": "arn:rule", "n": "rule"}'),
        ('{"t": <aws.events.event.ingestion-time>}', '{"t": "2026-01-01T00:00:00Z"}'),
        ('{"e": <aws.events.event>}', '{"e": {"version":"0","id":"e-1","source":"shop"}}'),
    ],
)
def test_a_template(template: str, expected: str) -> None:
    used = {name: path for name, path in PATHS.items() if f"<{name}>" in template}
    assert render(InputTransformer={"InputPathsMap": used, "InputTemplate": template}) == expected


def test_without_input_a_target_gets_the_event_as_it_was_matched() -> None:
    assert render() == '{"whole": true}'
    assert render(Input='{"a":  1}') == '{"a":  1}'
    assert render(InputPath="$.detail.map") == '{"k":"v"}'
    assert render(InputPath="$.source") == '"shop"'
    assert render(InputPath="$") == (
        '{"version":"0","id":"e-1","source":"shop","detail":{"text":"say \\"hi\\"","n":1.5,"yes":true,'
        '"none":null,"list":["a",1],"map":{"k":"v"}}}'
    )


@pytest.mark.parametrize(
    ("target", "text"),
    [
        ({"Input": "{"}, "JSON syntax error in input for target t."),
        ({"InputPath": "detail"}, "Invalid JsonPath for target t."),
        (
            {"InputTransformer": {"InputPathsMap": {"a": "x"}, "InputTemplate": "<a>"}},
            "Invalid JsonPath for target t.",
        ),
        (
            {"InputTransformer": {"InputTemplate": "<nothing>"}},
            "InputTemplate for target t contains invalid placeholder nothing.",
        ),
        (
            {"InputTransformer": {"InputTemplate": "<aws.events.other>"}},
            "InputTemplate for target t contains invalid placeholder aws.events.other.",
        ),
        (
            {"Input": "{}", "InputPath": "$"},
            "Only one of Input, InputPath, or InputTransformer must be provided for target t.",
        ),
    ],
)
def test_what_is_wrong_with_an_input(target: dict[str, Any], text: str) -> None:
    with pytest.raises(ValidationException) as wrong:
        compile_input({"Id": "t", **target})
    assert wrong.value.text == text


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("$", {"a-b": [{"c": 1}, {"c": 2}], "d/e": {"f g": 3}}),
        ("$.a-b[0].c", 1), ("$.a-b[-1].c", 2), ("$.a-b[*].c", [1, 2]), ("$.a-b[7]", MISSING),
        ("$.d/e['f g']", 3), ('$["d/e"]["f g"]', 3), ("$.nothing.c", MISSING), ("$.a-b.c", MISSING),
        ("$.*", [[{"c": 1}, {"c": 2}], {"f g": 3}]),
    ],
)  # fmt: skip
def test_a_path(path: str, expected: Any) -> None:
    assert compile_path(path)({"a-b": [{"c": 1}, {"c": 2}], "d/e": {"f g": 3}}) == expected


@pytest.mark.parametrize("path", ["", "a", "$a", "$..a", "$.", "$.a[", "$.a[x]", "$.a['b", "$.a b", "$[?(@.a)]"])
def test_what_is_no_path(path: str) -> None:
    with pytest.raises(InvalidPath):
        compile_path(path)
