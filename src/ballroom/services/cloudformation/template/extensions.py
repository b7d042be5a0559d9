"""The AWS::LanguageExtensions transform: loops, and early evaluation of what is already known.

Source: CloudFormation User Guide, "AWS::LanguageExtensions transform", "Fn::ForEach"; recorded case
test_transform_foreach.
"""

from __future__ import annotations

import re
from typing import Any

from ..errors import ValidationError
from .evaluate import Evaluator, StackNames, transform_name, transforms_of
from .load import Template
from .values import NO_VALUE, as_text, is_deferred, is_scalar, undefer

NAME = "AWS::LanguageExtensions"
LOOP = "Fn::ForEach::"
ITERATION_LIMIT = 100
OUTPUT_LIMIT = 200_000
_IDENTIFIER = re.compile(r"\$\{([A-Za-z0-9]+)\}|&\{([A-Za-z0-9]+)\}")


def extend(template: Template, parameters: dict[str, Any], names: StackNames) -> Template:
    """The template with its loops expanded, without the transform; unchanged if it is not declared.

    Raises:
        ValidationError: a loop of the wrong form, or one that grows without bound.
    """
    remaining = [t for t in transforms_of(template) if transform_name(t) != NAME]
    if len(remaining) == len(transforms_of(template)):
        return template
    evaluator = Evaluator(template, parameters, names)
    expanded: Template = _Loops(evaluator).expand(template, {})
    expanded.pop("Transform", None)
    if remaining:
        expanded["Transform"] = remaining
    # The rest is evaluated as far as it is known, on the expanded template: names that loops gave now exist.
    known = Evaluator({**expanded, "Transform": NAME}, parameters, names)
    resources = {}
    for name, resource in expanded.get("Resources", {}).items():
        if isinstance(resource, dict):
            resource = {
                key: undefer(known.value(item)) if key in _EVALUATED else item for key, item in resource.items()
            }
        resources[name] = {key: item for key, item in resource.items() if item is not NO_VALUE}
    outputs = {
        name: {
            key: (undefer(known.value(item)) if key in ("Value", "Export") else item)
            for key, item in output.items()
        }
        if isinstance(output, dict)
        else output
        for name, output in expanded.get("Outputs", {}).items()
    }
    if resources:
        expanded["Resources"] = resources
    if outputs:
        expanded["Outputs"] = outputs
    return expanded


_EVALUATED = ("Properties", "Metadata", "DeletionPolicy", "UpdateReplacePolicy")


class _Loops:
    def __init__(self, evaluator: Evaluator) -> None:
        self._evaluator = evaluator
        self._made = 0

    def expand(self, node: Any, bound: dict[str, str]) -> Any:
        """`node` with loops unrolled and the loops' identifiers replaced."""
        self._made += 1
        if self._made > OUTPUT_LIMIT:
            raise ValidationError("Template error: Fn::ForEach makes the template too large")
        if isinstance(node, dict):
            if set(node) == {"Ref"} and isinstance(node["Ref"], str) and node["Ref"] in bound:
                return bound[node["Ref"]]
            result: dict[str, Any] = {}
            for key, value in node.items():
                if key.startswith(LOOP):
                    for name, item in self._unroll(key, value, bound).items():
                        if name in result:
                            raise ValidationError(f"Template error: Fn::ForEach gives {name} more than once")
                        result[name] = item
                else:
                    result[_named(key, bound)] = self.expand(value, bound)
            return result
        if isinstance(node, list):
            return [self.expand(item, bound) for item in node]
        return _named(node, bound) if isinstance(node, str) and bound else node

    def _unroll(self, key: str, loop: Any, bound: dict[str, str]) -> dict[str, Any]:
        if (
            not isinstance(loop, list)
            or len(loop) != 3
            or not isinstance(loop[0], str)
            or not loop[0].isalnum()
            or not isinstance(loop[2], dict)
        ):
            raise ValidationError(
                f"Template error: {key} requires an identifier, a collection and an object with the output key"
            )
        identifier, collection, body = loop
        if identifier in bound:
            raise ValidationError(f"Template error: {key} uses the identifier {identifier} of a loop around it")
        items = self._evaluator.value(self.expand(collection, bound))
        if is_deferred(items) or not isinstance(items, list) or not all(is_scalar(item) for item in items):
            raise ValidationError(f"Template error: the collection of {key} must be a list of known strings")
        if len(items) > ITERATION_LIMIT:
            raise ValidationError(f"Template error: {key} has more than {ITERATION_LIMIT} iterations")
        result: dict[str, Any] = {}
        for item in items:
            inner = {**bound, identifier: as_text(item)}
            for name, value in self.expand(body, inner).items():
                if name in result:
                    raise ValidationError(f"Template error: {key} gives {name} more than once")
                result[name] = value
        return result


def _named(text: str, bound: dict[str, str]) -> str:
    """`Topic${Name}` with the loops' identifiers put in; `&{Name}` gives only letters and digits."""
    if not bound or "{" not in text:
        return text

    def put(match: re.Match[str]) -> str:
        plain, alphanumeric = match.groups()
        if plain is not None:
            return bound.get(plain, match.group(0))
        value = bound.get(alphanumeric)
        return match.group(0) if value is None else re.sub(r"[^A-Za-z0-9]", "", value)

    return _IDENTIFIER.sub(put, text)
