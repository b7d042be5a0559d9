"""Subscriptions."""

from __future__ import annotations

from typing import Any

import msgspec

from ballroom.kernel import Request, Response, Tx, operation
from ballroom.kernel.tokens import make_token
from ballroom.services.sns import cancelling, endpoints, replaying, subscribing, subscription_attributes
from ballroom.services.sns.authorization import check_owner, load_for
from ballroom.services.sns.errors import AuthorizationError, InvalidParameter, NotFound
from ballroom.services.sns.names import parse_topic
from ballroom.services.sns.operations.topics import after_token
from ballroom.services.sns.resources import (
    PENDING,
    Mine,
    Subscription,
    Topic,
    belongs,
    endpoint_key,
    find_subscription,
    find_topic,
    load_subscription,
    token_key,
)

_PAGE = 100


@operation("Subscribe")
def subscribe(tx: Tx, request: Request) -> Response:
    """Subscribe an endpoint to a topic; the same again answers the same ARN.

    Source: SNS API Reference, Subscribe; recorded answers.
    """
    protocol, endpoint = request["Protocol"].lower(), request.get("Endpoint") or ""
    topic = load_for(tx, request["TopicArn"], "Subscribe", protocol=protocol, endpoint=endpoint)
    endpoints.check(tx, topic, protocol, endpoint)
    given = request.get("Attributes") or {}
    attributes = subscription_attributes.checked(given, protocol, topic)
    existing = _find_existing(tx, topic, protocol, endpoint)
    if existing is not None:
        _check_same(existing, attributes, given)
        if existing.pending:
            subscribing.ask(tx, topic, existing)
        return _answer(existing, request)
    pending = endpoints.needs_confirmation(protocol, endpoint, tx.account)
    subscription = Subscription(
        tx.ids.uuid(), topic.account, topic.region, topic.name, protocol, endpoint, tx.account, tx.caller.arn,
        attributes, tx.now_ms, token=tx.ids.secret(cancelling.TOKEN_LENGTH) if pending else "", pending=pending,
        topic_id=topic.id,
    )  # fmt: skip
    if not pending:
        subscription = replaying.begin(tx, subscription)
    subscribing.add(tx, topic, subscription)
    return _answer(subscription, request)


def _find_existing(tx: Tx, topic: Topic, protocol: str, endpoint: str) -> Subscription | None:
    link = tx.get(Mine, endpoint_key(topic.at, protocol, endpoint))
    existing = find_subscription(tx, link.arn) if link is not None else None
    return existing if existing is not None and belongs(existing, topic) else None


def _check_same(existing: Subscription, attributes: dict[str, str], given: dict[str, str]) -> None:
    for name in given:
        default = "false" if name == "RawMessageDelivery" else ""
        if existing.attributes.get(name, default) != attributes.get(name, default):
            reason = "Subscription already exists with different attributes"
            raise InvalidParameter.of("Attributes", reason=reason)


def _answer(subscription: Subscription, request: Request) -> Response:
    shown = subscription.arn
    if subscription.pending and not request.get("ReturnSubscriptionArn"):
        shown = "pending confirmation"
    return {"SubscriptionArn": shown}


@operation("ConfirmSubscription")
def confirm_subscription(tx: Tx, request: Request) -> Response:
    """Confirm a subscription by its token, or restore it by that of its end; again answers the same."""
    at = parse_topic(request["TopicArn"], None)
    topic = find_topic(tx, at)
    if topic is None:
        raise NotFound.topic()
    token = request["Token"]
    subscription = _find_by_token(tx, topic, token) or cancelling.restore(tx, topic, token)
    if subscription is None or (
        subscription.pending and tx.now_ms - subscription.created_ms > subscribing.TOKEN_MS
    ):
        raise InvalidParameter.of("Token")
    if subscription.pending:
        signed = not tx.caller.anonymous and bool(tx.caller.access_key_id)
        guarded = signed and (request.get("AuthenticateOnUnsubscribe") or "").lower() == "true"
        subscription = msgspec.structs.replace(
            subscription, pending=False, authenticated=signed, authenticate_unsubscribe=guarded
        )
        subscription = replaying.begin(tx, subscription)
        subscribing.put(tx, subscription)
    return {"SubscriptionArn": subscription.arn}


