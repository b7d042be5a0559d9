"""Object lock: the bucket's configuration, retention and legal holds of versions."""

from __future__ import annotations

import msgspec

from ballroom.kernel import Request, Response, Tx, operation
from ballroom.services.s3 import authorization, locks, versions
from ballroom.services.s3.access import open_bucket
from ballroom.services.s3.attributes import Attributes
from ballroom.services.s3.errors import MalformedXml, S3Error, named, not_configured
from ballroom.services.s3.operations.acls import load_to_change
from ballroom.services.s3.resources import Bucket, ObjectVersion
from ballroom.services.s3.settings_store import find_setting, put_setting


@operation("PutObjectLockConfiguration")
def put_object_lock_configuration(tx: Tx, request: Request) -> Response:
    """Lock objects in a bucket that keeps versions, from now on.

    Source: S3 API Reference, PutObjectLockConfiguration; User Guide, "Enable Object Lock on an existing
    Amazon S3 bucket".
    """
    bucket = open_bucket(tx, request, "PutBucketObjectLockConfiguration")
    configuration = request.get("ObjectLockConfiguration")
    if configuration is None:
        raise MalformedXml()
    if bucket.versioning != "Enabled":
        raise named(
            "InvalidBucketState",
            "Versioning must be 'Enabled' on the bucket to apply a Object Lock configuration",
            status=409,
        )
    locks.check_configuration(configuration)
    put_setting(tx, bucket, locks.NAME, configuration)
    return {}


@operation("GetObjectLockConfiguration")
def get_object_lock_configuration(tx: Tx, request: Request) -> Response:
    """The bucket's object lock configuration."""
    bucket = open_bucket(tx, request, "GetBucketObjectLockConfiguration")
    found = find_setting(tx, bucket, locks.NAME)
    if found is None:
        raise not_configured(
            "ObjectLockConfigurationNotFoundError",
            "Object Lock configuration does not exist for this bucket",
            bucket.name,
        )
    return {"ObjectLockConfiguration": found}


@operation("PutObjectRetention")
def put_object_retention(tx: Tx, request: Request) -> Response:
    """Keep a version until a date; shortening or loosening needs what the mode demands.

    Source: S3 API Reference, PutObjectRetention.
    """
    bucket, version = _locked(tx, request, "PutObjectRetention")
    retention = request.get("Retention")
    if retention is None:
        raise MalformedXml()
    bypass = request.get("BypassGovernanceRetention", False)
    if bypass:
        authorization.authorize(tx, bucket, "BypassGovernanceRetention", version.key, version, request)
    attributes = locks.with_retention(version.attributes, retention, tx.now_ms, bypass=bypass)
    return _store(tx, bucket, version, attributes)


@operation("GetObjectRetention")
def get_object_retention(tx: Tx, request: Request) -> Response:
    """How long a version is kept.

    Source: S3 API Reference, GetObjectRetention.
    """
    _, version = _locked(tx, request, "GetObjectRetention", to_change=False)
    attributes = version.attributes
    if not attributes.lock_mode:
        raise _no_lock()
    return {"Retention": {"Mode": attributes.lock_mode, "RetainUntilDate": attributes.retain_until_ms}}


@operation("PutObjectLegalHold")
def put_object_legal_hold(tx: Tx, request: Request) -> Response:
    """Keep a version until the hold is taken away.

    Source: S3 API Reference, PutObjectLegalHold.
    """
    bucket, version = _locked(tx, request, "PutObjectLegalHold")
    status = (request.get("LegalHold") or {}).get("Status")
    if status not in ("ON", "OFF"):
        raise MalformedXml()
    return _store(tx, bucket, version, locks.with_hold(version.attributes, status))


@operation("GetObjectLegalHold")
def get_object_legal_hold(tx: Tx, request: Request) -> Response:
    """Whether a version is held; of one that never was, there is nothing to tell.

    Source: S3 API Reference, GetObjectLegalHold.
    """
    _, version = _locked(tx, request, "GetObjectLegalHold", to_change=False)
    if not version.attributes.hold_told:
        raise _no_lock()
    return {"LegalHold": {"Status": "ON" if version.attributes.legal_hold else "OFF"}}


def _locked(tx: Tx, request: Request, action: str, *, to_change: bool = True) -> tuple[Bucket, ObjectVersion]:
    """The version that a request is about, in a bucket with object lock."""
    bucket = open_bucket(tx, request, action, key=request["Key"])
    find = load_to_change if to_change else versions.load_object
    version = find(tx, bucket, request["Key"], request.get("VersionId"))
    if locks.NAME not in bucket.configured:
        raise locks.missing_configuration()
    return bucket, version


def _store(tx: Tx, bucket: Bucket, version: ObjectVersion, attributes: Attributes) -> Response:
    versions.update_version(tx, bucket, msgspec.structs.replace(version, attributes=attributes))
    return {}


def _no_lock() -> S3Error:
    return named(
        "NoSuchObjectLockConfiguration",
        "The specified object does not have a ObjectLock configuration",
        status=404,
    )
