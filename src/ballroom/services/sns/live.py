"""Derived memory: the confirmed subscriptions of topics, with their filter policies compiled.

Loaded when a topic is first published to, and forgotten when one of its subscriptions changes. Topics with more
subscriptions than are delivered to at once are not kept: their fan-out reads them page by page.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import msgspec

from ballroom.kernel.arn import Arn, find_arn
from ballroom.kernel.matcher import Pattern
from ballroom.services.sns import filtering
from ballroom.services.sns.names import TopicName
from ballroom.services.sns.resources import Subscription, Topic, belongs

if TYPE_CHECKING:
    from ballroom.kernel import Kernel, Tx

AT_ONCE = 100
"""Subscriptions delivered to within the publication's own transaction."""
BYTES_AT_ONCE = 4 << 20
"""What a publication may write in one transaction: a megabyte for a hundred queues would hold up everybody."""


@lru_cache(maxsize=4096)
def _pattern(policy: str, scope: str) -> Pattern:
    return filtering.compiled(policy, scope, "")


class LiveSubscription(msgspec.Struct, gc=False, frozen=True):
    """A subscription and what is worked out from it once."""

    record: Subscription
    arn: str
    raw: bool
    pattern: Pattern | None
    scope: str
    target: Arn | None
    """What a queue's or function's endpoint names."""
    queue_url: str


def live(record: Subscription) -> LiveSubscription:
    """A subscription as the fan-out uses it."""
    policy = record.attributes.get("FilterPolicy")
    scope = record.attributes.get("FilterPolicyScope", filtering.ATTRIBUTES)
    target = find_arn(record.endpoint) if record.protocol in ("sqs", "lambda") else None
    url = f"/{target.account}/{target.resource}" if target is not None else ""
    pattern = _pattern(policy, scope) if policy else None
    return LiveSubscription(record, record.arn, record.raw, pattern, scope, target, url)


def page(tx: Tx, at: TopicName, after: str | None, limit: int = AT_ONCE) -> list[Subscription]:
    """Up to `limit` subscriptions of a topic behind an id, those that wait for confirmation included."""
    prefix = ("sns", at.account, at.region, "sub", at.name)
    return tx.scan_prefix(
        Subscription, prefix, after=(*prefix, after) if after is not None else None, limit=limit
    )


def receives(subscription: Subscription, topic: Topic) -> bool:
    """Whether it gets what the topic publishes."""
    return not subscription.pending and not subscription.paused and belongs(subscription, topic)


class LiveTopics:
    """The topics published to lately."""

    def __init__(self, kernel: Kernel) -> None:
        self._subscriptions: dict[TopicName, list[LiveSubscription] | None] = {}
        self._changing: Tx | None = None
        self._changed: set[TopicName] = set()

    def of(self, tx: Tx, topic: Topic) -> list[LiveSubscription] | None:
        """A topic's confirmed subscriptions; None when there are too many to deliver to at once."""
        at = topic.at
        if self._changing is not None and self._changing is not tx:
            self._forget_changed()  # the change is over, one way or the other
        if at in self._changed:
            return self._load(tx, topic)
        if at not in self._subscriptions:
            if len(self._subscriptions) >= 4096:
                self._subscriptions.clear()
            self._subscriptions[at] = self._load(tx, topic)
        return self._subscriptions[at]

    def _forget_changed(self) -> None:
        for at in self._changed:
            self._subscriptions.pop(at, None)
        self._changed.clear()
        self._changing = None

    def _load(self, tx: Tx, topic: Topic) -> list[LiveSubscription] | None:
        found = page(tx, topic.at, None)
        if len(found) == AT_ONCE and page(tx, topic.at, found[-1].id):
            return None
        return [live(record) for record in found if receives(record, topic)]

    def change(self, tx: Tx, at: TopicName) -> None:
        """The running transaction writes a subscription of the topic."""
        if self._changing is not None and self._changing is not tx:
            self._forget_changed()
        self._changing = tx
        self._changed.add(at)
