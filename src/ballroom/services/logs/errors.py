"""CloudWatch Logs' errors; the model gives their statuses."""

from __future__ import annotations

from ballroom.kernel import ServiceError


class InvalidParameter(ServiceError):
    """An argument is wrong in a way that the model cannot express."""

    shape = "InvalidParameterException"


class ResourceNotFound(ServiceError):
    """The request names something that does not exist."""

    shape = "ResourceNotFoundException"


class LogGroupNotFound(ResourceNotFound):
    """The log group does not exist in this account and region."""

    text = "The specified log group does not exist."


class LogStreamNotFound(ResourceNotFound):
    """The log group has no such stream."""

    text = "The specified log stream does not exist."


class ResourceAlreadyExists(ServiceError):
    """The name is taken."""

    shape = "ResourceAlreadyExistsException"


class LimitExceeded(ServiceError):
    """One of the service's quotas would be exceeded."""

    shape = "LimitExceededException"
    text = "Resource limit exceeded."


class TooManyTags(ServiceError):
    """More than 50 tags."""

    shape = "TooManyTagsException"


class OperationRefused(ServiceError):
    """The resource is in a state that forbids the operation."""

    shape = "InvalidOperationException"


class Conflict(ServiceError):
    """Something else still needs the resource."""

    shape = "ConflictException"


class InvalidNextToken(InvalidParameter):
    """The token is none of this service's."""

    text = "The specified nextToken is invalid."
