"""What DynamoDB answers when it refuses: shapes and texts to the letter, since people match on them.

Source: DynamoDB API Reference, each operation's errors; Developer Guide, "Error handling with DynamoDB".
"""

from __future__ import annotations

from typing import Any

from ballroom.kernel import ServiceError


class Invalid(ServiceError):
    """The request breaks a rule of DynamoDB."""

    shape = "ValidationException"
    status = 400

    @classmethod
    def parameter(cls, reason: str) -> Invalid:
        """The prefix that most rules about parameters carry."""
        return cls(f"One or more parameter values were invalid: {reason}")


class SchemaMismatch(Invalid):
    """A key attribute is missing or has another type. A transaction is cancelled for it."""


class TooDeep(Invalid):
    """A value lies deeper than an item may be nested: said as it is, wherever the value stands."""

    text = (
        "Nesting Levels have exceeded supported limits: "
        "Attributes in the item have nested levels beyond supported limit"
    )


class ResourceNotFound(ServiceError):
    """The table (or index, or whatever an ARN names) does not exist."""

    shape = "ResourceNotFoundException"
    text = "Requested resource not found"

    @classmethod
    def table(cls, name: str) -> ResourceNotFound:
        """The text of the operations on tables."""
        return cls(f"Requested resource not found: Table: {name} not found")


class TableNotFound(ServiceError):
    """The table does not exist; some of the newer operations have a shape of their own for it."""

    shape = "TableNotFoundException"

    def __init__(self, name: str) -> None:
        super().__init__(f"Table not found: {name}")


class ResourceInUse(ServiceError):
    """The table exists already, or is being changed."""

    shape = "ResourceInUseException"


class LimitExceeded(ServiceError):
    """Too many tables, indexes or changes at once."""

    shape = "LimitExceededException"


class PolicyNotFound(ServiceError):
    """The resource has no policy."""

    shape = "PolicyNotFoundException"


class ConditionalCheckFailed(ServiceError):
    """The condition of a write is false for the item that is there."""

    shape = "ConditionalCheckFailedException"
    text = "The conditional request failed"
    reason = "ConditionalCheckFailed"
    """How batches and transactions call it."""

    def __init__(self, item: Any = None) -> None:
        if item is None:
            super().__init__()
        else:
            super().__init__(None, Item=item)


class DuplicateItem(ConditionalCheckFailed):
    """An INSERT names a key that an item has already."""

    shape = "DuplicateItemException"
    text = "Duplicate primary key exists in table"
    reason = "DuplicateItem"


class ItemCollectionSizeLimitExceeded(ServiceError):
    """The items of one partition key, with their local indexes, exceed 10 GB."""

    shape = "ItemCollectionSizeLimitExceededException"
    text = "Collection size exceeded."


class TransactionCanceled(ServiceError):
    """A transaction was not carried out; the reasons stand in the order of its items."""

    shape = "TransactionCanceledException"

    def __init__(self, reasons: list[dict[str, Any]]) -> None:
        codes = ", ".join(reason["Code"] for reason in reasons)
        super().__init__(
            f"Transaction cancelled, please refer cancellation reasons for specific reasons [{codes}]",
            CancellationReasons=reasons,
        )


class IdempotentParameterMismatch(ServiceError):
    """The token was used for a transaction with other content."""

    shape = "IdempotentParameterMismatchException"
    text = (
        "An error occurred (IdempotentParameterMismatchException) when calling the TransactWriteItems "
        "operation: The provided idempotency token was used with a different request."
    )


class UnknownOperation(ServiceError):
    """An operation or a form of one that Ballroom does not have; the text names it."""

    shape = "UnknownOperationException"
    status = 400
