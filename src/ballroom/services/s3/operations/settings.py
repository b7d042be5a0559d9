"""Settings of buckets. Versioning takes effect; the others are stored and read back.

They are one table: what is put, under which member it is answered, and AWS's error when there is none.

Source: S3 API Reference, the Put and Get operation of each.
"""

from __future__ import annotations

from typing import Any

import msgspec
import orjson

from ballroom.kernel import Request, Response, Tx, operation
from ballroom.kernel.errors import NotImplementedHere
from ballroom.services.s3.errors import BadSetting, MalformedXml, MissingSetting
from ballroom.services.s3.resources import Bucket, Setting, bucket_key, load_bucket


@operation("PutBucketVersioning")
def put_bucket_versioning(tx: Tx, request: Request) -> Response:
    """Begin or suspend keeping versions; it cannot be undone.

    Source: S3 API Reference, PutBucketVersioning.
    """
    bucket = load_bucket(tx, request["Bucket"])
    configuration = request["VersioningConfiguration"]
    status = configuration.get("Status", "")
    if status not in ("Enabled", "Suspended"):
        raise MalformedXml()
    if configuration.get("MFADelete") == "Enabled":
        raise NotImplementedHere("Ballroom does not support MFADelete of buckets yet")
    tx.put(bucket_key(bucket.name), msgspec.structs.replace(bucket, versioning=status))
    return {}


@operation("GetBucketVersioning")
def get_bucket_versioning(tx: Tx, request: Request) -> Response:
    """Whether versions are kept; nothing for a bucket that never has.

    Source: S3 API Reference, GetBucketVersioning.
    """
    bucket = load_bucket(tx, request["Bucket"])
    return {"Status": bucket.versioning} if bucket.versioning else {}


@operation("PutBucketEncryption")
def put_bucket_encryption(tx: Tx, request: Request) -> Response:
    """Stored: content lies unencrypted in the data directory."""
    return _put(tx, request, "encryption", request["ServerSideEncryptionConfiguration"])


@operation("GetBucketEncryption")
def get_bucket_encryption(tx: Tx, request: Request) -> Response:
    """What was put; without that, AWS's default."""
    found = _find(tx, load_bucket(tx, request["Bucket"]), "encryption")
    default = {
        "Rules": [
            {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}, "BucketKeyEnabled": False}
        ]
    }
    return {"ServerSideEncryptionConfiguration": found if found is not None else default}


@operation("DeleteBucketEncryption")
def delete_bucket_encryption(tx: Tx, request: Request) -> Response:
    """Back to AWS's default."""
    return _delete(tx, request, "encryption")


@operation("PutPublicAccessBlock")
def put_public_access_block(tx: Tx, request: Request) -> Response:
    """Stored: nothing is public here anyway."""
    return _put(tx, request, "public-access", request["PublicAccessBlockConfiguration"])


@operation("GetPublicAccessBlock")
def get_public_access_block(tx: Tx, request: Request) -> Response:
    """What was put; without that, AWS's default of blocking all."""
    found = _find(tx, load_bucket(tx, request["Bucket"]), "public-access")
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
    bucket = load_bucket(tx, request["Bucket"])
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
    found = _find(tx, load_bucket(tx, request["Bucket"]), "policy")
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
    found = _find(tx, load_bucket(tx, request["Bucket"]), "lifecycle")
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
    found = _find(tx, load_bucket(tx, request["Bucket"]), "tagging")
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
    found = _find(tx, load_bucket(tx, request["Bucket"]), "ownership")
    default = {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
    return {"OwnershipControls": found if found is not None else default}


@operation("DeleteBucketOwnershipControls")
def delete_bucket_ownership_controls(tx: Tx, request: Request) -> Response:
    """Back to AWS's default."""
    return _delete(tx, request, "ownership")


def _put(tx: Tx, request: Request, name: str, value: dict[str, Any]) -> Response:
    return _store(tx, load_bucket(tx, request["Bucket"]), name, value)


def _store(tx: Tx, bucket: Bucket, name: str, value: dict[str, Any]) -> Response:
    tx.put(("s3", "setting", bucket.id, name), Setting(orjson.dumps(value)))
    return {}


def _find(tx: Tx, bucket: Bucket, name: str) -> dict[str, Any] | None:
    found = tx.get(Setting, ("s3", "setting", bucket.id, name))
    if found is None:
        return None
    value: dict[str, Any] = orjson.loads(found.value)
    return value


def _delete(tx: Tx, request: Request, name: str) -> Response:
    tx.delete(("s3", "setting", load_bucket(tx, request["Bucket"]).id, name))
    return {}


def _missing(shape: str, text: str, **fields: str) -> MissingSetting:
    error = MissingSetting(text, **fields)
    error.shape = shape
    return error


def _bad(shape: str, text: str) -> BadSetting:
    error = BadSetting(text)
    error.shape = shape
    return error
