"""The forms that a message is delivered in: the JSON envelope, the function's event, HTTP headers.

Source: Developer Guide, "Amazon SNS HTTP/HTTPS notification JSON format"; Lambda Developer Guide, "Invoking
Lambda functions with Amazon SNS notifications"; recorded answers (a FIFO topic's envelope is not signed, a
function's event has version 1 whatever the topic's is).
"""

from __future__ import annotations

import datetime
from typing import Any
from urllib.parse import quote

import orjson

from ballroom.kernel import Tx
from ballroom.services.sns import message_attributes, signing
from ballroom.services.sns.messages import Publication
from ballroom.services.sns.resources import Subscription, Topic


def timestamp(ms: int) -> str:
    """As envelopes have it."""
    moment = datetime.datetime.fromtimestamp(ms // 1000, datetime.UTC)
    return f"{moment.isoformat()[:19]}.{ms % 1000:03d}Z"


def unsubscribe_url(base_url: str, subscription_arn: str) -> str:
    """Ends the subscription when it is visited."""
    return f"{base_url}/?Action=Unsubscribe&SubscriptionArn={subscription_arn}"


class Envelopes:
    """The envelopes of one publication: signed once for each text, whatever the number of subscriptions."""

    def __init__(self, tx: Tx, topic: Topic, publication: Publication) -> None:
        self._tx, self._topic, self._publication = tx, topic, publication
        self._base_url = tx.kernel.settings.base_url
        self._version = topic.attributes.get("SignatureVersion", "1")
        self._signed: dict[tuple[str, str, str], dict[str, Any]] = {}
        self._halves: dict[str, tuple[str, str]] = {}

    def fields(self, subscription: Subscription, purpose: str = signing.INSIDE) -> dict[str, Any]:
        """The envelope's fields in AWS's order."""
        text = self._publication.text_for(subscription.protocol)
        version = "1" if subscription.protocol == "lambda" else self._version
        fields = dict(self._signed.get((text, purpose, version)) or self._sign(text, purpose, version))
        fields["UnsubscribeURL"] = unsubscribe_url(self._base_url, subscription.arn)
        if self._publication.attributes:
            fields["MessageAttributes"] = message_attributes.in_envelope(self._publication.attributes)
        return fields

    def body(self, protocol: str, subscription_arn: str) -> str:
        """The envelope as text, for a queue.

        What surrounds the one part that differs between subscriptions is made once.
        """
        halves = self._halves.get(protocol)
        if halves is None:
            text = self._publication.text_for(protocol)
            key = text, signing.INSIDE, self._version
            signed = self._signed.get(key) or self._sign(*key)
            before = orjson.dumps(signed)[:-1] + b',"UnsubscribeURL":"'
            after = b'"}'
            if self._publication.attributes:
                attributes = message_attributes.in_envelope(self._publication.attributes)
                after = b'","MessageAttributes":' + orjson.dumps(attributes) + b"}"
            if self._publication.replayed:
                after = after[:-1] + b',"Replayed":true}'
            halves = self._halves[protocol] = before.decode(), after.decode()
        # an ARN needs no escaping
        return halves[0] + unsubscribe_url(self._base_url, subscription_arn) + halves[1]

    def _sign(self, text: str, purpose: str, version: str) -> dict[str, Any]:
        publication, topic = self._publication, self._topic
        fields: dict[str, Any] = {"Type": "Notification", "MessageId": publication.message_id}
        if topic.fifo:
            fields["SequenceNumber"] = publication.sequence
        fields["TopicArn"] = topic.arn
        if publication.subject is not None:
            fields["Subject"] = publication.subject
        fields["Message"] = text
        fields["Timestamp"] = timestamp(publication.at_ms)
        if not topic.fifo:
            signer = self._tx.kernel.state(signing.Signer)
            signature, url = signer.sign(self._tx, purpose, fields, version)
            fields |= {"SignatureVersion": version, "Signature": signature, "SigningCertURL": url}
        self._signed[text, purpose, version] = fields
        return fields

    def lambda_event(self, subscription: Subscription) -> bytes:
        """The event of a function."""
        fields = self.fields(subscription)
        sns = {
            "Type": "Notification",
            "MessageId": fields["MessageId"],
            "TopicArn": fields["TopicArn"],
            "Subject": fields.get("Subject"),
            "Message": fields["Message"],
            "Timestamp": fields["Timestamp"],
            "SignatureVersion": fields.get("SignatureVersion"),
            "Signature": fields.get("Signature"),
            "SigningCertUrl": fields.get("SigningCertURL"),
            "UnsubscribeUrl": fields["UnsubscribeURL"],
            "MessageAttributes": fields.get("MessageAttributes", {}),
        }
        record = {
            "EventSource": "aws:sns",
            "EventVersion": "1.0",
            "EventSubscriptionArn": subscription.arn,
            "Sns": sns,
        }
        return orjson.dumps({"Records": [record]})


CONFIRMATION, GOODBYE = "SubscriptionConfirmation", "UnsubscribeConfirmation"


def confirmation(
    tx: Tx, topic: Topic, subscription: Subscription, purpose: str, kind: str = CONFIRMATION
) -> dict[str, Any]:
    """The message that asks an endpoint whether it wants the subscription, or has wanted its end."""
    text = (
        f"You have chosen to subscribe to the topic {topic.arn}.\n"
        "To confirm the subscription, visit the SubscribeURL included in this message."
    )
    if kind == GOODBYE:
        text = (
            f"You have chosen to deactivate subscription {subscription.arn}.\n"
            "To cancel this operation and restore the subscription, visit the SubscribeURL included in this "
            "message."
        )
    fields: dict[str, Any] = {
        "Type": kind,
        "MessageId": tx.ids.uuid(),
        "Token": subscription.token,
        "TopicArn": topic.arn,
        "Message": text,
        "SubscribeURL": confirm_url(tx.kernel.settings.base_url, topic.arn, subscription.token),
        "Timestamp": timestamp(tx.now_ms),
    }
    version = topic.attributes.get("SignatureVersion", "1")
    signature, url = tx.kernel.state(signing.Signer).sign(tx, purpose, fields, version)
    return {**fields, "SignatureVersion": version, "Signature": signature, "SigningCertURL": url}


def confirm_url(base_url: str, topic_arn: str, token: str) -> str:
    """Confirms the subscription when it is visited."""
    return f"{base_url}/?Action=ConfirmSubscription&TopicArn={topic_arn}&Token={quote(token)}"
