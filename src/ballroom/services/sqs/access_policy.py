"""The queue's access policy: validated, stored, and edited by AddPermission and RemovePermission.

Policies are not evaluated yet.

Source: SQS API Reference, AddPermission; recorded answers.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from ballroom.kernel.arn import partition_of
from ballroom.services.sqs.errors import InvalidAttributeValue, InvalidParameterValue, OverLimit

_LABEL = re.compile(r"[A-Za-z0-9_-]{1,80}", re.ASCII)
_ACCOUNT = re.compile(r"[0-9]{12}", re.ASCII)
_ACTIONS = frozenset({
    "*", "AddPermission", "ChangeMessageVisibility", "CreateQueue", "DeleteMessage", "DeleteQueue",
    "GetQueueAttributes", "GetQueueUrl", "ListDeadLetterSourceQueues", "ListQueueTags", "ListQueues",
    "PurgeQueue", "ReceiveMessage", "RemovePermission", "SendMessage", "SetQueueAttributes", "TagQueue",
    "UntagQueue", "StartMessageMoveTask", "CancelMessageMoveTask", "ListMessageMoveTasks",
})
_MAX_ACTIONS = 7
_MAX_STATEMENTS = 20
_VERSION = "2008-10-17"


def check(raw: str) -> None:
    """Refuse a text that is no policy document.

    Raises:
        InvalidAttributeValue: it is none.
    """
    try:
        document = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        raise InvalidAttributeValue.of_parameter("Policy") from None
    if not isinstance(document, dict) or not isinstance(document.get("Statement"), list | dict):
        raise InvalidAttributeValue.of_parameter("Policy")
    for statement in _statements(document):
        if not isinstance(statement, dict) or statement.get("Effect") not in ("Allow", "Deny"):
            raise InvalidAttributeValue.of_parameter("Policy")
        has = statement.keys()
        if not (has & {"Action", "NotAction"} and has & {"Principal", "NotPrincipal"}):
            raise InvalidAttributeValue.of_parameter("Policy")


def with_permission(
    raw: str | None, queue_arn: str, region: str, label: str, accounts: list[str], actions: list[str]
) -> str:
    """The policy with a statement more.

    Raises:
        InvalidParameterValue: the label is taken or malformed, or an account or action is none.
        OverLimit: more than seven actions, or more than twenty statements.
    """
    if not _LABEL.fullmatch(label):
        raise InvalidParameterValue.because(
            label, "Label",
            "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length.",
        )
    for account in accounts:
        if not _ACCOUNT.fullmatch(account):
            raise InvalidParameterValue.because(f"[{account}]", "PrincipalId", "Unable to verify.")
    for action in actions:
        if action not in _ACTIONS:
            raise InvalidParameterValue.because(
                f"SQS:{action}", "ActionName",
                "Please refer to the appropriate WSDL for a list of valid actions. ",
            )
    if len(actions) > _MAX_ACTIONS:
        raise OverLimit(f"{len(actions)} Actions were found, maximum allowed is {_MAX_ACTIONS}.")
    document: dict[str, Any] = (
        msgspec.json.decode(raw) if raw
        else {"Version": _VERSION, "Id": f"{queue_arn}/SQSDefaultPolicy", "Statement": []}
    )
    statements = _statements(document)
    if any(statement.get("Sid") == label for statement in statements):
        raise InvalidParameterValue.because(label, "Label", "Already exists.")
    if len(statements) >= _MAX_STATEMENTS:
        raise OverLimit(f"{len(statements) + 1} statements were found, maximum allowed is {_MAX_STATEMENTS}.")
    principals = [f"arn:{partition_of(region)}:iam::{account}:root" for account in accounts]
    named = [f"SQS:{action}" for action in actions]
    statements.append({
        "Sid": label,
        "Effect": "Allow",
        "Principal": {"AWS": principals[0] if len(principals) == 1 else principals},
        "Action": named[0] if len(named) == 1 else named,
        "Resource": queue_arn,
    })
    document["Statement"] = statements
    return msgspec.json.encode(document).decode()


def without_permission(raw: str | None, label: str) -> str | None:
    """The policy without the statement of that label; None once nothing is left.

    Raises:
        InvalidParameterValue: there is no such label.
    """
    document: dict[str, Any] = msgspec.json.decode(raw) if raw else {}
    statements = _statements(document)
    kept = [statement for statement in statements if statement.get("Sid") != label]
    if len(kept) == len(statements):
        raise InvalidParameterValue.because(label, "Label", "can't find label.")
    if not kept:
        return None
    document["Statement"] = kept
    return msgspec.json.encode(document).decode()


def _statements(document: dict[str, Any]) -> list[Any]:
    found = document.get("Statement", [])
    return list(found) if isinstance(found, list) else [found]
