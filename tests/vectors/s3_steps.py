"""What the recorded tests of S3's objects did, told by their names and answers."""

from __future__ import annotations

import base64
import datetime
import hashlib
import itertools
from collections.abc import Callable
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from ballroom.testing import BallroomServer

Answers = dict[str, Any]
_numbers = itertools.count()
KEY_A = hashlib.sha256(b"a").digest()
KEY_B = hashlib.sha256(b"b").digest()
SSE_C = {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": KEY_A}
OTHER_SSE_C = {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": KEY_B}
HOUR = datetime.timedelta(hours=1)
MB = 1 << 20


class Steps:
    """boto3's client with a bucket at hand; errors are answers."""

    def __init__(self, server: BallroomServer) -> None:
        config = Config(signature_version="s3v4", retries={"total_max_attempts": 1})
        self.client = server.client("s3", account="111111111111", config=config)
        self.name = f"bucket-{next(_numbers)}"
        self.client.create_bucket(Bucket=self.name)

    def __call__(self, operation: str, **given: Any) -> Answers:
        given.setdefault("Bucket", self.name)
        try:
            answer: Answers = getattr(self.client, operation)(**given)
        except ClientError as error:
            return dict(error.response)
        body = answer.get("Body")
        if body is not None:
            answer["Body"] = body.read()
        return answer

    def put(self, key: str, body: bytes = b"", **more: Any) -> Answers:
        return self("put_object", Key=key, Body=body, **more)

    def get(self, key: str, **more: Any) -> Answers:
        return self("get_object", Key=key, **more)

    def head(self, key: str, **more: Any) -> Answers:
        return self("head_object", Key=key, **more)

    def versioning(self, status: str) -> None:
        self("put_bucket_versioning", VersioningConfiguration={"Status": status})

    def allow_customer_keys(self) -> None:
        """Recorded before AWS blocked SSE-C for new buckets."""
        rule = {
            "ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"},
            "BlockedEncryptionTypes": {"EncryptionType": ["NONE"]},
        }
        self("put_bucket_encryption", ServerSideEncryptionConfiguration={"Rules": [rule]})

    def begin(self, key: str, **more: Any) -> Answers:
        return self("create_multipart_upload", Key=key, **more)

    def part(self, key: str, upload: str, number: int = 1, body: bytes = b"abc", **more: Any) -> Answers:
        return self("upload_part", Key=key, UploadId=upload, PartNumber=number, Body=body, **more)

    def complete(self, key: str, upload: str, parts: list[Answers], **more: Any) -> Answers:
        given = {"Key": key, "UploadId": upload, "MultipartUpload": {"Parts": parts}, **more}
        return self("complete_multipart_upload", **given)

    def listed(self, **more: Any) -> Answers:
        return self("list_object_versions", **more)


def named(number: int, answer: Answers, *members: str) -> Answers:
    return {"PartNumber": number, "ETag": answer["ETag"], **{m: answer[m] for m in members}}


def get_object_range(s: Steps, _: str) -> Answers:
    s.put("key", b"0123456789")
    forms = ["0-8", "1-1", "1-0", "1-", "-1-", "-2", "-9", "-15", "0-100", "0-0", "0--1", "-", "-0", "100-200"]
    answers = {f"get-{form}": s.get("key", Range=f"bytes={form}") for form in forms}
    answers["get-0-8-checksum"] = s.get("key", Range="bytes=0-8", ChecksumMode="ENABLED")
    answers["get-multiple-ranges"] = s.get("key", Range="bytes=0-4,5-9")
    answers["get-wrong-format"] = s.get("key", Range="0-1")
    return answers


def delete_object(s: Steps, _: str) -> Answers:
    put = s.put("test-delete", b"test-delete")
    version = "HPniJFCxqTsMuIH9KX8K8wEjNUgmABCD"
    return {
        "put-object": put,
        "delete-object": s("delete_object", Key="test-delete"),
        "delete-nonexistent-object": s("delete_object", Key="test-delete"),
        "delete-nonexistent-object-versionid": s("delete_object", Key="test-delete", VersionId=version),
    }


def delete_objects(s: Steps, _: str) -> Answers:
    put = s.put("test-delete", b"test-delete")
    version = "HPniJFCxqTsMuIH9KX8K8wEjNUgmABCD"
    wrong = s("delete_objects", Delete={"Objects": [{"Key": "test-delete", "VersionId": version}]})
    keys = [{"Key": key} for key in ("a-wrong-key", "c-wrong-key", "test-delete")]
    return {
        "put-object": put,
        "delete-object-wrong-version-id": wrong,
        "delete-objects": s("delete_objects", Delete={"Objects": keys}),
    }


def delete_object_versioned(s: Steps, _: str) -> Answers:
    s.versioning("Enabled")
    a: Answers = {"put-object": s.put("test-delete", b"test-delete")}
    one = a["put-object"]["VersionId"]
    a["delete-object"] = s("delete_object", Key="test-delete")
    marker = a["delete-object"]["VersionId"]
    a["get-deleted-object"] = s.get("test-delete")
    a["get-object-with-version"] = s.get("test-delete", VersionId=one)
    a["get-delete-marker"] = s.get("test-delete", VersionId=marker)
    a["delete-object-2"] = s("delete_object", Key="test-delete")
    a["list-object-versions"] = s.listed(Prefix="test-delete")
    a["delete-delete-marker"] = s("delete_object", Key="test-delete", VersionId=marker)
    a["delete-object-version"] = s("delete_object", Key="test-delete", VersionId=one)
    a["get-deleted-object-with-version"] = s.get("test-delete", VersionId=one)
    a["delete-with-bad-version"] = s("delete_object", Key="test-delete", VersionId=f"{one[:-4]}ABCD")
    a["delete-wrong-key"] = s("delete_object", Key="wrong-key")
    return a


def suspended(s: Steps, key: str) -> Answers:
    s.versioning("Enabled")
    return {f"put-object-{n}": s.put(key, f"test-version-{n}".encode()) for n in range(2)}


def delete_on_suspended(s: Steps, _: str) -> Answers:
    key = "test-delete-suspended"
    a = suspended(s, key)
    s.versioning("Suspended")
    a["list-suspended"] = s.listed()
    a["delete-object-no-version"] = s("delete_object", Key=key)
    a["list-suspended-delete"] = s.listed()
    a["put-object-suspended"] = s.put(key, b"test-version-suspended")
    a["list-suspended-put"] = s.listed()
    a["delete-object-no-version-after-put"] = s("delete_object", Key=key)
    a["list-suspended-after-put"] = s.listed()
    return a


def put_on_suspended(s: Steps, _: str) -> Answers:
    key = "test-version"
    s.versioning("Enabled")
    a = {f"put-object-{n}": s.put(key, f"test-version-{n}".encode()) for n in range(3)}
    a["list-enabled"] = s.listed()
    s.versioning("Suspended")
    a["list-suspended"] = s.listed()
    return a


def keys_in_versioned_bucket(s: Steps, _: str) -> Answers:
    key = "test-key-versioned"
    s.versioning("Enabled")
    one = s.put(key, b"something")["VersionId"]
    two = s.put(key, b"something-v2")["VersionId"]
    a: Answers = {"list-objects-v2": s("list_objects_v2")}
    a["delete-object"] = s("delete_objects", Delete={"Objects": [{"Key": key}]})
    a["list-object-version"] = s.listed()
    gone = [{"Key": key, "VersionId": one}, {"Key": key, "VersionId": two}]
    a["delete-object-version"] = s("delete_objects", Delete={"Objects": gone})
    a["list-objects-v2-after-delete"] = s("list_objects_v2")
    a["list-object-version-after-delete"] = s.listed()
    marker = a["delete-object"]["Deleted"][0]["DeleteMarkerVersionId"]
    a["delete-object-delete-marker"] = s(
        "delete_objects", Delete={"Objects": [{"Key": key, "VersionId": marker}]}
    )
    return a


def non_existing_keys(s: Steps, _: str) -> Answers:
    s.put("test-key-nonexistent", b"something")
    keys = [{"Key": key} for key in ("dummy1", "dummy2", "test-key-nonexistent")]
    return {"deleted-resp": s("delete_objects", Delete={"Objects": keys})}


def if_match_all(s: Steps, _: str) -> Answers:
    s.put("key", b"test")
    given = {"IfMatchLastModifiedTime": datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC), "IfMatchSize": 4}
    return {"delete-obj-if-match-all": s("delete_object", Key="key", IfMatch="badvalue", **given)}


