"""What STS stores.

| key | record | read by |
| --- | --- | --- |
| ("sts", access key id) | Session | the timer that removes it; policy evaluation, later |

The credential itself is the kernel's (`kernel.credentials`).
"""

from __future__ import annotations

import msgspec

from ballroom.kernel import Key, Record


class Session(Record, frozen=True):
    """What a temporary credential was asked for, beyond what signing needs."""

    account: str
    arn: str
    expires_ms: int
    policy: str = ""
    policy_arns: list[str] = msgspec.field(default_factory=list)
    tags: list[tuple[str, str]] = msgspec.field(default_factory=list)
    transitive: list[str] = msgspec.field(default_factory=list)
    source_identity: str = ""


def session_key(access_key_id: str) -> Key:
    """One row for each temporary credential."""
    return ("sts", access_key_id)
