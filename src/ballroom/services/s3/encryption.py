"""Server-side encryption as requests ask for it and answers tell it. Contents lie unencrypted on the disk.

SSE-S3 and SSE-KMS are recorded; SSE-C is enforced: who brings no key, or another, does not read.

Source: S3 User Guide, "Protecting data with server-side encryption", "Using server-side encryption with
customer-provided keys (SSE-C)", "Blocking or unblocking SSE-C for a general purpose bucket".
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from typing import Any

from ballroom.kernel import Tx
from ballroom.services.s3.errors import AccessDenied, InvalidArgument, InvalidEncryption, InvalidRequest
from ballroom.services.s3.resources import SSE_S3, Bucket, Encryption

_METHODS = ("AES256", "aws:kms", "aws:kms:dsse")
_ABOUT = "Requests specifying Server Side Encryption with Customer provided keys must provide "
NOT_APPLICABLE = "The encryption parameters are not applicable to this object."


def encryption_of(tx: Tx, bucket: Bucket, request: dict[str, Any]) -> Encryption:
    """How the object that a request makes is encrypted: as asked, or by the bucket's default.

    Raises:
        InvalidArgument: the headers contradict each other.
        AccessDenied: the bucket does not allow keys of its customers.
    """
    key_md5 = customer_key_md5(request)
    method = request.get("ServerSideEncryption")
    if key_md5:
        if method is not None:
            raise _refused(
                "Server Side Encryption with Customer provided key is incompatible with the encryption method "
                "specified",
                method,
            )
        if bucket.blocks_customer_keys:
            raise AccessDenied(
                "Server-side encryption with customer-provided keys (SSE-C) is blocked for this bucket."
            )
        return Encryption("", customer_key_md5=key_md5)
    if method is None:
        if request.get("SSEKMSKeyId") is not None:
            raise _refused(
                "Server Side Encryption with AWS KMS managed key requires HTTP header "
                "x-amz-server-side-encryption : aws:kms",
                "null",
            )
        default = bucket.encryption
        if default.algorithm == "AES256":
            return SSE_S3
        bucket_key = request.get("BucketKeyEnabled", default.bucket_key)
        return Encryption(
            default.algorithm, _key_arn(tx, bucket, default.key_id),
            request.get("SSEKMSEncryptionContext", ""), bucket_key,
        )  # fmt: skip
    if method not in _METHODS:
        raise _refused("The encryption method specified is not supported", method)
    if method == "AES256":
        if request.get("SSEKMSKeyId") is not None:
            raise _refused(
                "Server Side Encryption with AWS KMS managed key requires HTTP header "
                "x-amz-server-side-encryption : aws:kms",
                method,
            )
        return SSE_S3
    return Encryption(
        method, _key_arn(tx, bucket, request.get("SSEKMSKeyId", "")),
        request.get("SSEKMSEncryptionContext", ""), request.get("BucketKeyEnabled", False),
    )  # fmt: skip


def _key_arn(tx: Tx, bucket: Bucket, key_id: str) -> str:
    """The ARN that answers tell; without a key, that of the account's `aws/s3` key."""
    if key_id.startswith("arn:"):
        return key_id
    if not key_id:
        digits = hashlib.sha256(f"aws/s3 {bucket.account} {bucket.region}".encode()).hexdigest()
        key_id = f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:32]}"
    kind = "" if key_id.startswith("alias/") else "key/"
    return f"arn:aws:kms:{bucket.region}:{tx.account}:{kind}{key_id}"


def customer_key_md5(request: dict[str, Any], prefix: str = "") -> str:
    """The MD5 of the key that a request brings, checked; empty if it brings none.

    `prefix` is `CopySource` for the key of a copy's source.

    Raises:
        InvalidArgument: algorithm, key or its MD5 are missing or do not fit.
    """
    algorithm = request.get(f"{prefix}SSECustomerAlgorithm")
    key, told = request.get(f"{prefix}SSECustomerKey"), request.get(f"{prefix}SSECustomerKeyMD5")
    if algorithm is None and key is None and told is None:
        return ""
    if algorithm is None:
        raise _refused(f"{_ABOUT}a valid encryption algorithm.", "null")
    if algorithm != "AES256":
        raise InvalidEncryption(ArgumentName="x-amz-server-side-encryption", ArgumentValue=algorithm)
    if key is None:
        raise _refused(f"{_ABOUT}an appropriate secret key.", "null")
    if told is None:
        raise _refused(f"{_ABOUT}the client calculated MD5 of the secret key.", "null")
    try:
        raw = base64.b64decode(key, validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    if len(raw) != 32:
        raise _refused("The secret key was invalid for the specified algorithm.", "null")
    computed = base64.b64encode(hashlib.md5(raw, usedforsecurity=False).digest()).decode()
    if computed != told:
        raise _refused("The calculated MD5 hash of the key did not match the hash that was provided.", "null")
    return computed


def check_customer_key(encryption: Encryption, request: dict[str, Any], prefix: str = "") -> None:
    """Refuses to read without the key that the object was written with.

    Raises:
        InvalidRequest: a key is needed, or none is.
        AccessDenied: it is another one.
    """
    if not encryption.customer_key_md5 and f"{prefix}SSECustomerAlgorithm" not in request:
        return
    brought = customer_key_md5(request, prefix)
    if not encryption.customer_key_md5:
        if brought:
            raise InvalidRequest(NOT_APPLICABLE)
    elif not brought:
        raise InvalidRequest(
            "The object was stored using a form of Server Side Encryption. The correct parameters must be "
            "provided to retrieve the object."
        )
    elif brought != encryption.customer_key_md5:
        raise AccessDenied(f"{_ABOUT}the correct secret key.")


def check_part_key(encryption: Encryption, request: dict[str, Any]) -> None:
    """Refuses a part whose key is not the one that its upload was begun with."""
    if not encryption.customer_key_md5 and "SSECustomerAlgorithm" not in request:
        return
    brought = customer_key_md5(request)
    if bool(brought) != bool(encryption.customer_key_md5):
        raise InvalidRequest(
            "The multipart upload initiate requested encryption. Subsequent part requests must include the "
            "appropriate encryption parameters."
        )
    if brought != encryption.customer_key_md5:
        raise InvalidRequest("The provided encryption parameters did not match the ones used originally.")


def tell(encryption: Encryption, response: dict[str, Any], *, writing: bool = False) -> None:
    """Add how an object is encrypted to an answer."""
    if encryption is SSE_S3 or encryption.algorithm == "AES256":
        response["ServerSideEncryption"] = "AES256"
        return
    if encryption.customer_key_md5:
        response["SSECustomerAlgorithm"] = "AES256"
        response["SSECustomerKeyMD5"] = encryption.customer_key_md5
        return
    response["ServerSideEncryption"] = encryption.algorithm
    response["SSEKMSKeyId"] = encryption.key_id
    if encryption.bucket_key:
        response["BucketKeyEnabled"] = True
    if writing and encryption.context:
        response["SSEKMSEncryptionContext"] = encryption.context


def entity_tag(tx: Tx, encryption: Encryption, md5: str) -> str:
    """The MD5, but no digest of the content where a key other than S3's own encrypts it."""
    return md5 if encryption.algorithm == "AES256" else tx.ids.hex(32)


def _refused(text: str, value: str) -> InvalidArgument:
    return InvalidArgument(text, ArgumentName="x-amz-server-side-encryption", ArgumentValue=value)
