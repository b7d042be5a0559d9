"""Users and their login profiles."""

from __future__ import annotations

from msgspec.structs import replace

from ballroom.kernel import Request, Response, Tx, operation
from ballroom.services.iam import attached, resources
from ballroom.services.iam.errors import DeleteConflict, EntityAlreadyExists, NoSuchEntity, ValidationError
from ballroom.services.iam.managed import check_boundary
from ballroom.services.iam.paging import page
from ballroom.services.iam.presentation import show_group, show_user
from ballroom.services.iam.resources import (
    AccessKey,
    Group,
    Inline,
    LoginProfile,
    Membership,
    User,
    find_user,
    key,
    load_user,
    put_user,
)
from ballroom.services.iam.tags import tags_of


def caller_name(tx: Tx, request: Request) -> str:
    """The user a request is about: the one it names, else the caller.

    Raises:
        ValidationError: none is named, and the caller is no user.
    """
    if "UserName" in request:
        return str(request["UserName"])
    resource = tx.caller.arn.split(":", 5)[-1]
    if resource.startswith("user/"):
        return resource.rsplit("/", 1)[-1]
    raise ValidationError("Must specify userName when calling with non-User credentials")


@operation("CreateUser")
def create_user(tx: Tx, request: Request) -> Response:
    """Create a user without permissions or keys.

    Raises:
        EntityAlreadyExists: the name is taken, in whatever case.

    Source: IAM API Reference, CreateUser.
    """
    name = request["UserName"]
    if find_user(tx, name) is not None:
        raise EntityAlreadyExists(f"User with name {name} already exists.")
    boundary = request.get("PermissionsBoundary", "")
    user = User(
        name, request.get("Path", "/"), "AIDA" + tx.ids.secret_upper(17),
        resources.whole_seconds(tx.now_ms), tags_of(request), boundary,
    )
    put_user(tx, user)
    if boundary:
        check_boundary(tx, boundary)
        attached.set_boundary(tx, "user", name, "", boundary)
    return {"User": show_user(tx, user)}


@operation("GetUser")
def get_user(tx: Tx, request: Request) -> Response:
    """The user named, else the caller; the root user has no name.

    Source: IAM API Reference, GetUser.
    """
    if "UserName" not in request and tx.caller.arn.endswith(":root"):
        return {
            "User": {
                "Path": "/", "UserName": "root", "UserId": tx.account, "Arn": tx.caller.arn,
                "CreateDate": 0,
            }
        }
    return {"User": show_user(tx, load_user(tx, caller_name(tx, request)))}


@operation("ListUsers")
def list_users(tx: Tx, request: Request) -> Response:
    """Users below a path, by name.

    Source: IAM API Reference, ListUsers.
    """
    prefix = request.get("PathPrefix", "/")
    return page(
        tx, request, "Users", User, key(tx, "user"), lambda user: show_user(tx, user, whole=False),
        keep=lambda user: user.path.startswith(prefix),
    )


@operation("UpdateUser")
def update_user(tx: Tx, request: Request) -> Response:
    """Rename or move a user; what belongs to it follows.

    Source: IAM API Reference, UpdateUser.
    """
    user = load_user(tx, request["UserName"])
    name = request.get("NewUserName", user.name)
    renamed = replace(user, name=name, path=request.get("NewPath", user.path))
    if name.lower() != user.name.lower():
        if find_user(tx, name) is not None:
            raise EntityAlreadyExists(f"User with name {name} already exists.")
        _move(tx, user, name)
    put_user(tx, renamed)
    _refresh_keys(tx, renamed)
    return {}


def _move(tx: Tx, user: User, name: str) -> None:
    old, new = user.name.lower(), name.lower()
    attached.rename(tx, "user", user.name, name)
    for membership in tx.scan_prefix(Membership, key(tx, "membership", old)):
        group = membership.of.lower()
        moved = replace(membership, member=name)
        tx.delete(key(tx, "membership", old, group))
        tx.delete(key(tx, "member", group, old))
        tx.put(key(tx, "membership", new, group), moved)
        tx.put(key(tx, "member", group, new), moved)
    for access_key in tx.scan_prefix(AccessKey, key(tx, "access-key", old)):
        tx.delete(key(tx, "access-key", old, access_key.id))
        tx.put(key(tx, "access-key", new, access_key.id), replace(access_key, user=name))
        tx.put(key(tx, "access-key-owner", access_key.id), resources.AccessKeyOwner(name))
    login = tx.get(LoginProfile, key(tx, "login", old))
    if login is not None:
        tx.delete(key(tx, "login", old))
        tx.put(key(tx, "login", new), replace(login, user=name))
    tx.delete(key(tx, "user", old))


def _refresh_keys(tx: Tx, user: User) -> None:
    """The credentials carry the user's ARN, which has just changed."""
    from ballroom.services.iam.operations.access_keys import reissue

    for access_key in tx.scan_prefix(AccessKey, key(tx, "access-key", user.name.lower())):
        reissue(tx, user, access_key)


