"""Temporary credentials."""

from __future__ import annotations

import math
from typing import Any

import orjson

from ballroom.kernel import NotImplementedHere, Request, Response, ServiceError, Tx, operation
from ballroom.kernel.arn import Arn, find_arn, partition_of
from ballroom.services.sts.credentials import issue_session
from ballroom.services.sts.errors import (
    AccessDenied,
    InvalidParameterValue,
    MalformedPolicyDocument,
    ValidationError,
)
from ballroom.services.sts.resources import Session

_PACKED_BYTES = 2048
_CHAINED_S = 3600


@operation("AssumeRole")
def assume_role(tx: Tx, request: Request) -> Response:
    """Credentials that act as a role for a while.

    Trust policies are not evaluated yet: any caller may assume any role that exists.

    Raises:
        AccessDenied: the role does not exist.
        ValidationError: no role's ARN, or a longer session than the role allows.

    Source: STS API Reference, AssumeRole; recorded cases test_assume_role.
    """
    _refuse_mfa(request)
    if "ProvidedContexts" in request:
        raise NotImplementedHere("Ballroom does not implement ProvidedContexts of sts:AssumeRole.")
    _check_tags(request)
    arn = find_arn(request["RoleArn"])
    if arn is None or arn.service != "iam" or not arn.resource.startswith("role/"):
        raise ValidationError(f"{request['RoleArn']} is invalid")
    role = _find_role(tx, arn)
    if role is None:
        raise AccessDenied(
            f"User: {tx.caller.arn} is not authorized to perform: sts:AssumeRole on resource: {arn}"
        )
    duration_s = request.get("DurationSeconds", 3600)
    if duration_s > role["MaxSessionDuration"]:
        raise ValidationError("The requested DurationSeconds exceeds the MaxSessionDuration set for this role.")
    if ":assumed-role/" in tx.caller.arn and duration_s > _CHAINED_S:
        raise ValidationError(
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining"
        )
    name = request["RoleSessionName"]
    session_arn = f"arn:{arn.partition}:sts::{arn.account}:assumed-role/{role['RoleName']}/{name}"
    user_id = f"{role['RoleId']}:{name}"
    session = _session(request, arn.account, session_arn)
    answer: Response = {
        "Credentials": _issue(tx, request, user_id, duration_s, session),
        "AssumedRoleUser": {"AssumedRoleId": user_id, "Arn": session_arn},
    }
    if session.source_identity:
        answer["SourceIdentity"] = session.source_identity
    return {**answer, **_packed_size(request)}


def _find_role(tx: Tx, arn: Arn) -> dict[str, Any] | None:
    """The role as IAM shows it; also notes that it has been used."""
    name = arn.resource.rsplit("/", 1)[-1]
    there = tx.caller.acting("sts.amazonaws.com", account=arn.account)
    try:
        role: dict[str, Any] = tx.call("iam", "GetRole", {"RoleName": name}, caller=there)["Role"]
    except ServiceError as error:
        if error.shape != "NoSuchEntityException":
            raise
        return None
    if role["Arn"] != str(arn):
        return None
    tx.call("iam", "NoteRoleUse", {"RoleName": name}, caller=there)
    return role


@operation("GetSessionToken")
def get_session_token(tx: Tx, request: Request) -> Response:
    """Temporary credentials for the caller itself.

    Raises:
        AccessDenied: the caller is a session already.

    Source: STS API Reference, GetSessionToken.
    """
    _refuse_mfa(request)
    if ":sts::" in tx.caller.arn:
        raise AccessDenied("Cannot call GetSessionToken with session credentials")
    longest = 3600 if tx.caller.arn.endswith(":root") else 129_600
    duration_s = min(request.get("DurationSeconds", 43_200), longest)
    session = Session(tx.account, tx.caller.arn, 0)
    return {"Credentials": _issue(tx, request, tx.caller.user_id, duration_s, session)}


@operation("GetFederationToken")
def get_federation_token(tx: Tx, request: Request) -> Response:
    """Temporary credentials for somebody whom the caller vouches for.

    Raises:
        AccessDenied: the caller is a session.

    Source: STS API Reference, GetFederationToken.
    """
    _check_tags(request)
    if ":sts::" in tx.caller.arn:
        raise AccessDenied("Cannot call GetFederationToken with session credentials")
    name = request["Name"]
    arn = f"arn:{partition_of(tx.region)}:sts::{tx.account}:federated-user/{name}"
    user_id = f"{tx.account}:{name}"
    longest = 3600 if tx.caller.arn.endswith(":root") else 129_600
    duration_s = min(request.get("DurationSeconds", 43_200), longest)
    session = _session(request, tx.account, arn)
    return {
        "Credentials": _issue(tx, request, user_id, duration_s, session),
        "FederatedUser": {"FederatedUserId": user_id, "Arn": arn},
        **_packed_size(request),
    }


def _issue(tx: Tx, request: Request, user_id: str, duration_s: int, session: Session) -> dict[str, Any]:
    size = request.get("MinimumSessionTokenSize", 0)
    return issue_session(tx, user_id=user_id, duration_s=duration_s, session=session, token_size=size)


def _refuse_mfa(request: Request) -> None:
    if "SerialNumber" in request or "TokenCode" in request:
        raise NotImplementedHere("Ballroom has no MFA devices: SerialNumber and TokenCode are not supported.")


def _check_tags(request: Request) -> None:
    """Session tags: keys unique without regard to case, transitive ones among them.

    Source: recorded case test_assume_role_tag_validation.
    """
    keys = [tag["Key"].lower() for tag in request.get("Tags", [])]
    if len(set(keys)) != len(keys):
        raise InvalidParameterValue(
            "Duplicate tag keys found. Please note that Tag keys are case insensitive."
        )
    if any(name.lower() not in keys for name in request.get("TransitiveTagKeys", [])):
        raise InvalidParameterValue(
            "The specified transitive tag key must be included in the requested tags."
        )


def _session(request: Request, account: str, arn: str) -> Session:
    policy = request.get("Policy", "")
    if policy:
        try:
            parsed = orjson.loads(policy)
        except orjson.JSONDecodeError:
            raise MalformedPolicyDocument("The policy is not in the valid JSON format.") from None
        if not isinstance(parsed, dict) or "Statement" not in parsed:
            raise MalformedPolicyDocument("Syntax errors in policy.")
    return Session(
        account, arn, 0, policy, [p["arn"] for p in request.get("PolicyArns", []) if "arn" in p],
        [(tag["Key"], tag["Value"]) for tag in request.get("Tags", [])],
        request.get("TransitiveTagKeys", []), request.get("SourceIdentity", ""),
    )


def _packed_size(request: Request) -> Response:
    """How full the session's policies and tags are, in per cent; only if there are any."""
    used = [request[member] for member in ("Policy", "PolicyArns", "Tags") if request.get(member)]
    return {"PackedPolicySize": math.ceil(100 * len(orjson.dumps(used)) / _PACKED_BYTES)} if used else {}
