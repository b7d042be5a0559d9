"""Topics and their attributes."""

from __future__ import annotations

import msgspec

from ballroom.kernel import Key, Request, Response, Tx, operation
from ballroom.kernel.tokens import make_token, read_token
from ballroom.services.sns import archiving, counts, endpoints, subscribing, tagging, topic_attributes
from ballroom.services.sns.authorization import load_for
from ballroom.services.sns.errors import InvalidParameter, InvalidState
from ballroom.services.sns.live import page
from ballroom.services.sns.names import TopicName, check_topic_name, parse_topic
from ballroom.services.sns.notifications import timestamp
from ballroom.services.sns.resources import (
    Tags,
    Topic,
    find_topic,
    tags_key,
    topic_key,
)

_PAGE = 100


@operation("CreateTopic")
def create_topic(tx: Tx, request: Request) -> Response:
    """Create a topic, or answer the ARN of the one that is there and equal.

    Source: SNS API Reference, CreateTopic; recorded answers.
    """
    name = request["Name"]
    given = request.get("Attributes") or {}
    attributes = topic_attributes.for_creation(given)
    check_topic_name(name, fifo=attributes.get("FifoTopic") == "true")
    tags = tagging.read(request.get("Tags") or [], by_service=tx.caller.source.endswith(".amazonaws.com"))
    at = TopicName(tx.account, tx.region, name)
    existing = find_topic(tx, at)
    if existing is not None:
        if any(existing.attributes.get(key, "") != value for key, value in attributes.items()):
            raise InvalidParameter.of("Attributes", reason="Topic already exists with different attributes")
        known = tx.get(Tags, tags_key(at))
        if tags and (known is None or any(known.tags.get(key) != value for key, value in tags.items())):
            raise InvalidParameter.of("Tags", reason="Topic already exists with different tags")
        return {"TopicArn": at.arn}
    topic = Topic(
        at.account, at.region, name, tx.ids.hex(16), attributes, tx.now_ms,
        protection_policy=request.get("DataProtectionPolicy") or "",
    )  # fmt: skip
    counts.topic_created(tx, topic)
    put_topic(tx, topic)
    if tags:
        tx.put(tags_key(at), Tags(tags))
    return {"TopicArn": at.arn}


@operation("DeleteTopic")
def delete_topic(tx: Tx, request: Request) -> Response:
    """Delete a topic with its subscriptions; one that does not exist is no error.

    Raises:
        InvalidState: it archives its messages, which protects it.
    """
    at = parse_topic(request["TopicArn"], tx.caller.region)
    if find_topic(tx, at) is None:
        return {}
    topic = load_for(tx, at.arn, "DeleteTopic")
    if topic.archive is not None:
        raise InvalidState("Invalid state: Cannot delete a topic with an ArchivePolicy")
    counts.topic_deleted(tx, topic)
    tx.delete(topic_key(at))
    tx.delete(tags_key(at))
    subscribing.sweep(tx, *at)
    subscribing.sweep_data(tx, topic.id)
    return {}


@operation("ListTopics")
def list_topics(tx: Tx, request: Request) -> Response:
    """The account's topics in the region, a hundred a page, by name."""
    prefix = ("sns", tx.account, tx.region, "topic")
    found = tx.scan_prefix(Topic, prefix, after=after_token(request, prefix), limit=_PAGE + 1)
    answer: Response = {"Topics": [{"TopicArn": topic.arn} for topic in found[:_PAGE]]}
    if len(found) > _PAGE:
        answer["NextToken"] = make_token((found[_PAGE - 1].name,))
    return answer


def after_token(request: Request, prefix: Key, length: int = 1) -> Key | None:
    """The key behind which a list goes on.

    Raises:
        InvalidParameter: the token is none of ours.
    """
    token = request.get("NextToken")
    if not token:
        return None
    parts = read_token(token)
    if parts is None or len(parts) != length:
        raise InvalidParameter.of("NextToken")
    return (*prefix, *parts)


@operation("GetTopicAttributes")
def get_topic_attributes(tx: Tx, request: Request) -> Response:
    """A topic's attributes, the effective delivery policy and the counts of subscriptions among them."""
    topic = load_for(tx, request["TopicArn"], "GetTopicAttributes")
    known = counts.of_topic(tx, topic)
    told = topic_attributes.described(topic, confirmed=known.confirmed, pending=known.pending)
    if topic.archive is not None:
        told["BeginningArchiveTime"] = timestamp(archiving.beginning_ms(topic.archive, tx.now_ms))
    return {"Attributes": told}


@operation("SetTopicAttributes")
def set_topic_attributes(tx: Tx, request: Request) -> Response:
    """Set one attribute; an absent value removes it."""
    topic = load_for(tx, request["TopicArn"], "SetTopicAttributes")
    name, value = request["AttributeName"], request.get("AttributeValue") or ""
    checked = topic_attributes.check(name, value, fifo=topic.fifo)
    attributes = {key: text for key, text in topic.attributes.items() if key != name}
    if checked or name == "DisplayName":
        attributes[name] = checked
    topic = msgspec.structs.replace(topic, attributes=attributes)
    if name == "MaximumMessageSize" and topic_attributes.takes_large_messages(topic):
        _check_large(tx, topic)
    put_topic(tx, topic)
    return {}


def _check_large(tx: Tx, topic: Topic) -> None:
    """Refuse messages of more than 256 KiB where somebody has subscribed who cannot get them."""
    found = page(tx, topic.at, None, endpoints.MOST_LARGE + 1)
    if len(found) > endpoints.MOST_LARGE or any(one.protocol not in endpoints.LARGE for one in found):
        reason = (
            "MaximumMessageSize above 262144 is only for topics with 100 or fewer subscriptions, all of them "
            "of the protocols sqs, firehose or lambda"
        )
        raise InvalidParameter.of("Attributes", reason=reason)


def put_topic(tx: Tx, topic: Topic) -> None:
    """Store a topic, with the archive that its attributes ask for."""
    tx.put(topic_key(topic.at), archiving.adopt_policy(tx, topic))
