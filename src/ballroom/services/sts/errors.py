"""STS's errors; most are not in its model."""

from __future__ import annotations

from ballroom.kernel import ServiceError


class AccessDenied(ServiceError):
    """The caller may not do this, or what it wants does not exist: STS does not tell which."""

    shape = "AccessDenied"
    status = 403


class InvalidParameterValue(ServiceError):
    """An argument contradicts another."""

    shape = "InvalidParameterValue"
    status = 400


class ValidationError(ServiceError):
    """An argument breaks a rule that the model cannot express."""

    shape = "ValidationError"
    status = 400


class MalformedPolicyDocument(ServiceError):
    """A session policy is no policy document."""

    shape = "MalformedPolicyDocumentException"
