"""Reading parameters: by name, by path, as a list, with their history."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ballroom.kernel import Key, NotImplementedHere, Request, Response, Tx, operation, tokens
from ballroom.services.ssm.errors import InvalidNextToken, ParameterNotFound, ParameterVersionNotFound
from ballroom.services.ssm.filters import matches
from ballroom.services.ssm.naming import check_path
from ballroom.services.ssm.resources import (
    Parameter,
    Version,
    arn_of,
    key,
    load_parameter,
    load_version,
    split_selector,
    value_of,
)

_CHUNK = 100


def _show(tx: Tx, name: str, version: Version, request: Request, selector: str = "") -> dict[str, Any]:
    hidden = version.type == "SecureString" and not request.get("WithDecryption", False)
    shown: dict[str, Any] = {
        "Name": name, "Type": version.type, "Value": version.cipher if hidden else value_of(tx, name, version),
        "Version": version.number, "LastModifiedDate": version.modified_ms, "ARN": arn_of(tx, name),
        "DataType": version.data_type,
    }
    if selector:
        shown["Selector"] = f":{selector}"
    return shown


def _find(tx: Tx, request: Request, given: str) -> dict[str, Any]:
    name, selector = split_selector(given)
    if name.startswith("/aws/reference/"):
        raise NotImplementedHere("Ballroom does not implement ssm references to Secrets Manager.")
    parameter = load_parameter(tx, name)
    return _show(tx, parameter.name, load_version(tx, parameter, selector), request, selector)


@operation("GetParameter")
def get(tx: Tx, request: Request) -> Response:
    """A parameter: its newest version, or the one that `name:version` or `name:label` selects.

    Raises:
        ParameterNotFound: there is none of that name.
        ParameterVersionNotFound: it has no such version or label.

    Source: Systems Manager API Reference, GetParameter.
    """
    return {"Parameter": _find(tx, request, request["Name"])}


@operation("GetParameters")
def get_many(tx: Tx, request: Request) -> Response:
    """Up to ten parameters; names that do not exist are told.

    Source: Systems Manager API Reference, GetParameters.
    """
    found: list[dict[str, Any]] = []
    invalid: list[str] = []
    for name in dict.fromkeys(request["Names"]):
        try:
            found.append(_find(tx, request, name))
        except (ParameterNotFound, ParameterVersionNotFound):
            invalid.append(name)
    return {"Parameters": found, "InvalidParameters": invalid}


def _page(
    tx: Tx, request: Request, low: str, high: str, default: int, keep: Callable[[Parameter], bool],
    present: Callable[[Parameter], Any],
) -> Response:
    """One page of the parameters whose names are in a range, and that `keep` wants."""
    limit = request.get("MaxResults", default)
    start: Key = key(tx, "parameter", low)
    if "NextToken" in request:
        parts = tokens.read_token(request["NextToken"])
        if parts is None or len(parts) != 1 or not isinstance(parts[0], str):
            raise InvalidNextToken()
        start = key(tx, "parameter", parts[0] + "\0")
    shown: list[Any] = []
    last = ""
    while True:
        rows = tx.scan(Parameter, start, key(tx, "parameter", high), limit=_CHUNK)
        for parameter in rows:
            if not keep(parameter):
                continue
            if len(shown) == limit:
                return {"Parameters": shown, "NextToken": tokens.make_token((last,))}
            shown.append(present(parameter))
            last = parameter.name
        if len(rows) < _CHUNK:
            return {"Parameters": shown}
        start = key(tx, "parameter", rows[-1].name + "\0")


_END = "\U0010ffff"
"""Sorts behind every name."""


@operation("GetParametersByPath")
def get_by_path(tx: Tx, request: Request) -> Response:
    """The parameters right below a path, or at any depth.

    Source: Systems Manager API Reference, GetParametersByPath.
    """
    path = check_path(request["Path"])
    recursive, filters = request.get("Recursive", False), request.get("ParameterFilters", [])
    label = next((f["Values"] for f in filters if f["Key"] == "Label" and f.get("Values")), None)

    def keep(parameter: Parameter) -> bool:
        below = parameter.name.removeprefix("/") if path == "/" else parameter.name[len(path) :]
        return (recursive or "/" not in below) and matches(parameter, filters)

    def present(parameter: Parameter) -> dict[str, Any]:
        version = parameter.latest
        for name in label or ():
            if name in parameter.labels:
                version = load_version(tx, parameter, name)
        return _show(tx, parameter.name, version, request)

    # names without a slash stand at the top, beside those with one
    low, high = ("", _END) if path == "/" else (path, path + _END)
    return _page(tx, request, low, high, 10, keep, present)


def _describe(tx: Tx, parameter: Parameter) -> dict[str, Any]:
    return {"Name": parameter.name, "ARN": arn_of(tx, parameter.name), **_metadata(parameter.latest)}


def _metadata(version: Version) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "Type": version.type, "LastModifiedDate": version.modified_ms, "LastModifiedUser": version.user,
        "Version": version.number, "Tier": version.tier, "Policies": [], "DataType": version.data_type,
    }
    more = {
        "KeyId": version.key_id, "Description": version.description, "AllowedPattern": version.allowed_pattern,
    }  # fmt: skip
    return {**shown, **{member: value for member, value in more.items() if value}}


@operation("DescribeParameters")
def describe(tx: Tx, request: Request) -> Response:
    """Parameters by name, without their values, as filters select them.

    Source: Systems Manager API Reference, DescribeParameters.
    """
    if request.get("Shared"):
        return {"Parameters": []}
    older = [
        {"Option": "BeginsWith" if f["Key"] == "Name" else "Equals", **f} for f in request.get("Filters", [])
    ]
    filters = [*request.get("ParameterFilters", []), *older]
    return _page(
        tx, request, "", _END, 50, lambda parameter: matches(parameter, filters),
        lambda parameter: _describe(tx, parameter),
    )


@operation("GetParameterHistory")
def history(tx: Tx, request: Request) -> Response:
    """A parameter's versions, the oldest first, with their values and labels.

    Source: Systems Manager API Reference, GetParameterHistory.
    """
    parameter = load_parameter(tx, request["Name"])
    limit = request.get("MaxResults", 50)
    after: Key | None = None
    if "NextToken" in request:
        parts = tokens.read_token(request["NextToken"])
        if parts is None or len(parts) != 1 or not isinstance(parts[0], int):
            raise InvalidNextToken()
        after = key(tx, "version", parameter.name, parts[0])
    versions = tx.scan_prefix(Version, key(tx, "version", parameter.name), after=after, limit=limit + 1)
    shown: list[dict[str, Any]] = []
    for version in versions[:limit]:
        hidden = version.type == "SecureString" and not request.get("WithDecryption", False)
        row = {
            "Name": parameter.name, **_metadata(version),
            "Value": version.cipher if hidden else value_of(tx, parameter.name, version),
            "Labels": [name for name, number in parameter.labels.items() if number == version.number],
        }
        shown.append(row)
    answer: Response = {"Parameters": shown}
    if len(versions) > limit:
        answer["NextToken"] = tokens.make_token((versions[limit - 1].number,))
    return answer
