"""What ECR stores.

| key, after ("ecr", account, region) | record | read by |
| --- | --- | --- |
| ("repository", name) | Repository | everything; lists are in the order of names |
"""

from __future__ import annotations

from typing import Any

import msgspec

from ballroom.kernel import Key, Record, Request, Tx
from ballroom.kernel.arn import find_arn, make_arn

from .errors import InvalidParameter, RepositoryNotFound


class Repository(Record, frozen=True):
    """A repository: settings, stored and read back."""

    name: str
    created_ms: int
    mutability: str = "MUTABLE"
    scan_on_push: bool = False
    encryption: dict[str, str] = msgspec.field(default_factory=dict)
    policy: str = ""
    lifecycle_policy: str = ""
    tags: dict[str, str] = msgspec.field(default_factory=dict)
    exclusions: list[dict[str, str]] = msgspec.field(default_factory=list)


def key(tx: Tx, *parts: str) -> Key:
    """A key of the caller's account and region."""
    return ("ecr", tx.account, tx.region, *parts)


def arn_of(tx: Tx, name: str) -> str:
    """A repository's ARN."""
    return make_arn("ecr", tx.region, tx.account, f"repository/{name}")


def check_registry(tx: Tx, request: Request) -> None:
    """Refuse another account's registry: its policies are not evaluated.

    Raises:
        InvalidParameter: the request names one.
    """
    if request.get("registryId", tx.account) != tx.account:
        raise InvalidParameter("Ballroom does not support registries of other accounts")


def load_repository(tx: Tx, request: Request) -> Repository:
    """The repository that a request names.

    Raises:
        RepositoryNotFound: there is none.
    """
    check_registry(tx, request)
    return _load(tx, request["repositoryName"])


def load_by_arn(tx: Tx, arn: str) -> Repository:
    """The repository of that ARN.

    Raises:
        InvalidParameter: it is no repository's ARN.
        RepositoryNotFound: there is none.
    """
    found = find_arn(arn)
    if found is None or found.service != "ecr" or not found.resource.startswith("repository/"):
        raise InvalidParameter(f"Invalid parameter at 'resourceArn' failed to satisfy constraint: '{arn}'")
    name = found.resource.removeprefix("repository/")
    if (found.account, found.region) != (tx.account, tx.region):
        raise RepositoryNotFound(name, found.account)
    return _load(tx, name)


def _load(tx: Tx, name: str) -> Repository:
    repository = tx.get(Repository, key(tx, "repository", name))
    if repository is None:
        raise RepositoryNotFound(name, tx.account)
    return repository


def put_repository(tx: Tx, repository: Repository) -> None:
    """Store a repository."""
    tx.put(key(tx, "repository", repository.name), repository)


def present(tx: Tx, repository: Repository) -> dict[str, Any]:
    """A repository as the API shows it."""
    shown: dict[str, Any] = {
        "repositoryArn": arn_of(tx, repository.name),
        "registryId": tx.account,
        "repositoryName": repository.name,
        "repositoryUri": f"{tx.account}.dkr.ecr.{tx.region}.amazonaws.com/{repository.name}",
        "createdAt": repository.created_ms,
        "imageTagMutability": repository.mutability,
        "imageScanningConfiguration": {"scanOnPush": repository.scan_on_push},
        "encryptionConfiguration": repository.encryption,
    }
    if repository.exclusions:
        shown["imageTagMutabilityExclusionFilters"] = repository.exclusions
    return shown
