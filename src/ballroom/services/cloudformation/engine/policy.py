"""Stack policies: what an update may do to which resource.

Source: CloudFormation User Guide, "Prevent updates to stack resources".
"""

from __future__ import annotations

import json
from fnmatch import fnmatchcase
from typing import Any

from ..errors import ValidationError


def check_policy(text: str) -> str:
    """The policy, if it is one.

    Raises:
        ValidationError: it is not JSON, or has no statements of the right form.
    """
    try:
        policy = json.loads(text)
        statements = _listed(policy["Statement"])
        fine = bool(statements) and all(
            statement["Effect"] in ("Allow", "Deny")
            and _principal_is_everyone(statement)
            and ("Action" in statement or "NotAction" in statement)
            and ("Resource" in statement or "NotResource" in statement)
            for statement in statements
        )
    except (ValueError, KeyError, TypeError, RecursionError):
        fine = False
    if not fine:
        raise ValidationError("Error validating stack policy: Invalid stack policy")
    return text


def _principal_is_everyone(statement: dict[str, Any]) -> bool:
    return statement.get("Principal") in ("*", {"AWS": "*"})


def denied(text: str | None, action: str, logical_id: str, type: str) -> str | None:
    """Why the policy forbids `action` (`Update:Modify`, ...) on a resource, or None.

    A stack without a policy allows everything; with one, what no statement allows is denied.
    """
    if text is None or text.strip() == "{}":
        return None
    resource = f"LogicalResourceId/{logical_id}"
    allowed = False
    for number, statement in enumerate(_listed(json.loads(text)["Statement"]), start=1):
        if not (_applies(statement, "Action", action) and _applies(statement, "Resource", resource)):
            continue
        if not _conditions_hold(statement.get("Condition"), type):
            continue
        if statement["Effect"] == "Deny":
            return (
                f"Action denied by stack policy: Statement [#{number}] does not allow [{action}] for resource "
                f"[{resource}]"
            )
        allowed = True
    return None if allowed else f"Action not allowed by stack policy: [{action}] for resource [{resource}]"


def _applies(statement: dict[str, Any], what: str, value: str) -> bool:
    if what in statement:
        return any(_matches(pattern, value) for pattern in _listed(statement[what]))
    return not any(_matches(pattern, value) for pattern in _listed(statement[f"Not{what}"]))


def _matches(pattern: str, value: str) -> bool:
    return fnmatchcase(value.lower(), str(pattern).replace("[", "[[]").lower())


def _conditions_hold(condition: Any, type: str) -> bool:
    if not isinstance(condition, dict):
        return True
    for operator, tests in condition.items():
        patterns = _listed(tests.get("ResourceType", "*")) if isinstance(tests, dict) else ["*"]
        if operator == "StringEquals" and type not in patterns:
            return False
        if operator == "StringLike" and not any(_matches(pattern, type) for pattern in patterns):
            return False
    return True


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
