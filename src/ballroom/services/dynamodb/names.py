"""Names and ARNs of tables and indexes; wherever a table is named, its ARN may stand.

Source: DynamoDB Developer Guide, "Naming rules"; API Reference, "TableName: ... you can also provide the ARN".
"""

from __future__ import annotations

import re

from ballroom.kernel.arn import make_arn
from ballroom.services.dynamodb.errors import Invalid

_NAME = re.compile(r"[a-zA-Z0-9_.-]{3,255}").fullmatch
_TABLE_ARN = re.compile(
    r"arn:[a-z-]+:dynamodb:([a-z0-9-]+):([0-9]{12}):table/([a-zA-Z0-9_.-]{3,255})"
).fullmatch
_TEXT = (
    "Invalid table/index name.  Table/index names must be between 3 and 255 characters long, "
    "and may contain only the characters a-z, A-Z, 0-9, '_', '-', and '.'"
)
_WRONG_LENGTH = "TableName must be at least 3 characters long and at most 255 characters long"
TableAddress = tuple[str, str, str]
"""Account, region, name."""


def table_address(given: str, account: str, region: str) -> TableAddress:
    """Which table a name or ARN means, for a caller of this account and region.

    Raises:
        Invalid: it is neither.
    """
    if _NAME(given):
        return account, region, given
    if not given.startswith("arn:") and not 3 <= len(given) <= 255:
        raise Invalid(_WRONG_LENGTH)
    if given.startswith("arn:"):
        match = _TABLE_ARN(given)
        if match is None:
            raise Invalid(f"Invalid table arn: {given}" if len(given) < 256 else "Invalid table arn")
        return match[2], match[1], match[3]
    raise Invalid(_TEXT)


def is_table_arn(given: str) -> bool:
    """Whether it is the ARN of a table, there or not."""
    return _TABLE_ARN(given) is not None


def check_index_name(given: str) -> None:
    """Raise unless it can be the name of an index."""
    if not _NAME(given):
        raise Invalid(_TEXT)


def table_arn(account: str, region: str, name: str) -> str:
    """The ARN of a table."""
    return make_arn("dynamodb", region, account, f"table/{name}")
