"""Trust policies: who may assume a role."""

from __future__ import annotations

import re
from typing import Any

from ballroom.services.iam.errors import MalformedPolicyDocument

from .syntax import Statement, parse, statements, strings

_ELEMENTS = {"Sid", "Effect", "Action", "NotAction", "Condition", "Principal", "NotPrincipal"}
_ACCOUNT = re.compile(r"\d{12}", re.ASCII)
_UNIQUE_ID = re.compile(r"A(ROA|IDA)[A-Z0-9]{12,}", re.ASCII)
_ARN = re.compile(
    r"arn:aws[a-z\-]*:(iam::\d{12}:(root|user/.+|role/.+)"
    r"|sts::\d{12}:(assumed-role/.+/.+|federated-user/.+|self))",
    re.ASCII,
)
_SERVICE = re.compile(
    r"[a-z0-9\-]+(\.[a-z0-9\-]+)*\.(amazonaws\.com(\.cn)?|amazon\.com|aws\.internal|aws\.dev)", re.ASCII
)
_FEDERATED = re.compile(
    r"arn:aws[a-z\-]*:iam::\d{12}:(saml-provider|oidc-provider)/.+|[a-z0-9.\-]+\.[a-z]{2,}(/.*)?|\*", re.ASCII
)
_PREFIXES = ("sts:assumerole", "sts:tagsession", "sts:setsourceidentity", "sts:setcontext", "sts:*", "*")


def check_trust_policy(text: str) -> list[str]:
    """Refuse what AWS refuses in a trust policy; answers the principals of type AWS that it names.

    Raises:
        MalformedPolicyDocument: with AWS's text for the first rule broken.

    Source: IAM User Guide, "Creating roles"; "AWS JSON policy elements: Principal".
    """
    principals: list[str] = []
    for statement in statements(parse(text, not_json="This policy contains invalid Json")):
        principals += _check(statement)
    return principals


def _check(statement: Statement) -> list[str]:
    for element in ("Resource", "NotResource"):
        if element in statement:
            raise MalformedPolicyDocument(f"Has prohibited field {element}")
    for element in statement:
        if element not in _ELEMENTS:
            raise MalformedPolicyDocument(f"Unknown field {element}")
    if "Principal" not in statement and "NotPrincipal" not in statement:
        raise MalformedPolicyDocument("Missing required field Principal")
    actions = strings(statement.get("Action", statement.get("NotAction", [])))
    if not actions:
        raise MalformedPolicyDocument("Missing required field Action")
    for action in actions:
        if not action.lower().startswith(_PREFIXES):
            raise MalformedPolicyDocument("AssumeRole policy may only specify STS AssumeRole actions.")
    return _check_principals(statement.get("Principal", statement.get("NotPrincipal")))


def _check_principals(principal: Any) -> list[str]:
    if principal == "*":
        return []
    if not isinstance(principal, dict) or not principal:
        raise invalid_principal("STAR", str(principal))
    named: list[str] = []
    for kind, values in principal.items():
        for value in strings(values):
            if kind == "AWS":
                valid = value == "*" or any(p.fullmatch(value) for p in (_ACCOUNT, _UNIQUE_ID, _ARN))
                named.append(value)
            elif kind == "Service":
                valid = _SERVICE.fullmatch(value) is not None
            elif kind == "Federated":
                valid = _FEDERATED.fullmatch(value) is not None
            else:
                valid = kind == "CanonicalUser"
            if not valid:
                raise invalid_principal(kind, value)
    return named


def invalid_principal(kind: str, value: str) -> MalformedPolicyDocument:
    """AWS's complaint about a principal that it does not know."""
    return MalformedPolicyDocument(f'Invalid principal in policy: "{kind.upper()}":"{value}"')
