"""The values of a template's parameters: types, constraints and their texts.

A value from Systems Manager (`AWS::SSM::Parameter::Value<T>`) is named here and fetched by whoever may call
other services; `Given.lookups` lists what is wanted.

Source: CloudFormation User Guide, "Parameters"; recorded cases test_no_parameters_given,
test_invalid_parameter_type.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from ..errors import ValidationError
from .load import Template
from .patterns import is_quick
from .values import as_text

Wire = list[dict[str, Any]]
"""`[{"ParameterKey": ..., "ParameterValue": ..., "UsePreviousValue": ...}]`"""

AWS_TYPES = (
    "AWS::EC2::AvailabilityZone::Name", "AWS::EC2::Image::Id", "AWS::EC2::Instance::Id",
    "AWS::EC2::KeyPair::KeyName",
    "AWS::EC2::SecurityGroup::GroupName", "AWS::EC2::SecurityGroup::Id", "AWS::EC2::Subnet::Id",
    "AWS::EC2::Volume::Id", "AWS::EC2::VPC::Id", "AWS::Route53::HostedZone::Id",
)  # fmt: skip
SSM_VALUE = re.compile(r"AWS::SSM::Parameter::Value<(.+)>\Z")
_LIST = re.compile(r"List<(.+)>\Z")
_PLAIN = {"String", "Number", "CommaDelimitedList", "AWS::SSM::Parameter::Name", *AWS_TYPES}
_NUMBER = re.compile(r"[-+]?(\d+(\.\d*)?|\.\d+)([eE][-+]?\d+)?\Z")
HIDDEN = "****"


@dataclass(slots=True)
class Given:
    """What the request and the stack give each parameter, before Systems Manager is asked."""

    values: dict[str, str] = field(default_factory=dict)
    lookups: dict[str, str] = field(default_factory=dict)
    """Parameter name -> name of the Systems Manager parameter that holds its value."""
    slow: list[tuple[str, str, ValidationError]] = field(default_factory=list)
    """Pattern, value, and the refusal if they do not match: left to be matched where it may take time."""


def check_types(template: Template) -> None:
    """Refuse parameter types that do not exist."""
    for parameter in template.get("Parameters", {}).values():
        kind = parameter["Type"]
        if not isinstance(kind, str) or not _known(kind):
            raise ValidationError(f"Template format error: Unrecognized parameter type: {kind}")


def _known(kind: str) -> bool:
    if (ssm := SSM_VALUE.match(kind)) is not None:
        inner = ssm.group(1)
        return inner not in ("Number", "AWS::SSM::Parameter::Name") and _known(inner)
    if (many := _LIST.match(kind)) is not None:
        return many.group(1) in _PLAIN - {"CommaDelimitedList"}
    return kind in _PLAIN


def give(template: Template, request: Wire, previous: dict[str, str] | None = None) -> Given:
    """The text that each declared parameter has been given.

    Args:
        template: checked by `check_shape`.
        request: the request's `Parameters`.
        previous: what an existing stack was given (`UsePreviousValue`).

    Raises:
        ValidationError: a parameter that is not declared, has no value, or breaks its constraints.
    """
    check_types(template)
    declared = template.get("Parameters", {})
    asked = {}
    for entry in request:
        key = entry.get("ParameterKey", "")
        if key in asked:
            raise ValidationError(f"Parameter {key} is specified more than once")  # AWS keeps neither
        asked[key] = entry
    unknown = sorted(asked.keys() - declared.keys())
    if unknown:
        raise ValidationError(f"Parameters: [{', '.join(unknown)}] do not exist in the template")
    given, missing, invalid = Given(), [], []
    for name, parameter in declared.items():
        entry = asked.get(name, {})
        if entry.get("UsePreviousValue"):
            if "ParameterValue" in entry:
                raise ValidationError(
                    f"Invalid input for parameter key {name}. Cannot specify usePreviousValue as true and "
                    "non empty "
                    "value for a parameter"
                )
            if previous is not None and name in previous:
                value: str | None = previous[name]
            elif previous is None:
                raise ValidationError(
                    f"Invalid input for parameter key {name}. Cannot specify usePreviousValue as true for "
                    "a parameter "
                    "key not in the previous template"
                )
            else:
                value = None
        else:
            value = entry.get("ParameterValue")
        if value is None and parameter.get("Default") is not None:
            value = as_text(parameter["Default"])
        if value is None:
            missing.append(name)
            if SSM_VALUE.match(parameter["Type"]):
                invalid.append(name)
            continue
        _check(name, parameter, value, given)
        given.values[name] = value
        if SSM_VALUE.match(parameter["Type"]):
            given.lookups[name] = value
    if missing:
        if set(missing) == set(invalid):
            raise ValidationError(f"Parameter {missing[0]} should either have input value or default value")
        raise ValidationError(f"Parameters: [{', '.join(missing)}] must have values")
    return given


def resolve(template: Template, given: Given, fetched: dict[str, str]) -> dict[str, Any]:
    """What `Ref` gives for each parameter: text, or a list for the list types."""
    values: dict[str, Any] = {}
    for name, text in given.values.items():
        kind = template["Parameters"][name]["Type"]
        if (ssm := SSM_VALUE.match(kind)) is not None:
            kind, text = ssm.group(1), fetched[name]
        values[name] = split_list(text) if is_list(kind) else text
    return values


def is_list(kind: str) -> bool:
    """Whether a parameter of this type is a list."""
    return kind == "CommaDelimitedList" or kind.startswith("List<")


def split_list(text: str) -> list[str]:
    """A comma-delimited value as its items, trimmed."""
    return [item.strip() for item in text.split(",")]


def is_hidden(template: Template, name: str) -> bool:
    """Whether the parameter's value must never be shown."""
    return as_text(template.get("Parameters", {}).get(name, {}).get("NoEcho", False)).lower() == "true"


