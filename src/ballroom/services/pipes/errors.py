"""EventBridge Pipes' errors.

Source: EventBridge Pipes API Reference, "Errors" of each operation.
"""

from __future__ import annotations

from ballroom.kernel import ServiceError


class Invalid(ServiceError):
    """What the model cannot say about a parameter."""

    shape = "ValidationException"


class PipeNotFound(ServiceError):
    """The account has no pipe of that name in this region."""

    shape = "NotFoundException"

    def __init__(self, name: str) -> None:
        super().__init__(f"Pipe {name} does not exist.")


class Conflict(ServiceError):
    """The name is taken, or the pipe's state does not allow it."""

    shape = "ConflictException"

    def __init__(self, text: str, name: str) -> None:
        super().__init__(text, resourceId=name, resourceType="PIPE")