def no_such_bucket(s: Steps, _: str) -> Answers:
    return {"expected_error": s.get("k", Bucket="does-not-exist-here")}


def delete_no_such_bucket(s: Steps, _: str) -> Answers:
    return {"expected_error": s("delete_bucket", Bucket="does-not-exist-localstack-test")}


def attributes_versioned(s: Steps, _: str) -> Answers:
    key = "key-attrs-versioned"
    s.versioning("Enabled")
    names = ["StorageClass", "ETag", "ObjectSize", "ObjectParts", "Checksum"]
    a: Answers = {"put-obj-v1": s.put(key, b"version"), "put-obj-v2": s.put(key, b"version-2")}
    a["object-attrs"] = s("get_object_attributes", Key=key, ObjectAttributes=names)
    a["delete-key"] = s("delete_object", Key=key)
    a["deleted-object-attrs"] = s("get_object_attributes", Key=key, ObjectAttributes=names)
    a["get-object-attrs-v1"] = s(
        "get_object_attributes", Key=key, VersionId=a["put-obj-v1"]["VersionId"],
        ObjectAttributes=["StorageClass", "ETag", "ObjectSize"],
    )  # fmt: skip
    return a


def list_parts(s: Steps, _: str) -> Answers:
    key = "test-list-parts"
    a: Answers = {"create-multipart": s.begin(key)}
    upload = a["create-multipart"]["UploadId"]
    a["list-part-after-created"] = s("list_parts", Key=key, UploadId=upload)
    a["list-all-uploads"] = s("list_multipart_uploads")
    a["upload-part"] = s.part(key, upload, body=b"x" * 65)
    a["list-part-after-upload"] = s("list_parts", Key=key, UploadId=upload)
    a["list-all-uploads-after"] = s("list_multipart_uploads")
    a["complete-multipart"] = s.complete(key, upload, [named(1, a["upload-part"])])
    a["list-part-after-complete-exc"] = s("list_parts", Key=key, UploadId=upload)
    a["list-all-uploads-completed"] = s("list_multipart_uploads")
    return a


def unicode_location(s: Steps, _: str) -> Answers:
    key = "test-unicode_—_file"
    a: Answers = {"create-multipart": s.begin(key)}
    upload = a["create-multipart"]["UploadId"]
    a["complete-multipart"] = s.complete(key, upload, [named(1, s.part(key, upload))])
    assert a["complete-multipart"]["Location"].endswith("/test-unicode_%E2%80%94_file")
    return a


def too_small(s: Steps, _: str) -> Answers:
    upload = s.begin("key")["UploadId"]
    a: Answers = {f"upload-part{n}": s.part("key", upload, n, b"data") for n in (1, 2)}
    a["complete-exc-no-parts"] = s("complete_multipart_upload", Key="key", UploadId=upload)
    parts = [named(n, a[f"upload-part{n}"]) for n in (1, 2)]
    a["complete-exc-too-small"] = s.complete("key", upload, parts)
    return a


