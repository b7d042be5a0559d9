"""AWS's quotas of EventBridge, each a setting: `Settings.quotas` under the names below.

Source: EventBridge User Guide, "Amazon EventBridge quotas".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ballroom.services.events.errors import LimitExceeded

if TYPE_CHECKING:
    from ballroom.kernel import Kernel

DEFAULTS = {
    "events.rules-per-bus": 300,
    "events.targets-per-rule": 5,
    "events.buses": 100,
    "events.connections": 3_000,
    "events.api-destinations": 3_000,
    "events.archives": 100,
    "events.entry-bytes": 1 << 20,
    "events.replays": 10,
}


def quota(kernel: Kernel, name: str) -> int:
    """What holds here."""
    return kernel.settings.quotas.get(name, DEFAULTS[name])


def check_quota(kernel: Kernel, name: str, wanted: int) -> None:
    """Refuses more than the quota.

    Raises:
        LimitExceeded: it would be exceeded.
    """
    if wanted > quota(kernel, name):
        raise LimitExceeded()
