"""Roles and their trust policies."""

from __future__ import annotations

import re

from msgspec.structs import replace

from ballroom.kernel import Request, Response, Tx, operation
from ballroom.services.iam import attached
from ballroom.services.iam.documents import check_trust_policy
from ballroom.services.iam.documents.trust import invalid_principal
from ballroom.services.iam.errors import (
    DeleteConflict,
    EntityAlreadyExists,
    LimitExceeded,
    NoSuchEntity,
    UnmodifiableEntity,
)
from ballroom.services.iam.managed import check_boundary
from ballroom.services.iam.paging import page
from ballroom.services.iam.presentation import show_role
from ballroom.services.iam.resources import (
    Inline,
    Membership,
    Role,
    find_user,
    key,
    load_role,
    put_role,
    whole_seconds,
)
from ballroom.services.iam.tags import tags_of

_TRUST_SIZE = 2048
_NOTE_EVERY_MS = 60_000
_SPACE = re.compile(r"\s+")
_NAMED = re.compile(r"arn:aws[a-z\-]*:iam::(\d{12}):(user|role)/(?:.*/)?([^/]+)", re.ASCII)


def check_trust(tx: Tx, document: str) -> None:
    """Refuse a trust policy that AWS refuses, unknown principals of this account included.

    Raises:
        MalformedPolicyDocument: with AWS's text.
        LimitExceeded: it is too long, white space not counted.
    """
    for principal in check_trust_policy(document):
        found = _NAMED.fullmatch(principal)
        if found is None or found[1] != tx.account:
            continue  # other accounts' identities are not ours to know
        name = found[3].lower()
        if (find_user(tx, name) if found[2] == "user" else tx.get(Role, key(tx, "role", name))) is None:
            raise invalid_principal("AWS", principal)
    if len(_SPACE.sub("", document)) > _TRUST_SIZE:
        raise LimitExceeded.quota("ACLSizePerRole", _TRUST_SIZE)


@operation("CreateRole")
def create_role(tx: Tx, request: Request) -> Response:
    """Create a role without permissions.

    Raises:
        EntityAlreadyExists: the name is taken, in whatever case.
        MalformedPolicyDocument: the trust policy.

    Source: IAM API Reference, CreateRole.
    """
    name = request["RoleName"]
    check_trust(tx, request["AssumeRolePolicyDocument"])
    if tx.get(Role, key(tx, "role", name.lower())) is not None:
        raise EntityAlreadyExists(f"Role with name {name} already exists.")
    boundary = request.get("PermissionsBoundary", "")
    if boundary:
        check_boundary(tx, boundary)
        attached.set_boundary(tx, "role", name, "", boundary)
    role = Role(
        name, request.get("Path", "/"), "AROA" + tx.ids.secret_upper(17), whole_seconds(tx.now_ms),
        request["AssumeRolePolicyDocument"], request.get("Description", ""),
        request.get("MaxSessionDuration", 3600), tags_of(request), boundary,
    )
    put_role(tx, role)
    return {"Role": show_role(tx, role, settings=False)}


@operation("GetRole")
def get_role(tx: Tx, request: Request) -> Response:
    """A role with its trust policy (percent-encoded), tags and last use.

    Source: IAM API Reference, GetRole.
    """
    return {"Role": show_role(tx, load_role(tx, request["RoleName"]))}


@operation("ListRoles")
def list_roles(tx: Tx, request: Request) -> Response:
    """Roles below a path, by name.

    Source: IAM API Reference, ListRoles.
    """
    prefix = request.get("PathPrefix", "/")
    return page(
        tx, request, "Roles", Role, key(tx, "role"), lambda role: show_role(tx, role, whole=False),
        keep=lambda role: role.path.startswith(prefix),
    )


def load_modifiable(tx: Tx, name: str) -> Role:
    """A role that its owner may change.

    Raises:
        UnmodifiableEntity: it belongs to a service.
    """
    role = load_role(tx, name)
    if role.path.startswith("/aws-service-role/"):
        raise UnmodifiableEntity(
            f"Cannot perform the operation on the protected role '{role.name}' - this role is only "
            "modifiable by AWS"
        )
    return role


