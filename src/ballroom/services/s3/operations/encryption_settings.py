"""How a bucket's objects are encrypted unless a request says so, and whether SSE-C is allowed."""

from __future__ import annotations

from typing import Any

import msgspec

from ballroom.kernel import Request, Response, Tx, operation
from ballroom.services.s3.access import open_bucket
from ballroom.services.s3.errors import InvalidArgument, MalformedXml
from ballroom.services.s3.resources import SSE_S3, Encryption, bucket_key, find_bucket
from ballroom.services.s3.settings_store import drop_setting, find_setting, put_setting

_NAME = "encryption"
_DEFAULT = {
    "Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}, "BucketKeyEnabled": False}]
}


@operation("PutBucketEncryption")
def put_bucket_encryption(tx: Tx, request: Request) -> Response:
    """Choose the default encryption of new objects.

    SSE-C is blocked for new buckets; `BlockedEncryptionTypes` of `NONE` allows it.

    Source: S3 API Reference, PutBucketEncryption; User Guide, "Blocking or unblocking SSE-C".
    """
    bucket = open_bucket(tx, request, "PutEncryptionConfiguration")
    rules = request["ServerSideEncryptionConfiguration"].get("Rules") or []
    if len(rules) != 1:
        raise MalformedXml()
    rule = rules[0]
    stored = {"Rules": [{**rule, "BucketKeyEnabled": rule.get("BucketKeyEnabled", False)}]}
    put_setting(tx, bucket, _NAME, stored)
    bucket = find_bucket(tx, bucket.name) or bucket
    blocked = (rule.get("BlockedEncryptionTypes") or {}).get("EncryptionType")
    blocks = bucket.blocks_customer_keys if blocked is None else "SSE-C" in blocked
    tx.put(
        bucket_key(bucket.name),
        msgspec.structs.replace(bucket, encryption=_default_of(rule), blocks_customer_keys=blocks),
    )
    return {}


def _default_of(rule: dict[str, Any]) -> Encryption:
    default = rule.get("ApplyServerSideEncryptionByDefault") or {}
    method, key_id = default.get("SSEAlgorithm", "AES256"), default.get("KMSMasterKeyID", "")
    if method not in ("AES256", "aws:kms", "aws:kms:dsse"):
        raise MalformedXml()
    if method == "AES256":
        if key_id:
            raise InvalidArgument(
                "a KMSMasterKeyID is not applicable if the default sse algorithm is not aws:kms or "
                "aws:kms:dsse",
                ArgumentName="ApplyServerSideEncryptionByDefault",
            )  # fmt: skip
        return SSE_S3
    return Encryption(method, key_id, "", rule.get("BucketKeyEnabled", False))


@operation("GetBucketEncryption")
def get_bucket_encryption(tx: Tx, request: Request) -> Response:
    """What was put; without that, AWS's default."""
    found = find_setting(tx, open_bucket(tx, request, "GetEncryptionConfiguration"), _NAME)
    return {"ServerSideEncryptionConfiguration": found if found is not None else _DEFAULT}


@operation("DeleteBucketEncryption")
def delete_bucket_encryption(tx: Tx, request: Request) -> Response:
    """Back to AWS's default."""
    bucket = open_bucket(tx, request, "PutEncryptionConfiguration")
    drop_setting(tx, bucket, _NAME)
    bucket = find_bucket(tx, bucket.name) or bucket
    tx.put(
        bucket_key(bucket.name),
        msgspec.structs.replace(bucket, encryption=SSE_S3, blocks_customer_keys=True),
    )
    return {}
