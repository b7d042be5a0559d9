"""What every policy document has in common: JSON, version, statements, effects, conditions."""

from __future__ import annotations

import re
from typing import Any

import orjson

from ballroom.services.iam.errors import MalformedPolicyDocument

Statement = dict[str, Any]

SYNTAX = "Syntax errors in policy."
VERSIONS = ("2008-10-17", "2012-10-17")
_TOP = {"Version", "Id", "Statement"}
_SID = re.compile(r"[0-9A-Za-z]*", re.ASCII)
_OPERATORS = {
    f"{kind}{comparison}".lower()
    for kind, comparisons in {
        "String": ("Equals", "NotEquals", "EqualsIgnoreCase", "NotEqualsIgnoreCase", "Like", "NotLike"),
        "Numeric": ("Equals", "NotEquals", "LessThan", "LessThanEquals", "GreaterThan", "GreaterThanEquals"),
        "Date": ("Equals", "NotEquals", "LessThan", "LessThanEquals", "GreaterThan", "GreaterThanEquals"),
        "Arn": ("Equals", "NotEquals", "Like", "NotLike"),
        "": ("Bool", "BinaryEquals", "IpAddress", "NotIpAddress", "Null"),
    }.items()
    for comparison in comparisons
}


def parse(text: str, *, not_json: str = SYNTAX) -> dict[str, Any]:
    """The document's top level.

    Raises:
        MalformedPolicyDocument: `not_json` if it is no JSON, AWS's texts for the rest.
    """
    if text[:1].isspace():
        raise MalformedPolicyDocument("JSON strings must not have leading spaces")
    try:
        document = orjson.loads(text)
    except orjson.JSONDecodeError:
        raise MalformedPolicyDocument(not_json) from None
    if not isinstance(document, dict) or not document.keys() <= _TOP:
        raise MalformedPolicyDocument(SYNTAX)
    if document.get("Version", VERSIONS[0]) not in VERSIONS or not isinstance(document.get("Id", ""), str):
        raise MalformedPolicyDocument(SYNTAX)
    return document


def statements(document: dict[str, Any]) -> list[Statement]:
    """The document's statements; one may stand without its list.

    Raises:
        MalformedPolicyDocument: there is none, one is no object, or two share their Sid.
    """
    found = document.get("Statement")
    listed: list[Any] = found if isinstance(found, list) else [found]
    if not listed or not all(isinstance(statement, dict) for statement in listed):
        raise MalformedPolicyDocument(SYNTAX)
    sids: set[str] = set()
    for statement in listed:
        check_frame(statement)
        sid = statement.get("Sid")
        if sid and sid in sids:
            raise MalformedPolicyDocument("Statement IDs (SID) in a single policy must be unique.")
        if sid:
            sids.add(sid)
    return listed


def check_frame(statement: Statement) -> None:
    """Sid, Effect and Condition: what all kinds of statements share."""
    sid = statement.get("Sid", "")
    if not isinstance(sid, str) or statement.get("Effect") not in ("Allow", "Deny"):
        raise MalformedPolicyDocument(SYNTAX)
    if not _SID.fullmatch(sid):
        raise MalformedPolicyDocument(
            "Statement IDs (SID) should be alpha-numeric. "
            "Check that your input satisfies the regular expression [0-9A-Za-z]*"
        )
    for one, other in (("Action", "NotAction"), ("Resource", "NotResource"), ("Principal", "NotPrincipal")):
        if one in statement and other in statement:
            raise MalformedPolicyDocument(SYNTAX)
    if "Condition" in statement:
        check_condition(statement["Condition"])


def check_condition(condition: Any) -> None:
    """`{operator: {key: value or values}}`, with operators of the policy language."""
    if not isinstance(condition, dict):
        raise MalformedPolicyDocument(SYNTAX)
    for operator, keys in condition.items():
        if not is_operator(operator) or not isinstance(keys, dict):
            raise MalformedPolicyDocument(SYNTAX)
        for values in keys.values():
            for value in values if isinstance(values, list) else [values]:
                if not isinstance(value, str | int | float | bool):
                    raise MalformedPolicyDocument(SYNTAX)


def is_operator(name: str) -> bool:
    """Whether a name is a condition operator, with its prefix for sets and its suffix."""
    bare = name.lower()
    for prefix in ("forallvalues:", "foranyvalue:"):
        bare = bare.removeprefix(prefix)
    return bare in _OPERATORS or bare.removesuffix("ifexists") in _OPERATORS - {"null"}


def strings(value: Any) -> list[str]:
    """One string, or a list of strings, as a list.

    Raises:
        MalformedPolicyDocument: anything else.
    """
    listed = value if isinstance(value, list) else [value]
    if not all(isinstance(item, str) for item in listed):
        raise MalformedPolicyDocument(SYNTAX)
    return listed