def parts_order(s: Steps, _: str) -> Answers:
    key, body = "test-order-parts", b"a" * (5 * MB + 1)
    upload = s.begin(key)["UploadId"]
    a: Answers = {"upload-part-negative-part-number": s.part(key, upload, -1)}
    parts = [named(n, s.part(key, upload, n, body)) for n in (1, 2, 3)]
    a["complete-multipart-unordered"] = s.complete(key, upload, parts[::-1])
    a["complete-multipart-ordered"] = s.complete(key, upload, parts)
    key = "key-sequence-with-step-2"
    upload = s.begin(key)["UploadId"]
    parts = [named(n, s.part(key, upload, n, body)) for n in (1, 3, 5)]
    a["complete-multipart-with-step-2"] = s.complete(key, upload, parts)
    return a


def size_validation(s: Steps, _: str) -> Answers:
    key = "test-multipart-size"
    a: Answers = {"create-mpu": s.begin(key)}
    upload = a["create-mpu"]["UploadId"]
    a["upload-part"] = s.part(key, upload, body=b"aaaa")
    parts = [named(1, a["upload-part"])]
    a["complete-multipart-wrong-size"] = s.complete(key, upload, parts, MpuObjectSize=5)
    a["complete-multipart-good-size"] = s.complete(key, upload, parts, MpuObjectSize=4)
    a["get-object-attrs"] = s("get_object_attributes", Key=key, ObjectAttributes=["Checksum", "ETag"])
    return a


def part_checksum(s: Steps, kind: str) -> Answers:
    key = "test-multipart-checksum"
    a: Answers = {"create-mpu-checksum": s.begin(key, ChecksumAlgorithm="CRC32C", ChecksumType=kind)}
    upload = a["create-mpu-checksum"]["UploadId"]
    a["upload-part"] = s.part(key, upload, body=b"test content 123", ChecksumAlgorithm="CRC32C")
    parts = [named(1, a["upload-part"], "ChecksumCRC32C")]
    a["complete-multipart-checksum"] = s.complete(key, upload, parts)
    a["head-object-part"] = s.head(key, PartNumber=1, ChecksumMode="ENABLED")
    a["get-object-part"] = s.get(key, PartNumber=1)
    return a


def full_object_exceptions(s: Steps, _: str) -> Answers:
    key, part = "test-multipart-checksum-exc", "upload-part-no-checksum-ok"
    a: Answers = {"create-mpu-no-checksum-algo-with-type": s.begin(key, ChecksumType="FULL_OBJECT")}
    crc32c: Answers = {"ChecksumAlgorithm": "CRC32C", "ChecksumType": "FULL_OBJECT"}
    a["create-mpu-checksum-crc32c"] = s.begin(key, **crc32c)
    upload = a["create-mpu-checksum-crc32c"]["UploadId"]
    a["list-multiparts"] = s("list_multipart_uploads")
    a[part] = s.part(key, upload, body=b"abc", ChecksumAlgorithm="CRC32C")
    parts = [named(1, a[part])]
    bad = base64.b64encode(b"abcd").decode()
    a["complete-part-bad-checksum-type"] = s.complete(key, upload, parts, ChecksumType="COMPOSITE")
    a["complete-part-bad-checksum"] = s.complete(
        key, upload, parts, ChecksumType="FULL_OBJECT", ChecksumCRC32C=bad
    )
    a["complete-part-bad-checksum-algo"] = s.complete(key, upload, parts, ChecksumCRC32=bad)
    good = a[part]["ChecksumCRC32C"]
    a["complete-success"] = s.complete(key, upload, parts, ChecksumType="FULL_OBJECT", ChecksumCRC32C=good)
    a["create-mpu-with-checksum"] = s.begin(key, **crc32c)
    upload = a["create-mpu-with-checksum"]["UploadId"]
    a["upload-part-different-checksum-exc"] = s.part(key, upload, ChecksumAlgorithm="CRC32")
    return a


def default_checksum_of_parts(s: Steps, _: str) -> Answers:
    key, part = "test-multipart-checksum", "upload-part-different-checksum-than-default"
    a: Answers = {"create-mpu-no-checksum": s.begin(key)}
    upload = a["create-mpu-no-checksum"]["UploadId"]
    a["list-multiparts"] = s("list_multipart_uploads")
    a[part] = s.part(key, upload, body=b"aaa", ChecksumAlgorithm="CRC32C")
    a["list-parts"] = s("list_parts", Key=key, UploadId=upload)
    told, plain = [named(1, a[part], "ChecksumCRC32C")], [named(1, a[part])]
    a["complete-multipart-parts-checksum"] = s.complete(key, upload, told)
    for kind in ("FULL_OBJECT", "COMPOSITE"):
        name = f"complete-multipart-{kind.lower().replace('_', '-')}-type"
        a[name] = s.complete(key, upload, plain, ChecksumType=kind)
    a["complete-multipart-checksum"] = s.complete(key, upload, plain)
    a["get-object-with-checksum"] = s.get(key, ChecksumMode="ENABLED")
    a["head-object-with-checksum"] = s.head(key, ChecksumMode="ENABLED")
    names = ["Checksum", "ETag", "ObjectParts"]
    a["get-object-attrs"] = s("get_object_attributes", Key=key, ObjectAttributes=names)
    a["copy-obj-checksum"] = s("copy_object", Key="copy", CopySource=f"{s.name}/{key}")
    a["get-copy-object-attrs"] = s("get_object_attributes", Key="copy", ObjectAttributes=names)
    return a


def no_algorithm(s: Steps, _: str) -> Answers:
    body = b"test data.."
    right = base64.b64encode(hashlib.sha256(body).digest()).decode()
    two = {"ChecksumSHA256": right, "ChecksumCRC32": "AAAAAA=="}
    return {
        "put-wrong-checksum": s.put("k", body, ChecksumSHA256="wrong"),
        "put-2-checksums": s.put("k", body, **two),
        "put-right-checksum": s.put("k", body, ChecksumSHA256=right),
        "head-obj": s.head("k", ChecksumMode="ENABLED"),
    }


