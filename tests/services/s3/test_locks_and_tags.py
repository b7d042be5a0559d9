"""Object lock and tags of objects: what they forbid, and what carries them along."""

from __future__ import annotations

import base64
import hashlib
import zlib
from typing import Any

import orjson
import pytest
from tests.cloud import Cloud

from ballroom.kernel import ServiceError

DAY = 86_400_000
MD5 = base64.b64encode(hashlib.md5(b"x").digest()).decode()
CRC32 = base64.b64encode(zlib.crc32(b"x").to_bytes(4, "big")).decode()


def a_locked_bucket(cloud: Cloud, **default: Any) -> None:
    cloud.s3("CreateBucket", Bucket="shelf", ObjectLockEnabledForBucket=True)
    if default:
        configuration = {"ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": default}}
        cloud.s3("PutObjectLockConfiguration", Bucket="shelf", ObjectLockConfiguration=configuration)


def put(cloud: Cloud, **more: Any) -> dict[str, Any]:
    version = cloud.s3("PutObject", Bucket="shelf", Key="k", Body=b"x", ContentMD5=MD5, **more)["VersionId"]
    return {"Bucket": "shelf", "Key": "k", "VersionId": version}


def deny(cloud: Cloud, action: str, condition: dict[str, Any]) -> None:
    statement = {
        "Effect": "Deny", "Principal": "*", "Action": action, "Resource": "arn:aws:s3:::shelf/*",
        "Condition": condition,
    }  # fmt: skip
    text = orjson.dumps({"Version": "2012-10-17", "Statement": statement}).decode()
    cloud.s3("PutBucketPolicy", Bucket="shelf", Policy=text)


def test_governance_yields_to_who_may_bypass_it_and_compliance_to_nobody(cloud: Cloud) -> None:
    a_locked_bucket(cloud)
    until = cloud.clock.now_ms + DAY
    governed = put(cloud, ObjectLockMode="GOVERNANCE", ObjectLockRetainUntilDate=until)
    complied = put(cloud, ObjectLockMode="COMPLIANCE", ObjectLockRetainUntilDate=until)
    for at in (governed, complied):
        error = cloud.error("s3", "DeleteObject", **at)
        assert error.text == "Access Denied because object protected by object lock."
    assert cloud.error("s3", "DeleteObject", BypassGovernanceRetention=True, **complied).shape == "AccessDenied"
    cloud.s3("DeleteObject", BypassGovernanceRetention=True, **governed)
    cloud.s3("DeleteObject", Bucket="shelf", Key="k")  # a marker may cover it
    cloud.clock.advance(ms=DAY)
    cloud.s3("DeleteObject", **complied)


def test_a_default_retention_locks_new_versions(cloud: Cloud) -> None:
    a_locked_bucket(cloud, Mode="COMPLIANCE", Days=2)
    at = put(cloud)
    shown = cloud.s3("GetObjectRetention", **at)["Retention"]
    assert shown == {"Mode": "COMPLIANCE", "RetainUntilDate": cloud.clock.now_ms + 2 * DAY}
    cloud.clock.advance(days=1)
    assert cloud.error("s3", "DeleteObject", **at).shape == "AccessDenied"
    cloud.clock.advance(days=1)
    cloud.s3("DeleteObject", **at)


@pytest.mark.parametrize("asked", [{}, {"ObjectLockLegalHoldStatus": "ON"}], ids=["by default", "held"])
def test_what_a_lock_will_protect_must_come_with_a_checksum(cloud: Cloud, asked: dict[str, Any]) -> None:
    a_locked_bucket(cloud, **({} if asked else {"Mode": "GOVERNANCE", "Days": 1}))
    text = "Content-MD5 OR x-amz-checksum- HTTP header is required for Put {} requests with Object Lock parameters"
    at = {"Bucket": "shelf", "Key": "k"}
    error = cloud.error("s3", "PutObject", **at, Body=b"x", **asked)
    assert (error.shape, error.text) == ("InvalidRequest", text.format("Object"))
    cloud.s3("PutObject", **at, Body=b"x", ChecksumCRC32=CRC32, **asked)
    at |= {"UploadId": cloud.s3("CreateMultipartUpload", **at, **asked)["UploadId"]}
    error = cloud.error("s3", "UploadPart", **at, PartNumber=1, Body=b"x")
    assert (error.shape, error.text) == ("InvalidRequest", text.format("Part"))
    cloud.s3("UploadPart", **at, PartNumber=1, Body=b"x", ContentMD5=MD5)


