"""Configurations of which a bucket has many, each with an id: analytics, inventory, metrics, tiering.

They are stored and read back without effect. One table: names, and what each demands.

Source: S3 API Reference, the Put, Get, List and Delete operation of each; recorded answers.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, NamedTuple

import orjson

from ballroom.kernel import Request, Response, Tx, operation
from ballroom.services.s3.access import open_bucket
from ballroom.services.s3.continuation import name_of, token_of
from ballroom.services.s3.errors import InvalidArgument, MalformedXml, named
from ballroom.services.s3.resources import Setting

PAGE = 100
_ID = re.compile(r"[A-Za-z0-9\-_.]{1,64}", re.ASCII)


class Kind(NamedTuple):
    """One kind of configuration."""

    name: str  # AnalyticsConfiguration
    operation: str  # BucketAnalyticsConfiguration
    permission: str  # AnalyticsConfiguration, with Put or Get before it
    most: int
    check: Callable[[dict[str, Any]], None]


def _check_analytics(value: dict[str, Any]) -> None:
    analysis = value.get("StorageClassAnalysis")
    if analysis is None:
        raise MalformedXml()
    export = analysis.get("DataExport")
    if export is not None:
        target = (export.get("Destination") or {}).get("S3BucketDestination") or {}
        if export.get("OutputSchemaVersion") != "V_1" or target.get("Format") != "CSV":
            raise MalformedXml()
        if not target.get("Bucket"):
            raise MalformedXml()


def _check_inventory(value: dict[str, Any]) -> None:
    target = (value.get("Destination") or {}).get("S3BucketDestination") or {}
    if (
        "IsEnabled" not in value
        or value.get("IncludedObjectVersions") not in ("All", "Current")
        or (value.get("Schedule") or {}).get("Frequency") not in ("Daily", "Weekly")
        or target.get("Format") not in ("CSV", "ORC", "Parquet")
        or not target.get("Bucket")
    ):
        raise MalformedXml()
    if not target["Bucket"].startswith("arn:"):
        raise named("InvalidS3DestinationBucket", "Invalid bucket ARN.")


def _check_metrics(value: dict[str, Any]) -> None:
    filters = value.get("Filter")
    if filters is not None and len(filters) != 1:
        raise MalformedXml()


def _check_tiering(value: dict[str, Any]) -> None:
    tierings = value.get("Tierings")
    if value.get("Status") not in ("Enabled", "Disabled") or not tierings:
        raise MalformedXml()
    for tiering in tierings:
        least = {"ARCHIVE_ACCESS": 90, "DEEP_ARCHIVE_ACCESS": 180}.get(tiering.get("AccessTier"))
        if least is None or tiering.get("Days") is None:
            raise MalformedXml()
        if not least <= tiering["Days"] <= 730:
            raise InvalidArgument(f"'Days' must be between {least} and 730 for {tiering['AccessTier']}")


_KINDS = (
    Kind("AnalyticsConfiguration", "BucketAnalyticsConfiguration", "AnalyticsConfiguration", 1000,
         _check_analytics),
    Kind("InventoryConfiguration", "BucketInventoryConfiguration", "InventoryConfiguration", 1000,
         _check_inventory),
    Kind("MetricsConfiguration", "BucketMetricsConfiguration", "MetricsConfiguration", 1000, _check_metrics),
    Kind("IntelligentTieringConfiguration", "BucketIntelligentTieringConfiguration",
         "IntelligentTieringConfiguration", 1000, _check_tiering),
)  # fmt: skip


def _prefix(bucket_id: str, kind: Kind) -> tuple[str, ...]:
    return ("s3", "setting", bucket_id, kind.name)


def _missing() -> Exception:
    return named("NoSuchConfiguration", "The specified configuration does not exist.", status=404)


def _put(kind: Kind, tx: Tx, request: Request) -> Response:
    bucket = open_bucket(tx, request, f"Put{kind.permission}")
    identity, value = request["Id"], request[kind.name]
    if value.get("Id") != identity:
        raise MalformedXml()
    if _ID.fullmatch(identity) is None:
        raise InvalidArgument(
            "The Id is not valid: 1 to 64 of A-Z, a-z, 0-9, '-', '_' and '.'",
            ArgumentName="id", ArgumentValue=identity,
        )  # fmt: skip
    kind.check(value)
    row = (*_prefix(bucket.id, kind), identity)
    there = len(tx.scan_prefix(Setting, _prefix(bucket.id, kind), limit=kind.most))
    if there >= kind.most and tx.get(Setting, row) is None:
        raise named(
            "TooManyConfigurations",
            "You are attempting to create a new configuration but have already reached the "
            f"{kind.most:,}-configuration limit.",
        )
    tx.put(row, Setting(orjson.dumps(value)))
    return {}


def _get(kind: Kind, tx: Tx, request: Request) -> Response:
    bucket = open_bucket(tx, request, f"Get{kind.permission}")
    found = tx.get(Setting, (*_prefix(bucket.id, kind), request["Id"]))
    if found is None:
        raise _missing()
    return {kind.name: orjson.loads(found.value)}


def _list(kind: Kind, tx: Tx, request: Request) -> Response:
    bucket = open_bucket(tx, request, f"Get{kind.permission}")
    prefix, token = _prefix(bucket.id, kind), request.get("ContinuationToken")
    after = (*prefix, name_of(token)) if token else None
    found = tx.scan_prefix_items(Setting, prefix, after=after, limit=PAGE + 1)
    shown = found[:PAGE]
    response: Response = {"IsTruncated": len(found) > PAGE}
    if shown:
        response[f"{kind.name}List"] = [orjson.loads(row.value) for _, row in shown]
    if token:
        response["ContinuationToken"] = token
    if len(found) > PAGE:
        last = str(shown[-1][0][-1])
        response["NextContinuationToken"] = token_of(last)
    return response


def _delete(kind: Kind, tx: Tx, request: Request) -> Response:
    bucket = open_bucket(tx, request, f"Put{kind.permission}")
    row = (*_prefix(bucket.id, kind), request["Id"])
    if tx.get(Setting, row) is None:
        raise _missing()
    tx.delete(row)
    return {}


def _register(name: str, kind: Kind, act: Callable[[Kind, Tx, Request], Response]) -> None:
    def handler(tx: Tx, request: Request) -> Response:
        return act(kind, tx, request)

    handler.__doc__ = f"{name}: {kind.name}, stored without effect."
    operation(name, service="s3")(handler)


for _kind in _KINDS:
    _register(f"Put{_kind.operation}", _kind, _put)
    _register(f"Get{_kind.operation}", _kind, _get)
    _register(f"List{_kind.operation}s", _kind, _list)
    _register(f"Delete{_kind.operation}", _kind, _delete)
