from __future__ import annotations

from urllib.parse import unquote

import pytest
from tests.cloud import Cloud
from tests.services.iam.helpers import ACCOUNT_ARN, ALLOW, TRUST, a_policy, a_role, statement

BASIC = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"


def test_a_role_reads_back_as_it_was_created(cloud: Cloud) -> None:
    tags = [{"Key": "team", "Value": "cars"}]
    created = a_role(cloud, "Runner", Path="/app/", Description="runs", MaxSessionDuration=7200, Tags=tags)
    assert created["RoleId"].startswith("AROA")
    assert len(created["RoleId"]) == 21
    role = cloud.iam("GetRole", RoleName="Runner")["Role"]
    assert unquote(role.pop("AssumeRolePolicyDocument")) == TRUST
    assert role == {
        "Path": "/app/", "RoleName": "Runner", "RoleId": created["RoleId"], "Description": "runs",
        "Arn": f"{ACCOUNT_ARN}:role/app/Runner", "CreateDate": cloud.clock.now_ms // 1000 * 1000,
        "MaxSessionDuration": 7200, "Tags": tags, "RoleLastUsed": {},
    }  # fmt: skip


def test_names_are_taken_in_whatever_case(cloud: Cloud) -> None:
    a_role(cloud, "Runner")
    error = cloud.error("iam", "CreateRole", RoleName="RUNNER", AssumeRolePolicyDocument=TRUST)
    assert error.shape == "EntityAlreadyExistsException"
    assert error.text == "Role with name RUNNER already exists."


def test_iam_is_the_same_in_all_regions_but_not_in_all_accounts(cloud: Cloud) -> None:
    a_role(cloud)
    cloud.iam("GetRole", cloud.caller(region="eu-west-1"), RoleName="r")
    error = cloud.error("iam", "GetRole", cloud.caller(account="111111111111"), RoleName="r")
    assert (error.shape, error.text) == ("NoSuchEntityException", "The role with name r cannot be found.")


def test_roles_are_listed_below_a_path_in_pages(cloud: Cloud) -> None:
    for n in range(5):
        a_role(cloud, f"r{n}", Path="/even/" if n % 2 == 0 else "/odd/")
    first = cloud.iam("ListRoles", PathPrefix="/even/", MaxItems=2)
    assert [role["RoleName"] for role in first["Roles"]] == ["r0", "r2"]
    assert first["IsTruncated"] is True
    rest = cloud.iam("ListRoles", PathPrefix="/even/", MaxItems=2, Marker=first["Marker"])
    assert [role["RoleName"] for role in rest["Roles"]] == ["r4"]
    assert rest["IsTruncated"] is False
    assert cloud.error("iam", "ListRoles", Marker="nonsense").shape == "ValidationError"


def test_a_role_with_anything_attached_is_not_deleted(cloud: Cloud) -> None:
    a_role(cloud)
    cloud.iam("PutRolePolicy", RoleName="r", PolicyName="in", PolicyDocument=ALLOW)
    cloud.iam("AttachRolePolicy", RoleName="r", PolicyArn=BASIC)
    cloud.iam("CreateInstanceProfile", InstanceProfileName="ip")
    cloud.iam("AddRoleToInstanceProfile", InstanceProfileName="ip", RoleName="r")

    def refusal() -> str:
        error = cloud.error("iam", "DeleteRole", RoleName="r")
        assert error.shape == "DeleteConflictException"
        return error.text

    assert refusal() == "Cannot delete entity, must remove roles from instance profile first."
    cloud.iam("RemoveRoleFromInstanceProfile", InstanceProfileName="ip", RoleName="r")
    assert refusal() == "Cannot delete entity, must detach all policies first."
    cloud.iam("DetachRolePolicy", RoleName="r", PolicyArn=BASIC)
    assert refusal() == "Cannot delete entity, must delete policies first."
    cloud.iam("DeleteRolePolicy", RoleName="r", PolicyName="in")
    cloud.iam("DeleteRole", RoleName="r")
    assert cloud.error("iam", "GetRole", RoleName="r").shape == "NoSuchEntityException"


def test_inline_policies_read_back(cloud: Cloud) -> None:
    a_role(cloud)
    cloud.iam("PutRolePolicy", RoleName="r", PolicyName="in", PolicyDocument=ALLOW)
    found = cloud.iam("GetRolePolicy", RoleName="r", PolicyName="in")
    assert (found["RoleName"], found["PolicyName"], unquote(found["PolicyDocument"])) == ("r", "in", ALLOW)
    assert cloud.iam("ListRolePolicies", RoleName="r")["PolicyNames"] == ["in"]
    error = cloud.error("iam", "GetRolePolicy", RoleName="r", PolicyName="no")
    assert error.text == "The role policy with name no cannot be found."


def test_inline_policies_share_a_quota(cloud: Cloud) -> None:
    a_role(cloud)
    large = statement(Resource=["arn:aws:s3:::" + "b" * 60 + str(n) for n in range(70)])
    cloud.iam("PutRolePolicy", RoleName="r", PolicyName="one", PolicyDocument=large)
    error = cloud.error("iam", "PutRolePolicy", RoleName="r", PolicyName="two", PolicyDocument=large)
    assert error.shape == "LimitExceededException"
    assert error.text == "Maximum policy size of 10240 bytes exceeded for role r"


