"""AWS::IAM types of policies that templates keep apart from those who have them.

Source: CloudFormation User Guide, "AWS::IAM::Policy", "AWS::IAM::ManagedPolicy".
"""

from __future__ import annotations

from .base import Attributes, Call, Name, Target, register
from .iam import capability, gone

_HOLDERS = (("Groups", "Group"), ("Roles", "Role"), ("Users", "User"))


async def _put_policy(call: Call, policy: Target) -> Attributes | None:
    """An inline policy that the template keeps apart from those who have it."""
    policy.physical_id = policy.physical_id or policy.name
    name, document = policy.properties["PolicyName"], policy.properties["PolicyDocument"]
    renamed = policy.previous.get("PolicyName", name) != name
    for holders, kind in _HOLDERS:
        now = policy.get(holders) or []
        for who in policy.previous.get(holders) or ():
            if renamed or who not in now:
                await gone(
                    call,
                    f"Delete{kind}Policy",
                    PolicyName=policy.previous["PolicyName"],
                    **{f"{kind}Name": who},
                )
        for who in now:
            await call(
                "iam", f"Put{kind}Policy", PolicyName=name, PolicyDocument=document, **{f"{kind}Name": who}
            )
    return {"Id": policy.physical_id}


async def _delete_policy(call: Call, policy: Target) -> None:
    for holders, kind in _HOLDERS:
        for who in policy.get(holders) or ():
            name = policy.properties["PolicyName"]
            await gone(call, f"Delete{kind}Policy", PolicyName=name, **{f"{kind}Name": who})


register(
    "AWS::IAM::Policy",
    properties="Groups Roles Users",
    required="PolicyDocument PolicyName",
    attributes="Id",
    capability=capability(),
    taggable=False,
    create=_put_policy,
    update=_put_policy,
    delete=_delete_policy,
)


async def _create_managed(call: Call, policy: Target) -> Attributes | None:
    answer = await call(
        "iam", "CreatePolicy", PolicyName=policy.name,
        **policy.pick("Description", "Path", "PolicyDocument"),
    )  # fmt: skip
    policy.physical_id = answer["Policy"]["Arn"]
    for holders, kind in _HOLDERS:
        for who in policy.get(holders) or ():
            await call("iam", f"Attach{kind}Policy", PolicyArn=policy.physical_id, **{f"{kind}Name": who})
    return None


async def _read_managed(call: Call, policy: Target) -> Attributes:
    arn = policy.physical_id
    if not arn:
        path = policy.get("Path", "/")
        arn = policy.physical_id = f"arn:{policy.partition}:iam::{policy.account}:policy{path}{policy.name}"
    found = (await call("iam", "GetPolicy", PolicyArn=arn))["Policy"]
    wanted = {
        "PolicyArn": found["Arn"], "PolicyId": found["PolicyId"],
        "DefaultVersionId": found.get("DefaultVersionId"),
        "AttachmentCount": found.get("AttachmentCount"), "IsAttachable": found.get("IsAttachable"),
        "PermissionsBoundaryUsageCount": found.get("PermissionsBoundaryUsageCount"),
    }  # fmt: skip
    return {name: value for name, value in wanted.items() if value is not None}


async def _update_managed(call: Call, policy: Target) -> Attributes | None:
    arn = policy.physical_id
    if policy.changed("PolicyDocument"):
        versions = (await call("iam", "ListPolicyVersions", PolicyArn=arn))["Versions"]
        if len(versions) >= 5:
            oldest = min(
                (version for version in versions if not version["IsDefaultVersion"]),
                key=lambda version: int(version["VersionId"][1:]),
            )
            await call("iam", "DeletePolicyVersion", PolicyArn=arn, VersionId=oldest["VersionId"])
        document = policy.properties["PolicyDocument"]
        await call("iam", "CreatePolicyVersion", PolicyArn=arn, PolicyDocument=document, SetAsDefault=True)
    for holders, kind in _HOLDERS:
        before, after = policy.previous.get(holders) or [], policy.get(holders) or []
        for who in set(before) - set(after):
            await gone(call, f"Detach{kind}Policy", PolicyArn=arn, **{f"{kind}Name": who})
        for who in after:
            if who not in before:
                await call("iam", f"Attach{kind}Policy", PolicyArn=arn, **{f"{kind}Name": who})
    return None


async def _delete_managed(call: Call, policy: Target) -> None:
    arn = policy.physical_id
    entities = await call("iam", "ListEntitiesForPolicy", PolicyArn=arn)
    for holders, kind in _HOLDERS:
        for who in entities.get(f"Policy{holders}", ()):
            name = f"{kind}Name"
            await gone(call, f"Detach{kind}Policy", PolicyArn=arn, **{name: who[name]})
    for version in (await call("iam", "ListPolicyVersions", PolicyArn=arn))["Versions"]:
        if not version["IsDefaultVersion"]:
            await call("iam", "DeletePolicyVersion", PolicyArn=arn, VersionId=version["VersionId"])
    await call("iam", "DeletePolicy", PolicyArn=arn)


register(
    "AWS::IAM::ManagedPolicy",
    properties="Groups Roles Users",
    required="PolicyDocument",
    create_only="Description ManagedPolicyName Path",
    attributes="AttachmentCount DefaultVersionId IsAttachable PermissionsBoundaryUsageCount PolicyArn PolicyId",
    identifier=("PolicyArn",),
    name=Name("ManagedPolicyName", limit=128),
    capability=capability("ManagedPolicyName"),
    taggable=False,
    create=_create_managed,
    read=_read_managed,
    update=_update_managed,
    delete=_delete_managed,
)
