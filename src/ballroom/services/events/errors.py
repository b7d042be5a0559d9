"""EventBridge's errors; the model gives their statuses."""

from __future__ import annotations

from ballroom.kernel import ServiceError


class ValidationException(ServiceError):
    """An argument is wrong in a way that the model cannot express."""

    shape = "ValidationException"
    status = 400


class ResourceNotFound(ServiceError):
    """The request names something that does not exist."""

    shape = "ResourceNotFoundException"


class BusNotFound(ResourceNotFound):
    """No bus of this name."""

    def __init__(self, name: str) -> None:
        super().__init__(f"Event bus {name} does not exist.")


class RuleNotFound(ResourceNotFound):
    """The bus has no such rule."""

    def __init__(self, rule: str, bus: str) -> None:
        super().__init__(f"Rule {rule} does not exist on EventBus {bus}.")


class ResourceAlreadyExists(ServiceError):
    """The name is taken."""

    shape = "ResourceAlreadyExistsException"


class LimitExceeded(ServiceError):
    """One of the service's quotas would be exceeded."""

    shape = "LimitExceededException"
    text = "The requested resource exceeds the maximum number allowed."


class InvalidEventPattern(ServiceError):
    """An event pattern that AWS would refuse."""

    shape = "InvalidEventPatternException"

    def __init__(self, reason: str) -> None:
        text = reason if reason.startswith("Event pattern") else f"Event pattern is not valid. Reason: {reason}"
        super().__init__(text)


class IllegalStatus(ServiceError):
    """The resource's state forbids the operation."""

    shape = "IllegalStatusException"


class InvalidState(ServiceError):
    """The partner event source is in another state."""

    shape = "InvalidStateException"


class PolicyTooLong(ServiceError):
    """The bus's policy would be longer than 10,240 characters."""

    shape = "PolicyLengthExceededException"
    text = "Policy length exceeded. The policy of an event bus can be at most 10240 characters long."
