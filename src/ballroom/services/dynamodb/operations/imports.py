"""Imports: new tables from files in S3."""

from __future__ import annotations

from hashlib import sha256

import orjson
from msgspec.structs import replace

from ballroom.kernel import Request, Response, ServiceError, Tx, on_timer, operation
from ballroom.services.dynamodb.errors import Invalid, ResourceInUse
from ballroom.services.dynamodb.imports.records import (
    Import,
    ImportNotFound,
    ImportToken,
    description,
    find_import,
    import_key,
    key_of,
    summary,
    token_key,
)
from ballroom.services.dynamodb.imports.running import KIND, POLICY
from ballroom.services.dynamodb.live import save_table
from ballroom.services.dynamodb.names import table_address, table_arn
from ballroom.services.dynamodb.operations.tables import new_table
from ballroom.services.dynamodb.recovery.backups import new_id
from ballroom.services.dynamodb.resources import Table, table_key
from ballroom.services.dynamodb.table_settings import check_supported

_TOKEN_MS = 8 * 3_600_000
_LISTED = 25
_FORGET = "dynamodb.import-token"
_TOKEN_LENGTH = 112
"""Tokens of ListImports are hexadecimal digits, at least so many and a multiple of 16."""


class ImportConflict(ServiceError):
    """The token was used for another import."""

    shape = "ImportConflictException"


@operation("ImportTable")
def import_table(tx: Tx, request: Request) -> Response:
    """Make a table and begin to fill it from S3; it is there once DescribeImport says COMPLETED.

    Raises:
        ResourceInUse: there is a table of that name.
        ImportConflict: the token was used for another import.
        Invalid: the table's definition breaks a rule, or the format is not supported.

    Source: DynamoDB API Reference, ImportTable.
    """
    _check_format(request)
    token = request.get("ClientToken") or ""
    digest = sha256(orjson.dumps(request, option=orjson.OPT_SORT_KEYS)).digest()
    known = tx.get(ImportToken, token_key(tx.account, tx.region, token)) if token else None
    if known is not None and known.expires_ms > tx.now_ms:
        before = find_import(tx, known.arn)
        if known.digest != digest:
            raise ImportConflict(f"Client token {token} was used for an import with other parameters")
        if before is not None:
            return {"ImportTableDescription": description(before)}
    one = _begin(tx, {**request, "ClientToken": token or tx.ids.uuid()})
    if token:
        expires_ms = tx.now_ms + _TOKEN_MS
        tx.put(token_key(tx.account, tx.region, token), ImportToken(one.arn, digest, expires_ms))
        tx.wake_at(expires_ms, _FORGET, tx.account, tx.region, token, housekeeping=True)
    return {"ImportTableDescription": description(one)}


def _check_format(request: Request) -> None:
    if request["InputFormat"] == "ION":
        raise Invalid("Ballroom does not support the ION format: InputFormat must be DYNAMODB_JSON or CSV.")
    if request.get("InputCompressionType") == "ZSTD":
        raise Invalid("Ballroom does not support ZSTD: InputCompressionType must be GZIP or NONE.")
    if request["InputFormat"] != "CSV" and request.get("InputFormatOptions"):
        raise Invalid("InputFormatOptions can be specified for the CSV format only")


def _begin(tx: Tx, request: Request) -> Import:
    asked = request["TableCreationParameters"]
    check_supported(asked)
    name = asked["TableName"]
    table = new_table(tx, tx.account, tx.region, name, asked)
    if tx.get(Table, table_key(tx.account, tx.region, name)) is not None:
        raise ResourceInUse(f"Table already exists: {name}")
    save_table(tx, replace(table, building=True))
    one = Import(new_id(tx), tx.account, tx.region, name, table.id, dict(request), tx.now_ms)
    tx.put(key_of(one), one)
    tx.deliver(KIND, b"", policy=POLICY, subject=one.arn)
    return one


@on_timer(_FORGET)
def forget_token(tx: Tx, account: str, region: str, token: str) -> None:
    """Remove a token, unless it was used anew meanwhile."""
    found = tx.get(ImportToken, token_key(account, region, token))
    if found is not None and found.expires_ms <= tx.now_ms:
        tx.delete(token_key(account, region, token))


@operation("DescribeImport")
def describe_import(tx: Tx, request: Request) -> Response:
    """An import, with how far it came.

    Source: DynamoDB API Reference, DescribeImport.
    """
    found = find_import(tx, request["ImportArn"])
    if found is None or (found.account, found.region) != (tx.account, tx.region):
        raise ImportNotFound(request["ImportArn"])
    return {"ImportTableDescription": description(found)}


@operation("ListImports")
def list_imports(tx: Tx, request: Request) -> Response:
    """The imports of an account, or of a table, by time.

    Source: DynamoDB API Reference, ListImports.
    """
    after = None
    if request.get("NextToken") is not None:
        after = import_key(tx.account, tx.region, _read_token(request["NextToken"]))
    limit = request.get("PageSize") or _LISTED
    wanted = None
    if request.get("TableArn") is not None:
        wanted = table_arn(*table_address(request["TableArn"], tx.account, tx.region))
    prefix = import_key(tx.account, tx.region, "")[:-1]
    rows = [
        one
        for one in tx.scan_prefix(Import, prefix, after=after)
        if wanted is None or table_arn(one.account, one.region, one.table) == wanted
    ]
    answer: Response = {"ImportSummaryList": [summary(one) for one in rows[:limit]]}
    if len(rows) > limit:
        answer["NextToken"] = rows[limit - 1].id.encode().hex().ljust(_TOKEN_LENGTH, "0")
    return answer


def _read_token(token: str) -> str:
    try:
        return bytes.fromhex(token).rstrip(b"\0").decode("ascii")
    except ValueError:
        raise Invalid("Invalid NextToken") from None