def invalid_md5(s: Steps, _: str) -> Answers:
    a: Answers = {}
    wrong = ["__invalid__", "000", "not base64 encoded checksum", "MTIz", "dGVzdC1zdHJpbmc="]
    for n, md5 in enumerate(wrong):
        a[f"md5-error-{n}"] = s.put("k", b"something", ContentMD5=md5)
    other = base64.b64encode(bytes.fromhex("09891eb590524e35fc73372cddc5d596")).decode()
    good = base64.b64encode(hashlib.md5(b"something").digest()).decode()
    a["md5-error-bad-digest"] = s.put("k", b"something", ContentMD5=other)
    a["success-put-object-md5"] = s.put("k", b"something", ContentMD5=good)
    upload = s.begin("k")["UploadId"]
    for n, md5 in enumerate(wrong):
        a[f"upload-part-md5-error-{n}"] = s.part("k", upload, body=b"something", ContentMD5=md5)
    a["upload-part-md5-bad-digest"] = s.part("k", upload, body=b"something", ContentMD5=other)
    a["success-upload-part-md5"] = s.part("k", upload, body=b"something", ContentMD5=good)
    return a


def invalid_range(s: Steps, _: str) -> Answers:
    s.put("k", b"01234567")
    return {"exc": s.get("k", Range="bytes=1024-4096")}


def range_of_nothing(s: Steps, _: str) -> Answers:
    return {"exc": s.get("my-key", Range="bytes=1024-4096")}


def storage_outposts(s: Steps, _: str) -> Answers:
    return {
        "put-object-outposts": s.put("k", StorageClass="OUTPOSTS"),
        "create-multipart-outposts-exc": s.begin("k", StorageClass="OUTPOSTS"),
    }


def copy_storage_class(s: Steps, _: str) -> Answers:
    a: Answers = {"put-object": s.put("k", b"test", StorageClass="STANDARD_IA")}
    a["head-object"] = s.head("k")

    def storage() -> Answers:
        return s("get_object_attributes", Key="k", ObjectAttributes=["StorageClass"])

    a["object-attrs"] = storage()
    here = {"Key": "k", "CopySource": f"{s.name}/k"}
    a["copy-object-in-place-with-storage-class"] = s("copy_object", **here, StorageClass="STANDARD")
    a["object-attrs-after-copy"] = storage()
    a["exc-invalid-request-storage-class"] = s("copy_object", **here)
    return a


def copy_with_encryption(s: Steps, _: str) -> Answers:
    kms = {"ServerSideEncryption": "aws:kms"}
    a: Answers = {"put-object-with-kms-encryption": s.put("k", b"test", BucketKeyEnabled=True, **kms)}
    here = {"Key": "k", "CopySource": f"{s.name}/k"}
    a["head-object"] = s.head("k")
    key = "arn:aws:kms:us-east-1:000000000000:key/3fd7b5e7-75ad-4e3b-a5b2-3c1d8d2e0f11"
    a["copy-object-in-place-with-sse"] = s("copy_object", **here, SSEKMSKeyId=key, **kms)
    a["head-copy-with-sse"] = s.head("k")
    a["copy-object-in-place-without-kms-sse"] = s("copy_object", **here)
    a["head-copy-without-kms-sse"] = s.head("k")
    a["copy-object-in-place-with-aes"] = s("copy_object", **here, ServerSideEncryption="AES256")
    a["head-copy-with-aes"] = s.head("k")
    return a


def copy_directives(s: Steps, _: str) -> Answers:
    s_key = {"Key": "k", "CopySource": f"{s.name}/k"}
    a: Answers = {
        "put_object": s.put("k", b'{"key": "value"}', ContentType="application/json", Metadata={"key": "value"})
    }
    a["head_object"] = s.head("k")
    a["no-metadata-directive-fail"] = s("copy_object", **s_key)
    a["copy-replace-directive"] = s(
        "copy_object", **s_key, MetadataDirective="REPLACE", Metadata={"key2": "value2"}
    )
    a["head-replace-directive"] = s.head("k")
    return a


def copy_replace(s: Steps, _: str) -> Answers:
    more = {"ContentType": "application/json", "ContentLanguage": "en-US", "Metadata": {"key": "value"}}
    a: Answers = {"put_object": s.put("from", b'{"key": "value"}', **more)}
    a["head_object"] = s.head("from")
    a["copy_object"] = s(
        "copy_object", Key="to", CopySource=f"{s.name}/from", MetadataDirective="REPLACE",
        Metadata={"another-key": "value"}, ContentType="image/jpg",
    )  # fmt: skip
    a["head_object_copy"] = s.head("to")
    return a


def copy_headers(s: Steps, _: str) -> Answers:
    more = {"ContentType": "application/json", "Metadata": {"key": "value"}}
    a: Answers = {"put_object": s.put("from", b'{"key": "value"}', **more)}
    a["head_object"] = s.head("from")
    a["copy_object"] = s("copy_object", Key="to", CopySource=f"{s.name}/from")
    a["head_object_copy"] = s.head("to")
    a["copy_object_second"] = s("copy_object", Key="to", CopySource=f"{s.name}/from")
    a["head_object_second_copy"] = s.head("to")
    return a


def copy_default_checksum(s: Steps, algorithm: str) -> Answers:
    def attributes(key: str) -> Answers:
        return s("get_object_attributes", Key=key, ObjectAttributes=["Checksum"])

    a: Answers = {"put-object-no-checksum": s.put("k", b'{"key": "value"}', ChecksumAlgorithm=algorithm)}
    a["object-attrs"] = attributes("k")
    here = {"CopySource": f"{s.name}/k"}
    a["copy-object-in-place-with-no-checksum"] = s("copy_object", Key="k", MetadataDirective="REPLACE", **here)
    a["object-attrs-after-copy"] = attributes("k")
    a["copy-object-to-dest-keep-checksum"] = s("copy_object", Key="to", **here)
    a["dest-object-attrs-after-copy"] = attributes("to")
    return a


