"""Amazon EventBridge: buses, rules and what they are sent to. See docs/services/events.md."""

from ballroom.services.events import archiving, retrying, scheduling
from ballroom.services.events.operations import (
    buses,
    events,
    permissions,
    rules,
    tags,
    targets,
)

__all__ = ["archiving", "buses", "events", "permissions", "retrying", "rules", "scheduling", "tags", "targets"]
