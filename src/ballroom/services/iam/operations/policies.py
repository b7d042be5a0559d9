"""Customer managed policies, and AWS's as far as their ARN tells."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from ballroom.kernel import Request, Response, Tx, operation
from ballroom.services.iam import attached
from ballroom.services.iam.documents import check_identity_policy
from ballroom.services.iam.errors import DeleteConflict, EntityAlreadyExists, LimitExceeded, NoSuchEntity
from ballroom.services.iam.managed import aws_document, aws_policy, check_arn, find_policy, load_policy
from ballroom.services.iam.paging import page, page_of
from ballroom.services.iam.resources import (
    Attachment,
    Policy,
    PolicyVersion,
    arn_of,
    find_user,
    key,
    load_group,
    load_role,
    put_policy,
    whole_seconds,
)
from ballroom.services.iam.tags import tags_of, to_wire

POLICY_SIZE = 6144


def check_document(document: str) -> None:
    """Refuse a managed policy's document that AWS refuses.

    Raises:
        MalformedPolicyDocument: with AWS's text.
        LimitExceeded: it is too long, white space not counted.
    """
    check_identity_policy(document, managed=True)
    if len("".join(document.split())) > POLICY_SIZE:
        raise LimitExceeded.quota("PolicySize", POLICY_SIZE)


def show_policy(tx: Tx, policy: Policy, *, whole: bool = True) -> dict[str, Any]:
    """A policy; GetPolicy always lists its tags, lists never do."""
    arn = arn_of(tx, "policy", policy.path, policy.name)
    shown: dict[str, Any] = {
        "PolicyName": policy.name, "PolicyId": policy.id, "Arn": arn, "Path": policy.path,
        "DefaultVersionId": f"v{policy.default_version}", "AttachmentCount": policy.attachments,
        "PermissionsBoundaryUsageCount": len(attached.entities_of(tx, arn, boundary=True)),
        "IsAttachable": True, "CreateDate": policy.created_ms, "UpdateDate": policy.updated_ms,
    }
    if whole:
        shown["Tags"] = to_wire(policy.tags)
        if policy.description:
            shown["Description"] = policy.description
    return shown


@operation("CreatePolicy")
def create_policy(tx: Tx, request: Request) -> Response:
    """Create a managed policy; its document becomes version v1.

    Raises:
        EntityAlreadyExists: the name is taken, in whatever case.

    Source: IAM API Reference, CreatePolicy.
    """
    name = request["PolicyName"]
    check_document(request["PolicyDocument"])
    if tx.get(Policy, key(tx, "policy", name.lower())) is not None:
        raise EntityAlreadyExists(
            f"A policy called {name} already exists. Duplicate names are not allowed."
        )
    now = whole_seconds(tx.now_ms)
    policy = Policy(
        name, request.get("Path", "/"), "ANPA" + tx.ids.secret_upper(17), now, now, 1, 1,
        description=request.get("Description", ""), tags=tags_of(request),
    )
    put_policy(tx, policy)
    tx.put(key(tx, "version", name.lower(), 1), PolicyVersion(1, request["PolicyDocument"], now))
    shown = show_policy(tx, policy, whole=False)
    if policy.tags:
        shown["Tags"] = to_wire(policy.tags)
    return {"Policy": shown}


@operation("GetPolicy")
def get_policy(tx: Tx, request: Request) -> Response:
    """A managed policy, without its document.

    Source: IAM API Reference, GetPolicy.
    """
    arn = request["PolicyArn"]
    check_arn(arn)
    theirs = aws_policy(arn)
    if theirs is None:
        return {"Policy": show_policy(tx, load_policy(tx, arn))}
    aws_document(arn)  # refuses the policies that Ballroom does not carry
    path, name = theirs
    return {
        "Policy": {
            "PolicyName": name, "PolicyId": aws_policy_id(name), "Arn": arn, "Path": path,
            "DefaultVersionId": "v1", "AttachmentCount": len(attached.entities_of(tx, arn)),
            "PermissionsBoundaryUsageCount": len(attached.entities_of(tx, arn, boundary=True)),
            "IsAttachable": True, "CreateDate": 0, "UpdateDate": 0, "Tags": [],
        }
    }


def aws_policy_id(name: str) -> str:
    """A stable id for an AWS managed policy; AWS's own ids are not public."""
    letters = "".join(c for c in name.upper() if c.isascii() and c.isalnum())
    return ("ANPA" + letters + "A" * 17)[:21]


