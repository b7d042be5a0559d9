from __future__ import annotations

from urllib.parse import unquote

from tests.cloud import Cloud
from tests.services.iam.helpers import ACCOUNT_ARN, ALLOW, a_policy, a_role, statement


def test_a_policy_reads_back_as_created(cloud: Cloud) -> None:
    arn = a_policy(cloud, "Read", Path="/app/", Description="d")
    assert arn == f"{ACCOUNT_ARN}:policy/app/Read"
    policy = cloud.iam("GetPolicy", PolicyArn=arn)["Policy"]
    now = cloud.clock.now_ms // 1000 * 1000
    assert policy.pop("PolicyId").startswith("ANPA")
    assert policy == {
        "PolicyName": "Read", "Arn": arn, "Path": "/app/", "DefaultVersionId": "v1", "AttachmentCount": 0,
        "PermissionsBoundaryUsageCount": 0, "IsAttachable": True, "CreateDate": now, "UpdateDate": now,
        "Description": "d", "Tags": [],
    }  # fmt: skip
    error = cloud.error("iam", "CreatePolicy", PolicyName="READ", PolicyDocument=ALLOW)
    assert error.text == "A policy called READ already exists. Duplicate names are not allowed."
    missing = f"{ACCOUNT_ARN}:policy/Read"
    assert cloud.error("iam", "GetPolicy", PolicyArn=missing).text == f"Policy {missing} was not found."


def test_versions_number_upwards_and_are_five_at_most(cloud: Cloud) -> None:
    arn = a_policy(cloud)
    newer = statement(Action="s3:PutObject")
    for _ in range(4):
        cloud.iam("CreatePolicyVersion", PolicyArn=arn, PolicyDocument=newer)
    error = cloud.error("iam", "CreatePolicyVersion", PolicyArn=arn, PolicyDocument=newer)
    assert error.shape == "LimitExceededException"
    cloud.iam("DeletePolicyVersion", PolicyArn=arn, VersionId="v5")
    version = cloud.iam("CreatePolicyVersion", PolicyArn=arn, PolicyDocument=newer, SetAsDefault=True)[
        "PolicyVersion"
    ]
    assert (version["VersionId"], version["IsDefaultVersion"]) == ("v6", True)
    listed = cloud.iam("ListPolicyVersions", PolicyArn=arn)["Versions"]
    assert [v["VersionId"] for v in listed] == ["v6", "v4", "v3", "v2", "v1"]
    found = cloud.iam("GetPolicyVersion", PolicyArn=arn, VersionId="v6")["PolicyVersion"]
    assert unquote(found["Document"]) == newer
    error = cloud.error("iam", "DeletePolicyVersion", PolicyArn=arn, VersionId="v6")
    assert error.text == "Cannot delete the default version of a policy."
    assert (
        cloud.error("iam", "GetPolicyVersion", PolicyArn=arn, VersionId="v5").shape == "NoSuchEntityException"
    )


def test_a_policy_in_use_is_not_deleted(cloud: Cloud) -> None:
    arn = a_policy(cloud)
    a_role(cloud)
    cloud.iam("AttachRolePolicy", RoleName="r", PolicyArn=arn)
    assert (
        cloud.error("iam", "DeletePolicy", PolicyArn=arn).text == "Cannot delete a policy attached to entities."
    )
    cloud.iam("DetachRolePolicy", RoleName="r", PolicyArn=arn)
    cloud.iam("PutRolePermissionsBoundary", RoleName="r", PermissionsBoundary=arn)
    assert cloud.iam("GetPolicy", PolicyArn=arn)["Policy"]["PermissionsBoundaryUsageCount"] == 1
    assert cloud.error("iam", "DeletePolicy", PolicyArn=arn).shape == "DeleteConflictException"
    cloud.iam("DeleteRole", RoleName="r")
    cloud.iam("CreatePolicyVersion", PolicyArn=arn, PolicyDocument=ALLOW)
    assert "more than one version" in cloud.error("iam", "DeletePolicy", PolicyArn=arn).text
    cloud.iam("DeletePolicyVersion", PolicyArn=arn, VersionId="v2")
    cloud.iam("DeletePolicy", PolicyArn=arn)
    assert cloud.iam("ListPolicies", Scope="Local")["Policies"] == []


def test_policies_are_listed_by_use(cloud: Cloud) -> None:
    used, _ = a_policy(cloud, "used"), a_policy(cloud, "unused")
    a_role(cloud)
    cloud.iam("AttachRolePolicy", RoleName="r", PolicyArn=used)
    listed = cloud.iam("ListPolicies", Scope="Local", OnlyAttached=True)["Policies"]
    assert [policy["PolicyName"] for policy in listed] == ["used"]
    roles = cloud.iam("ListEntitiesForPolicy", PolicyArn=used)["PolicyRoles"]
    assert [role["RoleName"] for role in roles] == ["r"]


def test_a_document_is_6144_characters_at_most_without_white_space(cloud: Cloud) -> None:
    arns = ["arn:aws:s3:::" + "b" * 60 + str(n) for n in range(90)]
    error = cloud.error("iam", "CreatePolicy", PolicyName="p", PolicyDocument=statement(Resource=arns))
    assert error.text == "Cannot exceed quota for PolicySize: 6144"
    a_policy(cloud, document=ALLOW + " " * 10_000)
