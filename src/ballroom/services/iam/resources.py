"""What IAM stores.

IAM is global, so keys have no region. Names are compared without regard to case, so keys hold them in
small letters and records as they were given.

| key | record | read by |
| --- | --- | --- |
| ("iam", account, "user" / "role" / "group", name) | User, Role, Group | Get..., List... |
| ("iam", account, "policy", name) | Policy | everything that names a policy's ARN |
| ("iam", account, "version", policy name, number) | PolicyVersion | versions of one policy in order |
| ("iam", account, "inline", kind, name, policy name) | Inline | inline policies of one identity |
| ("iam", account, "attached", kind, name, policy ARN) | Attachment | managed policies of one identity |
| ("iam", account, "entity", policy ARN, kind, name) | Attachment | identities of one managed policy |
| ("iam", account, "bounded", policy ARN, kind, name) | Attachment | how often a policy is a boundary |
| ("iam", account, "member", group, user) | Membership | GetGroup |
| ("iam", account, "membership", user, group) | Membership | ListGroupsForUser |
| ("iam", account, "access-key", user, key id) | AccessKey | ListAccessKeys |
| ("iam", account, "access-key-owner", key id) | AccessKeyOwner | the key id alone is given |
| ("iam", account, "profile", name) | InstanceProfile | |
| ("iam", account, "profile-of", role, profile) | Membership | ListInstanceProfilesForRole, DeleteRole |
| ("iam", account, "login", user) | LoginProfile | |
| ("iam", account, "provider", arn) | Provider | OIDC and SAML providers |
| ("iam", account, "certificate", name) | ServerCertificate | |
| ("iam", account, "settings") | AccountSettings | alias, password policy |
"""

from __future__ import annotations

from typing import TypeVar

import msgspec

from ballroom.kernel import Key, Record, Tx
from ballroom.kernel.arn import partition_of

from .errors import NoSuchEntity

Tags = list[tuple[str, str]]
R = TypeVar("R", bound=Record)


class User(Record, frozen=True):
    """Somebody, or something, with keys of its own."""

    name: str
    path: str
    id: str
    created_ms: int
    tags: Tags = msgspec.field(default_factory=list)
    boundary: str = ""


class Role(Record, frozen=True):
    """An identity that others assume; `trust` is its document as it was given."""

    name: str
    path: str
    id: str
    created_ms: int
    trust: str
    description: str = ""
    max_session_s: int = 3600
    tags: Tags = msgspec.field(default_factory=list)
    boundary: str = ""
    last_used_ms: int = 0
    last_used_region: str = ""


class Group(Record, frozen=True):
    """Users that share policies."""

    name: str
    path: str
    id: str
    created_ms: int


class Policy(Record, frozen=True):
    """A customer managed policy; its documents are its versions."""

    name: str
    path: str
    id: str
    created_ms: int
    updated_ms: int
    default_version: int
    last_version: int
    attachments: int = 0
    description: str = ""
    tags: Tags = msgspec.field(default_factory=list)


class PolicyVersion(Record, frozen=True):
    """One version of a managed policy."""

    number: int
    document: str
    created_ms: int


class Inline(Record, frozen=True):
    """A policy that lives and dies with its identity."""

    name: str
    document: str


class Attachment(Record, frozen=True):
    """A managed policy on an identity, from either side."""

    policy_arn: str
    kind: str
    name: str


class Membership(Record, frozen=True):
    """A pair of names: group and user, or instance profile and role."""

    of: str
    member: str


class AccessKey(Record, frozen=True):
    """A user's key; the secret is with the kernel's credentials."""

    id: str
    user: str
    created_ms: int
    active: bool = True


class AccessKeyOwner(Record, frozen=True):
    """Whose key an id is."""

    user: str


class InstanceProfile(Record, frozen=True):
    """What carries a role to a machine."""

    name: str
    path: str
    id: str
    created_ms: int
    role: str = ""
    tags: Tags = msgspec.field(default_factory=list)


