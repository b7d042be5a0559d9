"""Settings of buckets that are stored and read back.

They are one table: what is put, under which member it is answered, and AWS's error when there is none.

Source: S3 API Reference, the Put and Get operation of each.
"""

from __future__ import annotations

from typing import Any

import orjson

from ballroom.kernel import Request, Response, Tx, operation
from ballroom.services.s3.errors import BadSetting, MissingSetting
from ballroom.services.s3.access import open_bucket
from ballroom.services.s3.resources import Bucket
from ballroom.services.s3.settings_store import drop_setting, find_setting, put_setting


@operation("PutPublicAccessBlock")
def put_public_access_block(tx: Tx, request: Request) -> Response:
    """Stored: nothing is public here anyway."""
    return _put(tx, request, "public-access", request["PublicAccessBlockConfiguration"])


@operation("GetPublicAccessBlock")
def get_public_access_block(tx: Tx, request: Request) -> Response:
    """What was put; without that, AWS's default of blocking all."""
    found = _find(tx, open_bucket(tx, request, ""), "public-access")
    if found == {}:
        raise _missing(
            "NoSuchPublicAccessBlockConfiguration", "The public access block configuration was not found"
        )
    members = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
    default = dict.fromkeys(members, True)
    shown = default if found is None else {member: bool(found.get(member)) for member in members}
    return {"PublicAccessBlockConfiguration": shown}


@operation("DeletePublicAccessBlock")
def delete_public_access_block(tx: Tx, request: Request) -> Response:
    """Remembered as absent, since the default would block."""
    return _put(tx, request, "public-access", {})


@operation("PutBucketPolicy")
def put_bucket_policy(tx: Tx, request: Request) -> Response:
    """Stored: policies are not evaluated yet. What is no policy document is refused."""
    bucket = open_bucket(tx, request, "")
    text = request["Policy"]
    try:
        document = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise _bad("MalformedPolicy", "Policies must be valid JSON and the first byte must be '{'") from error
    if not isinstance(document, dict) or not document.get("Statement"):
        raise _bad("MalformedPolicy", "Missing required field Statement")
    return _store(tx, bucket, "policy", {"text": text})


@operation("GetBucketPolicy")
def get_bucket_policy(tx: Tx, request: Request) -> Response:
    """The policy as it was put."""
    found = _find(tx, open_bucket(tx, request, ""), "policy")
    if found is None:
        raise _missing("NoSuchBucketPolicy", "The bucket policy does not exist", BucketName=request["Bucket"])
    return {"Policy": found["text"]}


@operation("DeleteBucketPolicy")
def delete_bucket_policy(tx: Tx, request: Request) -> Response:
    """Take the policy away."""
    return _delete(tx, request, "policy")


@operation("PutBucketLifecycleConfiguration")
def put_bucket_lifecycle_configuration(tx: Tx, request: Request) -> Response:
    """Stored: nothing expires yet."""
    return _put(tx, request, "lifecycle", request.get("LifecycleConfiguration") or {})


@operation("GetBucketLifecycleConfiguration")
def get_bucket_lifecycle_configuration(tx: Tx, request: Request) -> Response:
    """The rules as they were put."""
    found = _find(tx, open_bucket(tx, request, ""), "lifecycle")
    if found is None:
        raise _missing("NoSuchLifecycleConfiguration", "The lifecycle configuration does not exist")
    return found


@operation("DeleteBucketLifecycle")
def delete_bucket_lifecycle(tx: Tx, request: Request) -> Response:
    """Take the rules away."""
    return _delete(tx, request, "lifecycle")


@operation("PutBucketTagging")
def put_bucket_tagging(tx: Tx, request: Request) -> Response:
    """Replace the bucket's tags."""
    tags = request["Tagging"]["TagSet"]
    if len({tag["Key"] for tag in tags}) != len(tags):
        raise _bad("InvalidTag", "Cannot provide multiple Tags with the same key")
    return _put(tx, request, "tagging", {"TagSet": tags})


@operation("GetBucketTagging")
def get_bucket_tagging(tx: Tx, request: Request) -> Response:
    """The bucket's tags."""
    found = _find(tx, open_bucket(tx, request, ""), "tagging")
    if found is None:
        raise _missing("NoSuchTagSet", "The TagSet does not exist", BucketName=request["Bucket"])
    return found


@operation("DeleteBucketTagging")
def delete_bucket_tagging(tx: Tx, request: Request) -> Response:
    """Take all tags away."""
    return _delete(tx, request, "tagging")


@operation("PutBucketOwnershipControls")
def put_bucket_ownership_controls(tx: Tx, request: Request) -> Response:
    """Stored: every object is its bucket owner's."""
    return _put(tx, request, "ownership", request["OwnershipControls"])


@operation("GetBucketOwnershipControls")
def get_bucket_ownership_controls(tx: Tx, request: Request) -> Response:
    """What was put; without that, AWS's default."""
    found = _find(tx, open_bucket(tx, request, ""), "ownership")
    default = {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
    return {"OwnershipControls": found if found is not None else default}


@operation("DeleteBucketOwnershipControls")
def delete_bucket_ownership_controls(tx: Tx, request: Request) -> Response:
    """Back to AWS's default."""
    return _delete(tx, request, "ownership")


def _put(tx: Tx, request: Request, name: str, value: dict[str, Any]) -> Response:
    return _store(tx, open_bucket(tx, request, ""), name, value)


def _store(tx: Tx, bucket: Bucket, name: str, value: dict[str, Any]) -> Response:
    put_setting(tx, bucket, name, value)
    return {}


def _find(tx: Tx, bucket: Bucket, name: str) -> dict[str, Any] | None:
    return find_setting(tx, bucket, name)


def _delete(tx: Tx, request: Request, name: str) -> Response:
    drop_setting(tx, open_bucket(tx, request, ""), name)
    return {}


def _missing(shape: str, text: str, **fields: str) -> MissingSetting:
    error = MissingSetting(text, **fields)
    error.shape = shape
    return error


def _bad(shape: str, text: str) -> BadSetting:
    error = BadSetting(text)
    error.shape = shape
    return error
