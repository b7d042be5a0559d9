from __future__ import annotations

from tests.cloud import Cloud
from tests.services.iam.helpers import ACCOUNT_ARN, ALLOW, a_policy


def a_user(cloud: Cloud, name: str = "u", **settings: object) -> dict[str, object]:
    user: dict[str, object] = cloud.iam("CreateUser", UserName=name, **settings)["User"]
    return user


def test_a_user_reads_back_as_created(cloud: Cloud) -> None:
    created = a_user(cloud, "Ann", Path="/team/")
    assert created == cloud.iam("GetUser", UserName="Ann")["User"]
    assert created["Arn"] == f"{ACCOUNT_ARN}:user/team/Ann"
    assert str(created["UserId"]).startswith("AIDA")
    error = cloud.error("iam", "GetUser", UserName="Bob")
    assert error.text == "The user with name Bob cannot be found."


def test_without_a_name_the_user_is_the_caller(cloud: Cloud) -> None:
    a_user(cloud)
    caller = cloud.caller(arn=f"{ACCOUNT_ARN}:user/u")
    assert cloud.iam("GetUser", caller)["User"]["UserName"] == "u"
    assert cloud.iam("GetUser")["User"]["Arn"] == f"{ACCOUNT_ARN}:root"


def test_a_key_signs_until_it_is_switched_off_or_deleted(cloud: Cloud) -> None:
    a_user(cloud)
    key = cloud.iam("CreateAccessKey", UserName="u")["AccessKey"]
    credentials, key_id = cloud.kernel.credentials, key["AccessKeyId"]
    held = credentials.find(key_id)
    assert held is not None
    assert (held.secret, held.account, held.arn) == (
        key["SecretAccessKey"],
        "000000000000",
        f"{ACCOUNT_ARN}:user/u",
    )
    cloud.iam("UpdateAccessKey", UserName="u", AccessKeyId=key_id, Status="Inactive")
    held = credentials.find(key_id)
    assert held is not None
    assert held.active is False
    (listed,) = cloud.iam("ListAccessKeys", UserName="u")["AccessKeyMetadata"]
    assert (listed["Status"], "SecretAccessKey" in listed) == ("Inactive", False)
    used = cloud.iam("GetAccessKeyLastUsed", AccessKeyId=key_id)
    assert used == {"UserName": "u", "AccessKeyLastUsed": {"Region": "N/A", "ServiceName": "N/A"}}
    cloud.iam("DeleteAccessKey", UserName="u", AccessKeyId=key_id)
    assert credentials.find(key_id) is None


def test_a_user_has_two_keys_at_most(cloud: Cloud) -> None:
    a_user(cloud)
    for _ in range(2):
        cloud.iam("CreateAccessKey", UserName="u")
    assert (
        cloud.error("iam", "CreateAccessKey", UserName="u").text
        == "Cannot exceed quota for AccessKeysPerUser: 2"
    )


def test_what_belongs_to_a_user_follows_a_new_name(cloud: Cloud) -> None:
    a_user(cloud)
    key_id = cloud.iam("CreateAccessKey", UserName="u")["AccessKey"]["AccessKeyId"]
    cloud.iam("CreateGroup", GroupName="g")
    cloud.iam("AddUserToGroup", GroupName="g", UserName="u")
    cloud.iam("PutUserPolicy", UserName="u", PolicyName="in", PolicyDocument=ALLOW)
    cloud.iam("AttachUserPolicy", UserName="u", PolicyArn=a_policy(cloud))
    cloud.iam("UpdateUser", UserName="u", NewUserName="v", NewPath="/new/")
    assert cloud.error("iam", "GetUser", UserName="u").shape == "NoSuchEntityException"
    held = cloud.kernel.credentials.find(key_id)
    assert held is not None
    assert held.arn == f"{ACCOUNT_ARN}:user/new/v"
    assert [u["UserName"] for u in cloud.iam("GetGroup", GroupName="g")["Users"]] == ["v"]
    assert cloud.iam("ListUserPolicies", UserName="v")["PolicyNames"] == ["in"]
    assert len(cloud.iam("ListAttachedUserPolicies", UserName="v")["AttachedPolicies"]) == 1
    entities = cloud.iam("ListEntitiesForPolicy", PolicyArn=f"{ACCOUNT_ARN}:policy/p")
    assert [user["UserName"] for user in entities["PolicyUsers"]] == ["v"]


