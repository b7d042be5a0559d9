"""The errors of CloudFormation, with AWS's own texts."""

from __future__ import annotations

from ballroom.kernel.errors import ServiceError


class ValidationError(ServiceError):
    """What AWS calls a ValidationError: nearly every refusal of this service."""

    shape = "ValidationError"
    status = 400


class AlreadyExists(ServiceError):
    """A live stack, or a change set of the stack, has that name."""

    shape = "AlreadyExistsException"


class ChangeSetNotFound(ServiceError):
    """The stack has no change set of that name."""

    shape = "ChangeSetNotFoundException"


class InsufficientCapabilities(ServiceError):
    """The template asks for more than the request acknowledges."""

    shape = "InsufficientCapabilitiesException"

    def __init__(self, missing: list[str]) -> None:
        super().__init__(f"Requires capabilities : [{', '.join(missing)}]")


class InvalidChangeSetStatus(ServiceError):
    """The change set cannot be executed or deleted as it stands."""

    shape = "InvalidChangeSetStatus"


def stack_missing(name: str) -> ValidationError:
    """What DescribeStacks and most other operations answer for an unknown stack."""
    return ValidationError(f"Stack with id {name} does not exist")
