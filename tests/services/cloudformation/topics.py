"""A resource type for tests: topics that live nowhere, so that recorded cases about them can run."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from ballroom.services.cloudformation.resource_types import base
from ballroom.services.cloudformation.resource_types.base import Attributes, Call, Name, Target


async def _create(call: Call, topic: Target) -> Attributes | None:
    topic.physical_id = f"arn:{topic.partition}:sns:{topic.region}:{topic.account}:{topic.name}"
    return _attributes(topic)


async def _update(call: Call, topic: Target) -> Attributes | None:
    return _attributes(topic)


async def _delete(call: Call, topic: Target) -> None:
    return None


def _attributes(topic: Target) -> Attributes:
    return {"TopicName": topic.name, "TopicArn": topic.physical_id, "DisplayName": topic.get("DisplayName", "")}


@contextlib.contextmanager
def topics() -> Iterator[None]:
    """Know AWS::SNS::Topic meanwhile."""
    known = base.REGISTRY.get("AWS::SNS::Topic")
    base.register(
        "AWS::SNS::Topic",
        properties="ContentBasedDeduplication DisplayName Tags",
        create_only="FifoTopic TopicName",
        attributes="DisplayName TopicArn TopicName",
        name=Name("TopicName", limit=256),
        create=_create,
        update=_update,
        delete=_delete,
    )
    try:
        yield
    finally:
        del base.REGISTRY["AWS::SNS::Topic"]
        if known is not None:
            base.REGISTRY["AWS::SNS::Topic"] = known