@operation("DeleteUser")
def delete_user(tx: Tx, request: Request) -> Response:
    """Delete a user that nothing is attached to any more.

    Raises:
        DeleteConflict: keys, a password, policies or groups are left.

    Source: IAM API Reference, DeleteUser.
    """
    user = load_user(tx, request["UserName"])
    name = user.name.lower()
    if tx.scan_prefix(AccessKey, key(tx, "access-key", name), limit=1):
        raise DeleteConflict("Cannot delete entity, must delete access keys first.")
    if tx.get(LoginProfile, key(tx, "login", name)) is not None:
        raise DeleteConflict("Cannot delete entity, must delete login profile first.")
    if attached.policies_of(tx, "user", name, limit=1):
        raise DeleteConflict("Cannot delete entity, must detach all policies first.")
    if tx.scan_prefix(Inline, key(tx, "inline", "user", name), limit=1):
        raise DeleteConflict("Cannot delete entity, must delete policies first.")
    if tx.scan_prefix(Membership, key(tx, "membership", name), limit=1):
        raise DeleteConflict("Cannot delete entity, must remove users from group first.")
    attached.set_boundary(tx, "user", name, user.boundary, "")
    tx.delete(key(tx, "user", name))
    return {}


@operation("ListGroupsForUser")
def list_groups_for_user(tx: Tx, request: Request) -> Response:
    """The groups a user belongs to.

    Source: IAM API Reference, ListGroupsForUser.
    """
    user = load_user(tx, request["UserName"])

    def show(membership: Membership) -> dict[str, object]:
        group = tx.get(Group, key(tx, "group", membership.of.lower()))
        assert group is not None  # a group with members cannot be deleted
        return show_group(tx, group)

    return page(tx, request, "Groups", Membership, key(tx, "membership", user.name.lower()), show)


@operation("PutUserPermissionsBoundary")
def put_user_permissions_boundary(tx: Tx, request: Request) -> Response:
    """Set the policy that limits what others may grant the user.

    Source: IAM API Reference, PutUserPermissionsBoundary.
    """
    user = load_user(tx, request["UserName"])
    check_boundary(tx, request["PermissionsBoundary"])
    attached.set_boundary(tx, "user", user.name, user.boundary, request["PermissionsBoundary"])
    put_user(tx, replace(user, boundary=request["PermissionsBoundary"]))
    return {}


@operation("DeleteUserPermissionsBoundary")
def delete_user_permissions_boundary(tx: Tx, request: Request) -> Response:
    """Remove the user's boundary.

    Source: IAM API Reference, DeleteUserPermissionsBoundary.
    """
    user = load_user(tx, request["UserName"])
    if not user.boundary:
        raise NoSuchEntity(f"The user with name {user.name} does not have a permissions boundary.")
    attached.set_boundary(tx, "user", user.name, user.boundary, "")
    put_user(tx, replace(user, boundary=""))
    return {}


def _show_login(profile: LoginProfile) -> dict[str, object]:
    return {
        "UserName": profile.user, "CreateDate": profile.created_ms,
        "PasswordResetRequired": profile.reset_required,
    }


def _load_login(tx: Tx, name: str) -> LoginProfile:
    found = tx.get(LoginProfile, key(tx, "login", name.lower()))
    if found is None:
        raise NoSuchEntity(f"Login Profile for User {name} cannot be found.")
    return found


@operation("CreateLoginProfile")
def create_login_profile(tx: Tx, request: Request) -> Response:
    """Note that a user may sign in with a password; the password is not kept.

    Source: IAM API Reference, CreateLoginProfile.
    """
    user = load_user(tx, caller_name(tx, request))
    if tx.get(LoginProfile, key(tx, "login", user.name.lower())) is not None:
        raise EntityAlreadyExists(f"Login Profile for user {user.name} already exists.")
    profile = LoginProfile(
        user.name, resources.whole_seconds(tx.now_ms), request.get("PasswordResetRequired", False)
    )
    tx.put(key(tx, "login", user.name.lower()), profile)
    return {"LoginProfile": _show_login(profile)}


@operation("GetLoginProfile")
def get_login_profile(tx: Tx, request: Request) -> Response:
    """Whether and since when a user has a password.

    Source: IAM API Reference, GetLoginProfile.
    """
    user = load_user(tx, caller_name(tx, request))
    return {"LoginProfile": _show_login(_load_login(tx, user.name))}


@operation("UpdateLoginProfile")
def update_login_profile(tx: Tx, request: Request) -> Response:
    """Change the password, or whether it must be changed at the next sign-in.

    Source: IAM API Reference, UpdateLoginProfile.
    """
    user = load_user(tx, request["UserName"])
    profile = _load_login(tx, user.name)
    required = request.get("PasswordResetRequired", profile.reset_required)
    tx.put(key(tx, "login", user.name.lower()), replace(profile, reset_required=required))
    return {}


@operation("DeleteLoginProfile")
def delete_login_profile(tx: Tx, request: Request) -> Response:
    """Take a user's password away.

    Source: IAM API Reference, DeleteLoginProfile.
    """
    user = load_user(tx, caller_name(tx, request))
    _load_login(tx, user.name)
    tx.delete(key(tx, "login", user.name.lower()))
    return {}
