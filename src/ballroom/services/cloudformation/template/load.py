"""Reads a template: YAML with CloudFormation's short forms, or JSON.

YAML is built from the parser's events, not through a loader: no tag can construct an object, nothing
recurses, and depth, nodes and duplicate keys are checked as they come. AWS refuses anchors and aliases, and
so does `load`; what the command line reads from a developer's disk may use them (as with the SAM CLI), and
is then bounded by the number of nodes they expand to.

Source: CloudFormation User Guide, "Template format", "Intrinsic function reference".
"""

from __future__ import annotations

import json
from typing import Any

from ..errors import ValidationError

BODY_LIMIT = 51_200
S3_LIMIT = 1_048_576
DEPTH_LIMIT = 100
NODE_LIMIT = 200_000
MISSING: Any = object()

Template = dict[str, Any]


def load(text: str, *, aliases: bool = False) -> Template:
    """The template as plain dictionaries, lists and scalars; short forms become `Fn::` objects.

    Args:
        text: the template's body.
        aliases: expand anchors, aliases and merge keys (bounded) instead of refusing them as AWS does.

    Raises:
        ValidationError: not YAML or JSON, too deep, a repeated key, or not a mapping.
    """
    value = _load_json(text) if text.lstrip("\ufeff \t\r\n").startswith("{") else MISSING
    if value is MISSING:
        from .yaml_events import Builder  # yaml costs 40 ms to import: a fifth of the server's start

        value = Builder(aliases).build(text)
    if not isinstance(value, dict):
        raise ValidationError("Template format error: unsupported structure.")
    return value


def _load_json(text: str) -> Any:
    """The JSON value; flow-style YAML, which also opens with a brace, is left to the YAML reader."""
    try:
        value = json.loads(text.lstrip("\ufeff"), parse_constant=str)
    except ValueError:
        return MISSING
    except RecursionError:
        raise too_deep() from None
    _check_depth(value)
    return value


def _check_depth(value: Any) -> None:
    level = [value]
    nodes = 0
    for _ in range(DEPTH_LIMIT):
        level = [
            child
            for node in level
            if isinstance(node, dict | list)
            for child in (node.values() if isinstance(node, dict) else node)
        ]
        nodes += len(level)
        if not level:
            return
    raise too_deep()


def too_deep() -> ValidationError:
    """The refusal of a template that is nested too deeply."""
    return ValidationError(f"Template format error: nesting is deeper than the maximum allowed, {DEPTH_LIMIT}")