def _find_by_token(tx: Tx, topic: Topic, token: str) -> Subscription | None:
    link = tx.get(Mine, token_key(topic.at, token))
    found = find_subscription(tx, link.arn) if link is not None else None
    return found if found is not None and belongs(found, topic) else None


@operation("Unsubscribe")
def unsubscribe(tx: Tx, request: Request) -> Response:
    """End a subscription, and tell its endpoint; one that does not exist is no error."""
    subscription = find_subscription(tx, request["SubscriptionArn"])
    if subscription is not None:
        if subscription.pending:
            raise InvalidParameter.of(
                "SubscriptionArn", reason="This subscription is pending confirmation and cannot be deleted"
            )
        if subscription.authenticate_unsubscribe:
            if tx.caller.anonymous:
                raise AuthorizationError("This subscription can only be ended by a signed request")
            check_owner(tx, subscription, "Unsubscribe")
        cancelling.cancel(tx, subscription)
    return {}


@operation("GetSubscriptionAttributes")
def get_subscription_attributes(tx: Tx, request: Request) -> Response:
    """A subscription's attributes."""
    subscription = load_subscription(tx, request["SubscriptionArn"])
    check_owner(tx, subscription, "GetSubscriptionAttributes")
    return {"Attributes": subscription_attributes.described(subscription, find_topic(tx, subscription.at))}


@operation("SetSubscriptionAttributes")
def set_subscription_attributes(tx: Tx, request: Request) -> Response:
    """Set one attribute; takes effect with the next publication."""
    subscription = load_subscription(tx, request["SubscriptionArn"])
    check_owner(tx, subscription, "SetSubscriptionAttributes")
    topic = find_topic(tx, subscription.at)
    if topic is None:
        raise NotFound.topic()
    given = {request["AttributeName"]: request.get("AttributeValue") or ""}
    attributes = subscription_attributes.checked(given, subscription.protocol, topic, subscription.attributes)
    subscription = msgspec.structs.replace(subscription, attributes=attributes)
    if request["AttributeName"] == "ReplayPolicy" and not subscription.pending:
        subscription = replaying.begin(tx, subscription)
    subscribing.put(tx, subscription)
    return {}


def _listed(subscription: Subscription) -> dict[str, Any]:
    return {
        "SubscriptionArn": PENDING if subscription.pending else subscription.arn,
        "Owner": subscription.owner,
        "Protocol": subscription.protocol,
        "Endpoint": subscription.endpoint,
        "TopicArn": subscription.at.arn,
    }


@operation("ListSubscriptionsByTopic")
def list_subscriptions_by_topic(tx: Tx, request: Request) -> Response:
    """A topic's subscriptions, a hundred a page."""
    topic = load_for(tx, request["TopicArn"], "ListSubscriptionsByTopic")
    prefix = ("sns", topic.account, topic.region, "sub", topic.name)
    found = tx.scan_prefix(Subscription, prefix, after=after_token(request, prefix), limit=_PAGE + 1)
    answer: Response = {"Subscriptions": [_listed(one) for one in found[:_PAGE] if belongs(one, topic)]}
    if len(found) > _PAGE:
        answer["NextToken"] = make_token((found[_PAGE - 1].id,))
    return answer


@operation("ListSubscriptions")
def list_subscriptions(tx: Tx, request: Request) -> Response:
    """The caller's subscriptions in the region, those to other accounts' topics included."""
    prefix = ("sns", tx.account, tx.region, "mine")
    after = after_token(request, prefix, length=3)
    found = tx.scan_prefix_items(Mine, prefix, after=after, limit=_PAGE + 1)
    subscriptions = [find_subscription(tx, mine.arn) for _, mine in found[:_PAGE]]
    answer: Response = {"Subscriptions": [_listed(s) for s in subscriptions if s is not None]}
    if len(found) > _PAGE:
        answer["NextToken"] = make_token(found[_PAGE - 1][0][-3:])
    return answer
