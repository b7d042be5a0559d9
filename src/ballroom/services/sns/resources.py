"""What SNS stores, and under which keys.

| key | record | read by |
|---|---|---|
| `sns`, account, region, `topic`, name | Topic | every operation; ListTopics by prefix |
| `sns`, account, region, `tags`, name | Tags | tagging |
| `sns`, account, region, `sub`, topic, id | Subscription | publishing, ListSubscriptionsByTopic by prefix |
| `sns`, account, region, `sub-of`, topic, protocol, endpoint | Mine | Subscribe again |
| `sns`, account, region, `token`, topic, token | Mine | ConfirmSubscription |
| `sns`, account, region, `mine`, topic account, topic, id | Mine | ListSubscriptions of an owner |
| `sns`, account, region, `app`, platform, name | Application | ListPlatformApplications by prefix |
| `sns`, account, region, `device`, platform, name, id | Device | ListEndpointsByPlatformApplication |
| `sns`, account, region, `device-token`, platform, name, token | DeviceToken | CreatePlatformEndpoint again |
| `sns`, account, region, `sms` | SmsSettings | Get/SetSMSAttributes |
| `sns`, account, region, `opted-out`, number | OptedOut | opt-out lists |
| `sns`, account, region, `sandbox`, number | SandboxNumber | the SMS sandbox |
| `sns`, account, region, `outbox`, time, n | Sent | the outbox, newest first |
| `sns`, account, region, `cancelled`, topic, token | Subscription | ConfirmSubscription, to restore it |
| `sns`, account, region, `counts` | AccountCounts | the account's quotas |
| `sns`, `~signing`, purpose | SigningKey | signing, the certificate's page |
| `sns-data`, topic id, `counts` | TopicCounts | the topic's quotas, GetTopicAttributes |
| `sns-data`, topic id, `head` | Head | FIFO: sequence numbers |
| `sns-data`, topic id, `dedup`, scope, id | Accepted | FIFO: deduplication |
| `sns-data`, topic id, `accepted`, time, scope, id | Expiry | FIFO: which of those are over |
| `sns-data`, topic id, `archived`, archive id, time, sequence | Publication | replays, oldest first |
| `sns-data`, topic id, `replay`, run | Place | how far a replay has come |
| `sns-data`, topic id, `pace`, subscription | Pace | throttled endpoints: when the next post may leave |
| `sns-data`, topic id, `slot`, subscription, delivery | Slot | the same, for repeated attempts |
| `sns-data`, `~publication`, id | Publication | what a large fan-out still has to deliver |

A subscription belongs to the region and account of its topic, and is listed by its owner. Rows of a deleted
topic are removed in steps; until then, `belongs` tells them from those of a new topic of the same name.
"""

from __future__ import annotations

from typing import Any

import msgspec

from ballroom.kernel import Key, Record, Tx
from ballroom.services.sns.errors import NotFound
from ballroom.services.sns.names import TopicName, parse_subscription, parse_topic

PENDING = "PendingConfirmation"


class Archive(msgspec.Struct, array_like=True, frozen=True):
    """That a FIFO topic archives its messages, and what it can replay."""

    id: str
    days: int
    since_ms: int
    sweep_ms: int
    """When what is too old is removed next."""


class Topic(Record, frozen=True):
    """A topic. `attributes` holds what was set, in AWS's names and texts."""

    account: str
    region: str
    name: str
    id: str
    attributes: dict[str, str]
    created_ms: int
    deleted_subscriptions: int = 0
    protection_policy: str = ""
    archive: Archive | None = None

    @property
    def at(self) -> TopicName:
        """Where it is."""
        return TopicName(self.account, self.region, self.name)

    @property
    def arn(self) -> str:
        """Its ARN."""
        return self.at.arn

    @property
    def fifo(self) -> bool:
        """Whether it keeps order and drops repetitions."""
        return self.name.endswith(".fifo") and self.attributes.get("FifoTopic") == "true"


class Tags(Record, frozen=True):
    """A topic's tags, in the order they were set."""

    tags: dict[str, str]


class Subscription(Record, frozen=True):
    """Who gets what a topic publishes. `attributes` holds what was set explicitly."""

    id: str
    account: str
    region: str
    topic: str
    """Account, region and name of the topic."""
    protocol: str
    endpoint: str
    owner: str
    principal: str
    attributes: dict[str, str]
    created_ms: int
    token: str = ""
    """Confirms it; empty where no confirmation is needed."""
    pending: bool = False
    authenticated: bool = True
    """It was confirmed by a signed request, or needed no confirmation."""
    authenticate_unsubscribe: bool = False
    topic_id: str = ""
    """The topic's id; a subscription of an earlier version has none."""
    replay: str = ""
    """The id of the latest replay, while there is a replay policy."""
    replay_status: str = ""
    paused: bool = False
    """It gets nothing newly published: a replay is under way, or over for good."""

    @property
    def at(self) -> TopicName:
        """The topic."""
        return TopicName(self.account, self.region, self.topic)

    @property
    def arn(self) -> str:
        """Its ARN."""
        return f"{self.at.arn}:{self.id}"

    @property
    def raw(self) -> bool:
        """Whether the message is delivered as it is, without an envelope."""
        return self.attributes.get("RawMessageDelivery") == "true"


