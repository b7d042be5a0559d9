"""Inline policies: the same four operations for users, groups and roles."""

from __future__ import annotations

from collections.abc import Callable

from ballroom.kernel import Request, Response, Tx, operation
from ballroom.services.iam.documents import check_identity_policy
from ballroom.services.iam.errors import LimitExceeded, NoSuchEntity
from ballroom.services.iam.operations.roles import load_modifiable
from ballroom.services.iam.paging import page
from ballroom.services.iam.presentation import encoded
from ballroom.services.iam.resources import Group, Inline, Role, User, key, load_group, load_role, load_user

Loader = Callable[[Tx, str], User | Group | Role]


def _register(noun: str, load: Loader, load_to_change: Loader, most_bytes: int) -> None:
    """The operations for one kind of identity; quotas count all its inline policies, without white space."""
    kind, name_member = noun.lower(), f"{noun}Name"

    def load_inline(tx: Tx, request: Request) -> tuple[str, Inline]:
        name = load(tx, request[name_member]).name
        found = tx.get(Inline, key(tx, "inline", kind, name.lower(), request["PolicyName"]))
        if found is None:
            raise NoSuchEntity(f"The {kind} policy with name {request['PolicyName']} cannot be found.")
        return name, found

    @operation(f"Put{noun}Policy")
    def put(tx: Tx, request: Request) -> Response:
        """Add an inline policy, or replace the one of that name.

        Raises:
            MalformedPolicyDocument: the document.
            LimitExceeded: all inline policies together are too long.

        Source: IAM API Reference, PutUserPolicy, PutGroupPolicy, PutRolePolicy; quotas.
        """
        owner = load_to_change(tx, request[name_member]).name
        prefix = key(tx, "inline", kind, owner.lower())
        check_identity_policy(request["PolicyDocument"])
        new = Inline(request["PolicyName"], request["PolicyDocument"])
        others = [inline for inline in tx.scan_prefix(Inline, prefix) if inline.name != new.name]
        if sum(len("".join(inline.document.split())) for inline in [new, *others]) > most_bytes:
            raise LimitExceeded(f"Maximum policy size of {most_bytes} bytes exceeded for {kind} {owner}")
        tx.put((*prefix, new.name), new)
        return {}

    @operation(f"Get{noun}Policy")
    def get(tx: Tx, request: Request) -> Response:
        """An inline policy, its document percent-encoded.

        Source: IAM API Reference, GetUserPolicy, GetGroupPolicy, GetRolePolicy.
        """
        name, found = load_inline(tx, request)
        return {name_member: name, "PolicyName": found.name, "PolicyDocument": encoded(found.document)}

    @operation(f"Delete{noun}Policy")
    def delete(tx: Tx, request: Request) -> Response:
        """Remove an inline policy.

        Source: IAM API Reference, DeleteUserPolicy, DeleteGroupPolicy, DeleteRolePolicy.
        """
        load_to_change(tx, request[name_member])
        name, found = load_inline(tx, request)
        tx.delete(key(tx, "inline", kind, name.lower(), found.name))
        return {}

    @operation(f"List{noun}Policies")
    def listing(tx: Tx, request: Request) -> Response:
        """The names of the inline policies.

        Source: IAM API Reference, ListUserPolicies, ListGroupPolicies, ListRolePolicies.
        """
        name = load(tx, request[name_member]).name
        prefix = key(tx, "inline", kind, name.lower())
        return page(tx, request, "PolicyNames", Inline, prefix, lambda inline: inline.name)


_register("User", load_user, load_user, 2048)
_register("Group", load_group, load_group, 5120)
_register("Role", load_role, load_modifiable, 10240)