@operation("UpdateRole")
def update_role(tx: Tx, request: Request) -> Response:
    """Change a role's description or longest session.

    Source: IAM API Reference, UpdateRole.
    """
    role = load_modifiable(tx, request["RoleName"])
    put_role(
        tx,
        replace(
            role, description=request.get("Description", role.description),
            max_session_s=request.get("MaxSessionDuration", role.max_session_s),
        ),
    )
    return {}


@operation("UpdateRoleDescription")
def update_role_description(tx: Tx, request: Request) -> Response:
    """Change a role's description; answers the role.

    Source: IAM API Reference, UpdateRoleDescription.
    """
    role = replace(load_modifiable(tx, request["RoleName"]), description=request["Description"])
    put_role(tx, role)
    return {"Role": show_role(tx, role)}


@operation("UpdateAssumeRolePolicy")
def update_assume_role_policy(tx: Tx, request: Request) -> Response:
    """Replace a role's trust policy.

    Source: IAM API Reference, UpdateAssumeRolePolicy.
    """
    role = load_modifiable(tx, request["RoleName"])
    check_trust(tx, request["PolicyDocument"])
    put_role(tx, replace(role, trust=request["PolicyDocument"]))
    return {}


@operation("DeleteRole")
def delete_role(tx: Tx, request: Request) -> Response:
    """Delete a role that nothing is attached to any more.

    Raises:
        DeleteConflict: policies or instance profiles are left.

    Source: IAM API Reference, DeleteRole.
    """
    remove_role(tx, load_modifiable(tx, request["RoleName"]))
    return {}


def remove_role(tx: Tx, role: Role) -> None:
    """Delete a role's row.

    Raises:
        DeleteConflict: policies or instance profiles are left.
    """
    name = role.name.lower()
    if tx.scan_prefix(Membership, key(tx, "profile-of", name), limit=1):
        raise DeleteConflict("Cannot delete entity, must remove roles from instance profile first.")
    if attached.policies_of(tx, "role", name, limit=1):
        raise DeleteConflict("Cannot delete entity, must detach all policies first.")
    if tx.scan_prefix(Inline, key(tx, "inline", "role", name), limit=1):
        raise DeleteConflict("Cannot delete entity, must delete policies first.")
    attached.set_boundary(tx, "role", name, role.boundary, "")
    tx.delete(key(tx, "role", name))


@operation("PutRolePermissionsBoundary")
def put_role_permissions_boundary(tx: Tx, request: Request) -> Response:
    """Set the policy that limits what others may grant the role.

    Source: IAM API Reference, PutRolePermissionsBoundary.
    """
    role = load_modifiable(tx, request["RoleName"])
    check_boundary(tx, request["PermissionsBoundary"])
    attached.set_boundary(tx, "role", role.name, role.boundary, request["PermissionsBoundary"])
    put_role(tx, replace(role, boundary=request["PermissionsBoundary"]))
    return {}


@operation("DeleteRolePermissionsBoundary")
def delete_role_permissions_boundary(tx: Tx, request: Request) -> Response:
    """Remove the role's boundary.

    Source: IAM API Reference, DeleteRolePermissionsBoundary.
    """
    role = load_modifiable(tx, request["RoleName"])
    if not role.boundary:
        raise NoSuchEntity(f"The role with name {role.name} does not have a permissions boundary.")
    attached.set_boundary(tx, "role", role.name, role.boundary, "")
    put_role(tx, replace(role, boundary=""))
    return {}


@operation("NoteRoleUse", internal=True)
def note_role_use(tx: Tx, request: Request) -> Response:
    """Note that a role was assumed; at most once a minute, since many sessions begin at once.

    For STS; not on the wire.
    """
    role = load_role(tx, request["RoleName"])
    if tx.now_ms - role.last_used_ms >= _NOTE_EVERY_MS:
        now = whole_seconds(tx.now_ms)
        put_role(tx, replace(role, last_used_ms=now, last_used_region=tx.region))
    return {}
