"""Dead-letter queues of subscriptions: what could not be delivered, and who delivers it there.

Source: Developer Guide, "Amazon SNS dead-letter queues".
"""

from __future__ import annotations

from typing import Any

import msgspec

from ballroom.kernel import Caller, ServiceError, Throttled, Tx, Unavailable, service_caller
from ballroom.kernel.arn import find_arn
from ballroom.services.sns.metrics import count
from ballroom.services.sns.resources import Subscription
from ballroom.services.sns.subscription_attributes import dead_letter_queue

_PRINCIPAL = "sns.amazonaws.com"
SENDER_ID = "AIDAIT2UOQQY3AUEKVGXU"
"""Who the messages in queues come from: the service's own id, as AWS shows it."""


def caller_for(tx: Tx, account: str, region: str) -> Caller:
    """SNS acting in an account, on behalf of whoever publishes."""
    caller = service_caller(account, region, _PRINCIPAL, tx.caller.request_id)
    return msgspec.structs.replace(
        caller, user_id=SENDER_ID, trace=tx.caller.trace, span=tx.caller.span or tx.caller.request_id
    )


def give_up(tx: Tx, subscription: Subscription, message: dict[str, Any]) -> None:
    """Put a message that could not be delivered into the dead-letter queue, if there is one."""
    arn = dead_letter_queue(subscription)
    target = find_arn(arn) if arn is not None else None
    if target is None:
        return
    message = {name: value for name, value in message.items() if name != "QueueUrl"}
    if target.resource.endswith(".fifo"):
        message.setdefault("MessageGroupId", subscription.id)
        message.setdefault("MessageDeduplicationId", tx.ids.uuid())
    else:
        message.pop("MessageDeduplicationId", None)
    message["QueueUrl"] = f"/{target.account}/{target.resource}"
    at = subscription.at
    try:
        tx.call("sqs", "SendMessage", message, caller=caller_for(tx, target.account, target.region))
    except (Throttled, Unavailable):
        raise
    except ServiceError:
        tx.after_commit(lambda: count(tx.kernel, at, "NumberOfNotificationsFailedToRedriveToDlq"))
    else:
        tx.after_commit(lambda: count(tx.kernel, at, "NumberOfNotificationsRedrivenToDlq"))
