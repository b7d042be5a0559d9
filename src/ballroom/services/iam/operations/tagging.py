"""Tags: the same three operations for whatever carries them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec.structs import replace

from ballroom.kernel import Request, Response, Tx, operation
from ballroom.services.iam import resources, tags
from ballroom.services.iam.managed import load_policy
from ballroom.services.iam.operations.providers import load_provider, put_provider
from ballroom.services.iam.paging import page_of

Load = Callable[[Tx, str], Any]
Put = Callable[[Tx, Any], None]


def _register(noun: str, member: str, load: Load, put: Put) -> None:
    """`load` finds the resource that `member` names, `put` stores it; both know its key."""

    @operation(f"Tag{noun}")
    def tag(tx: Tx, request: Request) -> Response:
        """Add tags, or replace the values of those that are there.

        Source: IAM API Reference, TagUser, TagRole, TagPolicy and their siblings.
        """
        found = load(tx, request[member])
        put(tx, replace(found, tags=tags.merge(found.tags, request["Tags"])))
        return {}

    @operation(f"Untag{noun}")
    def untag(tx: Tx, request: Request) -> Response:
        """Remove tags; those that are not there do not matter.

        Source: IAM API Reference, UntagUser, UntagRole, UntagPolicy and their siblings.
        """
        found = load(tx, request[member])
        put(tx, replace(found, tags=tags.without(found.tags, request["TagKeys"])))
        return {}

    @operation(f"List{noun}Tags")
    def listing(tx: Tx, request: Request) -> Response:
        """The tags, in the order they were added.

        Source: IAM API Reference, ListUserTags, ListRoleTags, ListPolicyTags and their siblings.
        """
        return page_of(request, "Tags", tags.to_wire(load(tx, request[member]).tags))


_register("User", "UserName", resources.load_user, resources.put_user)
_register("Role", "RoleName", resources.load_role, resources.put_role)
_register("Policy", "PolicyArn", load_policy, resources.put_policy)
_register("InstanceProfile", "InstanceProfileName", resources.load_profile, resources.put_profile)
_register("OpenIDConnectProvider", "OpenIDConnectProviderArn", load_provider, put_provider)
_register("SAMLProvider", "SAMLProviderArn", load_provider, put_provider)
_register("ServerCertificate", "ServerCertificateName", resources.load_certificate, resources.put_certificate)
