"""What SNS answers when it refuses; texts are AWS's.

Source: SNS API Reference; recorded answers.
"""

from __future__ import annotations

from ballroom.kernel import ServiceError


class SnsError(ServiceError):
    """Base of every error that SNS answers; status and code come from the model."""

    status = 400


class InvalidParameter(SnsError):
    """A parameter breaks a rule. The text begins with "Invalid parameter: "."""

    shape = "InvalidParameterException"

    @classmethod
    def of(cls, what: str, *, reason: str = "") -> InvalidParameter:  # type: ignore[override]
        """The usual text."""
        return cls(f"Invalid parameter: {what}" + (f" Reason: {reason}" if reason else ""))


class InvalidParameterValue(SnsError):
    """A message attribute breaks a rule."""

    shape = "InvalidParameterValueException"


class NotFound(SnsError):
    """There is no such topic, subscription, application or endpoint."""

    shape = "NotFoundException"
    status = 404

    @classmethod
    def topic(cls) -> NotFound:
        """No such topic."""
        return cls("Topic does not exist")

    @classmethod
    def subscription(cls) -> NotFound:
        """No such subscription."""
        return cls("Subscription does not exist")


class AuthorizationError(SnsError):
    """The caller may not do that."""

    shape = "AuthorizationErrorException"
    status = 403


class ResourceNotFound(SnsError):
    """What is to be tagged, or verified, does not exist."""

    shape = "ResourceNotFoundException"
    status = 404
    text = "Resource does not exist"


class TopicLimitExceeded(SnsError):
    """The account has as many topics as it may."""

    shape = "TopicLimitExceededException"
    status = 403
    text = "Topic limit exceeded"


class SubscriptionLimitExceeded(SnsError):
    """The topic has as many subscriptions as it may, or the account as many unconfirmed ones."""

    shape = "SubscriptionLimitExceededException"
    status = 403
    text = "Subscription limit exceeded"


class FilterPolicyLimitExceeded(SnsError):
    """The topic, or the account, has as many filter policies as it may."""

    shape = "FilterPolicyLimitExceededException"
    status = 403
    text = "Filter policy limit exceeded"


class TagLimitExceeded(SnsError):
    """More than fifty tags."""

    shape = "TagLimitExceededException"
    text = "Could not complete request: tag quota of per resource exceeded"


class InvalidState(SnsError):
    """The topic is in a state that does not allow it."""

    shape = "InvalidStateException"


class EndpointDisabled(SnsError):
    """The device's endpoint is disabled."""

    shape = "EndpointDisabledException"
    text = "Endpoint is disabled"


class EmptyBatchRequest(SnsError):
    """A batch without entries."""

    shape = "EmptyBatchRequestException"
    text = "The batch request doesn't contain any entries."


class TooManyEntriesInBatchRequest(SnsError):
    """More than ten entries."""

    shape = "TooManyEntriesInBatchRequestException"
    text = "The batch request contains more entries than permissible."


class BatchEntryIdsNotDistinct(SnsError):
    """Two entries share an id."""

    shape = "BatchEntryIdsNotDistinctException"
    text = "Two or more batch entries in the request have the same Id."


class InvalidBatchEntryId(SnsError):
    """An entry's id has other characters, or too many."""

    shape = "InvalidBatchEntryIdException"
    text = "The Id of a batch entry in a batch request doesn't abide by the specification."


class BatchRequestTooLong(SnsError):
    """The messages of a batch are too long together."""

    shape = "BatchRequestTooLongException"
    text = "The length of all the batch messages combined is more than the limit."


class UserError(SnsError):
    """The request is right in itself but not now."""

    shape = "UserErrorException"


class Verification(SnsError):
    """The one-time password is wrong."""

    shape = "VerificationException"
