"""Lifecycle configurations. `lifecycle.sweep` carries the rules out."""

from __future__ import annotations

from ballroom.kernel import Request, Response, Tx, operation
from ballroom.services.s3.access import open_bucket
from ballroom.services.s3.errors import not_configured
from ballroom.services.s3.lifecycle import sweep, validation
from ballroom.services.s3.lifecycle.configured import LIFECYCLE
from ballroom.services.s3.lifecycle.rules import DEFAULT_MINIMUM
from ballroom.services.s3.settings_store import drop_setting, find_setting, put_setting


@operation("PutBucketLifecycleConfiguration")
def put_bucket_lifecycle_configuration(tx: Tx, request: Request) -> Response:
    """Replace the rules by which objects expire and move between storage classes, each midnight UTC.

    Source: S3 API Reference, PutBucketLifecycleConfiguration.
    """
    bucket = open_bucket(tx, request, "PutLifecycleConfiguration")
    rules = (request.get("LifecycleConfiguration") or {}).get("Rules")
    minimum = validation.check_minimum(request.get("TransitionDefaultMinimumObjectSize"))
    validation.check(rules)
    kept = [{**rule, "ID": rule.get("ID") or tx.ids.hex(48)} for rule in rules or ()]
    put_setting(tx, bucket, LIFECYCLE, {"Rules": kept, "Minimum": minimum})
    sweep.expect(tx, bucket)
    return {"TransitionDefaultMinimumObjectSize": minimum}


@operation("GetBucketLifecycleConfiguration")
def get_bucket_lifecycle_configuration(tx: Tx, request: Request) -> Response:
    """The rules as they were put."""
    bucket = open_bucket(tx, request, "GetLifecycleConfiguration")
    found = find_setting(tx, bucket, LIFECYCLE)
    if found is None:
        raise not_configured(
            "NoSuchLifecycleConfiguration", "The lifecycle configuration does not exist", bucket.name
        )
    minimum = found.get("Minimum", DEFAULT_MINIMUM)
    return {"Rules": found["Rules"], "TransitionDefaultMinimumObjectSize": minimum}


@operation("DeleteBucketLifecycle")
def delete_bucket_lifecycle(tx: Tx, request: Request) -> Response:
    """Let nothing expire or move any more."""
    drop_setting(tx, open_bucket(tx, request, "PutLifecycleConfiguration"), LIFECYCLE)
    return {}
