"""How DynamoDB words a request that breaks its model.

Where a table is named, AWS's model now allows an ARN; a plain name is still held to the rules of names.

Source: DynamoDB API Reference, "Common errors"; Developer Guide, "Naming rules".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from ballroom.kernel import ServiceError
from ballroom.kernel.model.styles import DEFAULT_STYLE, ValidationStyle, use_style
from ballroom.kernel.model.violations import explain
from ballroom.services.dynamodb.wire_types import check_types

if TYPE_CHECKING:
    from ballroom.kernel.model.service import OperationModel
    from ballroom.kernel.model.violations import Violation

_NAME_OR_ARN = r"arn:[\s\S]*|[a-zA-Z0-9_.-]*"
_NAME = "[a-zA-Z0-9_.-]+"
_MOST_TOLD = 10


def _error(operation: OperationModel, violations: Sequence[Violation]) -> ServiceError:
    """The usual texts of the first ten, with the pattern of names where ours allows ARNs as well."""
    told = violations[:_MOST_TOLD]
    shown = [replace(violation, constraint=_of_names(violation.constraint)) for violation in told]
    return explain(operation, shown, DEFAULT_STYLE)


def _of_names(constraint: str) -> str:
    """A constraint on names or ARNs as AWS words it: for names."""
    return constraint.replace(_NAME_OR_ARN, _NAME)


use_style(
    "dynamodb",
    ValidationStyle(
        traits={
            "TableArn": {"min": 1, "max": 1024, "pattern": _NAME_OR_ARN},
            "KeySchema": {"min": 1, "max": 2},
            "BatchWriteItemRequestMap": {"min": 0, "max": 25},  # the operation has words of its own
            # optional in the model for the sake of other kinds of tables, and required all the same
            "CreateTableInput": {"required": ["AttributeDefinitions", "TableName", "KeySchema"]},
        },
        error=_error,
        check_types=check_types,
    ),
)
