"""AWS's quotas of SNS, each a setting: `Settings.quotas` under the names below.

Those of topics, filter policies and pending subscriptions hold for an account in a region.

Source: AWS General Reference, "Amazon Simple Notification Service endpoints and quotas".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ballroom.kernel import Kernel

DEFAULTS = {
    "sns.topics": 100_000,
    "sns.fifo-topics": 1_000,
    "sns.subscriptions-per-topic": 12_500_000,
    "sns.subscriptions-per-fifo-topic": 100,
    "sns.pending-subscriptions": 5_000,
    "sns.filter-policies": 10_000,
    "sns.filter-policies-per-topic": 200,
}


def quota(kernel: Kernel, name: str) -> int:
    """What holds here."""
    return kernel.settings.quotas.get(name, DEFAULTS[name])
