"""What is published: the checks of Publish and PublishBatch.

Source: SNS API Reference, Publish, PublishBatch; recorded answers (texts, order of checks).
"""

from __future__ import annotations

import re
from hashlib import sha256
from typing import Any

import orjson

from ballroom.kernel import Record, Request
from ballroom.services.sns import message_attributes
from ballroom.services.sns.errors import InvalidParameter
from ballroom.services.sns.message_attributes import Attributes
from ballroom.services.sns.resources import Topic
from ballroom.services.sns.topic_attributes import maximum_bytes

_SUBJECT_LENGTH = 100
_ID = re.compile(r"[!-~]{1,128}", re.ASCII)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class Publication(Record, frozen=True):
    """A message on its way to a topic's subscriptions."""

    message_id: str
    at_ms: int
    message: str
    subject: str | None = None
    by_protocol: dict[str, str] | None = None
    """With MessageStructure json: the text for each protocol, `default` for the others."""
    attributes: Attributes = {}  # noqa: RUF012 - msgspec copies it
    group: str | None = None
    dedup: str | None = None
    sequence: str = ""
    replayed: bool = False

    def text_for(self, protocol: str) -> str:
        """The message's text for a protocol."""
        if self.by_protocol is None:
            return self.message
        return self.by_protocol.get(protocol, self.by_protocol["default"])


def size_of(request: Request) -> int:
    """The bytes that a message counts for."""
    attributes = request.get("MessageAttributes") or {}
    size = len(request["Message"].encode("utf-8", "surrogatepass"))
    for name, value in attributes.items():
        size += len(name) + len(value.get("DataType") or "") + len(value.get("BinaryValue") or b"")
        size += len((value.get("StringValue") or "").encode("utf-8", "surrogatepass"))
    return size


def read(request: Request, topic: Topic | None, *, message_id: str, now_ms: int) -> Publication:
    """Check one message.

    Raises:
        SnsError: the first rule that it breaks.
    """
    message: str = request["Message"]
    group, dedup = request.get("MessageGroupId"), request.get("MessageDeduplicationId")
    if topic is not None and topic.fifo:
        dedup = _check_fifo(topic, message, group, dedup)
    elif dedup is not None:
        reason = "The request includes MessageDeduplicationId parameter that is not valid for this topic type"
        raise InvalidParameter.of("MessageDeduplicationId", reason=reason)
    elif group is not None and not _ID.fullmatch(group):
        raise _bad_id("MessageGroupId", group)
    if not message:
        raise InvalidParameter.of("Empty message")
    if size_of(request) > maximum_bytes(topic):
        raise InvalidParameter.of("Message too long")
    subject = request.get("Subject")
    if subject is not None:
        _check_subject(subject)
    structure = request.get("MessageStructure")
    by_protocol = None
    if structure == "json":
        by_protocol = _by_protocol(message)
    elif structure is not None:
        raise InvalidParameter.of("MessageStructure")
    given = request.get("MessageAttributes")
    attributes = message_attributes.read(given) if given else {}
    return Publication(message_id, now_ms, message, subject, by_protocol, attributes, group, dedup)


def _check_fifo(topic: Topic, message: str, group: str | None, dedup: str | None) -> str:
    """The deduplication id of a message to a FIFO topic."""
    if group is None:
        raise InvalidParameter.of("The MessageGroupId parameter is required for FIFO topics")
    if not _ID.fullmatch(group):
        raise _bad_id("MessageGroupId", group)
    if dedup is not None:
        if not _ID.fullmatch(dedup):
            raise _bad_id("MessageDeduplicationId", dedup)
        return dedup
    if topic.attributes.get("ContentBasedDeduplication") != "true":
        raise InvalidParameter.of(
            "The topic should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided "
            "explicitly"
        )
    return sha256(message.encode("utf-8", "surrogatepass")).hexdigest()


def _bad_id(parameter: str, value: str) -> InvalidParameter:
    return InvalidParameter.of(
        f"The {parameter} parameter can only include alphanumeric and punctuation characters and be 1 to 128 "
        "in length"
    )


def _check_subject(subject: str) -> None:
    if not subject or len(subject) > _SUBJECT_LENGTH or _CONTROL.search(subject) or subject[0] == " ":
        raise InvalidParameter.of("Subject")


def _by_protocol(message: str) -> dict[str, str]:
    try:
        found: Any = orjson.loads(message)
    except orjson.JSONDecodeError:
        raise InvalidParameter.of("Message Structure - JSON message body failed to parse") from None
    if not isinstance(found, dict):
        raise InvalidParameter.of("Message Structure - JSON message body failed to parse")
    texts = {name: text for name, text in found.items() if isinstance(text, str)}
    if "default" not in texts:
        raise InvalidParameter.of("Message Structure - No default entry in JSON message body")
    return texts
