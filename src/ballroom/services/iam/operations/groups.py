"""Groups and their members."""

from __future__ import annotations

from msgspec.structs import replace

from ballroom.kernel import Request, Response, Tx, operation
from ballroom.services.iam import attached
from ballroom.services.iam.errors import DeleteConflict, EntityAlreadyExists, LimitExceeded
from ballroom.services.iam.paging import page
from ballroom.services.iam.presentation import show_group, show_user
from ballroom.services.iam.resources import (
    Group,
    Inline,
    Membership,
    key,
    load_group,
    load_user,
    whole_seconds,
)

_GROUPS_PER_USER = 10


@operation("CreateGroup")
def create_group(tx: Tx, request: Request) -> Response:
    """Create an empty group.

    Raises:
        EntityAlreadyExists: the name is taken, in whatever case.

    Source: IAM API Reference, CreateGroup.
    """
    name = request["GroupName"]
    _refuse_taken(tx, name)
    group = Group(name, request.get("Path", "/"), "AGPA" + tx.ids.secret_upper(17), whole_seconds(tx.now_ms))
    tx.put(key(tx, "group", name.lower()), group)
    return {"Group": show_group(tx, group)}


def _refuse_taken(tx: Tx, name: str) -> None:
    if tx.get(Group, key(tx, "group", name.lower())) is not None:
        raise EntityAlreadyExists(f"Group with name {name} already exists.")


@operation("GetGroup")
def get_group(tx: Tx, request: Request) -> Response:
    """A group with a page of its members.

    Source: IAM API Reference, GetGroup.
    """
    group = load_group(tx, request["GroupName"])
    members = page(
        tx, request, "Users", Membership, key(tx, "member", group.name.lower()),
        lambda membership: show_user(tx, load_user(tx, membership.member), whole=False),
    )
    return {"Group": show_group(tx, group), **members}


@operation("ListGroups")
def list_groups(tx: Tx, request: Request) -> Response:
    """Groups below a path, by name.

    Source: IAM API Reference, ListGroups.
    """
    prefix = request.get("PathPrefix", "/")
    return page(
        tx, request, "Groups", Group, key(tx, "group"), lambda group: show_group(tx, group),
        keep=lambda group: group.path.startswith(prefix),
    )


@operation("UpdateGroup")
def update_group(tx: Tx, request: Request) -> Response:
    """Rename or move a group; members and policies follow.

    Source: IAM API Reference, UpdateGroup.
    """
    group = load_group(tx, request["GroupName"])
    name = request.get("NewGroupName", group.name)
    old, new = group.name.lower(), name.lower()
    if old != new:
        _refuse_taken(tx, name)
        attached.rename(tx, "group", group.name, name)
        for membership in tx.scan_prefix(Membership, key(tx, "member", old)):
            user = membership.member.lower()
            moved = replace(membership, of=name)
            tx.delete(key(tx, "member", old, user))
            tx.delete(key(tx, "membership", user, old))
            tx.put(key(tx, "member", new, user), moved)
            tx.put(key(tx, "membership", user, new), moved)
        tx.delete(key(tx, "group", old))
    tx.put(key(tx, "group", new), replace(group, name=name, path=request.get("NewPath", group.path)))
    return {}


@operation("DeleteGroup")
def delete_group(tx: Tx, request: Request) -> Response:
    """Delete a group that has neither members nor policies.

    Raises:
        DeleteConflict: it has.

    Source: IAM API Reference, DeleteGroup.
    """
    group = load_group(tx, request["GroupName"])
    name = group.name.lower()
    if tx.scan_prefix(Membership, key(tx, "member", name), limit=1):
        raise DeleteConflict("Cannot delete entity, must remove users from group first.")
    if attached.policies_of(tx, "group", name, limit=1):
        raise DeleteConflict("Cannot delete entity, must detach all policies first.")
    if tx.scan_prefix(Inline, key(tx, "inline", "group", name), limit=1):
        raise DeleteConflict("Cannot delete entity, must delete policies first.")
    tx.delete(key(tx, "group", name))
    return {}


@operation("AddUserToGroup")
def add_user_to_group(tx: Tx, request: Request) -> Response:
    """Add a member; harmless if it is one already.

    Source: IAM API Reference, AddUserToGroup; quotas: 10 groups a user.
    """
    group = load_group(tx, request["GroupName"])
    user = load_user(tx, request["UserName"])
    membership = Membership(group.name, user.name)
    if tx.get(Membership, key(tx, "member", group.name.lower(), user.name.lower())) is None:
        memberships = tx.scan_prefix(Membership, key(tx, "membership", user.name.lower()))
        if len(memberships) >= _GROUPS_PER_USER:
            raise LimitExceeded.quota("GroupsPerUser", _GROUPS_PER_USER)
    tx.put(key(tx, "member", group.name.lower(), user.name.lower()), membership)
    tx.put(key(tx, "membership", user.name.lower(), group.name.lower()), membership)
    return {}


@operation("RemoveUserFromGroup")
def remove_user_from_group(tx: Tx, request: Request) -> Response:
    """Remove a member; harmless if it is none.

    Source: IAM API Reference, RemoveUserFromGroup.
    """
    group = load_group(tx, request["GroupName"])
    user = load_user(tx, request["UserName"])
    tx.delete(key(tx, "member", group.name.lower(), user.name.lower()))
    tx.delete(key(tx, "membership", user.name.lower(), group.name.lower()))
    return {}
