"""The account itself: alias, password policy, summary, and the whole picture."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from ballroom.kernel import Request, Response, Tx, operation
from ballroom.kernel.records import R
from ballroom.services.iam import attached
from ballroom.services.iam.errors import EntityAlreadyExists, NoSuchEntity
from ballroom.services.iam.operations.policies import show_policy
from ballroom.services.iam.paging import page_of
from ballroom.services.iam.presentation import encoded, show_group, show_profile, show_role, show_user
from ballroom.services.iam.resources import (
    AccountSettings,
    Group,
    Inline,
    InstanceProfile,
    Membership,
    Policy,
    PolicyVersion,
    Provider,
    Role,
    ServerCertificate,
    User,
    key,
    load_profile,
)

_QUOTAS = {
    "UsersQuota": 5000, "GroupsQuota": 300, "ServerCertificatesQuota": 20, "UserPolicySizeQuota": 2048,
    "GroupPolicySizeQuota": 5120, "GroupsPerUserQuota": 10, "SigningCertificatesPerUserQuota": 2,
    "AccessKeysPerUserQuota": 2, "PolicySizeQuota": 6144, "PoliciesQuota": 1500,
    "PolicyVersionsInUseQuota": 10000, "VersionsPerPolicyQuota": 5, "RolesQuota": 1000,
    "RolePolicySizeQuota": 10240, "AssumeRolePolicySizeQuota": 2048, "InstanceProfilesQuota": 1000,
    "AttachedPoliciesPerGroupQuota": 10, "AttachedPoliciesPerRoleQuota": 10,
    "AttachedPoliciesPerUserQuota": 10, "GlobalEndpointTokenVersion": 1, "AccountMFAEnabled": 0,
    "AccountAccessKeysPresent": 0, "AccountPasswordPresent": 1, "AccountSigningCertificatesPresent": 0,
    "MFADevices": 0, "MFADevicesInUse": 0,
}
_PASSWORD_DEFAULTS: dict[str, int | bool] = {
    "MinimumPasswordLength": 6, "RequireSymbols": False, "RequireNumbers": False,
    "RequireUppercaseCharacters": False, "RequireLowercaseCharacters": False,
    "AllowUsersToChangePassword": False,
}


def _settings(tx: Tx) -> AccountSettings:
    return tx.get(AccountSettings, key(tx, "settings")) or AccountSettings()


@operation("CreateAccountAlias")
def create_account_alias(tx: Tx, request: Request) -> Response:
    """Set the account's one alias; an earlier one is replaced.

    Source: IAM API Reference, CreateAccountAlias.
    """
    settings, alias = _settings(tx), request["AccountAlias"]
    owner = tx.get(Membership, ("iam", "~alias", alias))
    if owner is not None and owner.member != tx.account:
        raise EntityAlreadyExists(f"The account alias {alias} already exists.")
    if settings.alias:
        tx.delete(("iam", "~alias", settings.alias))
    tx.put(("iam", "~alias", alias), Membership(alias, tx.account))
    tx.put(key(tx, "settings"), replace(settings, alias=alias))
    return {}


@operation("ListAccountAliases")
def list_account_aliases(tx: Tx, request: Request) -> Response:
    """The account's alias, if it has one.

    Source: IAM API Reference, ListAccountAliases.
    """
    alias = _settings(tx).alias
    return {"AccountAliases": [alias] if alias else [], "IsTruncated": False}


@operation("DeleteAccountAlias")
def delete_account_alias(tx: Tx, request: Request) -> Response:
    """Remove the account's alias.

    Source: IAM API Reference, DeleteAccountAlias.
    """
    settings = _settings(tx)
    if settings.alias != request["AccountAlias"]:
        raise NoSuchEntity(f"The account alias {request['AccountAlias']} cannot be found.")
    tx.delete(("iam", "~alias", settings.alias))
    tx.put(key(tx, "settings"), replace(settings, alias=""))
    return {}


@operation("UpdateAccountPasswordPolicy")
def update_account_password_policy(tx: Tx, request: Request) -> Response:
    """Store the password policy; what the request leaves out gets its default.

    Source: IAM API Reference, UpdateAccountPasswordPolicy.
    """
    policy = {**_PASSWORD_DEFAULTS, **request}
    tx.put(key(tx, "settings"), replace(_settings(tx), password_policy=policy))
    return {}


@operation("GetAccountPasswordPolicy")
def get_account_password_policy(tx: Tx, request: Request) -> Response:
    """The password policy as it was stored.

    Source: IAM API Reference, GetAccountPasswordPolicy.
    """
    policy = _settings(tx).password_policy
    if policy is None:
        raise NoSuchEntity(f"The Password Policy with domain name {tx.account} cannot be found.")
    return {"PasswordPolicy": {**policy, "ExpirePasswords": "MaxPasswordAge" in policy}}


@operation("DeleteAccountPasswordPolicy")
def delete_account_password_policy(tx: Tx, request: Request) -> Response:
    """Go back to having no password policy.

    Source: IAM API Reference, DeleteAccountPasswordPolicy.
    """
    settings = _settings(tx)
    if settings.password_policy is None:
        raise NoSuchEntity("The account policy with name PasswordPolicy cannot be found.")
    tx.put(key(tx, "settings"), replace(settings, password_policy=None))
    return {}


@operation("GetAccountSummary")
def get_account_summary(tx: Tx, request: Request) -> Response:
    """How much of everything there is, and the quotas. Cost: reads all of the account's IAM rows.

    Source: IAM API Reference, GetAccountSummary.
    """

    def count(kind: type[R], part: str) -> int:
        return len(tx.scan_prefix(kind, key(tx, part)))

    counts = {
        "Users": count(User, "user"), "Groups": count(Group, "group"), "Roles": count(Role, "role"),
        "Policies": count(Policy, "policy"), "PolicyVersionsInUse": count(PolicyVersion, "version"),
        "InstanceProfiles": count(InstanceProfile, "profile"), "Providers": count(Provider, "provider"),
        "ServerCertificates": count(ServerCertificate, "certificate"),
    }
    return {"SummaryMap": {**_QUOTAS, **counts}}


@operation("GetAccountAuthorizationDetails")
def get_account_authorization_details(tx: Tx, request: Request) -> Response:
    """Every user, group, role and policy with its documents, in pages over all four.

    Source: IAM API Reference, GetAccountAuthorizationDetails.
    """
    wanted = request.get("Filter") or ["User", "Group", "Role", "LocalManagedPolicy"]
    rows: list[tuple[str, Any]] = []
    if "User" in wanted:
        rows += [("UserDetailList", user) for user in tx.scan_prefix(User, key(tx, "user"))]
    if "Group" in wanted:
        rows += [("GroupDetailList", group) for group in tx.scan_prefix(Group, key(tx, "group"))]
    if "Role" in wanted:
        rows += [("RoleDetailList", role) for role in tx.scan_prefix(Role, key(tx, "role"))]
    if "LocalManagedPolicy" in wanted:
        rows += [("Policies", policy) for policy in tx.scan_prefix(Policy, key(tx, "policy"))]
    paged = page_of(request, "Rows", rows)
    answer: Response = {"UserDetailList": [], "GroupDetailList": [], "RoleDetailList": [], "Policies": []}
    for member, row in paged.pop("Rows"):
        answer[member].append(_DETAILS[member](tx, row))
    return {**answer, **paged}


def _policies(tx: Tx, kind: str, name: str, member: str) -> dict[str, Any]:
    inline = tx.scan_prefix(Inline, key(tx, "inline", kind, name.lower()))
    managed = attached.policies_of(tx, kind, name)
    return {
        member: [{"PolicyName": i.name, "PolicyDocument": encoded(i.document)} for i in inline],
        "AttachedManagedPolicies": [
            {"PolicyName": a.policy_arn.rsplit("/", 1)[-1], "PolicyArn": a.policy_arn} for a in managed
        ],
    }


def _user_detail(tx: Tx, user: User) -> dict[str, Any]:
    groups = tx.scan_prefix(Membership, key(tx, "membership", user.name.lower()))
    policies = _policies(tx, "user", user.name, "UserPolicyList")
    return {**show_user(tx, user), **policies, "GroupList": [membership.of for membership in groups]}


def _group_detail(tx: Tx, group: Group) -> dict[str, Any]:
    return {**show_group(tx, group), **_policies(tx, "group", group.name, "GroupPolicyList")}


def _role_detail(tx: Tx, role: Role) -> dict[str, Any]:
    profiles = tx.scan_prefix(Membership, key(tx, "profile-of", role.name.lower()))
    shown = show_role(tx, role)
    shown.pop("Description", None)
    shown.pop("MaxSessionDuration", None)
    carriers = [show_profile(tx, load_profile(tx, m.of), whole=False) for m in profiles]
    return {**shown, **_policies(tx, "role", role.name, "RolePolicyList"), "InstanceProfileList": carriers}


def _policy_detail(tx: Tx, policy: Policy) -> dict[str, Any]:
    versions = tx.scan_prefix(PolicyVersion, key(tx, "version", policy.name.lower()), reverse=True)
    shown = show_policy(tx, policy, whole=False)
    shown["PolicyVersionList"] = [
        {
            "Document": encoded(version.document), "VersionId": f"v{version.number}",
            "IsDefaultVersion": version.number == policy.default_version,
            "CreateDate": version.created_ms,
        }
        for version in versions
    ]
    return shown


_DETAILS: dict[str, Any] = {
    "UserDetailList": _user_detail, "GroupDetailList": _group_detail,
    "RoleDetailList": _role_detail, "Policies": _policy_detail,
}
