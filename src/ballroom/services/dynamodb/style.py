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
from ballroom.services.dynamodb.errors import Invalid
from ballroom.services.dynamodb.names import WRONG_LENGTH
from ballroom.services.dynamodb.wire_types import check_types

if TYPE_CHECKING:
    from ballroom.kernel.model.service import OperationModel
    from ballroom.kernel.model.violations import Violation

_NAME_OR_ARN = r"arn:[\s\S]*|[a-zA-Z0-9_.-]+"
_NAME = "[a-zA-Z0-9_.-]+"


def _error(operation: OperationModel, violations: Sequence[Violation]) -> ServiceError:
    """A missing table name, and one of the wrong length, are told of alone; all else together."""
    for violation in violations:
        if violation.path == ("TableName",) and violation.check == "required":
            return Invalid("The parameter 'TableName' is required but was not present in the request")
        if violation.path == ("TableName",) and violation.check == "length":
            return Invalid(WRONG_LENGTH)
    shown = [replace(violation, constraint=_of_names(violation.constraint)) for violation in violations]
    return explain(operation, shown, DEFAULT_STYLE)


def _of_names(constraint: str) -> str:
    """A constraint on names or ARNs as AWS words it: for names."""
    if _NAME_OR_ARN not in constraint:
        return constraint
    return constraint.replace(_NAME_OR_ARN, _NAME).replace("equal to 1024", "equal to 255")


use_style(
    "dynamodb",
    ValidationStyle(
        traits={
            "TableArn": {"min": 3, "max": 1024, "pattern": _NAME_OR_ARN},
            "KeySchema": {"min": 1, "max": 2},
            # optional in the model for the sake of other kinds of tables, and required all the same
            "CreateTableInput": {"required": ["AttributeDefinitions", "TableName", "KeySchema"]},
        },
        error=_error,
        check_types=check_types,
    ),
)
