"""Encryption as requests ask for it: recorded, answered, and SSE-C enforced where it is allowed."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

import pytest
from tests.cloud import Cloud
from tests.services.s3.shelf import a_bucket, get, put


def customer_key(text: str, prefix: str = "") -> dict[str, str]:
    raw = hashlib.sha256(text.encode()).digest()
    return {
        f"{prefix}SSECustomerAlgorithm": "AES256",
        f"{prefix}SSECustomerKey": base64.b64encode(raw).decode(),
        f"{prefix}SSECustomerKeyMD5": base64.b64encode(hashlib.md5(raw).digest()).decode(),
    }


KEY, OTHER = customer_key("key"), customer_key("other")


def allow(cloud: Cloud, *blocked: str) -> None:
    rule = {
        "ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"},
        "BlockedEncryptionTypes": {"EncryptionType": list(blocked)},
    }
    cloud.call("s3", "PutBucketEncryption", Bucket="shelf", ServerSideEncryptionConfiguration={"Rules": [rule]})


def error_of(cloud: Cloud, operation: str, **more: Any) -> str:
    return cloud.error("s3", operation, Bucket="shelf", Key="k", **more).shape


def test_new_buckets_allow_no_keys_of_their_customers(cloud: Cloud) -> None:
    a_bucket(cloud)
    assert error_of(cloud, "PutObject", Body=b"", **KEY) == "AccessDenied"
    allow(cloud, "NONE")
    put(cloud, "k", **KEY)
    allow(cloud, "SSE-C")
    assert error_of(cloud, "PutObject", Body=b"", **KEY) == "AccessDenied"
    assert get(cloud, "k", **KEY) == b"content"  # what is there can be read


def test_who_brings_no_key_or_another_does_not_read(cloud: Cloud) -> None:
    a_bucket(cloud)
    allow(cloud, "NONE")
    put(cloud, "plain")
    answer = put(cloud, "k", b"secret", **KEY)
    assert answer["SSECustomerKeyMD5"] == KEY["SSECustomerKeyMD5"]
    assert "ServerSideEncryption" not in answer
    for operation in ("GetObject", "HeadObject"):
        assert error_of(cloud, operation) == "InvalidRequest"
        assert error_of(cloud, operation, **OTHER) == "AccessDenied"
    assert get(cloud, "k", **KEY) == b"secret"
    error = cloud.error("s3", "GetObject", Bucket="shelf", Key="plain", **KEY)
    assert error.shape == "InvalidRequest"
    copy = {"Key": "copy", "Bucket": "shelf", "CopySource": "shelf/k"}
    assert cloud.error("s3", "CopyObject", **copy).shape == "InvalidRequest"
    cloud.call("s3", "CopyObject", **copy, **customer_key("key", "CopySource"))
    assert get(cloud, "copy") == b"secret"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"SSECustomerAlgorithm": "DES"}, "InvalidEncryptionAlgorithmError"),
        ({"SSECustomerAlgorithm": None}, "InvalidArgument"),
        ({"SSECustomerKey": None}, "InvalidArgument"),
        ({"SSECustomerKeyMD5": None}, "InvalidArgument"),
        ({"SSECustomerKey": "dG9vIHNob3J0"}, "InvalidArgument"),
        ({"SSECustomerKeyMD5": OTHER["SSECustomerKeyMD5"]}, "InvalidArgument"),
        ({"ServerSideEncryption": "AES256"}, "InvalidArgument"),
    ],
)
def test_keys_must_be_right(cloud: Cloud, change: dict[str, Any], code: str) -> None:
    a_bucket(cloud)
    allow(cloud, "NONE")
    given = {name: value for name, value in {**KEY, **change}.items() if value is not None}
    assert error_of(cloud, "PutObject", Body=b"", **given) == code


def test_the_buckets_default_is_the_objects(cloud: Cloud) -> None:
    a_bucket(cloud)
    assert put(cloud, "k")["ServerSideEncryption"] == "AES256"
    key = "arn:aws:kms:us-east-1:000000000000:key/abc"
    rule = {
        "ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key},
        "BucketKeyEnabled": True,
    }
    cloud.call("s3", "PutBucketEncryption", Bucket="shelf", ServerSideEncryptionConfiguration={"Rules": [rule]})
    answer = put(cloud, "k")
    assert (answer["ServerSideEncryption"], answer["SSEKMSKeyId"]) == ("aws:kms", key)
    assert answer["BucketKeyEnabled"]
    assert answer["ETag"] != f'"{hashlib.md5(b"content").hexdigest()}"'  # no digest of what is encrypted
    assert put(cloud, "k", ServerSideEncryption="AES256")["ServerSideEncryption"] == "AES256"
    double = put(cloud, "k", ServerSideEncryption="aws:kms:dsse", SSEKMSEncryptionContext="e30=")
    assert (double["ServerSideEncryption"], double["SSEKMSEncryptionContext"]) == ("aws:kms:dsse", "e30=")
    assert error_of(cloud, "PutObject", Body=b"", SSEKMSKeyId=key) == "InvalidArgument"
    assert error_of(cloud, "PutObject", Body=b"", ServerSideEncryption="ROT13") == "InvalidArgument"