def copy_on_suspended(s: Steps, _: str) -> Answers:
    more = {"ContentType": "application/json", "Metadata": {"key": "value"}}
    a: Answers = {"put_object": s.put("k", b'{"key": "value"}', **more)}
    here = {"Key": "k", "CopySource": f"{s.name}/k", "MetadataDirective": "REPLACE"}
    a["head_object"] = s.head("k")
    a["copy-in-place-non-versioned"] = s("copy_object", **here)
    a["head-object-copied"] = s.head("k")
    s.versioning("Suspended")
    a["copy-in-place-versioned-suspended"] = s("copy_object", **here)
    a["head-object-copied-suspended"] = s.head("k")
    a["copy-in-place-versioned-suspended-twice"] = s("copy_object", **here)
    return a


def copy_conditions(s: Steps, _: str) -> Answers:
    s.versioning("Enabled")
    s.put("k", b"data")
    a: Answers = {"head-object": s.head("k")}
    modified = a["head-object"]["LastModified"]
    here = {"Key": "to", "CopySource": f"{s.name}/k"}
    a["copy-if-modified-since"] = s("copy_object", **here, CopySourceIfModifiedSince=modified - HOUR)
    a["copy-if-modified-since-last-modified"] = s("copy_object", **here, CopySourceIfModifiedSince=modified)
    return a


def put_if_none_match(s: Steps, _: str) -> Answers:
    a: Answers = {"put-obj": s.put("k")}
    a["put-obj-if-none-match"] = s.put("k", IfNoneMatch="*")
    a["del-obj"] = s("delete_object", Key="k")
    a["put-obj-after-del"] = s.put("k", IfNoneMatch="*")
    return a


def put_if_match(s: Steps, _: str) -> Answers:
    a: Answers = {"put-obj": s.put("test-precondition", b"test")}
    tag = a["put-obj"]["ETag"]
    a["put-obj-if-match-wrong-etag"] = s.put("test-precondition", IfMatch="d41d8cd98f00b204e9800998ecf8427e")
    a["put-obj-overwrite"] = s.put("test-precondition", IfMatch=tag)
    a["del-obj"] = s("delete_object", Key="test-precondition")
    a["put-obj-if-match-key-not-exists"] = s.put("test-precondition", IfMatch=tag)
    a["put-obj-after-del"] = s.put("test-precondition")
    return a


def put_if_match_validation(s: Steps, _: str) -> Answers:
    key = "test-precondition-validation"
    return {
        "put-obj-if-match-star-value": s.put(key, IfMatch="*"),
        "put-obj-if-match-bad-value": s.put(key, IfMatch="abcdef"),
        "put-obj-if-match-bad-value-2": s.put(key, IfMatch="bad-char_/"),
    }


def parts_if_match_with_delete(s: Steps, _: str) -> Answers:
    key = "test-precondition"
    a: Answers = {"put-obj": s.put(key, b"test"), "create-multipart": s.begin(key)}
    tag, upload = a["put-obj"]["ETag"], a["create-multipart"]["UploadId"]
    parts = [named(1, s.part(key, upload))]
    a["del-obj"] = s("delete_object", Key=key)
    a["complete-multipart-after-del"] = s.complete(key, upload, parts, IfMatch=tag)
    a["put-obj-2"] = s.put(key, b"test")
    a["complete-multipart-if-match-after-put"] = s.complete(key, upload, parts, IfMatch=tag)
    return a


def parts_if_match(s: Steps, _: str) -> Answers:
    key = "test-precondition"
    a: Answers = {"put-obj": s.put(key, b"test"), "create-multipart": s.begin(key)}
    tag, upload = a["put-obj"]["ETag"], a["create-multipart"]["UploadId"]
    parts = [named(1, s.part(key, upload))]
    a["complete-multipart-if-match"] = s.complete(key, upload, parts, IfMatch=tag)
    a["create-multipart-overwrite"] = s.begin(key)
    upload = a["create-multipart-overwrite"]["UploadId"]
    parts = [named(1, s.part(key, upload))]
    a["complete-multipart-if-match-true-etag"] = s.complete(key, upload, parts, IfMatch=tag)
    now = a["complete-multipart-if-match"]["ETag"]
    a["complete-multipart-if-match-overwrite-multipart"] = s.complete(key, upload, parts, IfMatch=now)
    return a


def parts_if_none_match(s: Steps, _: str) -> Answers:
    key = "test-precondition"
    a: Answers = {"create-multipart": s.begin(key)}
    upload = a["create-multipart"]["UploadId"]
    parts = [named(1, s.part(key, upload))]
    a["put-obj"] = s.put(key)
    a["complete-multipart-if-none-match-put-during"] = s.complete(key, upload, parts, IfNoneMatch="*")
    return a


def put_if_match_versioned(s: Steps, _: str) -> Answers:
    key = "test-precondition"
    s.versioning("Enabled")
    a: Answers = {"put-obj": s.put(key, b"test")}
    tag = a["put-obj"]["ETag"]
    a["put-obj-if-none-match-bad-value"] = s.put(key, IfMatch="abcdef")
    a["del-obj"] = s("delete_object", Key=key)
    a["put-obj-after-del-exc"] = s.put(key, IfMatch=tag)
    a["put-obj-after-del"] = s.put(key, b"test-after-del")
    a["put-obj-if-match"] = s.put(key, b"test-if-match", IfMatch=a["put-obj-after-del"]["ETag"])
    a["list-object-versions"] = s.listed()
    return a


def copied_part(s: Steps, condition: str) -> Answers:
    s.put("source_file.txt", b"0123456789")
    source = s.head("source_file.txt")
    upload = s.begin("destination_file.txt")["UploadId"]
    modified = source["LastModified"]
    given = {
        "match": {"CopySourceIfMatch": source["ETag"]},
        "none": {"CopySourceIfNoneMatch": "none"},
        "unmodified": {"CopySourceIfUnmodifiedSince": modified + HOUR},
        "modified": {"CopySourceIfModifiedSince": modified - HOUR},
        "not match": {"CopySourceIfMatch": "none"},
        "not unmodified": {"CopySourceIfUnmodifiedSince": modified - HOUR},
        "both": {"CopySourceIfNoneMatch": "none", "CopySourceIfUnmodifiedSince": modified - HOUR},
    }[condition]
    answer = s(
        "upload_part_copy", Key="destination_file.txt", UploadId=upload, PartNumber=1,
        CopySource=f"{s.name}/source_file.txt", **given,
    )  # fmt: skip
    return {"copied": answer, "listed": s("list_parts", Key="destination_file.txt", UploadId=upload)}


