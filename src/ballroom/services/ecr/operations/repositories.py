"""Creating, describing and deleting repositories, and their settings."""

from __future__ import annotations

from msgspec.structs import replace

from ballroom.kernel import Key, Request, Response, Tx, operation, tokens

from ..errors import InvalidParameter, RepositoryAlreadyExists
from ..resources import Repository, check_registry, key, load_repository, present, put_repository
from .tags import merged

_PAGE = 100


@operation("CreateRepository")
def create(tx: Tx, request: Request) -> Response:
    """Create a repository.

    Raises:
        RepositoryAlreadyExists: the name is taken.

    Source: Amazon ECR API Reference, CreateRepository.
    """
    check_registry(tx, request)
    name = request["repositoryName"]
    if tx.get(Repository, key(tx, "repository", name)) is not None:
        raise RepositoryAlreadyExists(name, tx.account)
    repository = Repository(
        name,
        tx.now_ms,
        mutability=request.get("imageTagMutability", "MUTABLE"),
        scan_on_push=request.get("imageScanningConfiguration", {}).get("scanOnPush", False),
        encryption=request.get("encryptionConfiguration", {"encryptionType": "AES256"}),
        tags=merged({}, request.get("tags", [])),
        exclusions=request.get("imageTagMutabilityExclusionFilters", []),
    )
    put_repository(tx, repository)
    return {"repository": present(tx, repository)}


@operation("DescribeRepositories")
def describe(tx: Tx, request: Request) -> Response:
    """The repositories of these names, or all, a page at a time.

    Source: Amazon ECR API Reference, DescribeRepositories.
    """
    if "repositoryNames" in request:
        for member in ("maxResults", "nextToken"):
            if member in request:
                raise InvalidParameter(
                    f"Invalid parameter at '{member}' failed to satisfy constraint: "
                    "'cannot be used together with repositoryNames'"
                )
        named = [load_repository(tx, {**request, "repositoryName": n}) for n in request["repositoryNames"]]
        return {"repositories": [present(tx, repository) for repository in named]}
    check_registry(tx, request)
    prefix = key(tx, "repository")
    limit = request.get("maxResults", _PAGE)
    rows = tx.scan_prefix(Repository, prefix, after=_after(request, prefix), limit=limit + 1)
    answer: Response = {"repositories": [present(tx, repository) for repository in rows[:limit]]}
    if len(rows) > limit:
        answer["nextToken"] = tokens.make_token((rows[limit - 1].name,))
    return answer


def _after(request: Request, prefix: Key) -> Key | None:
    if "nextToken" not in request:
        return None
    parts = tokens.read_token(request["nextToken"])
    if parts is None or len(parts) != 1 or not isinstance(parts[0], str):
        raise InvalidParameter("Invalid parameter at 'nextToken' failed to satisfy constraint: 'invalid token'")
    return (*prefix, *parts)


@operation("DeleteRepository")
def delete(tx: Tx, request: Request) -> Response:
    """Delete a repository.

    Source: Amazon ECR API Reference, DeleteRepository.
    """
    repository = load_repository(tx, request)
    tx.delete(key(tx, "repository", repository.name))
    return {"repository": present(tx, repository)}


@operation("PutImageTagMutability")
def put_mutability(tx: Tx, request: Request) -> Response:
    """Store whether tags may be moved.

    Source: Amazon ECR API Reference, PutImageTagMutability.
    """
    repository = replace(
        load_repository(tx, request),
        mutability=request["imageTagMutability"],
        exclusions=request.get("imageTagMutabilityExclusionFilters", []),
    )
    put_repository(tx, repository)
    shown = present(tx, repository)
    names = (
        "registryId", "repositoryName", "imageTagMutability", "imageTagMutabilityExclusionFilters",
    )  # fmt: skip
    return {name: shown[name] for name in names if name in shown}


@operation("PutImageScanningConfiguration")
def put_scanning(tx: Tx, request: Request) -> Response:
    """Store whether images are to be scanned.

    Source: Amazon ECR API Reference, PutImageScanningConfiguration.
    """
    scan = request["imageScanningConfiguration"].get("scanOnPush", False)
    repository = replace(load_repository(tx, request), scan_on_push=scan)
    put_repository(tx, repository)
    return {
        "registryId": tx.account,
        "repositoryName": repository.name,
        "imageScanningConfiguration": {"scanOnPush": scan},
    }