@pytest.mark.parametrize(
    ("condition", "refused", "taken"),
    [
        ({"NumericGreaterThan": {"s3:object-lock-remaining-retention-days": "10"}}, ("GOVERNANCE", 12), ("GOVERNANCE", 9)),
        ({"StringEquals": {"s3:object-lock-mode": "COMPLIANCE"}}, ("COMPLIANCE", 1), ("GOVERNANCE", 1)),
        ({"DateGreaterThan": {"s3:object-lock-retain-until-date": "2100-01-01T00:00:00Z"}},
         ("GOVERNANCE", 36_500), ("GOVERNANCE", 1)),
    ],
    ids=["days", "mode", "date"],
)  # fmt: skip
def test_a_policy_limits_what_may_be_locked(
    cloud: Cloud, condition: dict[str, Any], refused: tuple[str, int], taken: tuple[str, int]
) -> None:
    a_locked_bucket(cloud)
    deny(cloud, "s3:PutObjectRetention", condition)
    at = put(cloud)

    def lock(mode: str, days: int) -> dict[str, Any]:
        return {"Mode": mode, "RetainUntilDate": cloud.clock.now_ms + days * DAY}

    def with_it(mode: str, days: int) -> dict[str, Any]:
        return {"ObjectLockMode": mode, "ObjectLockRetainUntilDate": cloud.clock.now_ms + days * DAY}

    assert cloud.error("s3", "PutObjectRetention", **at, Retention=lock(*refused)).shape == "AccessDenied"
    body = {"Bucket": "shelf", "Key": "k", "Body": b"x", "ContentMD5": MD5}
    assert cloud.error("s3", "PutObject", **body, **with_it(*refused)).shape == "AccessDenied"
    cloud.s3("PutObjectRetention", **at, Retention=lock(*taken))
    put(cloud, **with_it(*taken))


def test_a_policy_may_forbid_to_end_a_hold(cloud: Cloud) -> None:
    a_locked_bucket(cloud)
    deny(cloud, "s3:PutObjectLegalHold", {"StringEquals": {"s3:object-lock-legal-hold": "OFF"}})
    at = put(cloud, ObjectLockLegalHoldStatus="ON")
    assert cloud.error("s3", "PutObjectLegalHold", **at, LegalHold={"Status": "OFF"}).shape == "AccessDenied"
    cloud.s3("PutObjectLegalHold", **at, LegalHold={"Status": "ON"})


def test_a_hold_lasts_until_it_is_taken_away(cloud: Cloud) -> None:
    a_locked_bucket(cloud)
    at = put(cloud, ObjectLockLegalHoldStatus="ON")
    assert cloud.s3("GetObjectLegalHold", **at) == {"LegalHold": {"Status": "ON"}}
    assert cloud.error("s3", "DeleteObject", BypassGovernanceRetention=True, **at).shape == "AccessDenied"
    cloud.s3("PutObjectLegalHold", LegalHold={"Status": "OFF"}, **at)
    assert cloud.s3("HeadObject", **at)["ObjectLockLegalHoldStatus"] == "OFF"
    cloud.s3("DeleteObject", **at)


def test_there_is_nothing_to_get_around_without_locks(cloud: Cloud) -> None:
    cloud.s3("CreateBucket", Bucket="shelf")
    error = cloud.error("s3", "DeleteObject", Bucket="shelf", Key="k", BypassGovernanceRetention=True)
    assert (error.shape, error.text) == (
        "InvalidArgument", "x-amz-bypass-governance-retention is only applicable to Object Lock enabled buckets."
    )  # fmt: skip


def test_of_a_hold_that_never_was_nothing_is_told(cloud: Cloud) -> None:
    a_locked_bucket(cloud)
    at = put(cloud)
    assert "ObjectLockLegalHoldStatus" not in cloud.s3("HeadObject", **at)
    assert cloud.error("s3", "GetObjectLegalHold", **at).shape == "NoSuchObjectLockConfiguration"
    cloud.s3("PutObjectLegalHold", LegalHold={"Status": "OFF"}, **at)
    assert cloud.s3("GetObjectLegalHold", **at) == {"LegalHold": {"Status": "OFF"}}


def test_retention_can_be_lengthened_but_not_loosened(cloud: Cloud) -> None:
    a_locked_bucket(cloud)
    now = cloud.clock.now_ms
    at = put(cloud, ObjectLockMode="GOVERNANCE", ObjectLockRetainUntilDate=now + 2 * DAY)

    def retain(mode: str, days: int, **more: Any) -> str:
        request = {"Retention": {"Mode": mode, "RetainUntilDate": now + days * DAY}, **at, **more}
        try:
            cloud.s3("PutObjectRetention", **request)
        except ServiceError as error:
            return str(error)
        return "ok"

    assert retain("GOVERNANCE", 3) == "ok"
    assert "object lock" in retain("GOVERNANCE", 1)
    assert retain("GOVERNANCE", 1, BypassGovernanceRetention=True) == "ok"
    assert retain("COMPLIANCE", 4, BypassGovernanceRetention=True) == "ok"
    assert "object lock" in retain("COMPLIANCE", 3, BypassGovernanceRetention=True)
    assert "future" in retain("COMPLIANCE", -1)
    error = cloud.error("s3", "PutObjectRetention", Retention={}, BypassGovernanceRetention=True, **at)
    assert error.shape == "AccessDenied"


