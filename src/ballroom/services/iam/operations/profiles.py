"""Instance profiles: a name for the role that a machine gets."""

from __future__ import annotations

from msgspec.structs import replace

from ballroom.kernel import Request, Response, Tx, operation
from ballroom.services.iam.errors import DeleteConflict, EntityAlreadyExists, LimitExceeded, NoSuchEntity
from ballroom.services.iam.paging import page
from ballroom.services.iam.presentation import show_profile
from ballroom.services.iam.resources import (
    InstanceProfile,
    Membership,
    key,
    load_profile,
    load_role,
    put_profile,
    whole_seconds,
)
from ballroom.services.iam.tags import tags_of


@operation("CreateInstanceProfile")
def create_instance_profile(tx: Tx, request: Request) -> Response:
    """Create a profile without a role.

    Source: IAM API Reference, CreateInstanceProfile.
    """
    name = request["InstanceProfileName"]
    if tx.get(InstanceProfile, key(tx, "profile", name.lower())) is not None:
        raise EntityAlreadyExists(f"Instance Profile {name} already exists.")
    profile = InstanceProfile(
        name, request.get("Path", "/"), "AIPA" + tx.ids.secret_upper(17), whole_seconds(tx.now_ms),
        tags=tags_of(request),
    )
    put_profile(tx, profile)
    return {"InstanceProfile": show_profile(tx, profile)}


@operation("GetInstanceProfile")
def get_instance_profile(tx: Tx, request: Request) -> Response:
    """A profile with its role.

    Source: IAM API Reference, GetInstanceProfile.
    """
    return {"InstanceProfile": show_profile(tx, load_profile(tx, request["InstanceProfileName"]))}


@operation("ListInstanceProfiles")
def list_instance_profiles(tx: Tx, request: Request) -> Response:
    """Profiles below a path, by name.

    Source: IAM API Reference, ListInstanceProfiles.
    """
    prefix = request.get("PathPrefix", "/")
    return page(
        tx, request, "InstanceProfiles", InstanceProfile, key(tx, "profile"),
        lambda profile: show_profile(tx, profile, whole=False),
        keep=lambda profile: profile.path.startswith(prefix),
    )


@operation("ListInstanceProfilesForRole")
def list_instance_profiles_for_role(tx: Tx, request: Request) -> Response:
    """The profiles that carry a role.

    Source: IAM API Reference, ListInstanceProfilesForRole.
    """
    role = load_role(tx, request["RoleName"])
    return page(
        tx, request, "InstanceProfiles", Membership, key(tx, "profile-of", role.name.lower()),
        lambda membership: show_profile(tx, load_profile(tx, membership.of), whole=False),
    )


@operation("AddRoleToInstanceProfile")
def add_role_to_instance_profile(tx: Tx, request: Request) -> Response:
    """Give a profile its one role.

    Raises:
        LimitExceeded: it has one.

    Source: IAM API Reference, AddRoleToInstanceProfile.
    """
    profile = load_profile(tx, request["InstanceProfileName"])
    role = load_role(tx, request["RoleName"])
    if profile.role:
        raise LimitExceeded.quota("InstanceSessionsPerInstanceProfile", 1)
    put_profile(tx, replace(profile, role=role.name))
    tx.put(
        key(tx, "profile-of", role.name.lower(), profile.name.lower()), Membership(profile.name, role.name)
    )
    return {}


@operation("RemoveRoleFromInstanceProfile")
def remove_role_from_instance_profile(tx: Tx, request: Request) -> Response:
    """Take a profile's role away.

    Source: IAM API Reference, RemoveRoleFromInstanceProfile.
    """
    profile = load_profile(tx, request["InstanceProfileName"])
    if profile.role.lower() != request["RoleName"].lower():
        raise NoSuchEntity(f"The role with name {request['RoleName']} cannot be found.")
    put_profile(tx, replace(profile, role=""))
    tx.delete(key(tx, "profile-of", profile.role.lower(), profile.name.lower()))
    return {}


@operation("DeleteInstanceProfile")
def delete_instance_profile(tx: Tx, request: Request) -> Response:
    """Delete a profile that carries no role.

    Raises:
        DeleteConflict: it carries one.

    Source: IAM API Reference, DeleteInstanceProfile.
    """
    profile = load_profile(tx, request["InstanceProfileName"])
    if profile.role:
        raise DeleteConflict("Cannot delete entity, must remove roles from instance profile first.")
    tx.delete(key(tx, "profile", profile.name.lower()))
    return {}
