from __future__ import annotations

import base64
import hashlib
import zlib
from typing import Any

import pytest
from tests.cloud import Cloud
from tests.services.s3.shelf import a_bucket, get, put

from ballroom.kernel import BytesStream
from ballroom.services.s3.operations import completion

SIZES = [0, 1, 65_536, 65_537, 300_000, 2_000_000]


@pytest.mark.parametrize("size", SIZES)
def test_what_is_put_is_got_back(cloud: Cloud, size: int) -> None:
    a_bucket(cloud)
    data = bytes(n % 251 for n in range(size))
    written = put(cloud, "k", data, ContentType="text/plain", Metadata={"Colour": "red"})
    assert written["ETag"] == f'"{hashlib.md5(data).hexdigest()}"'
    assert get(cloud, "k") == data
    head = cloud.call("s3", "HeadObject", Bucket="shelf", Key="k")
    assert (head["ContentLength"], head["ContentType"], head["Metadata"]) == (
        size, "text/plain", {"colour": "red"},
    )  # fmt: skip
    assert head["ETag"] == written["ETag"]


@pytest.mark.parametrize("size", [1000, 100_000])
@pytest.mark.parametrize(
    ("asked", "start", "stop"),
    [("bytes=0-9", 0, 10), ("bytes=990-", 990, None), ("bytes=-10", -10, None), ("bytes=0-99999999", 0, None)],
)
def test_a_range_is_part_of_the_object(
    cloud: Cloud, size: int, asked: str, start: int, stop: int | None
) -> None:
    a_bucket(cloud)
    data = bytes(n % 251 for n in range(size))
    put(cloud, "k", data)
    answer = cloud.call("s3", "GetObject", Bucket="shelf", Key="k", Range=asked)
    assert get(cloud, "k", Range=asked) == data[start:stop]
    assert answer["ContentLength"] == len(data[start:stop])
    assert answer["ContentRange"].endswith(f"/{size}")


@pytest.mark.parametrize("asked", ["bytes=7-", "bytes=-0", "bytes=100-200"])
def test_a_range_outside_is_refused(cloud: Cloud, asked: str) -> None:
    a_bucket(cloud)
    put(cloud, "k", b"content")
    error = cloud.error("s3", "GetObject", Bucket="shelf", Key="k", Range=asked)
    assert (error.shape, error.status) == ("InvalidRange", 416)


def test_a_range_of_another_form_is_ignored(cloud: Cloud) -> None:
    a_bucket(cloud)
    put(cloud, "k", b"content")
    assert get(cloud, "k", Range="lines=1-2") == b"content"
    assert get(cloud, "k", Range="bytes=5-2") == b"content"


def test_content_that_is_not_what_its_checksum_says_is_not_stored(cloud: Cloud) -> None:
    a_bucket(cloud)
    other = base64.b64encode(hashlib.md5(b"other").digest()).decode()
    crc = base64.b64encode(zlib.crc32(b"other").to_bytes(4, "big")).decode()
    sha = base64.b64encode(hashlib.sha256(b"other").digest()).decode()
    for wrong in ({"ContentMD5": other}, {"ChecksumCRC32": crc}, {"ChecksumSHA256": sha}):
        error = cloud.error("s3", "PutObject", Bucket="shelf", Key="k", Body=BytesStream(b"content"), **wrong)
        assert error.shape == "BadDigest"
    error = cloud.error(
        "s3", "PutObject", Bucket="shelf", Key="k", Body=BytesStream(b"content"), ContentLength=99
    )
    assert error.shape == "IncompleteBody"
    assert cloud.error("s3", "HeadObject", Bucket="shelf", Key="k").shape == "NoSuchKey"
    right = base64.b64encode(zlib.crc32(b"content").to_bytes(4, "big")).decode()
    assert put(cloud, "k", b"content", ChecksumCRC32=right)["ChecksumCRC32"] == right
    told = cloud.call("s3", "HeadObject", Bucket="shelf", Key="k", ChecksumMode="ENABLED")
    assert told["ChecksumCRC32"] == right


def test_what_is_missing_has_awss_names(cloud: Cloud) -> None:
    error = cloud.error("s3", "GetObject", Bucket="nowhere", Key="k")
    assert (error.shape, error.status, error.text) == (
        "NoSuchBucket", 404, "The specified bucket does not exist",
    )  # fmt: skip
    a_bucket(cloud)
    error = cloud.error("s3", "GetObject", Bucket="shelf", Key="k")
    assert (error.shape, error.text) == ("NoSuchKey", "The specified key does not exist.")