def _check(name: str, parameter: dict[str, Any], value: str, given: Given) -> None:
    kind = parameter["Type"]
    if SSM_VALUE.match(kind):
        if "AllowedValues" in parameter:
            _check_allowed(name, parameter, [value])
        return
    items = split_list(value) if is_list(kind) else [value]
    if kind in ("Number", "List<Number>") and not all(_NUMBER.match(item) for item in items):
        raise ValidationError(
            f"Parameter '{name}' must be a {'number' if kind == 'Number' else 'list of numbers'}."
        )
    _check_allowed(name, parameter, items)
    if kind in ("Number", "List<Number>"):
        low, high = _limit(parameter, "MinValue"), _limit(parameter, "MaxValue")
        for item in items:
            if low is not None and float(item) < low:
                _refuse(name, parameter, f"Parameter '{name}' must be a number not less than {as_text(low)}")
            if high is not None and float(item) > high:
                _refuse(
                    name, parameter, f"Parameter '{name}' must be a number not greater than {as_text(high)}"
                )
        return
    shortest, longest = _limit(parameter, "MinLength"), _limit(parameter, "MaxLength")
    pattern = parameter.get("AllowedPattern")
    for item in items:
        if shortest is not None and len(item) < shortest:
            _refuse(name, parameter, f"Parameter '{name}' must contain at least {as_text(shortest)} characters")
        if longest is not None and len(item) > longest:
            _refuse(name, parameter, f"Parameter '{name}' must contain at most {as_text(longest)} characters")
        if pattern is None:
            continue
        text = f"Parameter '{name}' must match pattern {pattern}"
        if not is_quick(name, as_text(pattern), item):
            given.slow.append((as_text(pattern), item, _refusal(name, parameter, text)))
        elif re.fullmatch(as_text(pattern), item) is None:
            _refuse(name, parameter, text)


def _check_allowed(name: str, parameter: dict[str, Any], items: list[str]) -> None:
    allowed = parameter.get("AllowedValues")
    if allowed is None:
        return
    texts = [as_text(value) for value in allowed]
    if any(item not in texts for item in items):
        _refuse(name, parameter, f"Parameter '{name}' must be one of AllowedValues")


def _limit(parameter: dict[str, Any], key: str) -> float | None:
    if key not in parameter:
        return None
    text = as_text(parameter[key])
    if not _NUMBER.match(text):
        raise ValidationError(f"Template format error: Every {key} member must be a number.")
    number = float(text)
    return int(number) if number.is_integer() else number


def _refuse(name: str, parameter: dict[str, Any], text: str) -> None:
    raise _refusal(name, parameter, text)


def _refusal(name: str, parameter: dict[str, Any], text: str) -> ValidationError:
    described = parameter.get("ConstraintDescription")
    if described:
        return ValidationError(f"Parameter '{name}' failed to satisfy constraint: {described}")
    return ValidationError(text)
