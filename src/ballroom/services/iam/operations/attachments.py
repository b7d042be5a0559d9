"""Managed policies on users, groups and roles: the same three operations for each."""

from __future__ import annotations

from ballroom.kernel import Request, Response, Tx, operation
from ballroom.services.iam import attached
from ballroom.services.iam.errors import LimitExceeded, NoSuchEntity
from ballroom.services.iam.managed import check_arn, check_attachable
from ballroom.services.iam.operations.inline import Loader
from ballroom.services.iam.operations.roles import load_modifiable
from ballroom.services.iam.paging import page_of
from ballroom.services.iam.resources import load_group, load_role, load_user

_MOST_ATTACHED = 10


def _register(noun: str, load: Loader, load_to_change: Loader) -> None:
    kind, name_member = noun.lower(), f"{noun}Name"

    @operation(f"Attach{noun}Policy")
    def attach(tx: Tx, request: Request) -> Response:
        """Attach a managed policy; harmless if it is attached already.

        Raises:
            NoSuchEntity: no such identity, or no such policy.
            LimitExceeded: ten are attached.

        Source: IAM API Reference, AttachUserPolicy, AttachGroupPolicy, AttachRolePolicy; quotas.
        """
        arn = request["PolicyArn"]
        name = load_to_change(tx, request[name_member]).name
        check_attachable(tx, arn)
        there = [attachment.policy_arn for attachment in attached.policies_of(tx, kind, name)]
        if arn not in there and len(there) >= _MOST_ATTACHED:
            raise LimitExceeded.quota(f"PoliciesPer{noun}", _MOST_ATTACHED)
        attached.attach(tx, kind, name, arn)
        return {}

    @operation(f"Detach{noun}Policy")
    def detach(tx: Tx, request: Request) -> Response:
        """Detach a managed policy.

        Source: IAM API Reference, DetachUserPolicy, DetachGroupPolicy, DetachRolePolicy.
        """
        name = load_to_change(tx, request[name_member]).name
        check_arn(request["PolicyArn"])
        if not attached.detach(tx, kind, name, request["PolicyArn"]):
            raise NoSuchEntity(f"Policy {request['PolicyArn']} was not found.")
        return {}

    @operation(f"ListAttached{noun}Policies")
    def listing(tx: Tx, request: Request) -> Response:
        """The managed policies of one identity.

        Source: IAM API Reference, ListAttachedUserPolicies and its siblings.
        """
        name = load(tx, request[name_member]).name
        prefix = request.get("PathPrefix", "/")
        shown = [
            {"PolicyName": attachment.policy_arn.rsplit("/", 1)[-1], "PolicyArn": attachment.policy_arn}
            for attachment in attached.policies_of(tx, kind, name)
            if f"/{attachment.policy_arn.partition('/')[2]}".startswith(prefix)
        ]
        return page_of(request, "AttachedPolicies", shown)


_register("User", load_user, load_user)
_register("Group", load_group, load_group)
_register("Role", load_role, load_modifiable)
