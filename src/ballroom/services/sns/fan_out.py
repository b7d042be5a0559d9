"""Fan-out: one publication to the subscriptions of its topic, within one transaction.

Queues and functions are reached by ordinary calls that join the transaction, so a publication is in all
queues or in none. A target that refuses costs its own subscription the message, or sends it to the dead-letter
queue; it never fails the publication.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ballroom.kernel import Caller, ServiceError, Throttled, Tx, Unavailable
from ballroom.services.sns import message_attributes, outbox
from ballroom.services.sns.dead_letters import caller_for, give_up
from ballroom.services.sns.devices import find_device
from ballroom.services.sns.errors import EndpointDisabled, InvalidParameter, NotFound
from ballroom.services.sns.filtering import Seen
from ballroom.services.sns.live import LiveSubscription
from ballroom.services.sns.metrics import count
from ballroom.services.sns.notifications import Envelopes, unsubscribe_url
from ballroom.services.sns.posts import post_notification
from ballroom.services.sns.resources import Sent, Subscription, Topic

if TYPE_CHECKING:
    from ballroom.services.sns.messages import Publication


class FanOut:
    """Delivers one publication."""

    def __init__(self, tx: Tx, topic: Topic, publication: Publication) -> None:
        self._tx, self._topic, self._publication = tx, topic, publication
        self._envelopes = Envelopes(tx, topic, publication)
        self._seen = Seen(publication)
        self._callers: dict[tuple[str, str], Caller] = {}
        self._delivered = 0
        self._failed = 0
        self._filtered = 0
        tx.after_commit(self._count)

    def _count(self) -> None:
        kernel, at = self._tx.kernel, self._topic.at
        kind = "ReplayedNotifications" if self._publication.replayed else "Notifications"
        for name, number in (
            (f"NumberOf{kind}Delivered", self._delivered),
            (f"NumberOf{kind}Failed", self._failed),
            ("NumberOfNotificationsFilteredOut", self._filtered),
        ):
            if number:
                count(kernel, at, name, number)

    def to(self, live: LiveSubscription) -> None:
        """Deliver to one subscription, if its filter policy lets the message through."""
        subscription = live.record
        pattern = live.pattern
        if pattern is not None and not self._seen.accepted(pattern, live.scope, subscription.protocol):
            self._filtered += 1
            return
        try:
            match subscription.protocol:
                case "sqs":
                    self._to_queue(live)
                case "lambda":
                    self._to_function(live)
                case "http" | "https":
                    self._to_endpoint(subscription)
                    return
                case "application":
                    self._to_device(subscription)
                case _:
                    self._to_outbox(subscription)
            self._delivered += 1
        except (Throttled, Unavailable):
            raise
        except ServiceError:
            self._failed += 1
            give_up(self._tx, subscription, self._dead_letter(live))

    def _caller(self, account: str, region: str) -> Caller:
        found = self._callers.get((account, region))
        if found is None:
            found = self._callers[account, region] = caller_for(self._tx, account, region)
        return found

    def _dead_letter(self, live: LiveSubscription) -> dict[str, Any]:
        """The message; in its envelope if it has more attributes than a queue's message can have."""
        try:
            return self._queue_message(live, live.raw)
        except InvalidParameter:
            return self._queue_message(live, raw=False)

    def _queue_message(self, live: LiveSubscription, raw: bool) -> dict[str, Any]:
        publication = self._publication
        if raw:
            message: dict[str, Any] = {"MessageBody": publication.text_for(live.record.protocol)}
            if publication.attributes:
                message["MessageAttributes"] = message_attributes.for_queue(publication.attributes)
        else:
            message = {"MessageBody": self._envelopes.body(live.record.protocol, live.arn)}
        if publication.group is not None:
            message["MessageGroupId"] = publication.group
            if publication.dedup is not None:
                message["MessageDeduplicationId"] = publication.dedup
        return message

    def _to_queue(self, live: LiveSubscription) -> None:
        target = live.target
        assert target is not None
        message = self._queue_message(live, live.raw)
        if self._topic.fifo and not target.resource.endswith(".fifo"):
            # a standard queue of a FIFO topic: order and groups end here
            message.pop("MessageGroupId", None)
            message.pop("MessageDeduplicationId", None)
        message["QueueUrl"] = live.queue_url
        self._tx.call("sqs", "SendMessage", message, caller=self._caller(target.account, target.region))

    def _to_function(self, live: LiveSubscription) -> None:
        target = live.target
        assert target is not None
        event = {
            "FunctionName": live.record.endpoint,
            "InvocationType": "Event",
            "Payload": self._envelopes.lambda_event(live.record),
        }
        self._tx.call("lambda", "InvokeLater", event, caller=self._caller(target.account, target.region))

    def _to_endpoint(self, subscription: Subscription) -> None:
        post_notification(self._tx, self._topic, subscription, self._publication, self._envelopes)

    def _to_device(self, subscription: Subscription) -> None:
        """A push notification says what the message has for the device's platform."""
        found = find_device(self._tx, subscription.endpoint)
        if found is None:
            raise NotFound("Endpoint does not exist")
        at, device = found
        if device.attributes.get("Enabled", "true") != "true":
            raise EndpointDisabled()
        text = self._publication.text_for(at.platform)
        self._record(subscription, self._publication.subject or "", text)

    def _to_outbox(self, subscription: Subscription) -> None:
        publication, topic = self._publication, self._topic
        text = publication.text_for(subscription.protocol)
        if subscription.protocol == "email-json":
            text = self._envelopes.body(subscription.protocol, subscription.arn)
        elif subscription.protocol == "email":
            url = unsubscribe_url(self._tx.kernel.settings.base_url, subscription.arn)
            text += f"\n\n--\nIf you wish to stop receiving notifications from this topic, please visit {url}"
        subject = publication.subject or ""
        if subscription.protocol.startswith("email"):
            subject = subject or topic.attributes.get("DisplayName", "") or "AWS Notification Message"
        self._record(subscription, subject, text)

    def _record(self, subscription: Subscription, subject: str, text: str) -> None:
        sent = Sent(
            self._publication.message_id + ":" + subscription.id, self._tx.now_ms, subscription.protocol,
            subscription.endpoint, subject, text, self._topic.arn,
        )  # fmt: skip
        outbox.add(self._tx, self._topic.account, self._topic.region, sent)