@operation("ListPolicies")
def list_policies(tx: Tx, request: Request) -> Response:
    """The account's managed policies by name; of AWS's, those that are attached here.

    Source: IAM API Reference, ListPolicies.
    """
    prefix, scope = request.get("PathPrefix", "/"), request.get("Scope", "All")
    usage = request.get("PolicyUsageFilter")
    only_attached = request.get("OnlyAttached", False)

    def keep(policy: Policy) -> bool:
        arn = arn_of(tx, "policy", policy.path, policy.name)
        return (
            scope != "AWS"
            and policy.path.startswith(prefix)
            and (not only_attached or policy.attachments > 0)
            and (
                usage != "PermissionsBoundary"
                or bool(attached.entities_of(tx, arn, boundary=True))
            )
        )

    return page(
        tx, request, "Policies", Policy, key(tx, "policy"),
        lambda policy: show_policy(tx, policy, whole=False), keep=keep,
    )


@operation("DeletePolicy")
def delete_policy(tx: Tx, request: Request) -> Response:
    """Delete a policy that is attached to nothing and has one version.

    Raises:
        DeleteConflict: it is attached, or has more versions.

    Source: IAM API Reference, DeletePolicy.
    """
    policy = load_policy(tx, request["PolicyArn"])
    arn, name = request["PolicyArn"], policy.name.lower()
    if policy.attachments or attached.entities_of(tx, arn, boundary=True):
        raise DeleteConflict("Cannot delete a policy attached to entities.")
    versions = tx.scan_prefix(PolicyVersion, key(tx, "version", name))
    if len(versions) > 1:
        raise DeleteConflict(
            "This policy has more than one version. Before you delete a policy, you must delete the "
            "policy's versions. The default version is deleted with the policy."
        )
    for version in versions:
        tx.delete(key(tx, "version", name, version.number))
    tx.delete(key(tx, "policy", name))
    return {}


@operation("ListEntitiesForPolicy")
def list_entities_for_policy(tx: Tx, request: Request) -> Response:
    """The users, groups and roles that a policy is attached to, or is the boundary of.

    Source: IAM API Reference, ListEntitiesForPolicy.
    """
    arn = request["PolicyArn"]
    check_arn(arn)
    if aws_policy(arn) is None and find_policy(tx, arn) is None:
        raise NoSuchEntity(f"Policy {arn} was not found.")
    wanted = {"User": "user", "Role": "role", "Group": "group"}.get(request.get("EntityFilter", ""))
    boundary = request.get("PolicyUsageFilter") == "PermissionsBoundary"
    found = [a for a in attached.entities_of(tx, arn, boundary=boundary) if wanted in (None, a.kind)]
    paged = page_of(request, "Entities", found)
    answer: Response = {"PolicyGroups": [], "PolicyUsers": [], "PolicyRoles": []}
    for attachment in paged.pop("Entities"):
        member, shown = _entity(tx, attachment)
        answer[member].append(shown)
    return {**answer, **paged}


def _entity(tx: Tx, attachment: Attachment) -> tuple[str, dict[str, str]]:
    if attachment.kind == "user":
        user = find_user(tx, attachment.name)
        assert user is not None  # an identity with policies cannot be deleted
        return "PolicyUsers", {"UserName": user.name, "UserId": user.id}
    if attachment.kind == "group":
        group = load_group(tx, attachment.name)
        return "PolicyGroups", {"GroupName": group.name, "GroupId": group.id}
    role = load_role(tx, attachment.name)
    return "PolicyRoles", {"RoleName": role.name, "RoleId": role.id}


def touch(tx: Tx, policy: Policy, **changes: Any) -> Policy:
    """Store a policy with changes, updated now."""
    policy = replace(policy, updated_ms=whole_seconds(tx.now_ms), **changes)
    put_policy(tx, policy)
    return policy