def test_managed_policies_attach_once_and_ten_at_most(cloud: Cloud) -> None:
    a_role(cloud)
    arns = [a_policy(cloud, f"p{n}") for n in range(11)]
    for arn in [*arns[:10], arns[0]]:
        cloud.iam("AttachRolePolicy", RoleName="r", PolicyArn=arn)
    assert cloud.iam("GetPolicy", PolicyArn=arns[0])["Policy"]["AttachmentCount"] == 1
    error = cloud.error("iam", "AttachRolePolicy", RoleName="r", PolicyArn=arns[10])
    assert error.text == "Cannot exceed quota for PoliciesPerRole: 10"
    missing = f"{ACCOUNT_ARN}:policy/no"
    error = cloud.error("iam", "AttachRolePolicy", RoleName="r", PolicyArn=missing)
    assert error.text == f"Policy {missing} does not exist or is not attachable."
    error = cloud.error("iam", "DetachRolePolicy", RoleName="r", PolicyArn=missing)
    assert error.text == f"Policy {missing} was not found."


def test_awss_policies_are_known_by_their_arns(cloud: Cloud) -> None:
    a_role(cloud)
    cloud.iam("AttachRolePolicy", RoleName="r", PolicyArn=BASIC)
    assert cloud.iam("ListAttachedRolePolicies", RoleName="r")["AttachedPolicies"] == [
        {"PolicyName": "AWSLambdaBasicExecutionRole", "PolicyArn": BASIC}
    ]
    policy = cloud.iam("GetPolicy", PolicyArn=BASIC)["Policy"]
    assert (policy["Path"], policy["AttachmentCount"]) == ("/service-role/", 1)
    version = cloud.iam("GetPolicyVersion", PolicyArn=BASIC, VersionId=policy["DefaultVersionId"])
    assert "logs:PutLogEvents" in unquote(version["PolicyVersion"]["Document"])
    unknown = "arn:aws:iam::aws:policy/AmazonBraketFullAccess"
    cloud.iam("AttachRolePolicy", RoleName="r", PolicyArn=unknown)
    assert cloud.error("iam", "GetPolicy", PolicyArn=unknown).shape == "NotImplemented"


def test_a_trust_policy_names_only_identities_that_exist(cloud: Cloud) -> None:
    principal = f"{ACCOUNT_ARN}:role/no"
    trust = statement(Action="sts:AssumeRole", Resource=None, Principal={"AWS": principal})
    error = cloud.error("iam", "CreateRole", RoleName="r", AssumeRolePolicyDocument=trust)
    assert error.shape == "MalformedPolicyDocumentException"
    assert error.text == f'Invalid principal in policy: "AWS":"{principal}"'
    a_role(cloud, "no")
    a_role(cloud, AssumeRolePolicyDocument=trust)


def test_a_role_can_be_updated(cloud: Cloud) -> None:
    a_role(cloud)
    trust = statement(Action="sts:AssumeRole", Resource=None, Principal={"AWS": "111111111111"})
    cloud.iam("UpdateAssumeRolePolicy", RoleName="r", PolicyDocument=trust)
    cloud.iam("UpdateRole", RoleName="r", Description="d", MaxSessionDuration=3601)
    cloud.iam("PutRolePermissionsBoundary", RoleName="r", PermissionsBoundary=BASIC)
    role = cloud.iam("GetRole", RoleName="r")["Role"]
    assert unquote(role["AssumeRolePolicyDocument"]) == trust
    assert (role["Description"], role["MaxSessionDuration"]) == ("d", 3601)
    assert role["PermissionsBoundary"]["PermissionsBoundaryArn"] == BASIC
    cloud.iam("DeleteRolePermissionsBoundary", RoleName="r")
    assert "PermissionsBoundary" not in cloud.iam("GetRole", RoleName="r")["Role"]


def test_tags_come_and_go(cloud: Cloud) -> None:
    a_role(cloud, Tags=[{"Key": "a", "Value": "1"}])
    cloud.iam("TagRole", RoleName="r", Tags=[{"Key": "A", "Value": "2"}, {"Key": "b", "Value": "3"}])
    assert cloud.iam("ListRoleTags", RoleName="r")["Tags"] == [
        {"Key": "A", "Value": "2"}, {"Key": "b", "Value": "3"},
    ]  # fmt: skip
    cloud.iam("UntagRole", RoleName="r", TagKeys=["A"])
    assert cloud.iam("GetRole", RoleName="r")["Role"]["Tags"] == [{"Key": "b", "Value": "3"}]
    twice = [{"Key": "x", "Value": ""}, {"Key": "X", "Value": ""}]
    error = cloud.error("iam", "TagRole", RoleName="r", Tags=twice)
    assert error.text == "Duplicate tag keys found. Please note that Tag keys are case insensitive."


def test_a_services_role_is_changed_by_nobody_else(cloud: Cloud) -> None:
    role = cloud.iam("CreateServiceLinkedRole", AWSServiceName="ecs.amazonaws.com")["Role"]
    assert role["Arn"] == f"{ACCOUNT_ARN}:role/aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS"
    error = cloud.error("iam", "DeleteRole", RoleName=role["RoleName"])
    assert error.shape == "UnmodifiableEntityException"
    task = cloud.iam("DeleteServiceLinkedRole", RoleName=role["RoleName"])["DeletionTaskId"]
    assert cloud.iam("GetServiceLinkedRoleDeletionStatus", DeletionTaskId=task)["Status"] == "SUCCEEDED"


@pytest.mark.parametrize("operation", ["SimulatePrincipalPolicy", "SimulateCustomPolicy"])
def test_simulation_is_refused_rather_than_made_up(cloud: Cloud, operation: str) -> None:
    given = (
        {"PolicySourceArn": f"{ACCOUNT_ARN}:role/r"}
        if "Principal" in operation
        else {"PolicyInputList": [ALLOW]}
    )
    error = cloud.error("iam", operation, ActionNames=["s3:GetObject"], **given)
    assert error.shape == "NotImplemented"
    assert operation in error.text