def copied(condition: str, name: str, *, ok: bool = False) -> Callable[[Steps, str], Answers]:
    def run(s: Steps, _: str) -> Answers:
        answers = copied_part(s, condition)
        return {name: answers["copied"], **({"list-parts": answers["listed"]} if ok else {})}

    return run


def copied_whole(s: Steps, _: str) -> Answers:
    key = "test-upload-part-copy"
    a: Answers = {"put-src-object": s.put("from", b"0123456789"), "create-multipart": s.begin(key)}
    upload = a["create-multipart"]["UploadId"]
    a["upload-part-copy"] = s(
        "upload_part_copy", Key=key, UploadId=upload, PartNumber=1, CopySource=f"{s.name}/from"
    )
    a["list-parts"] = s("list_parts", Key=key, UploadId=upload)
    return a


def parts_with_customer_key(s: Steps, _: str) -> Answers:
    key, body = "test-sse-c-multipart", b"a" * (5 * MB + 1)
    s.allow_customer_keys()
    a: Answers = {"create-mpu-sse-c": s.begin(key, **SSE_C)}
    upload = a["create-mpu-sse-c"]["UploadId"]
    for n in range(3):
        a[f"upload-part-{n}"] = s.part(key, upload, n + 1, body, **SSE_C)
    a["list-parts"] = s("list_parts", Key=key, UploadId=upload)
    parts = [named(n + 1, a[f"upload-part-{n}"]) for n in range(3)]
    a["complete-multipart-checksum"] = s.complete(key, upload, parts)
    a["get-obj-no-sse-c-param"] = s.get(key)
    a["get-obj-sse-c"] = s.get(key, **SSE_C)
    # the key's MD5 is that of the recording's key
    return {name: without(answer, "SSECustomerKeyMD5") for name, answer in a.items()}


def without(answer: Answers, member: str) -> Answers:
    return {**answer, member: "JMwgiexXqwuPqIPjYFmIZQ=="} if member in answer else answer


def customer_key_validation(s: Steps, _: str) -> Answers:
    key = "test-sse-c-multipart"
    s.allow_customer_keys()
    a: Answers = {"create-mpu-no-sse-c": s.begin(key)}
    upload = a["create-mpu-no-sse-c"]["UploadId"]
    a["mpu-no-sse-c-upload-part-with-sse-c"] = s.part(key, upload, **SSE_C)
    a["create-mpu-sse-c"] = without(s.begin(key, **SSE_C), "SSECustomerKeyMD5")
    upload = a["create-mpu-sse-c"]["UploadId"]
    a["mpu-sse-c-upload-part-no-sse-c"] = s.part(key, upload)
    a["mpu-sse-c-upload-part-wrong-sse-c"] = s.part(key, upload, **OTHER_SSE_C)
    return a


def customer_key_versions(s: Steps, _: str) -> Answers:
    s.allow_customer_keys()
    s.versioning("Enabled")
    one = s.put("k", b"version1", **SSE_C)
    s.put("k", b"version2", **OTHER_SSE_C)
    return {
        "get-obj-sse-c-last-version-wrong-key": s.get("k", **SSE_C),
        "get-obj-sse-c-version-1": without(
            s.get("k", VersionId=one["VersionId"], **SSE_C), "SSECustomerKeyMD5"
        ),
    }


def default_encryption(s: Steps, _: str) -> Answers:
    return {
        "default-bucket-encryption": s("get_bucket_encryption"),
        "delete-bucket-encryption": s("delete_bucket_encryption"),
        "delete-bucket-encryption-idempotent": s("delete_bucket_encryption"),
    }


def next_marker(s: Steps, _: str) -> Answers:
    for n in range(3):
        s.put(f"key-{n}", b"content-123")
    a: Answers = {"list-objects-all": s("list_objects")}
    a["list-objects-max-1"] = s("list_objects", MaxKeys=1, Delimiter="/")
    a["list-objects-rest"] = s("list_objects", MaxKeys=1, Marker=a["list-objects-max-1"]["NextMarker"])
    a["list-objects-marker-empty"] = s("list_objects", MaxKeys=1, Marker="")
    return a


def start_after(s: Steps, _: str) -> Answers:
    for n in range(12):
        s.put(f"test_{n}", b"content-123")
    a: Answers = {"list-objects-v2-max-5": s("list_objects_v2", MaxKeys=5)}
    return a


def continued_prefixes(s: Steps, _: str) -> Answers:
    for key in ("aSubfolder/subFile1", "aSubfolder/subFile2", "file1", "file2"):
        s.put(f"folder/{key}", b"content-123")
    given: Answers = {"Prefix": "folder/", "Delimiter": "/", "MaxKeys": 1}
    a: Answers = {"list-objects-v2-all-keys": s("list_objects_v2")}
    token = ""
    for name in ("start", "next-1", "end"):
        more = {"ContinuationToken": token} if token else {}
        a[f"list-objects-v2-{name}"] = s("list_objects_v2", **given, **more)
        token = a[f"list-objects-v2-{name}"].get("NextContinuationToken", "")
    return a


def versions_by_page(s: Steps, _: str) -> Answers:
    s.versioning("Enabled")
    for _n in range(5):
        s.put("prefixed_key")
    return {
        "list-object-version-prefix-full": s.listed(Prefix="prefix"),
        "list-object-version-prefix-page-1": s.listed(Prefix="prefix", MaxKeys=3),
    }


