"""Amazon SNS: standard and FIFO topics. See docs/services/sns.md."""

from __future__ import annotations

from ballroom.services.sns import (
    archiving,
    cancelling,
    large_fan_outs,
    outbox,
    posts,
    replaying,
    signing,
    subscribing,
)
from ballroom.services.sns.operations import (
    permissions,
    platform,
    publishing,
    sms,
    subscriptions,
    tags,
    topics,
)

__all__ = [
    "archiving", "cancelling", "large_fan_outs", "outbox", "permissions", "platform", "posts", "publishing",
    "replaying", "signing", "sms", "subscribing", "subscriptions", "tags", "topics",
]  # fmt: skip
