"""Amazon EventBridge: buses, rules and what they are sent to. See docs/services/events.md."""

from ballroom.services.events import archiving, authorizing, replaying, retrying, scheduling
from ballroom.services.events.operations import (
    api_destinations,
    archives,
    buses,
    connections,
    events,
    outbound,
    partners,
    permissions,
    replays,
    rules,
    tags,
    targets,
)

__all__ = [
    "api_destinations", "archives", "archiving", "authorizing", "buses", "connections", "events", "outbound",
    "partners", "permissions", "replaying", "replays", "retrying", "rules", "scheduling", "tags", "targets",
]  # fmt: skip
