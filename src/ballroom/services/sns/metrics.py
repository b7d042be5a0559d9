"""AWS/SNS, counted per topic.

Source: Developer Guide, "Monitoring Amazon SNS topics using CloudWatch".
"""

from __future__ import annotations

from ballroom.kernel import Kernel
from ballroom.services.sns.names import TopicName


def count(kernel: Kernel, at: TopicName, name: str, value: float = 1.0) -> None:
    """Add a sample."""
    kernel.metrics.count(at.account, at.region, "AWS/SNS", name, (("TopicName", at.name),), value)
