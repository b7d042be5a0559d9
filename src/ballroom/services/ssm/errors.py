"""Parameter Store's errors; the model gives their statuses where it knows them."""

from __future__ import annotations

from ballroom.kernel import ServiceError


class ParameterNotFound(ServiceError):
    """There is no parameter of that name; AWS's text is empty."""

    shape = "ParameterNotFound"


class ParameterVersionNotFound(ServiceError):
    """The parameter has no such version or label."""

    shape = "ParameterVersionNotFound"


class ParameterAlreadyExists(ServiceError):
    """The name is taken, and the request does not say to overwrite."""

    shape = "ParameterAlreadyExists"
    text = (
        "The parameter already exists. To overwrite this value, set the overwrite option in the request to "
        "true."
    )


class HierarchyLevelLimitExceeded(ServiceError):
    """The name has more than 15 levels."""

    shape = "HierarchyLevelLimitExceededException"
    text = "Hierarchical parameter names can have a maximum of 15 levels."


class HierarchyTypeMismatch(ServiceError):
    """A parameter's type cannot change."""

    shape = "HierarchyTypeMismatchException"
    text = (
        "Parameter Store does not support changing a parameter type in a hierarchy. For example, you can't "
        "change a parameter from a String type to a SecureString type. You must create a new, unique parameter."
    )


class PatternMismatch(ServiceError):
    """The value does not match the parameter's allowed pattern."""

    shape = "ParameterPatternMismatchException"


class InvalidAllowedPattern(ServiceError):
    """The allowed pattern is no regular expression, or takes too long."""

    shape = "InvalidAllowedPatternException"


class MaxVersionLimitExceeded(ServiceError):
    """The oldest of 100 versions has a label, so it cannot make room."""

    shape = "ParameterMaxVersionLimitExceeded"


class LabelLimitExceeded(ServiceError):
    """A version has ten labels at most."""

    shape = "ParameterVersionLabelLimitExceeded"
    text = "A parameter version can have a maximum of ten labels."


class InvalidFilter(ServiceError):
    """A filter's key, option or values make no sense."""

    shape = "InvalidFilterKey"


class InvalidFilterOption(ServiceError):
    """A filter's option does not exist for its key."""

    shape = "InvalidFilterOption"


class InvalidNextToken(ServiceError):
    """The token is none of this service's."""

    shape = "InvalidNextToken"
    text = "The specified token is not valid."


class InvalidResourceId(ServiceError):
    """The resource to tag does not exist."""

    shape = "InvalidResourceId"


class TooManyTags(ServiceError):
    """More than 50 tags."""

    shape = "TooManyTagsError"


class AccessDenied(ServiceError):
    """The name is reserved for AWS."""

    shape = "AccessDeniedException"
    status = 400


class Invalid(ServiceError):
    """An argument breaks a rule that the model cannot express."""

    shape = "ValidationException"
    status = 400


class InvalidKeyId(ServiceError):
    """A secret cannot be opened with the key that there is."""

    shape = "InvalidKeyId"
