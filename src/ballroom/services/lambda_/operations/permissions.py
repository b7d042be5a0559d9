"""Resource policies of functions, versions and aliases."""

from __future__ import annotations

from typing import Any

import orjson

from ballroom.kernel import Request, Response, Tx, operation
from ballroom.services.lambda_ import policy
from ballroom.services.lambda_.access import target
from ballroom.services.lambda_.errors import (
    InvalidParameterValue,
    PolicyLengthExceeded,
    PreconditionFailed,
    ResourceConflict,
    ResourceNotFound,
)
from ballroom.services.lambda_.names import LATEST, FunctionName
from ballroom.services.lambda_.resources import Policy, find_policy, key, load_function, load_version


@operation("AddPermission")
def add_permission(tx: Tx, request: Request) -> Response:
    """Let a service, an account or the public use a function.

    Raises:
        ResourceConflict: the policy has a statement of that id.

    Source: Lambda API Reference, AddPermission; recorded answers.
    """
    at = _resource(tx, request, "lambda:AddPermission")
    found = find_policy(tx, at)
    statements = list(found.statements) if found is not None else []
    _check_revision(found, request)
    if any(statement["Sid"] == request["StatementId"] for statement in statements):
        raise ResourceConflict(
            f"The statement id ({request['StatementId']}) provided already exists. Please provide a new "
            "statement id, or remove the existing statement."
        )
    _check_principal(request)
    statement = policy.statement_of(request, at.qualified_arn)
    statements.append(statement)
    if len(orjson.dumps(policy.document_of(statements))) > policy.LIMIT_BYTES:
        raise PolicyLengthExceeded("The final policy size is bigger than the limit (20480).")
    _store(tx, at, statements)
    return {"Statement": orjson.dumps(statement).decode()}


@operation("RemovePermission")
def remove_permission(tx: Tx, request: Request) -> Response:
    """Take a statement out of a policy; the last one takes the policy with it.

    Source: Lambda API Reference, RemovePermission.
    """
    at = _resource(tx, request, "lambda:RemovePermission")
    found = find_policy(tx, at)
    if found is None:
        raise ResourceNotFound("No policy is associated with the given resource.")
    left = [statement for statement in found.statements if statement["Sid"] != request["StatementId"]]
    if len(left) == len(found.statements):
        raise ResourceNotFound(f"Statement {request['StatementId']} is not found in resource policy.")
    _check_revision(found, request)
    _store(tx, at, left)
    return {}


@operation("GetPolicy")
def get_policy(tx: Tx, request: Request) -> Response:
    """The policy as JSON text, with its revision.

    Source: Lambda API Reference, GetPolicy.
    """
    at = _resource(tx, request, "lambda:GetPolicy")
    found = find_policy(tx, at)
    if found is None:
        raise ResourceNotFound()
    document = orjson.dumps(policy.document_of(found.statements)).decode()
    return {"Policy": document, "RevisionId": found.revision_id}


def _resource(tx: Tx, request: Request, action: str) -> FunctionName:
    """The function, version or alias that the policy belongs to."""
    at = target(tx, request, action)
    if at.qualifier == LATEST:
        raise InvalidParameterValue("We currently do not support adding policies for $LATEST.")
    load_function(tx, at)
    if at.qualifier is not None:
        load_version(tx, at)
    return at


def _check_revision(found: Policy | None, request: Request) -> None:
    wanted = request.get("RevisionId")
    if wanted and (found is None or found.revision_id != wanted):
        raise PreconditionFailed(
            "The Revision Id provided does not match the latest Revision Id. Call the GetPolicy API to "
            "retrieve the latest Revision Id"
        )


def _check_principal(request: Request) -> None:
    if "FunctionUrlAuthType" in request and request["Action"] not in ("lambda:InvokeFunctionUrl", "lambda:*"):
        raise InvalidParameterValue(
            "FunctionUrlAuthType is only supported for lambda:InvokeFunctionUrl action"
        )
    principal = request["Principal"]
    known_form = principal == "*" or principal.isdigit() or "." in principal or principal.startswith("arn:")
    if not known_form:
        raise InvalidParameterValue(
            "The provided principal was invalid. Please check the principal and try again."
        )


def _store(tx: Tx, at: FunctionName, statements: list[dict[str, Any]]) -> None:
    place = key(at, "policy", at.qualifier or "")
    if statements:
        tx.put(place, Policy(tx.ids.uuid(), statements))
    else:
        tx.delete(place)
