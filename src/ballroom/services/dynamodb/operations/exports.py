"""Exports of tables to S3, as of any second of the recovery window, or of the changes between two."""

from __future__ import annotations

from hashlib import sha256

import orjson
from msgspec.structs import replace

from ballroom.kernel import Request, Response, ServiceError, Tx, on_timer, operation
from ballroom.kernel.tokens import make_token, read_token
from ballroom.services.dynamodb.errors import Invalid
from ballroom.services.dynamodb.exports.filtering import Selection
from ballroom.services.dynamodb.exports.records import (
    FULL,
    INCREMENTAL,
    Export,
    ExportNotFound,
    ExportToken,
    description,
    export_key,
    find_export,
    key_of,
    token_key,
)
from ballroom.services.dynamodb.live import LiveTable
from ballroom.services.dynamodb.names import table_address
from ballroom.services.dynamodb.operations.recovery import (
    InvalidRestoreTime,
    check_moment,
    load_existing,
)
from ballroom.services.dynamodb.recovery import copying
from ballroom.services.dynamodb.recovery.backups import new_id
from ballroom.services.dynamodb.recovery.log import place_of

_TOKEN_MS = 8 * 3_600_000
_LISTED = 25
_SHORTEST_MS, _LONGEST_MS = 15 * 60_000, 24 * 3_600_000
_FORGET = "dynamodb.export-token"


class InvalidExportTime(ServiceError):
    """The moment lies outside the recovery window."""

    shape = "InvalidExportTimeException"


class ExportConflict(ServiceError):
    """The token was used for another export."""

    shape = "ExportConflictException"


@operation("ExportTableToPointInTime")
def export_table_to_point_in_time(tx: Tx, request: Request) -> Response:
    """Begin to export a table to S3; DescribeExport tells when it is done.

    Raises:
        PointInTimeRecoveryUnavailable: it is not enabled for the table.
        InvalidExportTime: a moment lies outside the window.
        ExportConflict: the token was used for another export.

    Source: DynamoDB API Reference, ExportTableToPointInTime.
    """
    if request.get("ExportFormat") == "ION":
        raise Invalid("Ballroom does not support the ION format: ExportFormat must be DYNAMODB_JSON.")
    selection = Selection(request["FilterSpecification"]) if request.get("FilterSpecification") else None
    source = load_existing(tx, request["TableArn"])
    if selection is not None:
        selection.check(source)
    digest = _digest(request)
    token = request.get("ClientToken") or ""
    known = tx.get(ExportToken, token_key(tx.account, tx.region, token)) if token else None
    if known is not None and known.expires_ms > tx.now_ms:
        export = find_export(tx, known.arn)
        if known.digest != digest:
            raise ExportConflict(f"Client token {token} was used for an export with other parameters")
        if export is not None:
            return {"ExportDescription": description(export)}
    export = _begin(tx, source, {**request, "ClientToken": token or tx.ids.uuid()})
    if token:
        expires_ms = tx.now_ms + _TOKEN_MS
        tx.put(token_key(tx.account, tx.region, token), ExportToken(export.arn, digest, expires_ms))
        tx.wake_at(expires_ms, _FORGET, tx.account, tx.region, token, housekeeping=True)
    return {"ExportDescription": description(export)}


def _digest(request: Request) -> bytes:
    encoded = orjson.dumps(request, default=lambda value: value.hex(), option=orjson.OPT_SORT_KEYS)
    return sha256(encoded).digest()


@on_timer(_FORGET)
def forget_token(tx: Tx, account: str, region: str, token: str) -> None:
    """Remove a token, unless it was used anew meanwhile."""
    found = tx.get(ExportToken, token_key(account, region, token))
    if found is not None and found.expires_ms <= tx.now_ms:
        tx.delete(token_key(account, region, token))


def _begin(tx: Tx, source: LiveTable, request: Request) -> Export:
    kind = request.get("ExportType") or FULL
    window = request.get("IncrementalExportSpecification")
    table = source.record
    from_ms = 0
    if kind == INCREMENTAL:
        if request.get("ExportTime") is not None:
            raise Invalid("ExportTime cannot be specified for an incremental export")
        if not window or window.get("ExportFromTime") is None:
            raise Invalid("ExportFromTime is required for an incremental export")
        from_ms = window["ExportFromTime"]
        to_ms = window.get("ExportToTime") or tx.now_ms
        if not _SHORTEST_MS <= to_ms - from_ms <= _LONGEST_MS:
            raise Invalid("The export window must be at least 15 minutes and at most 24 hours long")
        _check_moment(tx, source, from_ms)
        moment_ms, moment = to_ms, place_of(to_ms)
    else:
        if window:
            raise Invalid("IncrementalExportSpecification cannot be specified for a full export")
        moment_ms = request.get("ExportTime") or tx.now_ms
        moment = place_of(moment_ms + 1)
    _check_moment(tx, source, moment_ms)
    export = Export(
        new_id(tx), table.account, table.region, table.name, table.id, source.schema.names, dict(request), kind,
        tx.now_ms, moment_ms, from_ms,
    )  # fmt: skip
    copy = copying.begin(tx, "export", export.arn, source, moment=moment, window=from_ms and place_of(from_ms))
    export = replace(export, data_id=copy.target_id)
    tx.put(key_of(export), export)
    return export


def _check_moment(tx: Tx, source: LiveTable, moment_ms: int) -> None:
    try:
        check_moment(tx, source, moment_ms)
    except InvalidRestoreTime as error:
        raise InvalidExportTime(error.text) from None


@operation("DescribeExport")
def describe_export(tx: Tx, request: Request) -> Response:
    """An export.

    Source: DynamoDB API Reference, DescribeExport.
    """
    found = find_export(tx, request["ExportArn"])
    if found is None or (found.account, found.region) != (tx.account, tx.region):
        raise ExportNotFound(request["ExportArn"])
    return {"ExportDescription": description(found)}


@operation("ListExports")
def list_exports(tx: Tx, request: Request) -> Response:
    """The exports of a table, or of all tables, by table and time.

    Source: DynamoDB API Reference, ListExports.
    """
    prefix: tuple[str, ...] = ("dynamodb", tx.account, tx.region, "export")
    if request.get("TableArn") is not None:
        prefix = (*prefix, table_address(request["TableArn"], tx.account, tx.region)[2])
    after = None
    if request.get("NextToken") is not None:
        parts = read_token(request["NextToken"])
        if parts is None or len(parts) != 2:
            raise Invalid("Invalid NextToken")
        after = export_key(tx.account, tx.region, str(parts[0]), str(parts[1]))
    limit = request.get("MaxResults") or _LISTED
    rows = tx.scan_prefix(Export, prefix, after=after, limit=limit + 1)
    answer: Response = {
        "ExportSummaries": [
            {"ExportArn": one.arn, "ExportStatus": one.status, "ExportType": one.kind} for one in rows[:limit]
        ]
    }
    if len(rows) > limit:
        answer["NextToken"] = make_token((rows[limit - 1].table, rows[limit - 1].id))
    return answer
