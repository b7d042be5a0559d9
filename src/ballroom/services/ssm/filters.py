"""Which parameters a list of filters wants.

Source: Systems Manager API Reference, ParameterStringFilter.
"""

from __future__ import annotations

from typing import Any

from .errors import InvalidFilter, InvalidFilterOption
from .naming import check_path
from .resources import Parameter


def matches(parameter: Parameter, filters: list[dict[str, Any]]) -> bool:
    """Whether every filter has a value that suits the parameter.

    Raises:
        InvalidFilter: a key that does not exist.
        InvalidFilterOption: an option that its key does not have.
    """
    return all(_suits(parameter, f["Key"], f.get("Option", ""), f.get("Values", [])) for f in filters)


def _suits(parameter: Parameter, key: str, option: str, values: list[str]) -> bool:
    latest = parameter.latest
    if key == "Path":
        return any(_is_below(parameter.name, check_path(value), option or "OneLevel") for value in values)
    if key.startswith("tag:"):
        found = parameter.tags.get(key[4:])
        return found is not None and (not values or found in values)
    if key == "Label":
        return any(value in parameter.labels for value in values)
    simple = {
        "Name": parameter.name, "Type": latest.type, "KeyId": latest.key_id, "Tier": latest.tier,
        "DataType": latest.data_type,
    }
    if key not in simple:
        raise InvalidFilter(f"The specified filter key {key} is not valid.")
    return any(_compares(simple[key], option or "Equals", value, is_name=key == "Name") for value in values)


def _is_below(name: str, path: str, option: str) -> bool:
    if option not in ("OneLevel", "Recursive"):
        raise InvalidFilterOption(f"The filter option {option} is not valid for the key Path.")
    below = name.removeprefix("/") if path == "/" else name.removeprefix(path)
    return (path == "/" or name.startswith(path)) and (option == "Recursive" or "/" not in below)


def _compares(text: str, option: str, value: str, *, is_name: bool) -> bool:
    if option == "Contains" and is_name:
        return value in text
    if is_name:  # a name may be given without its first slash
        text, value = text.removeprefix("/"), value.removeprefix("/")
    if option == "Equals":
        return text == value
    if option == "BeginsWith":
        return text.startswith(value)
    raise InvalidFilterOption(f"The filter option {option} is not valid for this key.")