def test_a_user_with_anything_left_is_not_deleted(cloud: Cloud) -> None:
    a_user(cloud)
    key_id = cloud.iam("CreateAccessKey", UserName="u")["AccessKey"]["AccessKeyId"]
    cloud.iam("CreateLoginProfile", UserName="u", Password="secret-123")
    cloud.iam("CreateGroup", GroupName="g")
    cloud.iam("AddUserToGroup", GroupName="g", UserName="u")
    steps = [
        ("must delete access keys first.", "DeleteAccessKey", {"AccessKeyId": key_id}),
        ("must delete login profile first.", "DeleteLoginProfile", {}),
        ("must remove users from group first.", "RemoveUserFromGroup", {"GroupName": "g"}),
    ]
    for text, operation, more in steps:
        assert cloud.error("iam", "DeleteUser", UserName="u").text == f"Cannot delete entity, {text}"
        cloud.iam(operation, UserName="u", **more)
    cloud.iam("DeleteUser", UserName="u")


def test_a_group_with_members_is_not_deleted(cloud: Cloud) -> None:
    a_user(cloud)
    cloud.iam("CreateGroup", GroupName="g")
    cloud.iam("AddUserToGroup", GroupName="g", UserName="u")
    assert [g["GroupName"] for g in cloud.iam("ListGroupsForUser", UserName="u")["Groups"]] == ["g"]
    error = cloud.error("iam", "DeleteGroup", GroupName="g")
    assert error.text == "Cannot delete entity, must remove users from group first."
    cloud.iam("UpdateGroup", GroupName="g", NewGroupName="h")
    assert [g["GroupName"] for g in cloud.iam("ListGroupsForUser", UserName="u")["Groups"]] == ["h"]
    cloud.iam("RemoveUserFromGroup", GroupName="h", UserName="u")
    cloud.iam("DeleteGroup", GroupName="h")


def test_the_account_is_seen_as_a_whole(cloud: Cloud) -> None:
    a_user(cloud)
    cloud.iam("PutUserPolicy", UserName="u", PolicyName="in", PolicyDocument=ALLOW)
    a_policy(cloud)
    summary = cloud.iam("GetAccountSummary")["SummaryMap"]
    assert (summary["Users"], summary["Policies"], summary["Roles"]) == (1, 1, 0)
    details = cloud.iam("GetAccountAuthorizationDetails")
    assert [policy["PolicyName"] for policy in details["UserDetailList"][0]["UserPolicyList"]] == ["in"]
    assert len(details["Policies"][0]["PolicyVersionList"]) == 1
    only = cloud.iam("GetAccountAuthorizationDetails", Filter=["LocalManagedPolicy"])
    assert only["UserDetailList"] == []


def test_the_account_has_one_alias_that_no_other_has(cloud: Cloud) -> None:
    cloud.iam("CreateAccountAlias", AccountAlias="cars")
    assert cloud.iam("ListAccountAliases")["AccountAliases"] == ["cars"]
    other = cloud.caller(account="111111111111")
    assert (
        cloud.error("iam", "CreateAccountAlias", other, AccountAlias="cars").shape
        == "EntityAlreadyExistsException"
    )
    cloud.iam("DeleteAccountAlias", AccountAlias="cars")
    cloud.iam("CreateAccountAlias", other, AccountAlias="cars")


def test_the_password_policy_reads_back_with_its_defaults(cloud: Cloud) -> None:
    assert cloud.error("iam", "GetAccountPasswordPolicy").shape == "NoSuchEntityException"
    cloud.iam("UpdateAccountPasswordPolicy", MinimumPasswordLength=12, MaxPasswordAge=30)
    policy = cloud.iam("GetAccountPasswordPolicy")["PasswordPolicy"]
    assert (policy["MinimumPasswordLength"], policy["RequireSymbols"], policy["ExpirePasswords"]) == (
        12,
        False,
        True,
    )
    cloud.iam("DeleteAccountPasswordPolicy")
    assert cloud.error("iam", "GetAccountPasswordPolicy").shape == "NoSuchEntityException"


def test_identity_providers_are_stored(cloud: Cloud) -> None:
    arn = cloud.iam(
        "CreateOpenIDConnectProvider",
        Url="https://token.example.com/x",
        ClientIDList=["a"],
        ThumbprintList=["f" * 40],
    )["OpenIDConnectProviderArn"]
    assert arn == f"{ACCOUNT_ARN}:oidc-provider/token.example.com/x"
    cloud.iam("AddClientIDToOpenIDConnectProvider", OpenIDConnectProviderArn=arn, ClientID="b")
    found = cloud.iam("GetOpenIDConnectProvider", OpenIDConnectProviderArn=arn)
    assert (found["Url"], found["ClientIDList"]) == ("token.example.com/x", ["a", "b"])
    assert cloud.iam("ListOpenIDConnectProviders")["OpenIDConnectProviderList"] == [{"Arn": arn}]
    cloud.iam("DeleteOpenIDConnectProvider", OpenIDConnectProviderArn=arn)
    assert cloud.iam("ListOpenIDConnectProviders")["OpenIDConnectProviderList"] == []