class Mine(Record, frozen=True):
    """Where a subscription is that was found by its owner, or by its endpoint."""

    arn: str


class Application(Record, frozen=True):
    """A platform application: the credentials of a push service."""

    platform: str
    name: str
    attributes: dict[str, str]
    id: str = ""


class Device(Record, frozen=True):
    """An endpoint of a platform application."""

    id: str
    token: str
    attributes: dict[str, str]
    application: str = ""
    """The application's id: one of the same name, made anew, has devices of its own."""

    def belongs(self, application: Application) -> bool:
        """Whether it is the application's, and not left of an earlier one of the same name."""
        return self.application in ("", application.id)


class DeviceToken(Record, frozen=True):
    """Which endpoint a token belongs to."""

    id: str


class SmsSettings(Record, frozen=True):
    """The account's SMS attributes."""

    attributes: dict[str, str]


class OptedOut(Record, frozen=True):
    """A number that wants no messages."""

    at_ms: int


class SandboxNumber(Record, frozen=True):
    """A number of the SMS sandbox."""

    password: str
    verified: bool = False


class Sent(Record, frozen=True):
    """A message that would have left for a person: an email, a text, a push notification."""

    id: str
    at_ms: int
    protocol: str
    to: str
    subject: str
    text: str
    topic: str = ""
    confirm_url: str = ""
    attributes: dict[str, str] = {}  # noqa: RUF012 - msgspec copies it


class SigningKey(Record, frozen=True):
    """A private key and its certificate, in PEM; `id` is part of the certificate's address."""

    id: str
    key: bytes
    certificate: bytes


class Head(Record, frozen=True):
    """The last sequence number of a FIFO topic."""

    sequence: int = 0


class Accepted(Record, frozen=True):
    """A deduplication id, and the message it was accepted for."""

    at_ms: int
    message_id: str
    sequence: int


class Expiry(Record, frozen=True):
    """A deduplication id, by when it was accepted."""


def topic_key(at: TopicName) -> Key:
    """One row for each topic, by name."""
    return ("sns", at.account, at.region, "topic", at.name)


def tags_key(at: TopicName) -> Key:
    """A topic's tags."""
    return ("sns", at.account, at.region, "tags", at.name)


def subscription_key(at: TopicName, subscription_id: str) -> Key:
    """A topic's subscriptions lie together."""
    return ("sns", at.account, at.region, "sub", at.name, subscription_id)


def endpoint_key(at: TopicName, protocol: str, endpoint: str) -> Key:
    """A topic has one subscription of an endpoint."""
    return ("sns", at.account, at.region, "sub-of", at.name, protocol, endpoint)


def token_key(at: TopicName, token: str) -> Key:
    """Which subscription a token confirms: anybody may try one, so it costs no search."""
    return ("sns", at.account, at.region, "token", at.name, token)


def mine_key(subscription: Subscription) -> Key:
    """An owner's subscriptions of a region lie together."""
    return (
        "sns", subscription.owner, subscription.region, "mine", subscription.account, subscription.topic,
        subscription.id,
    )  # fmt: skip


def data_key(topic: Topic, *more: str | int) -> Key:
    """A FIFO topic's working rows, under its own id: a topic made anew begins anew."""
    return ("sns-data", topic.id, *more)


def find_topic(tx: Tx, at: TopicName) -> Topic | None:
    """The topic, or None."""
    return tx.get(Topic, topic_key(at))


def belongs(subscription: Subscription, topic: Topic) -> bool:
    """Whether it is the topic's, and not left of an earlier one of the same name."""
    if subscription.topic_id:
        return subscription.topic_id == topic.id
    return subscription.created_ms >= topic.created_ms


def load_topic(tx: Tx, arn: str, parameter: str = "TopicArn") -> Topic:
    """The topic of an ARN, in the request's region.

    Raises:
        InvalidParameter: it is no topic's ARN, or of another region.
        NotFound: there is none.
    """
    topic = find_topic(tx, parse_topic(arn, tx.caller.region, parameter))
    if topic is None:
        raise NotFound.topic()
    return topic


def find_subscription(tx: Tx, arn: str) -> Subscription | None:
    """The subscription of an ARN, or None.

    Raises:
        InvalidParameter: it is no subscription's ARN.
    """
    at, subscription_id = parse_subscription(arn)
    return tx.get(Subscription, subscription_key(at, subscription_id))


def load_subscription(tx: Tx, arn: str) -> Subscription:
    """The subscription of an ARN.

    Raises:
        InvalidParameter: it is no subscription's ARN.
        NotFound: there is none.
    """
    subscription = find_subscription(tx, arn)
    if subscription is None:
        raise NotFound.subscription()
    return subscription


def tag_list(tags: dict[str, str]) -> list[dict[str, Any]]:
    """Tags as the wire has them."""
    return [{"Key": key, "Value": value} for key, value in tags.items()]