def test_conditions_guard_reads_and_writes(cloud: Cloud) -> None:
    a_bucket(cloud)
    tag = put(cloud, "k")["ETag"]
    assert cloud.error("s3", "GetObject", Bucket="shelf", Key="k", IfNoneMatch=tag).status == 304
    assert cloud.error("s3", "GetObject", Bucket="shelf", Key="k", IfMatch='"x"').status == 412
    now = cloud.clock.now_ms
    assert cloud.error("s3", "HeadObject", Bucket="shelf", Key="k", IfModifiedSince=now).status == 304
    again = {"Bucket": "shelf", "Key": "k", "Body": BytesStream(b"new"), "IfNoneMatch": "*"}
    assert cloud.error("s3", "PutObject", **again).shape == "PreconditionFailed"
    put(cloud, "k", b"newer", IfMatch=tag)
    assert get(cloud, "k") == b"newer"


def test_a_deleted_object_is_gone_and_its_blob_is_collected(durable_cloud: Cloud) -> None:
    cloud = durable_cloud
    a_bucket(cloud)
    put(cloud, "k", b"x" * 100_000)
    names = set(cloud.kernel.blobs.names())
    assert len(names) == 1
    cloud.call("s3", "DeleteObject", Bucket="shelf", Key="k")
    cloud.call("s3", "DeleteObject", Bucket="shelf", Key="k")  # what is not there is no error
    cloud.run(cloud.kernel.collect_blobs())
    assert set(cloud.kernel.blobs.names()) == set()


def test_objects_are_there_after_a_restart(durable_cloud: Cloud) -> None:
    a_bucket(durable_cloud)
    put(durable_cloud, "small", b"s")
    put(durable_cloud, "large", b"l" * 500_000)
    durable_cloud.reopen()
    assert get(durable_cloud, "small") == b"s"
    assert get(durable_cloud, "large") == b"l" * 500_000


def test_versions_are_kept_and_come_back(cloud: Cloud) -> None:
    a_bucket(cloud, versioned=True)
    one = put(cloud, "k", b"one")["VersionId"]
    two = put(cloud, "k", b"two" * 50_000)["VersionId"]
    marker = cloud.call("s3", "DeleteObject", Bucket="shelf", Key="k")
    assert marker["DeleteMarker"]
    assert cloud.error("s3", "GetObject", Bucket="shelf", Key="k").shape == "NoSuchKey"
    assert get(cloud, "k", VersionId=one) == b"one"
    assert get(cloud, "k", VersionId=two) == b"two" * 50_000
    cloud.call("s3", "DeleteObject", Bucket="shelf", Key="k", VersionId=marker["VersionId"])
    assert get(cloud, "k") == b"two" * 50_000
    cloud.call("s3", "DeleteObject", Bucket="shelf", Key="k", VersionId=two)
    assert get(cloud, "k") == b"one"
    listed = cloud.call("s3", "ListObjectVersions", Bucket="shelf")["Versions"]
    assert [(v["VersionId"], v["IsLatest"]) for v in listed] == [(one, True)]


def test_a_copy_shares_content_but_not_fate(cloud: Cloud) -> None:
    a_bucket(cloud)
    data = b"x" * 100_000
    put(cloud, "from", data, ContentType="text/plain", Metadata={"a": "1"})
    cloud.call("s3", "CopyObject", Bucket="shelf", Key="to", CopySource="shelf/from")
    cloud.call(
        "s3", "CopyObject", Bucket="shelf", Key="other", CopySource="/shelf/from", MetadataDirective="REPLACE",
        ContentType="image/png",
    )  # fmt: skip
    cloud.call("s3", "DeleteObject", Bucket="shelf", Key="from")
    cloud.run(cloud.kernel.collect_blobs())
    assert get(cloud, "to") == data
    kept = cloud.call("s3", "HeadObject", Bucket="shelf", Key="to")
    assert (kept["ContentType"], kept["Metadata"]) == ("text/plain", {"a": "1"})
    replaced = cloud.call("s3", "HeadObject", Bucket="shelf", Key="other")
    assert replaced["ContentType"] == "image/png"
    assert "Metadata" not in replaced


def begin(cloud: Cloud) -> str:
    return str(cloud.call("s3", "CreateMultipartUpload", Bucket="shelf", Key="big")["UploadId"])


def part(cloud: Cloud, upload: str, number: int, data: bytes) -> dict[str, Any]:
    answer = cloud.call(
        "s3", "UploadPart", Bucket="shelf", Key="big", UploadId=upload, PartNumber=number,
        Body=BytesStream(data),
    )  # fmt: skip
    return {"PartNumber": number, "ETag": answer["ETag"]}


def complete(cloud: Cloud, upload: str, *parts: dict[str, Any]) -> dict[str, Any]:
    return cloud.call(
        "s3", "CompleteMultipartUpload", Bucket="shelf", Key="big", UploadId=upload,
        MultipartUpload={"Parts": list(parts)},
    )  # fmt: skip


