from __future__ import annotations

from typing import Any

import pytest
from tests.cloud import Cloud

ARN = "arn:aws:ecr:us-east-1:000000000000:repository/shop"
POLICY = '{"rules": [' + " " * 100 + "]}"  # the model wants 100 characters


def create(cloud: Cloud, name: str = "shop", **more: Any) -> dict[str, Any]:
    made: dict[str, Any] = cloud.ecr("CreateRepository", repositoryName=name, **more)["repository"]
    return made


def test_a_repository_reads_back(cloud: Cloud) -> None:
    made = create(cloud, imageScanningConfiguration={"scanOnPush": True}, tags=[{"Key": "a", "Value": "b"}])
    assert made == {
        "repositoryArn": ARN, "registryId": "000000000000", "repositoryName": "shop",
        "repositoryUri": "000000000000.dkr.ecr.us-east-1.amazonaws.com/shop",
        "createdAt": cloud.clock.now_ms, "imageTagMutability": "MUTABLE",
        "imageScanningConfiguration": {"scanOnPush": True},
        "encryptionConfiguration": {"encryptionType": "AES256"},
    }  # fmt: skip
    assert cloud.ecr("DescribeRepositories", repositoryNames=["shop"])["repositories"] == [made]
    assert cloud.ecr("ListTagsForResource", resourceArn=ARN) == {"tags": [{"Key": "a", "Value": "b"}]}


def test_a_name_is_taken_once_and_a_deleted_one_is_gone(cloud: Cloud) -> None:
    create(cloud)
    error = cloud.error("ecr", "CreateRepository", repositoryName="shop")
    assert (error.shape, error.text) == (
        "RepositoryAlreadyExistsException",
        "The repository with name 'shop' already exists in the registry with id '000000000000'",
    )
    cloud.ecr("DeleteRepository", repositoryName="shop")
    error = cloud.error("ecr", "DescribeRepositories", repositoryNames=["shop"])
    assert (error.shape, error.text) == (
        "RepositoryNotFoundException",
        "The repository with name 'shop' does not exist in the registry with id '000000000000'",
    )


def test_repositories_are_listed_in_pages(cloud: Cloud) -> None:
    for name in ("c", "a", "b"):
        create(cloud, name * 2)
    first = cloud.ecr("DescribeRepositories", maxResults=2)
    assert [r["repositoryName"] for r in first["repositories"]] == ["aa", "bb"]
    last = cloud.ecr("DescribeRepositories", maxResults=2, nextToken=first["nextToken"])
    assert [r["repositoryName"] for r in last["repositories"]] == ["cc"]
    assert "nextToken" not in last
    assert cloud.error("ecr", "DescribeRepositories", nextToken="junk").shape == "InvalidParameterException"


@pytest.mark.parametrize(
    ("kind", "member", "setter"),
    [("RepositoryPolicy", "policyText", "Set"), ("LifecyclePolicy", "lifecyclePolicyText", "Put")],
)
def test_a_policy_is_stored_and_removed(cloud: Cloud, kind: str, member: str, setter: str) -> None:
    create(cloud)
    missing = f"{kind}NotFoundException"
    assert cloud.error("ecr", f"Get{kind}", repositoryName="shop").shape == missing
    error = cloud.error("ecr", f"{setter}{kind}", repositoryName="shop", **{member: "[" * 5000})
    assert error.shape == "InvalidParameterException"
    cloud.ecr(f"{setter}{kind}", repositoryName="shop", **{member: POLICY})
    assert cloud.ecr(f"Get{kind}", repositoryName="shop")[member] == POLICY
    cloud.ecr(f"Delete{kind}", repositoryName="shop")
    assert cloud.error("ecr", f"Get{kind}", repositoryName="shop").shape == missing


def test_there_is_no_image(cloud: Cloud) -> None:
    create(cloud)
    assert cloud.ecr("ListImages", repositoryName="shop") == {"imageIds": []}
    error = cloud.error("ecr", "DescribeImages", repositoryName="shop", imageIds=[{"imageTag": "v1"}])
    assert error.shape == "ImageNotFoundException"