class LoginProfile(Record, frozen=True):
    """That a user has a password; the password itself is not kept, as nothing here can check it."""

    user: str
    created_ms: int
    reset_required: bool


class Provider(Record, frozen=True):
    """An OIDC or SAML identity provider."""

    arn: str
    created_ms: int
    url: str = ""
    client_ids: list[str] = msgspec.field(default_factory=list)
    thumbprints: list[str] = msgspec.field(default_factory=list)
    metadata: str = ""
    tags: Tags = msgspec.field(default_factory=list)


class ServerCertificate(Record, frozen=True):
    """A certificate for servers; its private key is not kept, as nothing here uses it."""

    name: str
    path: str
    id: str
    uploaded_ms: int
    expires_ms: int
    body: str
    chain: str = ""
    tags: Tags = msgspec.field(default_factory=list)


class AccountSettings(Record, frozen=True):
    """What an account sets once."""

    alias: str = ""
    password_policy: dict[str, int | bool] | None = None


def key(tx: Tx, *parts: str | int) -> Key:
    """A key of the caller's account."""
    return ("iam", tx.account, *parts)


def arn_of(tx: Tx, kind: str, path: str, name: str) -> str:
    """The ARN of a resource in the caller's account; IAM's ARNs have no region."""
    return f"arn:{partition_of(tx.region)}:iam::{tx.account}:{kind}{path}{name}"


def whole_seconds(now_ms: int) -> int:
    """IAM's dates have no fractions."""
    return now_ms - now_ms % 1000


def find_user(tx: Tx, name: str) -> User | None:
    """The user of that name, if there is one."""
    return tx.get(User, key(tx, "user", name.lower()))


def load_user(tx: Tx, name: str) -> User:
    """The user of that name.

    Raises:
        NoSuchEntity: there is none.
    """
    return _or_missing(find_user(tx, name), f"The user with name {name} cannot be found.")


def load_role(tx: Tx, name: str) -> Role:
    """The role of that name.

    Raises:
        NoSuchEntity: there is none.
    """
    role = tx.get(Role, key(tx, "role", name.lower()))
    return _or_missing(role, f"The role with name {name} cannot be found.")


def load_group(tx: Tx, name: str) -> Group:
    """The group of that name.

    Raises:
        NoSuchEntity: there is none.
    """
    group = tx.get(Group, key(tx, "group", name.lower()))
    return _or_missing(group, f"The group with name {name} cannot be found.")


def load_profile(tx: Tx, name: str) -> InstanceProfile:
    """The instance profile of that name.

    Raises:
        NoSuchEntity: there is none.
    """
    profile = tx.get(InstanceProfile, key(tx, "profile", name.lower()))
    return _or_missing(profile, f"Instance Profile {name} cannot be found.")


def load_certificate(tx: Tx, name: str) -> ServerCertificate:
    """The server certificate of that name.

    Raises:
        NoSuchEntity: there is none.
    """
    found = tx.get(ServerCertificate, key(tx, "certificate", name.lower()))
    return _or_missing(found, f"The Server Certificate with name {name} cannot be found.")


def _or_missing(found: R | None, text: str) -> R:
    if found is None:
        raise NoSuchEntity(text)
    return found


def put_user(tx: Tx, user: User) -> None:
    """Store a user."""
    tx.put(key(tx, "user", user.name.lower()), user)


def put_role(tx: Tx, role: Role) -> None:
    """Store a role."""
    tx.put(key(tx, "role", role.name.lower()), role)


def put_policy(tx: Tx, policy: Policy) -> None:
    """Store a managed policy's row."""
    tx.put(key(tx, "policy", policy.name.lower()), policy)


def put_profile(tx: Tx, profile: InstanceProfile) -> None:
    """Store an instance profile."""
    tx.put(key(tx, "profile", profile.name.lower()), profile)


def put_certificate(tx: Tx, certificate: ServerCertificate) -> None:
    """Store a server certificate."""
    tx.put(key(tx, "certificate", certificate.name.lower()), certificate)
