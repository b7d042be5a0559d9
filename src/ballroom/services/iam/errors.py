"""IAM's errors; the model gives their codes and statuses."""

from __future__ import annotations

from ballroom.kernel import ServiceError


class NoSuchEntity(ServiceError):
    """The request names something that does not exist."""

    shape = "NoSuchEntityException"


class EntityAlreadyExists(ServiceError):
    """The name is taken; names are compared without regard to case."""

    shape = "EntityAlreadyExistsException"


class DeleteConflict(ServiceError):
    """Something is still attached to what should be deleted."""

    shape = "DeleteConflictException"


class LimitExceeded(ServiceError):
    """One of IAM's quotas would be exceeded."""

    shape = "LimitExceededException"

    @classmethod
    def quota(cls, name: str, limit: int) -> LimitExceeded:
        """The usual text, which names the quota."""
        return cls(f"Cannot exceed quota for {name}: {limit}")


class MalformedPolicyDocument(ServiceError):
    """The policy document breaks the policy language's rules."""

    shape = "MalformedPolicyDocumentException"


class InvalidInput(ServiceError):
    """An argument that the model cannot judge is wrong."""

    shape = "InvalidInputException"


class UnmodifiableEntity(ServiceError):
    """Only the service that a role belongs to may change it."""

    shape = "UnmodifiableEntityException"


class ValidationError(ServiceError):
    """An argument breaks a constraint; IAM spells the code so."""

    shape = "ValidationError"
    status = 400
