"""How IAM's resources look in answers."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from ballroom.kernel import Tx

from .resources import Group, InstanceProfile, Role, User, arn_of, key
from .tags import to_wire


def encoded(document: str) -> str:
    """A policy document as IAM's answers carry it: percent-encoded; SDKs decode it.

    Source: IAM API Reference, GetRole: "URL-encoded compliant with RFC 3986".
    """
    return quote(document, safe="-_.~")


def boundary(arn: str) -> dict[str, str]:
    """A permissions boundary; its type is what AWS answers, though the model's enum says otherwise."""
    return {"PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": arn}


def show_user(tx: Tx, user: User, *, whole: bool = True) -> dict[str, Any]:
    """A user; lists leave out tags and boundary."""
    shown: dict[str, Any] = {
        "Path": user.path, "UserName": user.name, "UserId": user.id,
        "Arn": arn_of(tx, "user", user.path, user.name), "CreateDate": user.created_ms,
    }
    if whole and user.boundary:
        shown["PermissionsBoundary"] = boundary(user.boundary)
    if whole and user.tags:
        shown["Tags"] = to_wire(user.tags)
    return shown


def show_role(tx: Tx, role: Role, *, whole: bool = True, settings: bool = True) -> dict[str, Any]:
    """A role; lists leave out tags, boundary and last use, CreateRole the settings that AWS leaves out."""
    shown: dict[str, Any] = {
        "Path": role.path, "RoleName": role.name, "RoleId": role.id,
        "Arn": arn_of(tx, "role", role.path, role.name), "CreateDate": role.created_ms,
        "AssumeRolePolicyDocument": encoded(role.trust),
    }
    if role.description:
        shown["Description"] = role.description
    if settings or role.max_session_s != 3600:
        shown["MaxSessionDuration"] = role.max_session_s
    if whole and role.boundary:
        shown["PermissionsBoundary"] = boundary(role.boundary)
    if whole and role.tags:
        shown["Tags"] = to_wire(role.tags)
    if whole and settings:
        shown["RoleLastUsed"] = (
            {"LastUsedDate": role.last_used_ms, "Region": role.last_used_region} if role.last_used_ms else {}
        )
    return shown


def show_group(tx: Tx, group: Group) -> dict[str, Any]:
    """A group."""
    return {
        "Path": group.path, "GroupName": group.name, "GroupId": group.id,
        "Arn": arn_of(tx, "group", group.path, group.name), "CreateDate": group.created_ms,
    }


def show_profile(tx: Tx, profile: InstanceProfile, *, whole: bool = True) -> dict[str, Any]:
    """An instance profile with its role."""
    role = tx.get(Role, key(tx, "role", profile.role.lower())) if profile.role else None
    shown: dict[str, Any] = {
        "Path": profile.path, "InstanceProfileName": profile.name, "InstanceProfileId": profile.id,
        "Arn": arn_of(tx, "instance-profile", profile.path, profile.name),
        "CreateDate": profile.created_ms,
        "Roles": [] if role is None else [show_role(tx, role, whole=False, settings=False)],
    }
    if whole and profile.tags:
        shown["Tags"] = to_wire(profile.tags)
    return shown
