"""AWS::IAM types.

Source: CloudFormation User Guide, "AWS::IAM" resource types; IAM API Reference.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ballroom.kernel import ServiceError

from .base import (
    Attributes,
    Call,
    Name,
    Properties,
    Target,
    is_missing,
    register,
    tag_changes,
    tag_list,
)


def capability(*names: str) -> Callable[[Properties], str | None]:
    """What a template must be granted: more, if it gives one of these names itself."""

    def needed(properties: Properties) -> str | None:
        return "CAPABILITY_NAMED_IAM" if any(name in properties for name in names) else "CAPABILITY_IAM"

    return needed


async def gone(call: Call, operation: str, **members: Any) -> None:
    """Remove something that may be gone already."""
    try:
        await call("iam", operation, **members)
    except ServiceError as error:
        if not is_missing(error):
            raise


def _policies(target: Target, which: Properties) -> dict[str, Any]:
    return {policy["PolicyName"]: policy["PolicyDocument"] for policy in which.get("Policies") or ()}


async def _sync_policies(call: Call, target: Target, kind: str) -> None:
    """Bring inline and attached policies of a role, user or group from the previous properties to the new."""
    who = {f"{kind}Name": target.name}
    before, after = _policies(target, target.previous), _policies(target, target.properties)
    for name in before.keys() - after.keys():
        await gone(call, f"Delete{kind}Policy", PolicyName=name, **who)
    for name, document in after.items():
        if before.get(name) != document:
            await call("iam", f"Put{kind}Policy", PolicyName=name, PolicyDocument=document, **who)
    attached_before = set(target.previous.get("ManagedPolicyArns") or ())
    attached = list(dict.fromkeys(target.get("ManagedPolicyArns") or ()))
    for arn in attached_before - set(attached):
        await gone(call, f"Detach{kind}Policy", PolicyArn=arn, **who)
    for arn in attached:
        if arn not in attached_before:
            await call("iam", f"Attach{kind}Policy", PolicyArn=arn, **who)


async def _drop_policies(call: Call, target: Target, kind: str) -> None:
    who = {f"{kind}Name": target.physical_id}
    for name in _policies(target, target.properties):
        await gone(call, f"Delete{kind}Policy", PolicyName=name, **who)
    for arn in target.get("ManagedPolicyArns") or ():
        await gone(call, f"Detach{kind}Policy", PolicyArn=arn, **who)


async def _sync_boundary(call: Call, target: Target, kind: str) -> None:
    who = {f"{kind}Name": target.name}
    if target.changed("PermissionsBoundary"):
        if "PermissionsBoundary" in target.properties:
            arn = target.properties["PermissionsBoundary"]
            await call("iam", f"Put{kind}PermissionsBoundary", PermissionsBoundary=arn, **who)
        else:
            await call("iam", f"Delete{kind}PermissionsBoundary", **who)


async def _sync_tags(call: Call, target: Target, kind: str) -> None:
    who = {f"{kind}Name": target.name}
    added, removed = tag_changes(target)
    if added:
        await call("iam", f"Tag{kind}", Tags=tag_list(added), **who)
    if removed:
        await call("iam", f"Untag{kind}", TagKeys=removed, **who)


# -- roles -------------------------------------------------------------------------------------------


async def _create_role(call: Call, role: Target) -> Attributes | None:
    await call(
        "iam", "CreateRole", RoleName=role.name, Tags=tag_list(role.tags),
        **role.pick("AssumeRolePolicyDocument", "Description", "MaxSessionDuration", "Path",
        "PermissionsBoundary"),
    )  # fmt: skip
    await _sync_policies(call, role, "Role")
    return None


async def _read_role(call: Call, role: Target) -> Attributes:
    found = (await call("iam", "GetRole", RoleName=role.name))["Role"]
    return {"Arn": found["Arn"], "RoleId": found["RoleId"]}


async def _update_role(call: Call, role: Target) -> Attributes | None:
    if role.changed("AssumeRolePolicyDocument"):
        document = role.properties["AssumeRolePolicyDocument"]
        await call("iam", "UpdateAssumeRolePolicy", RoleName=role.name, PolicyDocument=document)
    if role.changed("Description", "MaxSessionDuration"):
        await call(
            "iam", "UpdateRole", RoleName=role.name, Description=role.get("Description", ""),
            MaxSessionDuration=role.get("MaxSessionDuration", 3600),
        )  # fmt: skip
    await _sync_policies(call, role, "Role")
    await _sync_boundary(call, role, "Role")
    await _sync_tags(call, role, "Role")
    return None


async def _delete_role(call: Call, role: Target) -> None:
    await _drop_policies(call, role, "Role")
    await call("iam", "DeleteRole", RoleName=role.physical_id)


register(
    "AWS::IAM::Role",
    properties="Description ManagedPolicyArns MaxSessionDuration PermissionsBoundary Policies Tags",
    required="AssumeRolePolicyDocument",
    create_only="Path RoleName",
    attributes="Arn RoleId",
    identifier=("RoleName",),
    name=Name("RoleName", limit=64),
    capability=capability("RoleName"),
    create=_create_role,
    read=_read_role,
    update=_update_role,
    delete=_delete_role,
)


# -- users and groups --------------------------------------------------------------------------------


async def _create_user(call: Call, user: Target) -> Attributes | None:
    await call("iam", "CreateUser", UserName=user.name, Tags=tag_list(user.tags),
               **user.pick("Path", "PermissionsBoundary"))  # fmt: skip
    await _sync_policies(call, user, "User")
    await _sync_login(call, user)
    for group in user.get("Groups") or ():
        await call("iam", "AddUserToGroup", GroupName=group, UserName=user.name)
    return None


async def _sync_login(call: Call, user: Target) -> None:
    if not user.changed("LoginProfile"):
        return
    if "LoginProfile" not in user.properties:
        await gone(call, "DeleteLoginProfile", UserName=user.name)
    else:
        verb = "UpdateLoginProfile" if "LoginProfile" in user.previous else "CreateLoginProfile"
        await call("iam", verb, UserName=user.name, **user.properties["LoginProfile"])


async def _read_user(call: Call, user: Target) -> Attributes:
    return {"Arn": (await call("iam", "GetUser", UserName=user.name))["User"]["Arn"]}


async def _update_user(call: Call, user: Target) -> Attributes | None:
    await _sync_policies(call, user, "User")
    await _sync_login(call, user)
    await _sync_boundary(call, user, "User")
    await _sync_tags(call, user, "User")
    before, after = set(user.previous.get("Groups") or ()), set(user.get("Groups") or ())
    for group in sorted(before - after):
        await gone(call, "RemoveUserFromGroup", GroupName=group, UserName=user.name)
    for group in sorted(after - before):
        await call("iam", "AddUserToGroup", GroupName=group, UserName=user.name)
    return None


async def _delete_user(call: Call, user: Target) -> None:
    await _drop_policies(call, user, "User")
    for group in user.get("Groups") or ():
        await gone(call, "RemoveUserFromGroup", GroupName=group, UserName=user.physical_id)
    if "LoginProfile" in user.properties:
        await gone(call, "DeleteLoginProfile", UserName=user.physical_id)
    await call("iam", "DeleteUser", UserName=user.physical_id)


register(
    "AWS::IAM::User",
    properties="Groups LoginProfile ManagedPolicyArns PermissionsBoundary Policies Tags",
    create_only="Path UserName",
    attributes="Arn",
    identifier=("UserName",),
    name=Name("UserName", limit=64),
    capability=capability("UserName"),
    create=_create_user,
    read=_read_user,
    update=_update_user,
    delete=_delete_user,
)


async def _create_group(call: Call, group: Target) -> Attributes | None:
    await call("iam", "CreateGroup", GroupName=group.name, **group.pick("Path"))
    await _sync_policies(call, group, "Group")
    return None


async def _read_group(call: Call, group: Target) -> Attributes:
    return {"Arn": (await call("iam", "GetGroup", GroupName=group.name))["Group"]["Arn"]}


async def _update_group(call: Call, group: Target) -> Attributes | None:
    await _sync_policies(call, group, "Group")
    return None


async def _delete_group(call: Call, group: Target) -> None:
    await _drop_policies(call, group, "Group")
    await call("iam", "DeleteGroup", GroupName=group.physical_id)


register(
    "AWS::IAM::Group",
    properties="ManagedPolicyArns Policies",
    create_only="GroupName Path",
    attributes="Arn",
    identifier=("GroupName",),
    name=Name("GroupName", limit=128),
    capability=capability("GroupName"),
    taggable=False,
    create=_create_group,
    read=_read_group,
    update=_update_group,
    delete=_delete_group,
)


async def _add_to_group(call: Call, addition: Target) -> Attributes | None:
    addition.physical_id = addition.physical_id or addition.name
    before = set(addition.previous.get("Users") or ())
    users = addition.properties["Users"]
    for user in sorted(before - set(users)):
        await gone(call, "RemoveUserFromGroup", GroupName=addition.properties["GroupName"], UserName=user)
    for user in users:
        if user not in before:
            await call("iam", "AddUserToGroup", GroupName=addition.properties["GroupName"], UserName=user)
    return {"Id": addition.physical_id}


async def _remove_from_group(call: Call, addition: Target) -> None:
    for user in addition.properties["Users"]:
        await gone(call, "RemoveUserFromGroup", GroupName=addition.properties["GroupName"], UserName=user)


register(
    "AWS::IAM::UserToGroupAddition",
    properties="Users",
    required="GroupName Users",
    create_only="GroupName",
    attributes="Id",
    capability=capability(),
    taggable=False,
    create=_add_to_group,
    update=_add_to_group,
    delete=_remove_from_group,
)


# -- instance profiles and access keys ---------------------------------------------------------------


async def _create_profile(call: Call, profile: Target) -> Attributes | None:
    await call("iam", "CreateInstanceProfile", InstanceProfileName=profile.name, **profile.pick("Path"))
    for role in profile.properties["Roles"]:
        await call("iam", "AddRoleToInstanceProfile", InstanceProfileName=profile.name, RoleName=role)
    return None


async def _read_profile(call: Call, profile: Target) -> Attributes:
    found = (await call("iam", "GetInstanceProfile", InstanceProfileName=profile.name))["InstanceProfile"]
    return {"Arn": found["Arn"]}


async def _update_profile(call: Call, profile: Target) -> Attributes | None:
    before, after = profile.previous.get("Roles") or [], profile.properties["Roles"]
    for role in set(before) - set(after):
        await gone(call, "RemoveRoleFromInstanceProfile", InstanceProfileName=profile.name, RoleName=role)
    for role in after:
        if role not in before:
            await call("iam", "AddRoleToInstanceProfile", InstanceProfileName=profile.name, RoleName=role)
    return None


async def _delete_profile(call: Call, profile: Target) -> None:
    for role in profile.properties["Roles"]:
        name = profile.physical_id
        await gone(call, "RemoveRoleFromInstanceProfile", InstanceProfileName=name, RoleName=role)
    await call("iam", "DeleteInstanceProfile", InstanceProfileName=profile.physical_id)


register(
    "AWS::IAM::InstanceProfile",
    required="Roles",
    create_only="InstanceProfileName Path",
    attributes="Arn",
    identifier=("InstanceProfileName",),
    name=Name("InstanceProfileName", limit=128),
    capability=capability("InstanceProfileName"),
    taggable=False,
    create=_create_profile,
    read=_read_profile,
    update=_update_profile,
    delete=_delete_profile,
)


async def _create_key(call: Call, key: Target) -> Attributes | None:
    made = (await call("iam", "CreateAccessKey", UserName=key.properties["UserName"]))["AccessKey"]
    key.physical_id = made["AccessKeyId"]
    if key.get("Status", "Active") != "Active":
        await _set_status(call, key)
    return {"SecretAccessKey": made["SecretAccessKey"]}


async def _set_status(call: Call, key: Target) -> None:
    await call(
        "iam", "UpdateAccessKey", UserName=key.properties["UserName"], AccessKeyId=key.physical_id,
        Status=key.get("Status", "Active"),
    )  # fmt: skip


async def _update_key(call: Call, key: Target) -> Attributes | None:
    if key.changed("Status"):
        await _set_status(call, key)
    return key.attributes


async def _delete_key(call: Call, key: Target) -> None:
    await call("iam", "DeleteAccessKey", UserName=key.properties["UserName"], AccessKeyId=key.physical_id)


register(
    "AWS::IAM::AccessKey",
    properties="Status",
    required="UserName",
    create_only="Serial UserName",
    attributes="SecretAccessKey",
    identifier=("Id",),
    capability=capability(),
    taggable=False,
    create=_create_key,
    update=_update_key,
    delete=_delete_key,
)
