"""Repository policies and lifecycle policies: stored and read back."""

from __future__ import annotations

import json

from msgspec.structs import replace

from ballroom.kernel import Request, Response, Tx, operation

from ..errors import InvalidParameter, LifecyclePolicyNotFound, RepositoryPolicyNotFound
from ..resources import Repository, load_repository, put_repository


def _check_json(member: str, text: str) -> None:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        raise InvalidParameter(
            f"Invalid parameter at '{member}' failed to satisfy constraint: 'Invalid JSON format'"
        )


def _answer(tx: Tx, repository: Repository, member: str, text: str) -> Response:
    return {"registryId": tx.account, "repositoryName": repository.name, member: text}


@operation("SetRepositoryPolicy")
def set_policy(tx: Tx, request: Request) -> Response:
    """Store who may use a repository.

    Source: Amazon ECR API Reference, SetRepositoryPolicy.
    """
    repository = load_repository(tx, request)
    _check_json("PolicyText", request["policyText"])
    put_repository(tx, replace(repository, policy=request["policyText"]))
    return _answer(tx, repository, "policyText", request["policyText"])


@operation("GetRepositoryPolicy")
def get_policy(tx: Tx, request: Request) -> Response:
    """A repository's policy.

    Raises:
        RepositoryPolicyNotFound: it has none.

    Source: Amazon ECR API Reference, GetRepositoryPolicy.
    """
    repository = load_repository(tx, request)
    if not repository.policy:
        raise RepositoryPolicyNotFound(repository.name, tx.account)
    return _answer(tx, repository, "policyText", repository.policy)


@operation("DeleteRepositoryPolicy")
def delete_policy(tx: Tx, request: Request) -> Response:
    """Remove a repository's policy.

    Source: Amazon ECR API Reference, DeleteRepositoryPolicy.
    """
    answer = get_policy(tx, request)
    put_repository(tx, replace(load_repository(tx, request), policy=""))
    return answer


@operation("PutLifecyclePolicy")
def put_lifecycle(tx: Tx, request: Request) -> Response:
    """Store which images are to expire.

    Source: Amazon ECR API Reference, PutLifecyclePolicy.
    """
    repository = load_repository(tx, request)
    _check_json("LifecyclePolicyText", request["lifecyclePolicyText"])
    put_repository(tx, replace(repository, lifecycle_policy=request["lifecyclePolicyText"]))
    return _answer(tx, repository, "lifecyclePolicyText", request["lifecyclePolicyText"])


@operation("GetLifecyclePolicy")
def get_lifecycle(tx: Tx, request: Request) -> Response:
    """A repository's lifecycle policy.

    Raises:
        LifecyclePolicyNotFound: it has none.

    Source: Amazon ECR API Reference, GetLifecyclePolicy.
    """
    repository = load_repository(tx, request)
    if not repository.lifecycle_policy:
        raise LifecyclePolicyNotFound(repository.name, tx.account)
    return _answer(tx, repository, "lifecyclePolicyText", repository.lifecycle_policy)


@operation("DeleteLifecyclePolicy")
def delete_lifecycle(tx: Tx, request: Request) -> Response:
    """Remove a repository's lifecycle policy.

    Source: Amazon ECR API Reference, DeleteLifecyclePolicy.
    """
    answer = get_lifecycle(tx, request)
    put_repository(tx, replace(load_repository(tx, request), lifecycle_policy=""))
    return answer
