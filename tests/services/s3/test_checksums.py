"""Every checksum of the API: computed, checked, kept, joined from parts."""

from __future__ import annotations

import base64
import hashlib
import zlib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.cloud import Cloud
from tests.services.s3.shelf import a_bucket, get, put

from ballroom.kernel import BytesStream
from ballroom.services.s3 import checksums
from ballroom.services.s3.operations import completion

# of "123456789": the check values of their authors' catalogues and reference implementations
KNOWN = {
    "CRC32": "cbf43926",
    "CRC32C": "e3069283",
    "CRC64NVME": "ae8b14860a799888",
    "SHA1": hashlib.sha1(b"123456789").hexdigest(),
    "SHA256": hashlib.sha256(b"123456789").hexdigest(),
    "SHA512": hashlib.sha512(b"123456789").hexdigest(),
    "MD5": hashlib.md5(b"123456789").hexdigest(),
    "XXHASH64": "8cb841db40e6ae83",
}


def of(algorithm: str, *pieces: bytes) -> str:
    digest = checksums.new(algorithm)
    for piece in pieces:
        digest.update(piece)
    return checksums.encode(digest.digest())


@pytest.mark.parametrize("algorithm", sorted(KNOWN))
def test_the_known_values(algorithm: str) -> None:
    expected = base64.b64encode(bytes.fromhex(KNOWN[algorithm])).decode()
    assert of(algorithm, b"123456789") == expected
    assert of(algorithm, b"1234", b"", b"56789") == expected


@settings(max_examples=50, deadline=None)
@given(st.lists(st.binary(max_size=300), min_size=1, max_size=6))
@pytest.mark.parametrize("algorithm", ["CRC32", "CRC32C", "CRC64NVME"])
def test_a_crc_is_joined_from_those_of_parts(algorithm: str, parts: list[bytes]) -> None:
    joined = checksums.full_object(algorithm, [(of(algorithm, part), len(part)) for part in parts])
    assert joined.value == of(algorithm, b"".join(parts))


