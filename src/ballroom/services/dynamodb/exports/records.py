"""What exports store, and how they are described.

| key | record | read by |
|---|---|---|
| `dynamodb`, account, region, `export`, table name, export id | Export | by ARN; ListExports by prefix |
| `dynamodb-export-file`, export id, number | ExportFile | the manifest |

Source: DynamoDB API Reference, ExportDescription; Developer Guide, "DynamoDB table export output format".
"""

from __future__ import annotations

import re
from hashlib import blake2b
from typing import Any

from ballroom.kernel import Key, Record, ServiceError, Tx
from ballroom.services.dynamodb.errors import Invalid
from ballroom.services.dynamodb.names import table_arn

_ARN = re.compile(
    r"arn:[a-z-]+:dynamodb:([a-z0-9-]+):([0-9]{12}):table/([a-zA-Z0-9_.-]{3,255})/export/([a-zA-Z0-9-]+)"
).fullmatch
FULL, INCREMENTAL = "FULL_EXPORT", "INCREMENTAL_EXPORT"
_STORED = ("ClientToken", "S3Bucket", "S3BucketOwner", "S3Prefix", "S3SseAlgorithm", "S3SseKmsKeyId")


class Export(Record, frozen=True):
    """One export, while it is made and after."""

    id: str
    account: str
    region: str
    table: str
    table_id: str
    names: tuple[str, ...]
    """The table's key attributes."""
    asked: dict[str, Any]
    """The request."""
    kind: str
    started_ms: int
    moment_ms: int
    """As of when; of an incremental export, the end of its window."""
    from_ms: int = 0
    status: str = "IN_PROGRESS"
    ended_ms: int = 0
    data_id: str = ""
    """Where the copy lies that is written out."""
    cursor: bytes = b""
    """The row reached."""
    files: int = 0
    items: int = 0
    size: int = 0
    failure: tuple[str, str] | None = None
    """Code and message."""

    @property
    def arn(self) -> str:
        """The export's ARN."""
        return f"{table_arn(self.account, self.region, self.table)}/export/{self.id}"

    @property
    def prefix(self) -> str:
        """What the keys of all its objects begin with."""
        given = self.asked.get("S3Prefix")
        return f"{given.rstrip('/')}/AWSDynamoDB/" if given else "AWSDynamoDB/"

    @property
    def folder(self) -> str:
        """Where the manifests lie."""
        return f"{self.prefix}{self.id}/"

    @property
    def view(self) -> str:
        """What an incremental export holds of each item."""
        asked = self.asked.get("IncrementalExportSpecification") or {}
        return asked.get("ExportViewType") or "NEW_AND_OLD_IMAGES"

    def data_key(self, number: int) -> str:
        """The key of a data file: the same if it is written again after a crash."""
        name = blake2b(f"{self.arn} {number}".encode(), digest_size=13).hexdigest()
        folder = self.folder if self.kind == FULL else self.prefix
        return f"{folder}data/{name}.json.gz"


class ExportFile(Record, frozen=True):
    """One data file."""

    key: str
    items: int
    md5: str
    """In base64."""
    etag: str


class ExportToken(Record, frozen=True):
    """A ClientToken, known for eight hours."""

    arn: str
    digest: bytes
    expires_ms: int


class ExportNotFound(ServiceError):
    """There is no such export."""

    shape = "ExportNotFoundException"

    def __init__(self, arn: str) -> None:
        super().__init__(f"Export not found: {arn}")


def export_key(account: str, region: str, table: str, export_id: str) -> Key:
    """Ids begin with the time, so a table's exports are in order."""
    return ("dynamodb", account, region, "export", table, export_id)


def key_of(export: Export) -> Key:
    """The row of an export."""
    return export_key(export.account, export.region, export.table, export.id)


def file_key(export: Export, number: int) -> Key:
    """In the order in which they were written."""
    return ("dynamodb-export-file", export.id, number)


def token_key(account: str, region: str, token: str) -> Key:
    """By the client's token."""
    return ("dynamodb", account, region, "export-token", token)


def find_export(tx: Tx, arn: str) -> Export | None:
    """The export of an ARN, if it is there.

    Raises:
        Invalid: it is no such ARN.
    """
    match = _ARN(arn)
    if match is None:
        raise Invalid(f"Invalid export ARN: {arn}")
    return tx.get(Export, export_key(match[2], match[1], match[3], match[4]))


def description(export: Export) -> dict[str, Any]:
    """ExportDescription."""
    told: dict[str, Any] = {
        "ExportArn": export.arn,
        "ExportStatus": export.status,
        "StartTime": export.started_ms,
        "TableArn": table_arn(export.account, export.region, export.table),
        "TableId": export.table_id,
        "ExportFormat": "DYNAMODB_JSON",
        "ExportType": export.kind,
        **{name: export.asked[name] for name in _STORED if export.asked.get(name) is not None},
    }
    told.setdefault("S3SseAlgorithm", "AES256")
    if export.kind == INCREMENTAL:
        told["IncrementalExportSpecification"] = {
            "ExportFromTime": export.from_ms, "ExportToTime": export.moment_ms, "ExportViewType": export.view,
        }  # fmt: skip
    else:
        told["ExportTime"] = export.moment_ms
    if export.asked.get("FilterSpecification"):
        told["FilterSpecification"] = export.asked["FilterSpecification"]
    if export.ended_ms:
        told["EndTime"] = export.ended_ms
    if export.status == "COMPLETED":
        told |= {
            "ExportManifest": f"{export.folder}manifest-summary.json",
            "BilledSizeBytes": export.size,
            "ItemCount": export.items,
        }
    if export.failure is not None:
        told["FailureCode"], told["FailureMessage"] = export.failure
    return told
