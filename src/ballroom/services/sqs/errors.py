"""What SQS answers when it refuses: shapes, codes and texts to the letter, since people match on them.

`query_code` is the code that the query protocol carries, and that json carries in its
`x-amzn-query-error` header; where it is not set, it is the shape's name. The entries of a batch carry it
too. `query_text` is the text of the query protocol where that differs.

Source: SQS API Reference, "Common Errors" and each operation's errors; recorded answers.
"""

from __future__ import annotations

from typing import ClassVar

from ballroom.kernel import ServiceError

_OLD = "AWS.SimpleQueueService."


class SqsError(ServiceError):
    """Base of every error that SQS answers."""

    query_code: ClassVar[str] = ""
    query_text: ClassVar[str | None] = None
    status = 400

    @property
    def entry_code(self) -> str:
        """The code of a failed entry in a batch."""
        return self.query_code or self.shape


class QueueDoesNotExist(SqsError):
    """The URL or name is of no queue of this account and region."""

    shape = "QueueDoesNotExist"
    query_code = _OLD + "NonExistentQueue"
    text = "The specified queue does not exist."
    query_text = "The specified queue does not exist for this wsdl version."


class InvalidAddress(SqsError):
    """The queue URL is none."""

    shape = "InvalidAddress"
    status = 404

    def __init__(self, url: str) -> None:
        super().__init__(f"The address {url} is not valid for this endpoint.")


class QueueNameExists(SqsError):
    """A queue of that name exists with another value of an attribute."""

    shape = "QueueNameExists"
    query_code = "QueueAlreadyExists"

    def __init__(self, attribute: str) -> None:
        super().__init__(
            f"A queue already exists with the same name and a different value for attribute {attribute}"
        )


class QueueDeletedRecently(SqsError):
    """A queue of that name was deleted less than 60 seconds ago."""

    shape = "QueueDeletedRecently"
    query_code = _OLD + "QueueDeletedRecently"
    text = "You must wait 60 seconds after deleting a queue before you can create another with the same name."


class PurgeQueueInProgress(SqsError):
    """The queue was purged less than 60 seconds ago."""

    shape = "PurgeQueueInProgress"
    query_code = _OLD + "PurgeQueueInProgress"
    status = 403

    def __init__(self, name: str) -> None:
        super().__init__(f"Only one PurgeQueue operation on {name} is allowed every 60 seconds.")


class InvalidAttributeName(SqsError):
    """No attribute has that name, or not for this kind of queue."""

    shape = "InvalidAttributeName"

    @classmethod
    def unknown(cls, name: str) -> InvalidAttributeName:
        """The text for a name that is unknown."""
        return cls(f"Unknown Attribute {name}.")


class InvalidAttributeValue(SqsError):
    """An attribute's value is out of range."""

    shape = "InvalidAttributeValue"

    @classmethod
    def of_parameter(cls, name: str, reason: str = "") -> InvalidAttributeValue:
        """The text for a queue attribute."""
        return cls(f"Invalid value for the parameter {name}." + (f" Reason: {reason}" if reason else ""))


class InvalidParameterValue(SqsError):
    """A parameter's value breaks a rule that the model does not know."""

    shape = "InvalidParameterValueException"
    query_code = "InvalidParameterValue"

    @classmethod
    def because(cls, value: object, parameter: str, reason: str) -> InvalidParameterValue:
        """The usual text."""
        return cls(f"Value {value} for parameter {parameter} is invalid. Reason: {reason}")


class MissingParameter(SqsError):
    """A parameter that this request needs is absent or empty."""

    shape = "MissingRequiredParameterException"
    query_code = "MissingParameter"

    def __init__(self, parameter: str) -> None:
        super().__init__(f"The request must contain the parameter {parameter}.")


class InvalidMessageContents(SqsError):
    """A text holds a character that XML 1.0 does not allow."""

    shape = "InvalidMessageContents"

    def __init__(self, character: str) -> None:
        super().__init__(
            f"Invalid binary character '#x{ord(character):X}' was found in the message body, the set of "
            "allowed characters is #x9 | #xA | #xD | [#x20-#xD7FF] | [#xE000-#xFFFD] | [#x10000-#x10FFFF]."
        )


class ReceiptHandleIsInvalid(SqsError):
    """The text was never a receipt handle, or one of another queue."""

    shape = "ReceiptHandleIsInvalid"
    status = 404

    @classmethod
    def garbage(cls, handle: str) -> ReceiptHandleIsInvalid:
        """No receipt handle at all."""
        return cls(f'The input receipt handle "{handle}" is not a valid receipt handle.')

    @classmethod
    def foreign(cls, handle: str) -> ReceiptHandleIsInvalid:
        """Another queue's."""
        return cls(f'The receipt handle "{handle}" is not valid for this queue.')


class OverLimit(SqsError):
    """Too many messages of the queue are in flight, or its policy has too many statements."""

    shape = "OverLimit"
    status = 403


class EmptyBatchRequest(SqsError):
    """A batch without entries."""

    shape = "EmptyBatchRequest"
    query_code = _OLD + "EmptyBatchRequest"

    def __init__(self, entry: str) -> None:
        super().__init__(f"There should be at least one {entry} in the request.")


class TooManyEntriesInBatchRequest(SqsError):
    """A batch of more than ten entries."""

    shape = "TooManyEntriesInBatchRequest"
    query_code = _OLD + "TooManyEntriesInBatchRequest"

    def __init__(self, sent: int) -> None:
        super().__init__(f"Maximum number of entries per request are 10. You have sent {sent}.")


class BatchEntryIdsNotDistinct(SqsError):
    """Two entries of a batch share an id."""

    shape = "BatchEntryIdsNotDistinct"
    query_code = _OLD + "BatchEntryIdsNotDistinct"

    def __init__(self, entry_id: str) -> None:
        super().__init__(f"Id {entry_id} repeated.")


class InvalidBatchEntryId(SqsError):
    """An entry's id is not 1 to 80 letters, digits, hyphens and underscores."""

    shape = "InvalidBatchEntryId"
    query_code = _OLD + "InvalidBatchEntryId"
    text = (
        "A batch entry id can only contain alphanumeric characters, hyphens and underscores. "
        "It can be at most 80 letters long."
    )


class BatchRequestTooLong(SqsError):
    """The messages of a batch exceed 1 MiB together."""

    shape = "BatchRequestTooLong"
    query_code = _OLD + "BatchRequestTooLong"

    def __init__(self, limit: int, sent: int) -> None:
        super().__init__(f"Batch requests cannot be longer than {limit} bytes. You have sent {sent} bytes.")


class ResourceNotFound(SqsError):
    """An ARN or a task handle is of nothing that exists."""

    shape = "ResourceNotFoundException"
    status = 404


class UnsupportedOperation(SqsError):
    """The operation does not apply in this state."""

    shape = "UnsupportedOperation"
    query_code = _OLD + "UnsupportedOperation"