def upload_prefixes(s: Steps, _: str) -> Answers:
    for key in ("aSubfolder/subFile1", "aSubfolder/subFile2", "file1", "file2"):
        s.begin(f"folder/{key}")
    given: Answers = {"Prefix": "folder/", "Delimiter": "/", "MaxUploads": 1}
    markers = {
        "start": "", "manual-prefix": "folder/aSubfolder/", "manual-first-file": "folder/aSubfolder/subFile1"
    }  # fmt: skip
    return {
        f"list-multiparts-{name}": s("list_multipart_uploads", **given, KeyMarker=marker)
        for name, marker in markers.items()
    }


def header_overrides(s: Steps, _: str) -> Answers:
    s.put("k", b"something")
    return {
        "get-object": s.get(
            "k", ResponseCacheControl="max-age=74",
            ResponseContentDisposition='attachment; filename="foo.jpg"',
            ResponseContentEncoding="identity", ResponseContentLanguage="de-DE",
            ResponseContentType="image/jpeg", ResponseExpires="Wed, 21 Oct 2015 07:28:00 GMT",
        )
    }  # fmt: skip


def encoded_keys(s: Steps, _: str) -> Answers:
    for key, body in (("test%40key", b"%40"), ("test%40key/", b"%40/"), ("test@key/", b"@/")):
        s.put(key, body)
    return {"list-object-encoded-char": s("list_objects_v2")}


def bucket_with_objects(s: Steps, _: str) -> Answers:
    s.put("k")
    a: Answers = {"delete-with-obj": s("delete_bucket")}
    a["delete-obj"] = s("delete_object", Key="k")
    a["delete-bucket"] = s("delete_bucket")
    return a


def uppercase(s: Steps, _: str) -> Answers:
    s.put("CamelCaseKey", b"something")
    return {"response": s.get("CamelCaseKey"), "wrong-case-key": s.get("camelcasekey")}


def head_fields(s: Steps, _: str) -> Answers:
    s.put("my-key", b"abcdefgh")
    return {"head-object": s.head("my-key"), "head-object-404": s.head("doesnotexist")}


def versioning_order(s: Steps, _: str) -> Answers:
    a: Answers = {"list_object_versions_before": s.listed()}
    a["put_bucket_versioning"] = s("put_bucket_versioning", VersioningConfiguration={"Status": "Enabled"})
    a["get_bucket_versioning"] = s("get_bucket_versioning")
    for key in ("test", "test", "test2"):
        s.put(key, b"body")
    a["list_object_versions"] = s.listed()
    return a


def partial_bodies(s: Steps, _: str) -> Answers:
    s.put("k", b"0" * 2048)
    return {
        "get-object": s.get("k", Range="bytes=0-1023"),
        "get-object-2": s.get("k", Range="bytes=1024-2047"),
    }


def rfc2047(s: Steps, _: str) -> Answers:
    metadata = {
        "safe-chars": "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~",
        "asciib64-encoded": "=?UTF-8?B?YWJj?=",
        "fake-encoded": "=?UTF-8?Q?actually-ascii?=",
        "non-ascii": "=?UTF-8?Q?test=5F=E2=80=94=5Ffile%E2%80%94=5F=C3=A9=5F2=3F.pdf?=",
        "replacement-chars": "=?UTF-8?B?77+977+977+977+977+977+977+9?=",
        "non-ascii-2": "=?UTF-8?Q?=C3=84M=C3=84Z=C3=95=C3=91_S3?=",
        "non-ascii-binary": "=?UTF-8?B?AAECAw==?=",
    }
    return {"put-object": s.put("k", Metadata=metadata), "get-object": s.get("k")}


def broken_words(s: Steps, _: str) -> Answers:
    metadata = {"bad-b64-encoded": "=?UTF-8?B?/2H/?="}
    return {"put-object": s.put("k", Metadata=metadata), "get-object": s.get("k")}


def anonymous_and_small(s: Steps, _: str) -> Answers:
    given = {"ContentLanguage": "de", "ContentDisposition": 'attachment; filename="foo.jpg"'}
    a: Answers = {"put-object": s.put("k", b"abc123", CacheControl="no-cache", **given)}
    a["get-object"] = s.get("k")
    return a


def preamble(s: Steps, _: str) -> Answers:
    s.put("k", b'<?xml version="1.0" encoding="UTF-8"?><test/>')
    return {"get_object": s.get("k")}


def emptied(s: Steps, _: str) -> Answers:
    for n in range(3):
        s.put(f"key{n}", b"123")
    a: Answers = {"list-obj": s("list_objects_v2")}
    s("delete_objects", Delete={"Objects": [{"Key": f"key{n}"} for n in range(3)]})
    a["list-obj-after-empty"] = s("list_objects_v2")
    return a


def location_constraint(s: Steps, _: str) -> Answers:
    where = {"LocationConstraint": "EU"}
    endpoint = {"endpoint_url": s.client.meta.endpoint_url, "region_name": "us-west-2"}
    elsewhere = boto3.client("s3", aws_access_key_id="test", aws_secret_access_key="test", **endpoint)
    try:
        elsewhere.create_bucket(Bucket="somewhere-else", CreateBucketConfiguration=where)
    except ClientError as error:
        return {"eu-location-constraint-error": dict(error.response)}
    return {}


def copy_if_match_versioned(s: Steps, _: str) -> Answers:
    s.versioning("Enabled")
    key = "dest-object"
    s.put("source-object", b"source-content")
    here = {"Key": key, "CopySource": f"{s.name}/source-object"}
    a: Answers = {"put-obj": s.put(key, b"dest-content-1.")}
    a["copy-obj-if-match-wrong-etag"] = s("copy_object", **here, IfMatch="d41d8cd98f00b204e9800998ecf8427e")
    a["del-obj"] = s("delete_object", Key=key)
    a["copy-obj-after-del-exc"] = s("copy_object", **here, IfMatch=a["put-obj"]["ETag"])
    a["put-obj-after-del"] = s.put(key, b"dest-content-after-del..")
    a["copy-obj-if-match"] = s("copy_object", **here, IfMatch=a["put-obj-after-del"]["ETag"])
    a["list-object-versions"] = s.listed()
    return a