@pytest.mark.parametrize("size", [3000, 200_000])
@pytest.mark.parametrize("algorithm", checksums.ALGORITHMS)
def test_a_checksum_is_checked_and_kept(cloud: Cloud, algorithm: str, size: int) -> None:
    a_bucket(cloud)
    data = b"content!" * (size // 8)
    member = f"Checksum{algorithm}"
    right, wrong = of(algorithm, data), of(algorithm, b"other")
    refused = cloud.error("s3", "PutObject", Bucket="shelf", Key="k", Body=BytesStream(data), **{member: wrong})
    assert refused.shape == "BadDigest"
    assert cloud.error("s3", "HeadObject", Bucket="shelf", Key="k").shape == "NoSuchKey"
    answer = put(cloud, "k", data, **{member: right})
    assert (answer[member], answer["ChecksumType"]) == (right, "FULL_OBJECT")
    head = cloud.call("s3", "HeadObject", Bucket="shelf", Key="k", ChecksumMode="ENABLED")
    assert head[member] == right
    assert member not in cloud.call("s3", "HeadObject", Bucket="shelf", Key="k")


def test_without_any_checksum_s3_computes_its_own(cloud: Cloud) -> None:
    a_bucket(cloud)
    answer = put(cloud, "k", b"123456789")
    assert answer["ChecksumCRC64NVME"] == base64.b64encode(bytes.fromhex(KNOWN["CRC64NVME"])).decode()


@pytest.mark.parametrize("size", [100, 200_000])
def test_a_wrong_md5_is_refused(cloud: Cloud, size: int) -> None:
    a_bucket(cloud)
    data = b"x" * size
    given: dict[str, Any] = {"Bucket": "shelf", "Key": "k"}
    right = base64.b64encode(hashlib.md5(data).digest()).decode()
    wrong = base64.b64encode(hashlib.md5(b"y").digest()).decode()
    error = cloud.error("s3", "PutObject", **given, Body=BytesStream(data), ContentMD5=wrong)
    assert error.shape == "BadDigest"
    for broken in ("", "AAAA", "not base64"):
        error = cloud.error("s3", "PutObject", **given, Body=BytesStream(data), ContentMD5=broken)
        assert error.shape == "InvalidDigest"
    put(cloud, "k", data, ContentMD5=right)


def upload(cloud: Cloud, parts: list[bytes], algorithm: str, kind: str, *, tell: bool = True) -> dict[str, Any]:
    """An upload of parts with checksums; the answer to its completion."""
    given: dict[str, Any] = {"Bucket": "shelf", "Key": "k"}
    begun = cloud.call("s3", "CreateMultipartUpload", **given, ChecksumAlgorithm=algorithm, ChecksumType=kind)
    given["UploadId"] = begun["UploadId"]
    done = []
    for number, data in enumerate(parts, 1):
        member = {f"Checksum{algorithm}": of(algorithm, data)}
        answer = cloud.call("s3", "UploadPart", **given, PartNumber=number, Body=BytesStream(data), **member)
        done.append({"PartNumber": number, "ETag": answer["ETag"], **(member if tell else {})})
    return cloud.call("s3", "CompleteMultipartUpload", **given, MultipartUpload={"Parts": done})


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(completion, "SMALLEST_PART", 10)


@pytest.mark.usefixtures("small_parts")
@pytest.mark.parametrize("algorithm", checksums.ALGORITHMS)
def test_the_checksums_of_parts_become_the_objects(cloud: Cloud, algorithm: str) -> None:
    a_bucket(cloud)
    parts = [b"a" * 5000, b"b" * 100_000, b"c"]
    for kind in checksums.kinds_of(algorithm):
        answer = upload(cloud, parts, algorithm, kind)
        if kind == "FULL_OBJECT":
            expected = of(algorithm, b"".join(parts))
        else:
            digests = b"".join(base64.b64decode(of(algorithm, part)) for part in parts)
            expected = f"{of(algorithm, digests)}-3"
        assert (answer[f"Checksum{algorithm}"], answer["ChecksumType"]) == (expected, kind)
        assert get(cloud, "k") == b"".join(parts)
        told = cloud.call(
            "s3", "GetObjectAttributes", Bucket="shelf", Key="k", ObjectAttributes=["ObjectParts", "Checksum"]
        )
        assert [p["Size"] for p in told["ObjectParts"]["Parts"]] == [5000, 100_000, 1]
        assert told["Checksum"]["ChecksumType"] == kind


@pytest.mark.usefixtures("small_parts")
def test_parts_without_their_checksums_are_refused(cloud: Cloud) -> None:
    a_bucket(cloud)
    with pytest.raises(Exception, match="must include the checksum for each part"):
        upload(cloud, [b"a" * 20, b"b"], "SHA256", "COMPOSITE", tell=False)
    error = cloud.error(
        "s3", "CreateMultipartUpload", Bucket="shelf", Key="k", ChecksumAlgorithm="SHA1",
        ChecksumType="FULL_OBJECT",
    )  # fmt: skip
    assert error.shape == "InvalidRequest"


@pytest.mark.usefixtures("small_parts")
def test_a_copy_of_parts_is_one_object(cloud: Cloud) -> None:
    a_bucket(cloud)
    parts = [b"a" * 100_000, b"b" * 70_000]
    upload(cloud, parts, "SHA256", "COMPOSITE")
    copied = cloud.call("s3", "CopyObject", Bucket="shelf", Key="copy", CopySource="shelf/k")
    whole = b"".join(parts)
    assert copied["CopyObjectResult"]["ETag"] == f'"{hashlib.md5(whole).hexdigest()}"'
    assert copied["CopyObjectResult"]["ChecksumSHA256"] == of("SHA256", whole)
    cloud.call("s3", "DeleteObject", Bucket="shelf", Key="k")
    cloud.clock.settle()
    cloud.run(cloud.kernel.collect_blobs())
    assert get(cloud, "copy") == whole
    cloud.call("s3", "DeleteObject", Bucket="shelf", Key="copy")
    cloud.clock.settle()
    cloud.run(cloud.kernel.collect_blobs())
    assert cloud.kernel.blobs.statistics()["blobs"] == 0


def test_identical_contents_are_stored_once(durable_cloud: Cloud) -> None:
    a_bucket(durable_cloud)
    data = b"the same content" * 20_000
    for key in ("a", "b"):
        put(durable_cloud, key, data)
    assert len(list(durable_cloud.kernel.blobs.names())) == 1
    durable_cloud.call("s3", "DeleteObject", Bucket="shelf", Key="a")
    durable_cloud.run(durable_cloud.kernel.collect_blobs())
    assert get(durable_cloud, "b") == data
    assert zlib.crc32(data) == zlib.crc32(get(durable_cloud, "b"))


def test_other_bytes_under_a_taken_name_are_not_taken_for_the_same(durable_cloud: Cloud) -> None:
    blobs = durable_cloud.kernel.blobs
    refs = []
    for data in (b"one", b"two", b"one", b"two"):
        draft = blobs.draft()
        draft.append([data])
        refs.append(draft.keep("ab" * 32))
    assert [blobs.read(ref) for ref in refs] == [b"one", b"two", b"one", b"two"]
    assert refs[0] == refs[2] != refs[1] == refs[3]


def test_a_copy_holds_its_content_no_longer_than_it_takes(cloud: Cloud) -> None:
    a_bucket(cloud)
    put(cloud, "k", b"content" * 20_000)
    cloud.call("s3", "CopyObject", Bucket="shelf", Key="copy", CopySource="shelf/k")
    refused = {"Bucket": "shelf", "Key": "copy", "CopySource": "shelf/k", "IfNoneMatch": "*"}
    assert cloud.error("s3", "CopyObject", **refused).shape == "PreconditionFailed"
    for key in ("k", "copy"):
        cloud.call("s3", "DeleteObject", Bucket="shelf", Key=key)
    cloud.run(cloud.kernel.collect_blobs())
    assert cloud.kernel.blobs.statistics() == {"in_flight": 0, "blobs": 0, "size_bytes": 0}


def test_calls_from_within_get_the_checksum_that_an_sdk_would_have_computed(cloud: Cloud) -> None:
    a_bucket(cloud)
    answer = cloud.call("s3", "PutObject", Bucket="shelf", Key="k", Body=b"123456789", ChecksumAlgorithm="SHA1")
    assert answer["ChecksumSHA1"] == of("SHA1", b"123456789")
