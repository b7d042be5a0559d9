"""AWS::Events types.

Source: CloudFormation User Guide, "AWS::Events::Rule", "EventBus", "EventBusPolicy", "Archive",
"Connection", "ApiDestination".
"""

from __future__ import annotations

from typing import Any

import orjson

from .base import Attributes, Call, Name, Target, register, tag_changes, tag_list

_RULE = ("EventPattern", "ScheduleExpression", "State", "Description", "RoleArn")


# -- rules ---------------------------------------------------------------------------------------------


def _where(rule: Target) -> dict[str, Any]:
    return rule.pick("EventBusName")


async def _put_rule(call: Call, rule: Target) -> str:
    answer = await call(
        "events", "PutRule", Name=rule.name, Tags=tag_list(rule.tags) if not rule.previous else None,
        **rule.pick(*_RULE), **_where(rule),
    )  # fmt: skip
    return str(answer["RuleArn"])


async def _create_rule(call: Call, rule: Target) -> Attributes | None:
    arn = await _put_rule(call, rule)
    if rule.get("Targets"):
        await call("events", "PutTargets", Rule=rule.name, Targets=rule.properties["Targets"], **_where(rule))
    rule.physical_id = _rule_reference(arn, rule.name)
    return None


def _rule_reference(arn: str, name: str) -> str:
    """`Ref`: the name, on a custom bus behind the bus's."""
    bus = arn.partition(":rule/")[2].removesuffix(name).removesuffix("/")
    return f"{bus}|{name}" if bus else name


async def _read_rule(call: Call, rule: Target) -> Attributes:
    answer = await call("events", "DescribeRule", Name=rule.name, **_where(rule))
    rule.physical_id = rule.physical_id or _rule_reference(answer["Arn"], rule.name)
    return {"Arn": answer["Arn"]}


async def _update_rule(call: Call, rule: Target) -> Attributes | None:
    arn = await _put_rule(call, rule)
    if rule.changed("Targets"):
        wanted = {str(target["Id"]) for target in rule.get("Targets") or ()}
        gone = [t["Id"] for t in rule.previous.get("Targets") or () if str(t["Id"]) not in wanted]
        if gone:
            await call("events", "RemoveTargets", Rule=rule.name, Ids=gone, **_where(rule))
        if wanted:
            await call(
                "events", "PutTargets", Rule=rule.name, Targets=rule.properties["Targets"], **_where(rule)
            )
    await _change_tags(call, rule, arn)
    return None


async def _change_tags(call: Call, target: Target, arn: str) -> None:
    added, removed = tag_changes(target)
    if added:
        await call("events", "TagResource", ResourceARN=arn, Tags=tag_list(added))
    if removed:
        await call("events", "UntagResource", ResourceARN=arn, TagKeys=removed)


async def _delete_rule(call: Call, rule: Target) -> None:
    answer = await call("events", "ListTargetsByRule", Rule=rule.name, **_where(rule))
    ids = [target["Id"] for target in answer["Targets"]]
    if ids:
        await call("events", "RemoveTargets", Rule=rule.name, Ids=ids, **_where(rule))
    await call("events", "DeleteRule", Name=rule.name, **_where(rule))


register(
    "AWS::Events::Rule",
    properties=" ".join(_RULE) + " Targets Tags",
    create_only="Name EventBusName",
    attributes="Arn",
    identifier=("Arn",),
    name=Name("Name", limit=64),
    create=_create_rule,
    read=_read_rule,
    update=_update_rule,
    delete=_delete_rule,
)


# -- buses ---------------------------------------------------------------------------------------------

_BUS = ("Description", "KmsKeyIdentifier", "DeadLetterConfig", "LogConfig")


async def _create_bus(call: Call, bus: Target) -> Attributes | None:
    await call(
        "events", "CreateEventBus", Name=bus.name, Tags=tag_list(bus.tags),
        **bus.pick("EventSourceName", *_BUS),
    )  # fmt: skip
    await _put_bus_policy(call, bus)
    return None


async def _put_bus_policy(call: Call, bus: Target) -> None:
    policy = bus.get("Policy")
    if policy is not None:
        await call("events", "PutPermission", EventBusName=bus.name, Policy=policy)


async def _read_bus(call: Call, bus: Target) -> Attributes:
    answer = await call("events", "DescribeEventBus", Name=bus.name)
    return {"Arn": answer["Arn"], "Name": answer["Name"]}


async def _update_bus(call: Call, bus: Target) -> Attributes | None:
    answer = await call("events", "UpdateEventBus", Name=bus.name, **bus.changes(*_BUS))
    if bus.changed("Policy"):
        if bus.get("Policy") is None:
            await call("events", "RemovePermission", EventBusName=bus.name, RemoveAllPermissions=True)
        await _put_bus_policy(call, bus)
    await _change_tags(call, bus, answer["Arn"])
    return None


async def _delete_bus(call: Call, bus: Target) -> None:
    await call("events", "DescribeEventBus", Name=bus.name)  # DeleteEventBus does not tell that it is gone
    await call("events", "DeleteEventBus", Name=bus.name)


register(
    "AWS::Events::EventBus",
    properties=" ".join(_BUS) + " Policy Tags",
    required="Name",
    create_only="EventSourceName Name",
    attributes="Arn Name",
    identifier=("Name",),
    name=Name("Name", limit=256),
    create=_create_bus,
    read=_read_bus,
    update=_update_bus,
    delete=_delete_bus,
)


