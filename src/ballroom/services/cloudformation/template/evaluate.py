"""Computes the values of a template's expressions.

One evaluator serves three stages. With every resource known it gives values. While a change set is made, or
loops are expanded, resources that do not exist yet are `Deferred`: whatever depends on them stays an
expression.

Source: CloudFormation User Guide, "Intrinsic function reference", "Pseudo parameters reference".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from ..errors import ValidationError
from . import functions
from .load import Template
from .references import SUB_VARIABLE, function_of, split_attribute, sub_parts
from .values import NO_VALUE, Deferred, as_text, is_deferred, is_scalar, undefer

CONDITION_FUNCTIONS = ("Fn::And", "Fn::Or", "Fn::Not", "Fn::Equals", "Condition")


class StackNames(NamedTuple):
    """What the pseudo parameters give."""

    stack_id: str
    stack_name: str
    account: str
    region: str
    partition: str
    notification_arns: tuple[str, ...] = ()

    def pseudo(self) -> dict[str, Any]:
        """Every pseudo parameter's value."""
        suffix = "amazonaws.com.cn" if self.partition == "aws-cn" else "amazonaws.com"
        return {
            "AWS::AccountId": self.account,
            "AWS::NoValue": NO_VALUE,
            "AWS::NotificationARNs": list(self.notification_arns),
            "AWS::Partition": self.partition,
            "AWS::Region": self.region,
            "AWS::StackId": self.stack_id,
            "AWS::StackName": self.stack_name,
            "AWS::URLSuffix": suffix,
        }


@dataclass(slots=True)
class Known:
    """A resource that exists: what `Ref` and `Fn::GetAtt` give."""

    ref: str
    attributes: Mapping[str, Any] = field(default_factory=dict)


