"""AWS::ECR types.

Source: CloudFormation User Guide, "AWS::ECR::Repository".
"""

from __future__ import annotations

import json
from typing import Any

from .base import Attributes, Call, Name, Target, register, tag_changes, tag_list


def _members(repository: Target) -> dict[str, Any]:
    """The properties as CreateRepository has them: names begin with a small letter."""
    return {
        "imageTagMutability": repository.get("ImageTagMutability"),
        "imageTagMutabilityExclusionFilters": _small(repository.get("ImageTagMutabilityExclusionFilters")),
        "imageScanningConfiguration": _small(repository.get("ImageScanningConfiguration")),
        "encryptionConfiguration": _small(repository.get("EncryptionConfiguration")),
    }


def _small(value: Any) -> Any:
    if isinstance(value, dict):
        return {name[:1].lower() + name[1:]: item for name, item in value.items()}
    return [_small(item) for item in value] if isinstance(value, list) else value


async def _create_repository(call: Call, repository: Target) -> Attributes | None:
    await call(
        "ecr", "CreateRepository",
        repositoryName=repository.name, tags=tag_list(repository.tags), **_members(repository),
    )  # fmt: skip
    await _put_policies(call, repository)
    return None


async def _put_policies(call: Call, repository: Target) -> None:
    policy, before = repository.get("RepositoryPolicyText"), repository.previous.get("RepositoryPolicyText")
    if policy is not None and policy != before:
        text = policy if isinstance(policy, str) else json.dumps(policy)
        await call("ecr", "SetRepositoryPolicy", repositoryName=repository.name, policyText=text)
    elif policy is None and before is not None:
        await call("ecr", "DeleteRepositoryPolicy", repositoryName=repository.name)
    lifecycle = (repository.get("LifecyclePolicy") or {}).get("LifecyclePolicyText")
    before = (repository.previous.get("LifecyclePolicy") or {}).get("LifecyclePolicyText")
    if lifecycle is not None and lifecycle != before:
        await call("ecr", "PutLifecyclePolicy", repositoryName=repository.name, lifecyclePolicyText=lifecycle)
    elif lifecycle is None and before is not None:
        await call("ecr", "DeleteLifecyclePolicy", repositoryName=repository.name)


async def _read_repository(call: Call, repository: Target) -> Attributes:
    answer = await call("ecr", "DescribeRepositories", repositoryNames=[repository.name])
    found = answer["repositories"][0]
    return {"Arn": found["repositoryArn"], "RepositoryUri": found["repositoryUri"]}


async def _update_repository(call: Call, repository: Target) -> Attributes | None:
    name = repository.physical_id
    if repository.changed("ImageTagMutability", "ImageTagMutabilityExclusionFilters"):
        await call(
            "ecr", "PutImageTagMutability", repositoryName=name,
            imageTagMutability=repository.get("ImageTagMutability", "MUTABLE"),
            imageTagMutabilityExclusionFilters=_small(repository.get("ImageTagMutabilityExclusionFilters")),
        )  # fmt: skip
    if repository.changed("ImageScanningConfiguration"):
        scanning = _small(repository.get("ImageScanningConfiguration") or {})
        await call(
            "ecr", "PutImageScanningConfiguration", repositoryName=name, imageScanningConfiguration=scanning
        )
    await _put_policies(call, repository)
    added, removed = tag_changes(repository)
    arn = (await _read_repository(call, repository))["Arn"]
    if added:
        await call("ecr", "TagResource", resourceArn=arn, tags=tag_list(added))
    if removed:
        await call("ecr", "UntagResource", resourceArn=arn, tagKeys=removed)
    return None


async def _delete_repository(call: Call, repository: Target) -> None:
    await call("ecr", "DeleteRepository", repositoryName=repository.physical_id, force=True)


register(
    "AWS::ECR::Repository",
    properties="EmptyOnDelete ImageScanningConfiguration ImageTagMutability ImageTagMutabilityExclusionFilters "
    "LifecyclePolicy RepositoryPolicyText Tags",
    create_only="EncryptionConfiguration RepositoryName",
    attributes="Arn RepositoryUri",
    identifier=("RepositoryName",),
    name=Name("RepositoryName", limit=256, lower=True),
    create=_create_repository,
    read=_read_repository,
    update=_update_repository,
    delete=_delete_repository,
)