@pytest.mark.parametrize(
    ("configuration", "shape"),
    [
        ({}, "MalformedXML"),
        ({"ObjectLockEnabled": "Disabled"}, "MalformedXML"),
        ({"ObjectLockEnabled": "Enabled", "Rule": {}}, "MalformedXML"),
        ({"ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": {"Mode": "X", "Days": 1}}}, "MalformedXML"),
        ({"ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": {"Mode": "GOVERNANCE"}}}, "MalformedXML"),
        ({"ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 1, "Years": 1}}},
         "MalformedXML"),
        ({"ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 0}}},
         "InvalidArgument"),
        ({"ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 99999}}},
         "InvalidRetentionPeriod"),
    ],
)  # fmt: skip
def test_configurations_that_s3_would_not_take(cloud: Cloud, configuration: dict[str, Any], shape: str) -> None:
    a_locked_bucket(cloud)
    request = {"Bucket": "shelf", "ObjectLockConfiguration": configuration}
    assert cloud.error("s3", "PutObjectLockConfiguration", **request).shape == shape


def test_a_bucket_without_lock_says_so(cloud: Cloud) -> None:
    cloud.s3("CreateBucket", Bucket="shelf")
    cloud.s3("PutObject", Bucket="shelf", Key="k", Body=b"")
    at = {"Bucket": "shelf", "Key": "k"}
    for operation, more in (
        ("GetObjectRetention", {}), ("PutObjectLegalHold", {"LegalHold": {"Status": "ON"}}),
        ("PutObject", {"ObjectLockLegalHoldStatus": "ON", "Body": b""}),
    ):  # fmt: skip
        assert cloud.error("s3", operation, **at, **more).text == "Bucket is missing Object Lock Configuration"
    request = {"Bucket": "shelf", "ObjectLockConfiguration": {"ObjectLockEnabled": "Enabled"}}
    assert cloud.error("s3", "PutObjectLockConfiguration", **request).shape == "InvalidBucketState"


def tags(cloud: Cloud, **at: Any) -> dict[str, str]:
    shown = cloud.s3("GetObjectTagging", Bucket="shelf", **at)["TagSet"]
    return {tag["Key"]: tag["Value"] for tag in shown}


def test_tags_belong_to_a_version_and_go_along_with_copies(cloud: Cloud) -> None:
    cloud.s3("CreateBucket", Bucket="shelf")
    cloud.s3("PutObject", Bucket="shelf", Key="k", Body=b"x", Tagging="a=1&b%20c=d%2Be&f")
    assert tags(cloud, Key="k") == {"a": "1", "b c": "d+e", "f": ""}
    source = {"Bucket": "shelf", "Key": "copy", "CopySource": "shelf/k"}
    cloud.s3("CopyObject", **source)
    assert tags(cloud, Key="copy") == tags(cloud, Key="k")
    cloud.s3("CopyObject", TaggingDirective="REPLACE", Tagging="n=1", **source)
    assert tags(cloud, Key="copy") == {"n": "1"}
    begun = cloud.s3("CreateMultipartUpload", Bucket="shelf", Key="big", Tagging="m=1")
    at = {"Bucket": "shelf", "Key": "big", "UploadId": begun["UploadId"]}
    part = cloud.s3("UploadPart", PartNumber=1, Body=b"x", **at)
    cloud.s3("CompleteMultipartUpload", MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}, **at)
    assert tags(cloud, Key="big") == {"m": "1"}
    cloud.s3("DeleteObjectTagging", Bucket="shelf", Key="big")
    assert tags(cloud, Key="big") == {}


@pytest.mark.parametrize(
    ("header", "shape"),
    [
        ("&".join(f"k{n}=v" for n in range(11)), "BadRequest"), ("a=1&a=2", "InvalidArgument"), ("=1", "InvalidArgument"),
        ("aws:x=1", "InvalidTag"), ("a=" + "v" * 257, "InvalidTag"), ("k" * 129 + "=v", "InvalidTag"),
        ("a=%00", "InvalidTag"),
    ],
)  # fmt: skip
def test_tags_that_s3_would_not_take(cloud: Cloud, header: str, shape: str) -> None:
    cloud.s3("CreateBucket", Bucket="shelf")
    assert cloud.error("s3", "PutObject", Bucket="shelf", Key="k", Body=b"", Tagging=header).shape == shape


def test_a_retention_until_the_first_hour_that_there_is_is_refused(cloud: Cloud) -> None:
    cloud.s3("CreateBucket", Bucket="shelf", ObjectLockEnabledForBucket=True)
    cloud.s3("PutObject", Bucket="shelf", Key="k", Body=b"")
    first_ms = -62_135_596_800_000
    retention = {"Mode": "GOVERNANCE", "RetainUntilDate": first_ms}
    error = cloud.error("s3", "PutObjectRetention", Bucket="shelf", Key="k", Retention=retention)
    assert error.shape == "InvalidArgument"