class Evaluator:
    """Evaluates expressions of one template.

    Args:
        template: checked, with its loops expanded.
        parameters: what `Ref` gives for each parameter.
        names: for the pseudo parameters.
        resources: what is known of each resource, by logical id; others are deferred.
        import_value: gives another stack's export, or None while it is not wanted (deferred then).
        attribute_of: gives an attribute, for a resource whose type decides how; the default reads `Known`.
    """

    def __init__(
        self,
        template: Template,
        parameters: Mapping[str, Any],
        names: StackNames,
        resources: Mapping[str, Known] | None = None,
        import_value: Callable[[str], Any] | None = None,
    ) -> None:
        self._template = template
        self._names = names
        self._references: dict[str, Any] = {**names.pseudo(), **parameters}
        self.resources = resources or {}
        self._import_value = import_value
        self._conditions: dict[str, bool] = {}
        self._evaluating: list[str] = []
        self._extended = has_transform(template, "AWS::LanguageExtensions")

    # -- conditions

    def condition(self, name: str) -> bool:
        """The value of the condition `name`.

        Raises:
            ValidationError: it is not defined, or depends on itself.
        """
        if name in self._conditions:
            return self._conditions[name]
        conditions = self._template.get("Conditions", {})
        if name not in conditions:
            raise ValidationError(f"Template format error: Unresolved condition dependency {name}")
        if name in self._evaluating:
            raise ValidationError(
                "Template error: Circular dependency between conditions: "
                f"[{', '.join(sorted(self._evaluating))}]"
            )
        self._evaluating.append(name)
        value = self._boolean(self.value(conditions[name]), f"Condition {name}")
        self._evaluating.pop()
        self._conditions[name] = value
        return value

    def conditions(self) -> dict[str, bool]:
        """The value of every condition."""
        return {name: self.condition(name) for name in self._template.get("Conditions", {})}

    @staticmethod
    def _boolean(value: Any, what: str) -> bool:
        if isinstance(value, bool):
            return value
        if value in ("true", "false"):
            return bool(value == "true")
        raise ValidationError(f"Template error: {what} must evaluate to a boolean")

    # -- values

    def value(self, node: Any) -> Any:
        """The value of any part of a template; `AWS::NoValue` removes keys and items."""
        if isinstance(node, dict):
            call = function_of(node)
            if call is not None and not (call[0] == "Condition" and not isinstance(call[1], str)):
                return self._call(*call)
            return {
                key: item for key, item in ((k, self.value(v)) for k, v in node.items()) if item is not NO_VALUE
            }
        if isinstance(node, list):
            return [item for item in map(self.value, node) if item is not NO_VALUE]
        return node

    def _call(self, name: str, argument: Any) -> Any:
        special = _SPECIAL.get(name)
        if special is not None:
            return special(self, argument)
        plain = functions.PLAIN.get(name)
        if plain is None:
            if name == "Fn::Transform":
                raise ValidationError("Template error: Fn::Transform must be expanded before it is evaluated")
            raise ValidationError(f"Template error: unknown intrinsic function {name}")
        if name in functions.EXTENDED and not self._extended:
            raise ValidationError(
                f"Template format error: Unrecognized function {name}; the template needs the "
                "AWS::LanguageExtensions "
                "transform"
            )
        return self._apply(name, plain, self._argument(name, argument))

    def _argument(self, name: str, argument: Any) -> Any:
        """The evaluated argument. Items without a value stay, so that a function can tell."""
        if isinstance(argument, list):
            return [self.value(item) for item in argument]
        return self.value(argument)

    @staticmethod
    def _apply(name: str, function: Callable[[Any], Any], argument: Any) -> Any:
        if name == "Fn::Select" and isinstance(argument, list) and len(argument) == 2:
            index, items = argument
            if isinstance(items, list) and not is_deferred(index):
                return function(argument)  # only the chosen item needs to be known
        if is_deferred(argument):
            return Deferred({name: undefer(argument)})
        return function(argument)

    def _ref(self, name: Any) -> Any:
        if not isinstance(name, str):
            raise ValidationError("Template format error: All Ref references must be of type string.")
        if name in self._references:
            return self._references[name]
        if name in self.resources:
            return self.resources[name].ref
        if name in self._template.get("Resources", {}):
            return Deferred({"Ref": name})
        raise ValidationError(
            f"Template format error: Unresolved resource dependencies [{name}] in the Resources block of "
            "the template"
        )

    def _getatt(self, argument: Any) -> Any:
        resource, attribute = split_attribute(argument)
        if not isinstance(attribute, str):
            attribute = self.value(attribute)
            if not isinstance(attribute, str):
                return Deferred({"Fn::GetAtt": [resource, undefer(attribute)]})
        return self._attribute(resource, attribute)

    def _attribute(self, resource: str, attribute: str) -> Any:
        known = self.resources.get(resource)
        if known is None:
            if resource not in self._template.get("Resources", {}):
                raise ValidationError(
                    f"Template error: instance of Fn::GetAtt references undefined resource {resource}"
                )
            return Deferred({"Fn::GetAtt": [resource, attribute]})
        value: Any = known.attributes
        if attribute in known.attributes:
            return known.attributes[attribute]
        for part in attribute.split("."):
            if not isinstance(value, Mapping) or part not in value:
                kind = self._template["Resources"].get(resource, {}).get("Type", "")
                raise ValidationError(f"Requested attribute {attribute} does not exist in schema for {kind}")
            value = value[part]
        return value

    def _sub(self, argument: Any) -> Any:
        text, variables = sub_parts(argument)
        values = {key: self.value(item) for key, item in variables.items()}
        pieces: list[str] = []
        open_pieces: list[str] = []  # the same, as an expression that can be evaluated again
        unknown: dict[str, Any] = {}
        deferred = False
        end = 0
        for match in SUB_VARIABLE.finditer(text):
            between, name = text[end : match.start()], match.group(1)
            end = match.end()
            value: Any = "${" + name[1:] + "}" if name.startswith("!") else self._variable(name.strip(), values)
            if isinstance(value, Deferred):
                deferred = True
                if name.strip() in values:
                    unknown[name.strip()] = value.expression
                open_pieces += (between, match.group(0))
                continue
            if value is NO_VALUE:
                value = ""
            if not is_scalar(value):
                raise ValidationError(
                    f"Template error: variable {name} in Fn::Sub expression does not resolve to a string"
                )
            pieces += (between, as_text(value))
            open_pieces += (between, as_text(value).replace("${", "${!"))
        if deferred:
            remaining = "".join(open_pieces) + text[end:]
            return Deferred({"Fn::Sub": [remaining, unknown] if unknown else remaining})
        pieces.append(text[end:])
        return functions.bounded("".join(pieces))

    def _variable(self, name: str, values: dict[str, Any]) -> Any:
        if name in values:
            return values[name]
        if "." in name and not name.startswith("AWS::"):
            return self._attribute(*name.split(".", 1))
        if name not in self._references and name not in self._template.get("Resources", {}):
            raise ValidationError(
                f"Template format error: Unresolved resource dependencies [{name}] in the Resources block "
                "of the "
                "template"
            )
        return self._ref(name)

    def _if(self, argument: Any) -> Any:
        if not isinstance(argument, list) or len(argument) != 3:
            raise ValidationError("Template error: Fn::If requires a list argument with three elements")
        name, then, otherwise = argument
        if not isinstance(name, str):
            raise ValidationError(
                "Template error: Fn::If requires the name of a condition as its first element"
            )
        return self.value(then if self.condition(name) else otherwise)

    def _find_in_map(self, argument: Any) -> Any:
        if not isinstance(argument, list) or not 3 <= len(argument) <= 4:
            raise ValidationError(
                "Template error: every Fn::FindInMap object requires three parameters, the map name, map "
                "key and the "
                "attribute for return value"
            )
        keys = [self.value(item) for item in argument[:3]]
        if is_deferred(keys):
            return Deferred({"Fn::FindInMap": undefer(keys) + argument[3:]})
        name, first, second = (as_text(key) if is_scalar(key) else "" for key in keys)
        mapping = self._template.get("Mappings", {}).get(name)
        if mapping is not None and first in mapping and second in mapping[first]:
            return self.value(mapping[first][second]) if self._extended else mapping[first][second]
        if len(argument) == 4 and isinstance(argument[3], dict) and set(argument[3]) == {"DefaultValue"}:
            return self.value(argument[3]["DefaultValue"])
        if mapping is None:
            raise ValidationError(
                f"Template error: Mapping named '{name}' is not present in the 'Mappings' section of template."
            )
        raise ValidationError(f"Template error: Unable to get mapping for {name}::{first}::{second}")

    def _get_azs(self, argument: Any) -> Any:
        region = self.value(argument)
        if isinstance(region, Deferred):
            return Deferred({"Fn::GetAZs": region.expression})
        if not isinstance(region, str):
            raise ValidationError("Template error: every Fn::GetAZs object must have a String-typed value.")
        return functions.zones(region or self._names.region)

    def _import(self, argument: Any) -> Any:
        name = self.value(argument)
        if self._import_value is None or is_deferred(name):
            return Deferred({"Fn::ImportValue": undefer(name)})
        if not is_scalar(name):
            raise ValidationError(
                "Template error: the attribute in Fn::ImportValue must be a string or a function that "
                "returns a string"
            )
        return self._import_value(as_text(name))

    def _equals(self, argument: Any) -> Any:
        return self._apply("Fn::Equals", functions.equals, self._argument("Fn::Equals", argument))

    def _operands(self, name: str, argument: Any, least: int, most: int) -> list[bool]:
        if not isinstance(argument, list) or not least <= len(argument) <= most:
            count = (
                "1 boolean parameter"
                if most == 1
                else f"at least {least} and at most {most} boolean parameters"
            )
            raise ValidationError(f"Template error: every {name} object requires a list of {count}.")
        return [self._boolean(self.value(item), name) for item in argument]

    def _and(self, argument: Any) -> bool:
        return all(self._operands("Fn::And", argument, 2, 10))

    def _or(self, argument: Any) -> bool:
        return any(self._operands("Fn::Or", argument, 2, 10))

    def _not(self, argument: Any) -> bool:
        return not self._operands("Fn::Not", argument, 1, 1)[0]


