"""EventBridge Scheduler's errors.

Source: EventBridge Scheduler API Reference, "Common errors" and each operation's.
"""

from __future__ import annotations

from ballroom.kernel import ServiceError


class Invalid(ServiceError):
    """What the model cannot say about a parameter."""

    shape = "ValidationException"


class ScheduleNotFound(ServiceError):
    """The group has no schedule of that name."""

    shape = "ResourceNotFoundException"

    def __init__(self, name: str) -> None:
        super().__init__(f"Schedule {name} does not exist.")


class GroupNotFound(ServiceError):
    """The account has no schedule group of that name in this region."""

    shape = "ResourceNotFoundException"

    def __init__(self, name: str) -> None:
        super().__init__(f"Schedule group {name} does not exist.")


class Conflict(ServiceError):
    """The name is taken, or the group is being deleted."""

    shape = "ConflictException"