@pytest.mark.parametrize("last", [10, 100_000])
def test_parts_become_one_object(cloud: Cloud, last: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(completion, "SMALLEST_PART", 100_000)
    a_bucket(cloud)
    upload = begin(cloud)
    two = part(cloud, upload, 2, b"b" * last)
    part(cloud, upload, 1, b"wrong" * 30_000)
    one = part(cloud, upload, 1, b"a" * 150_000)  # replaces the first
    part(cloud, upload, 7, b"unused" * 30_000)
    done = complete(cloud, upload, one, two)
    assert done["ETag"].endswith('-2"')
    cloud.run(cloud.kernel.collect_blobs())
    assert get(cloud, "big") == b"a" * 150_000 + b"b" * last
    assert get(cloud, "big", Range="bytes=149995-150004") == b"aaaaabbbbb"
    assert complete(cloud, upload, one, two) == done  # asked again, it is answered again
    error = cloud.error("s3", "ListParts", Bucket="shelf", Key="big", UploadId=upload)
    assert error.shape == "NoSuchUpload"


def test_a_delete_marker_cannot_be_copied(cloud: Cloud) -> None:
    a_bucket(cloud, versioned=True)
    put(cloud, "k")
    marker = cloud.call("s3", "DeleteObject", Bucket="shelf", Key="k")["VersionId"]
    upload = cloud.call("s3", "CreateMultipartUpload", Bucket="shelf", Key="to")["UploadId"]
    for operation, more in (("CopyObject", {}), ("UploadPartCopy", {"UploadId": upload, "PartNumber": 1})):
        request = {"Bucket": "shelf", "Key": "to", **more}
        error = cloud.error("s3", operation, CopySource=f"shelf/k?versionId={marker}", **request)
        assert (error.shape, error.text) == (
            "InvalidRequest",
            "The source of a copy request may not specifically refer to a delete marker by version id.",
        )
        assert cloud.error("s3", operation, CopySource="shelf/k", **request).shape == "NoSuchKey"


@pytest.mark.parametrize("operation", ["CopyObject", "UploadPartCopy"])
def test_what_is_archived_cannot_be_copied(cloud: Cloud, operation: str) -> None:
    a_bucket(cloud)
    put(cloud, "k", StorageClass="GLACIER")
    more: dict[str, Any] = {}
    if operation == "UploadPartCopy":
        upload = cloud.call("s3", "CreateMultipartUpload", Bucket="shelf", Key="to")["UploadId"]
        more = {"UploadId": upload, "PartNumber": 1}
    error = cloud.error("s3", operation, Bucket="shelf", Key="to", CopySource="shelf/k", **more)
    assert (error.shape, error.status) == ("ObjectNotInActiveTierError", 403)


@pytest.mark.parametrize(
    ("sent", "kept"),
    [("aws-chunked", None), ("aws-chunked,gzip", "gzip"), ("gzip, aws-chunked", "gzip"), ("gzip, br", "gzip, br")],
)
def test_how_a_body_came_is_not_how_it_is_coded(cloud: Cloud, sent: str, kept: str | None) -> None:
    a_bucket(cloud)
    put(cloud, "k", ContentEncoding=sent)
    assert cloud.call("s3", "HeadObject", Bucket="shelf", Key="k").get("ContentEncoding") == kept


def test_parts_must_be_right(cloud: Cloud) -> None:
    a_bucket(cloud)
    upload = begin(cloud)
    one, two = part(cloud, upload, 1, b"a"), part(cloud, upload, 2, b"b")

    def refused(*parts: dict[str, Any]) -> str:
        return cloud.error(
            "s3", "CompleteMultipartUpload", Bucket="shelf", Key="big", UploadId=upload,
            MultipartUpload={"Parts": list(parts)},
        ).shape  # fmt: skip

    assert refused(two, one) == "InvalidPartOrder"
    assert refused(one, {"PartNumber": 3, "ETag": "x"}) == "InvalidPart"
    assert refused({**one, "ETag": '"wrong"'}) == "InvalidPart"
    assert refused(one, two) == "EntityTooSmall"
    assert refused() == "InvalidRequest"
    listed = cloud.call("s3", "ListParts", Bucket="shelf", Key="big", UploadId=upload)["Parts"]
    assert [p["PartNumber"] for p in listed] == [1, 2]
    cloud.call("s3", "AbortMultipartUpload", Bucket="shelf", Key="big", UploadId=upload)
    assert refused(one) == "NoSuchUpload"


@pytest.mark.parametrize("part", [{}, {"PartNumber": 1}, {"ETag": "tag"}])
def test_a_part_is_named_by_number_and_tag(cloud: Cloud, part: dict[str, Any]) -> None:
    a_bucket(cloud)
    upload = cloud.call("s3", "CreateMultipartUpload", Bucket="shelf", Key="k")["UploadId"]
    error = cloud.error(
        "s3", "CompleteMultipartUpload", Bucket="shelf", Key="k", UploadId=upload, MultipartUpload={"Parts": [part]}
    )
    assert error.shape == "MalformedXML"


def test_what_cannot_be_honoured_is_refused_by_name(cloud: Cloud) -> None:
    a_bucket(cloud)
    error = cloud.error("s3", "PutObject", Bucket="shelf", Key="k", Body=BytesStream(b""), WriteOffsetBytes=1)
    assert error.status == 501
    assert "WriteOffsetBytes" in error.text
