"""Resource policies of the account: stored and read back."""

from __future__ import annotations

from typing import Any

import orjson

from ballroom.kernel import NotImplementedHere, Request, Response, Tx, operation
from ballroom.services.logs.errors import InvalidParameter, LimitExceeded, ResourceNotFound
from ballroom.services.logs.paging import page
from ballroom.services.logs.resources import key
from ballroom.services.logs.stored import Stored, drop_stored, find_stored, list_stored, put_stored

_KIND = "resource-policy"
_PER_REGION = 10


def _show(stored: Stored) -> dict[str, Any]:
    return {
        "policyName": stored.name, **stored.settings, "lastUpdatedTime": stored.created_ms,
        "policyScope": "ACCOUNT",
    }


def _refuse_scoped(request: Request, name: str) -> None:
    for member in ("resourceArn", "expectedRevisionId"):
        if member in request:
            raise NotImplementedHere(f"Ballroom does not implement {member} of logs:{name}.")


@operation("PutResourcePolicy")
def put_resource_policy(tx: Tx, request: Request) -> Response:
    """Store a policy, or replace the one of that name.

    Raises:
        LimitExceeded: ten are there.

    Source: CloudWatch Logs API Reference, PutResourcePolicy; recorded cases test_put_resource_policy.
    """
    _refuse_scoped(request, "PutResourcePolicy")
    name, document = request.get("policyName"), request.get("policyDocument")
    if not name or not document:
        raise InvalidParameter("policyName and policyDocument must be specified.")
    try:
        parsed = orjson.loads(document)
    except orjson.JSONDecodeError:
        parsed = None
    if not isinstance(parsed, dict):
        raise InvalidParameter("Resource policy document is not a valid JSON document.")
    if find_stored(tx, _KIND, name) is None and len(list_stored(tx, _KIND)) >= _PER_REGION:
        raise LimitExceeded()
    stored = Stored(_KIND, name, tx.now_ms, {"policyDocument": document})
    put_stored(tx, stored)
    return {"resourcePolicy": _show(stored)}


@operation("DescribeResourcePolicies")
def describe_resource_policies(tx: Tx, request: Request) -> Response:
    """The account's policies by name.

    Source: CloudWatch Logs API Reference, DescribeResourcePolicies.
    """
    _refuse_scoped(request, "DescribeResourcePolicies")
    if request.get("policyScope") == "RESOURCE":
        return {"resourcePolicies": []}
    return page(tx, request, "resourcePolicies", Stored, key(tx, "stored", _KIND), _show)


@operation("DeleteResourcePolicy")
def delete_resource_policy(tx: Tx, request: Request) -> Response:
    """Delete a policy.

    Source: CloudWatch Logs API Reference, DeleteResourcePolicy.
    """
    _refuse_scoped(request, "DeleteResourcePolicy")
    name = request.get("policyName", "")
    stored = find_stored(tx, _KIND, name)
    if stored is None:
        raise ResourceNotFound(f"Policy with name [{name}] does not exist.")
    drop_stored(tx, stored)
    return {}
