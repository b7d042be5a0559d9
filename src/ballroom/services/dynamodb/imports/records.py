"""What imports store, and how they are described.

| key | record | read by |
|---|---|---|
| `dynamodb`, account, region, `import`, import id | Import | by ARN; ListImports by prefix |

Source: DynamoDB API Reference, ImportTableDescription.
"""

from __future__ import annotations

import re
from typing import Any

from ballroom.kernel import Key, Record, ServiceError, Tx
from ballroom.kernel.arn import make_arn
from ballroom.services.dynamodb.errors import Invalid
from ballroom.services.dynamodb.names import table_arn

LOG_GROUP = "/aws-dynamodb/imports"
_ARN = re.compile(
    r"arn:[a-z-]+:dynamodb:([a-z0-9-]+):([0-9]{12}):table/([a-zA-Z0-9_.-]{3,255})/import/([a-zA-Z0-9-]+)"
).fullmatch


class Import(Record, frozen=True):
    """One import, while it runs and after."""

    id: str
    account: str
    region: str
    table: str
    table_id: str
    asked: dict[str, Any]
    """The request."""
    started_ms: int
    status: str = "IN_PROGRESS"
    ended_ms: int = 0
    done_key: str = ""
    """The last object that is done with."""
    lines: int = 0
    """How many lines of the next object are done with."""
    size: int = 0
    items: int = 0
    imported: int = 0
    errors: int = 0
    failure: tuple[str, str] | None = None
    """Code and message."""

    @property
    def arn(self) -> str:
        """The import's ARN."""
        return f"{table_arn(self.account, self.region, self.table)}/import/{self.id}"

    @property
    def format(self) -> str:
        """DYNAMODB_JSON or CSV."""
        return str(self.asked["InputFormat"])


class ImportNotFound(ServiceError):
    """There is no such import."""

    shape = "ImportNotFoundException"

    def __init__(self, arn: str) -> None:
        super().__init__(f"Import not found: {arn}")


class ImportToken(Record, frozen=True):
    """A ClientToken, known for eight hours."""

    arn: str
    digest: bytes
    expires_ms: int


def import_key(account: str, region: str, import_id: str) -> Key:
    """Ids begin with the time, so imports are in order."""
    return ("dynamodb", account, region, "import", import_id)


def key_of(one: Import) -> Key:
    """The row of an import."""
    return import_key(one.account, one.region, one.id)


def token_key(account: str, region: str, token: str) -> Key:
    """By the client's token."""
    return ("dynamodb", account, region, "import-token", token)


def find_import(tx: Tx, arn: str) -> Import | None:
    """The import of an ARN, if it is there.

    Raises:
        Invalid: it is no such ARN.
    """
    match = _ARN(arn)
    if match is None:
        raise Invalid(f"Invalid import ARN: {arn}")
    return tx.get(Import, import_key(match[2], match[1], match[4]))


def summary(one: Import) -> dict[str, Any]:
    """ImportSummary."""
    told: dict[str, Any] = {
        "ImportArn": one.arn,
        "ImportStatus": one.status,
        "TableArn": table_arn(one.account, one.region, one.table),
        "S3BucketSource": one.asked["S3BucketSource"],
        "CloudWatchLogGroupArn": make_arn("logs", one.region, one.account, f"log-group:{LOG_GROUP}:*"),
        "InputFormat": one.format,
        "StartTime": one.started_ms,
    }
    if one.ended_ms:
        told["EndTime"] = one.ended_ms
    return told


def description(one: Import) -> dict[str, Any]:
    """ImportTableDescription."""
    told = {
        **summary(one),
        "TableId": one.table_id,
        "ClientToken": one.asked["ClientToken"],
        "ErrorCount": one.errors,
        "InputCompressionType": one.asked.get("InputCompressionType") or "NONE",
        "TableCreationParameters": one.asked["TableCreationParameters"],
        "ProcessedSizeBytes": one.size,
        "ProcessedItemCount": one.items,
        "ImportedItemCount": one.imported,
    }
    if one.asked.get("InputFormatOptions") is not None:
        told["InputFormatOptions"] = one.asked["InputFormatOptions"]
    if one.failure is not None:
        told["FailureCode"], told["FailureMessage"] = one.failure
    return told
