"""Resource policies of functions: the statements AddPermission writes, and what they allow.

Evaluation here covers the two questions that Lambda itself must answer before a policy engine exists:
may the public use this function URL, and may another account call this operation. Conditions that
cannot be judged grant nothing.
"""

from __future__ import annotations

import fnmatch
import re
from typing import Any

LIMIT_BYTES = 20_480  # of a policy, as JSON

_ACCOUNT = re.compile(r"\d{12}")


def statement_of(request: dict[str, Any], resource: str) -> dict[str, Any]:
    """The statement that AddPermission adds, its members in AWS's order.

    Source: Lambda API Reference, AddPermission; recorded answers.
    """
    equals: dict[str, str] = {}
    for member, condition in (
        ("SourceAccount", "AWS:SourceAccount"),
        ("FunctionUrlAuthType", "lambda:FunctionUrlAuthType"),
        ("PrincipalOrgID", "aws:PrincipalOrgID"),
        ("EventSourceToken", "lambda:EventSourceToken"),
    ):
        if member in request:
            equals[condition] = request[member]
    conditions: dict[str, dict[str, str]] = {}
    if equals:
        conditions["StringEquals"] = equals
    if request.get("InvokedViaFunctionUrl") is not None:
        via_url = "true" if request["InvokedViaFunctionUrl"] else "false"
        conditions["Bool"] = {"lambda:InvokedViaFunctionUrl": via_url}
    if "SourceArn" in request:
        conditions["ArnLike"] = {"AWS:SourceArn": request["SourceArn"]}
    statement: dict[str, Any] = {
        "Sid": request["StatementId"],
        "Effect": "Allow",
        "Principal": _principal(request["Principal"]),
        "Action": request["Action"],
        "Resource": resource,
    }
    if conditions:
        statement["Condition"] = conditions
    return statement


def document_of(statements: list[dict[str, Any]]) -> dict[str, Any]:
    """The policy as GetPolicy shows it."""
    return {"Version": "2012-10-17", "Id": "default", "Statement": statements}


def allows(statements: list[dict[str, Any]], action: str, *, account: str, facts: dict[str, str]) -> bool:
    """Whether a statement lets a principal of `account` ("" for nobody in particular) do `action`.

    `facts` are the condition keys that are known of the request, names in lower case.
    """
    return any(
        _covers(statement, action)
        and _speaks_of(statement["Principal"], account)
        and _holds(statement.get("Condition", {}), facts)
        for statement in statements
    )


def url_is_public(statements: list[dict[str, Any]], auth_type: str) -> bool:
    """Whether anybody may invoke through the function's URL: both permissions are needed.

    Source: Developer Guide, "Control access to Lambda function URLs" (both since October 2025).
    """
    facts = {"lambda:functionurlauthtype": auth_type, "lambda:invokedviafunctionurl": "true"}
    return allows(statements, "lambda:InvokeFunctionUrl", account="", facts=facts) and allows(
        statements, "lambda:InvokeFunction", account="", facts=facts
    )


def account_may(statements: list[dict[str, Any]], action: str, account: str) -> bool:
    """Whether a principal of another account may do `action`."""
    return allows(statements, action, account=account, facts={"aws:principalaccount": account})


def account_may_use_url(statements: list[dict[str, Any]], account: str) -> bool:
    """Whether a principal of another account may invoke through a URL with AWS_IAM: both are needed."""
    facts = {
        "lambda:functionurlauthtype": "AWS_IAM",
        "lambda:invokedviafunctionurl": "true",
        "aws:principalaccount": account,
    }
    return allows(statements, "lambda:InvokeFunctionUrl", account=account, facts=facts) and allows(
        statements, "lambda:InvokeFunction", account=account, facts=facts
    )


def _principal(principal: str) -> Any:
    if principal == "*":
        return "*"
    if _ACCOUNT.fullmatch(principal):
        return {"AWS": f"arn:aws:iam::{principal}:root"}
    if principal.startswith("arn:"):
        return {"AWS": principal}
    return {"Service": principal}


def _covers(statement: dict[str, Any], action: str) -> bool:
    return fnmatch.fnmatchcase(action.lower(), str(statement["Action"]).lower())


def _speaks_of(principal: Any, account: str) -> bool:
    if principal == "*":
        return True
    named = principal.get("AWS", "") if isinstance(principal, dict) else ""
    return bool(account) and (named == account or f"::{account}:" in named)


def _holds(conditions: dict[str, dict[str, str]], facts: dict[str, str]) -> bool:
    for operator, wanted in conditions.items():
        for name, value in wanted.items():
            fact = facts.get(name.lower())
            if fact is None:
                return False
            if operator == "ArnLike":
                if not fnmatch.fnmatchcase(fact, value):
                    return False
            elif fact.lower() != value.lower() if operator == "Bool" else fact != value:
                return False
    return True
