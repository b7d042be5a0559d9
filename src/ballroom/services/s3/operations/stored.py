"""Configurations that are stored and read back without effect: acceleration, access logging, who pays.

Source: S3 API Reference, the Put and Get operation of each; recorded answers.
"""

from __future__ import annotations

from ballroom.kernel import NotImplementedHere, Request, Response, Tx, operation
from ballroom.services.s3 import grants
from ballroom.services.s3.access import open_bucket
from ballroom.services.s3.errors import MalformedXml, named, not_configured
from ballroom.services.s3.resources import Bucket, find_bucket
from ballroom.services.s3.settings_store import drop_setting, find_setting, put_setting

ACCELERATE, LOGGING, PAYER = "accelerate", "logging", "request-payment"


@operation("PutBucketAccelerateConfiguration")
def put_bucket_accelerate_configuration(tx: Tx, request: Request) -> Response:
    """Stored: there is nothing faster than this machine."""
    bucket = open_bucket(tx, request, "PutAccelerateConfiguration")
    if "." in bucket.name:
        raise named(
            "InvalidRequest",
            "S3 Transfer Acceleration is not supported for buckets with periods (.) in their names",
        )
    status = request["AccelerateConfiguration"].get("Status")
    if status not in ("Enabled", "Suspended"):
        raise MalformedXml()
    put_setting(tx, bucket, ACCELERATE, {"Status": status})
    return {}


@operation("GetBucketAccelerateConfiguration")
def get_bucket_accelerate_configuration(tx: Tx, request: Request) -> Response:
    """What was put; nothing without that."""
    return find_setting(tx, open_bucket(tx, request, "GetAccelerateConfiguration"), ACCELERATE) or {}


@operation("PutBucketRequestPayment")
def put_bucket_request_payment(tx: Tx, request: Request) -> Response:
    """Stored: nobody pays."""
    bucket = open_bucket(tx, request, "PutBucketRequestPayment")
    payer = request["RequestPaymentConfiguration"].get("Payer")
    if payer not in ("Requester", "BucketOwner"):
        raise MalformedXml()
    put_setting(tx, bucket, PAYER, {"Payer": payer})
    return {}


@operation("GetBucketRequestPayment")
def get_bucket_request_payment(tx: Tx, request: Request) -> Response:
    """Who would pay."""
    bucket = open_bucket(tx, request, "GetBucketRequestPayment")
    return find_setting(tx, bucket, PAYER) or {"Payer": "BucketOwner"}


@operation("PutBucketLogging")
def put_bucket_logging(tx: Tx, request: Request) -> Response:
    """Stored: no access logs are written. The target is checked as on AWS.

    Source: S3 API Reference, PutBucketLogging.
    """
    bucket = open_bucket(tx, request, "PutBucketLogging")
    enabled = request["BucketLoggingStatus"].get("LoggingEnabled")
    if not enabled:
        drop_setting(tx, bucket, LOGGING)
        return {}
    if enabled.get("TargetBucket") is None or enabled.get("TargetPrefix") is None:
        raise MalformedXml()
    _check_target(tx, bucket, enabled["TargetBucket"])
    for grant in enabled.get("TargetGrants") or ():
        grants.stated_grant(grant)
    put_setting(tx, bucket, LOGGING, {"LoggingEnabled": enabled})
    return {}


def _check_target(tx: Tx, bucket: Bucket, name: str) -> None:
    target = find_bucket(tx, name)
    if target is None or target.account != bucket.account:
        raise named(
            "InvalidTargetBucketForLogging",
            "The target bucket for logging does not exist"
            if target is None
            else "The owner for the bucket to be logged and the target bucket must be the same.",
            TargetBucket=name,
        )
    if target.region != bucket.region:
        fields = {"TargetBucketLocation": target.region}
        if bucket.region != "us-east-1":
            fields = {"SourceBucketLocation": bucket.region, **fields}
        raise named(
            "CrossLocationLoggingProhibitted", "Cross S3 location logging not allowed. ", status=403, **fields
        )


@operation("GetBucketLogging")
def get_bucket_logging(tx: Tx, request: Request) -> Response:
    """What was put; nothing without that."""
    return find_setting(tx, open_bucket(tx, request, "GetBucketLogging"), LOGGING) or {}


@operation("PutBucketReplication")
def put_bucket_replication(tx: Tx, request: Request) -> Response:
    """Refused by name: objects would not be replicated."""
    open_bucket(tx, request, "PutReplicationConfiguration")
    raise NotImplementedHere("Ballroom does not replicate buckets")


@operation("GetBucketReplication")
def get_bucket_replication(tx: Tx, request: Request) -> Response:
    """There never is one."""
    bucket = open_bucket(tx, request, "GetReplicationConfiguration")
    raise not_configured(
        "ReplicationConfigurationNotFoundError", "The replication configuration was not found", bucket.name
    )


@operation("DeleteBucketReplication")
def delete_bucket_replication(tx: Tx, request: Request) -> Response:
    """There is nothing to delete, which is no error."""
    open_bucket(tx, request, "PutReplicationConfiguration")
    return {}
