"""Publish and PublishBatch."""

from __future__ import annotations

import re
from typing import Any

from ballroom.kernel import Request, Response, ServiceError, Throttled, Tx, Unavailable, operation
from ballroom.kernel.model import load_service
from ballroom.services.sns import messages, outbox, publishing
from ballroom.services.sns.authorization import check_account, load_for
from ballroom.services.sns.devices import find_device
from ballroom.services.sns.endpoints import E164
from ballroom.services.sns.errors import (
    BatchEntryIdsNotDistinct,
    BatchRequestTooLong,
    EmptyBatchRequest,
    EndpointDisabled,
    InvalidBatchEntryId,
    InvalidParameter,
    InvalidParameterValue,
    TooManyEntriesInBatchRequest,
)
from ballroom.services.sns.message_attributes import is_binary, text_of
from ballroom.services.sns.resources import OptedOut, Sent
from ballroom.services.sns.topic_attributes import MAXIMUM_BYTES

_ENTRIES = 10
_SMS_LENGTH = 1600
"""Characters that one Publish may send as text messages."""
_ENTRY_ID = re.compile(r"[A-Za-z0-9_-]{1,80}", re.ASCII)


@operation("Publish")
def publish(tx: Tx, request: Request) -> Response:
    """Send a message to a topic's subscriptions, a device or a phone number.

    Source: SNS API Reference, Publish; recorded answers.
    """
    topic_arn, target_arn, phone = (request.get(name) for name in ("TopicArn", "TargetArn", "PhoneNumber"))
    if sum(value is not None for value in (topic_arn, target_arn, phone)) > 1:
        raise InvalidParameter.of(
            "TopicArn, TargetArn and PhoneNumber", reason="Only one of them can be specified"
        )
    if phone is not None:
        return _to_phone(tx, phone, request)
    arn = topic_arn if topic_arn is not None else target_arn
    if arn is None:
        raise InvalidParameter.of("TopicArn or TargetArn", reason="no value for required parameter")
    if target_arn is not None and (":endpoint/" in target_arn or ":app/" in target_arn):
        return _to_device(tx, target_arn, request)
    parameter = "TopicArn" if topic_arn is not None else "TargetArn"
    return publishing.publish(tx, load_for(tx, arn, "Publish", parameter), request)


def _to_phone(tx: Tx, phone: str, request: Request) -> Response:
    if not E164.fullmatch(phone):
        raise InvalidParameter.of("PhoneNumber", reason=f"{phone} is not valid to publish to")
    publication = messages.read(request, None, message_id=tx.ids.uuid(), now_ms=tx.now_ms)
    if len(publication.text_for("sms")) > _SMS_LENGTH:
        raise InvalidParameter.of("Message too long")
    if tx.get(OptedOut, ("sns", tx.account, tx.region, "opted-out", phone)) is None:
        attributes = {
            name: text_of(value)
            for name, (kind, value) in publication.attributes.items()
            if not is_binary(kind)
        }
        sent = Sent(
            publication.message_id, tx.now_ms, "sms", phone, publication.subject or "",
            publication.text_for("sms"), attributes=attributes,
        )  # fmt: skip
        outbox.add(tx, tx.account, tx.region, sent)
    return {"MessageId": publication.message_id}


def _to_device(tx: Tx, arn: str, request: Request) -> Response:
    check_account(tx, arn, "TargetArn", "Publish")
    found = find_device(tx, arn)
    if found is None:
        raise InvalidParameter.of("TargetArn", reason="No endpoint found for the target arn specified")
    at, device = found
    if device.attributes.get("Enabled", "true") != "true":
        raise EndpointDisabled()
    publication = messages.read(request, None, message_id=tx.ids.uuid(), now_ms=tx.now_ms)
    sent = Sent(
        publication.message_id, tx.now_ms, "application", arn, publication.subject or "",
        publication.text_for(at.platform),
    )  # fmt: skip
    outbox.add(tx, at.account, at.region, sent)
    return {"MessageId": publication.message_id}


@operation("PublishBatch")
def publish_batch(tx: Tx, request: Request) -> Response:
    """Publish up to ten messages, of 1 MiB together; a wrong attribute fails its own entry.

    Source: SNS API Reference, PublishBatch; recorded answers (what fails the whole batch).
    """
    entries: list[dict[str, Any]] = request["PublishBatchRequestEntries"]
    topic = load_for(tx, request["TopicArn"], "Publish")
    _check_batch(entries)
    if sum(messages.size_of(entry) for entry in entries) > MAXIMUM_BYTES:
        raise BatchRequestTooLong()
    successful: list[dict[str, Any]] = []
    failed: list[dict[str, Any]] = []
    ready: list[tuple[dict[str, Any], messages.Publication]] = []
    for entry in entries:
        try:
            publication = messages.read(entry, topic, message_id=tx.ids.uuid(), now_ms=tx.now_ms)
            ready.append((entry, publication))
        except InvalidParameterValue as error:
            failed.append(_failure(entry, error))
    for entry, publication in ready:
        try:
            with tx.savepoint():
                answer = publishing.send(tx, topic, publication, entry)
        except (Throttled, Unavailable):
            raise
        except ServiceError as error:
            failed.append(_failure(entry, error))
        else:
            successful.append({"Id": entry["Id"], **answer})
    return {"Successful": successful, "Failed": failed}


def _failure(entry: dict[str, Any], error: ServiceError) -> dict[str, Any]:
    shape = load_service("sns").error(error.shape)
    code = shape.code if shape is not None else error.shape
    return {"Id": entry["Id"], "Code": code, "Message": error.text, "SenderFault": error.fault == "Sender"}


def _check_batch(entries: list[dict[str, Any]]) -> None:
    if not entries:
        raise EmptyBatchRequest()
    if len(entries) > _ENTRIES:
        raise TooManyEntriesInBatchRequest()
    ids = [entry["Id"] for entry in entries]
    if not all(_ENTRY_ID.fullmatch(entry_id) for entry_id in ids):
        raise InvalidBatchEntryId()
    if len(set(ids)) != len(ids):
        raise BatchEntryIdsNotDistinct()