async def _put_policy(call: Call, policy: Target) -> Attributes | None:
    given = policy.properties
    statement = given.get("Statement")
    if statement is None:
        await call(
            "events", "PutPermission", StatementId=given["StatementId"],
            **policy.pick("EventBusName", "Action", "Principal", "Condition"),
        )  # fmt: skip
    else:
        at = policy.pick("EventBusName")
        bus = await call("events", "DescribeEventBus", **({"Name": at["EventBusName"]} if at else {}))
        statements = [*_others(bus, str(given["StatementId"])), {"Sid": given["StatementId"], **statement}]
        await call(
            "events", "PutPermission", Policy={"Version": "2012-10-17", "Statement": statements}, **at
        )
    policy.physical_id = policy.physical_id or policy.name
    return None


def _others(bus: dict[str, Any], statement_id: str) -> list[dict[str, Any]]:
    document = orjson.loads(bus.get("Policy") or "{}")
    return [s for s in document.get("Statement", ()) if s.get("Sid") != statement_id]


async def _delete_policy(call: Call, policy: Target) -> None:
    await call(
        "events", "RemovePermission", StatementId=policy.properties["StatementId"],
        **policy.pick("EventBusName"),
    )  # fmt: skip


register(
    "AWS::Events::EventBusPolicy",
    properties="Action Condition Principal Statement",
    required="StatementId",
    create_only="EventBusName StatementId",
    taggable=False,
    create=_put_policy,
    update=_put_policy,
    delete=_delete_policy,
)


# -- archives ------------------------------------------------------------------------------------------

_ARCHIVE = ("Description", "EventPattern", "RetentionDays", "KmsKeyIdentifier")


async def _create_archive(call: Call, archive: Target) -> Attributes | None:
    await call(
        "events", "CreateArchive", ArchiveName=archive.name, EventSourceArn=archive.properties["SourceArn"],
        **archive.pick(*_ARCHIVE),
    )  # fmt: skip
    return None


async def _read_archive(call: Call, archive: Target) -> Attributes:
    answer = await call("events", "DescribeArchive", ArchiveName=archive.name)
    return {"Arn": answer["ArchiveArn"], "ArchiveName": answer["ArchiveName"]}


async def _update_archive(call: Call, archive: Target) -> Attributes | None:
    changes = archive.changes(*_ARCHIVE)
    for name, empty in (("EventPattern", ""), ("RetentionDays", 0), ("Description", "")):
        if name in archive.previous and name not in archive.properties:
            changes[name] = empty
    await call("events", "UpdateArchive", ArchiveName=archive.name, **changes)
    return None


async def _delete_archive(call: Call, archive: Target) -> None:
    await call("events", "DeleteArchive", ArchiveName=archive.name)


register(
    "AWS::Events::Archive",
    properties=" ".join(_ARCHIVE),
    required="SourceArn",
    create_only="ArchiveName SourceArn",
    attributes="Arn ArchiveName",
    identifier=("ArchiveName",),
    name=Name("ArchiveName", limit=48),
    taggable=False,
    create=_create_archive,
    read=_read_archive,
    update=_update_archive,
    delete=_delete_archive,
)


# -- API destinations ----------------------------------------------------------------------------------

_CONNECTION = ("AuthorizationType", "AuthParameters", "Description", "KmsKeyIdentifier",
               "InvocationConnectivityParameters")  # fmt: skip


def _whole(kind: str, members: tuple[str, ...]) -> dict[str, Any]:
    """How to create, update and delete what is addressed by its name, and told whole each time."""

    async def create(call: Call, target: Target) -> Attributes | None:
        await call("events", f"Create{kind}", Name=target.name, **target.pick(*members))
        return None

    async def update(call: Call, target: Target) -> Attributes | None:
        await call("events", f"Update{kind}", Name=target.name, **target.pick(*members))
        return None

    async def delete(call: Call, target: Target) -> None:
        await call("events", f"Delete{kind}", Name=target.name)

    return {"create": create, "update": update, "delete": delete}


async def _read_connection(call: Call, connection: Target) -> Attributes:
    answer = await call("events", "DescribeConnection", Name=connection.name)
    arn = answer["ConnectionArn"]
    return {"Arn": arn, "ArnForPolicy": arn.rpartition("/")[0], "SecretArn": answer["SecretArn"]}


register(
    "AWS::Events::Connection",
    properties=" ".join(_CONNECTION),
    create_only="Name",
    attributes="Arn ArnForPolicy SecretArn",
    identifier=("Name",),
    name=Name("Name", limit=64),
    taggable=False,
    read=_read_connection,
    **_whole("Connection", _CONNECTION),
)

_DESTINATION = ("ConnectionArn", "Description", "HttpMethod", "InvocationEndpoint",
                "InvocationRateLimitPerSecond")  # fmt: skip


async def _read_destination(call: Call, destination: Target) -> Attributes:
    answer = await call("events", "DescribeApiDestination", Name=destination.name)
    arn = answer["ApiDestinationArn"]
    return {"Arn": arn, "ArnForPolicy": arn.rpartition("/")[0]}


register(
    "AWS::Events::ApiDestination",
    properties="Description InvocationRateLimitPerSecond",
    required="ConnectionArn HttpMethod InvocationEndpoint",
    create_only="Name",
    attributes="Arn ArnForPolicy",
    identifier=("Name",),
    name=Name("Name", limit=64),
    taggable=False,
    read=_read_destination,
    **_whole("ApiDestination", _DESTINATION),
)