def default_kms_key(s: Steps, _: str) -> Answers:
    a: Answers = {"put-obj-default-kms-s3-key": s.put("k", b"test-sse", ServerSideEncryption="aws:kms")}
    a["get-obj-default-kms-s3-key"] = s.get("k")
    return a


def bucket_kms(s: Steps, _: str) -> Answers:
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms"}, "BucketKeyEnabled": True}
    a: Answers = {
        "put-bucket-enc": s("put_bucket_encryption", ServerSideEncryptionConfiguration={"Rules": [rule]})
    }
    a["get-bucket-enc"] = s("get_bucket_encryption")
    a["put-object-encrypted"] = s.put("k", b"test-encrypted")
    a["head-object-encrypted"] = s.head("k")
    a["get-object-encrypted"] = s.get("k")
    return a


STEPS: dict[str, Callable[[Steps, str], Answers]] = {
    "test_get_object_range": get_object_range,
    "test_delete_object": delete_object,
    "test_delete_objects": delete_objects,
    "test_delete_object_versioned": delete_object_versioned,
    "test_delete_object_on_suspended_bucket": delete_on_suspended,
    "test_put_object_on_suspended_bucket": put_on_suspended,
    "test_delete_keys_in_versioned_bucket": keys_in_versioned_bucket,
    "test_delete_non_existing_keys": non_existing_keys,
    "test_delete_object_if_match_all_non_express": if_match_all,
    "test_get_object_no_such_bucket": no_such_bucket,
    "test_delete_bucket_no_such_bucket": delete_no_such_bucket,
    "test_get_object_attributes_versioned": attributes_versioned,
    "test_multipart_and_list_parts": list_parts,
    "test_multipart_with_unicode_character_location": unicode_location,
    "test_multipart_complete_multipart_too_small": too_small,
    "test_complete_multipart_parts_order": parts_order,
    "test_multipart_size_validation": size_validation,
    "test_get_object_part_checksum": part_checksum,
    "test_multipart_parts_checksum_exceptions_full_object": full_object_exceptions,
    "test_complete_multipart_parts_checksum_default": default_checksum_of_parts,
    "test_s3_checksum_no_algorithm": no_algorithm,
    "test_s3_invalid_content_md5": invalid_md5,
    "test_invalid_range_error": invalid_range,
    "test_range_key_not_exists": range_of_nothing,
    "test_put_object_storage_class_outposts": storage_outposts,
    "test_s3_copy_object_storage_class": copy_storage_class,
    "test_s3_copy_object_in_place_with_encryption": copy_with_encryption,
    "test_s3_copy_object_in_place_metadata_directive": copy_directives,
    "test_s3_copy_metadata_replace": copy_replace,
    "test_s3_copy_content_type_and_metadata": copy_headers,
    "test_s3_copy_object_with_default_checksum": copy_default_checksum,
    "test_s3_copy_object_in_place_suspended_only": copy_on_suspended,
    "test_s3_copy_object_if_source_modified_since_versioned": copy_conditions,
    "test_put_object_if_none_match": put_if_none_match,
    "test_put_object_if_match": put_if_match,
    "test_put_object_if_match_validation": put_if_match_validation,
    "test_multipart_if_match_with_delete": parts_if_match_with_delete,
    "test_multipart_if_match_etag": parts_if_match,
    "test_multipart_if_none_match_with_put": parts_if_none_match,
    "test_put_object_if_match_versioned_bucket": put_if_match_versioned,
    "test_upload_part_copy_no_copy_source_range": copied_whole,
    "test_upload_part_copy_with_copy_source_if_match_none_success": copied(
        "none", "upload-part-copy-if-none-match", ok=True
    ),
    "test_upload_part_copy_with_copy_source_if_match_failed": copied(
        "not match", "upload-part-copy-source-if-match"
    ),
    "test_upload_part_copy_with_copy_source_if_none_match_and_if_unmodified_since_match_failed": copied(
        "both", "upload-part-copy-source-unmodified-since-and-if-none-match"
    ),
    "test_multipart_upload_sse_c": parts_with_customer_key,
    "test_multipart_upload_sse_c_validation": customer_key_validation,
    "test_sse_c_with_versioning": customer_key_versions,
    "test_s3_default_bucket_encryption": default_encryption,
    "test_list_objects_next_marker": next_marker,
    "test_list_objects_v2_continuation_start_after": start_after,
    "test_list_objects_v2_continuation_common_prefixes": continued_prefixes,
    "test_list_objects_versions_with_prefix_only_and_pagination": versions_by_page,
    "test_list_multipart_uploads_marker_common_prefixes": upload_prefixes,
    "test_s3_get_object_header_overrides": header_overrides,
    "test_url_encoded_key": encoded_keys,
    "test_delete_bucket_with_objects": bucket_with_objects,
    "test_s3_uppercase_key_names": uppercase,
    "test_head_object_fields": head_fields,
    "test_get_bucket_versioning_order": versioning_order,
    "test_range_header_body_length": partial_bodies,
    "test_user_metadata_rfc2047_encoded": rfc2047,
    "test_user_metadata_rfc2047_bad_b64_encoded": broken_words,
    "test_put_and_get_object_with_content_language_disposition": anonymous_and_small,
    "test_upload_file_with_xml_preamble": preamble,
    "test_empty_bucket_fixture": emptied,
    "test_create_bucket_with_eu_location_constraint_raises": location_constraint,
    "test_copy_object_if_match_versioned_bucket": copy_if_match_versioned,
    "test_s3_sse_default_kms_key": default_kms_key,
    "test_s3_bucket_encryption_sse_kms_aws_managed_key": bucket_kms,
}