_SPECIAL: dict[str, Callable[[Evaluator, Any], Any]] = {
    "Ref": Evaluator._ref,
    "Condition": Evaluator.condition,
    "Fn::GetAtt": Evaluator._getatt,
    "Fn::Sub": Evaluator._sub,
    "Fn::If": Evaluator._if,
    "Fn::FindInMap": Evaluator._find_in_map,
    "Fn::GetAZs": Evaluator._get_azs,
    "Fn::ImportValue": Evaluator._import,
    "Fn::Equals": Evaluator._equals,
    "Fn::And": Evaluator._and,
    "Fn::Or": Evaluator._or,
    "Fn::Not": Evaluator._not,
}


def transforms_of(template: Template) -> list[Any]:
    """The template's transforms, in order: names or `{"Name": ..., "Parameters": ...}`."""
    declared = template.get("Transform") or []
    return declared if isinstance(declared, list) else [declared]


def transform_name(transform: Any) -> str:
    """The name of one entry of `Transform`."""
    if isinstance(transform, dict):
        transform = transform.get("Name")
    if not isinstance(transform, str):
        raise ValidationError(
            "Template format error: Every Transform member must be a string or an object with a Name."
        )
    return transform


def has_transform(template: Template, name: str) -> bool:
    """Whether the template declares the transform."""
    return any(transform_name(transform) == name for transform in transforms_of(template))
