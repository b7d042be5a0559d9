"""Lifecycle rules on a virtual clock: what expires, moves and is aborted, and when."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any

import pytest
from tests.cloud import Cloud

from ballroom.services.s3.lifecycle import rules
from ballroom.services.s3.lifecycle.rules import DAY_MS, Facts


def a_bucket(cloud: Cloud, *given: dict[str, Any], versioned: bool = False) -> None:
    cloud.s3("CreateBucket", Bucket="shelf")
    if versioned:
        cloud.s3("PutBucketVersioning", Bucket="shelf", VersioningConfiguration={"Status": "Enabled"})
    follow(cloud, *given)


def follow(cloud: Cloud, *given: dict[str, Any]) -> None:
    kept = [{"Status": "Enabled", "Filter": {"Prefix": ""}, **rule} for rule in given]
    cloud.s3("PutBucketLifecycleConfiguration", Bucket="shelf", LifecycleConfiguration={"Rules": kept})


MD5 = base64.b64encode(hashlib.md5(b"x").digest()).decode()


def put(cloud: Cloud, key: str, body: bytes = b"x", **more: Any) -> dict[str, Any]:
    return cloud.s3("PutObject", Bucket="shelf", Key=key, Body=body, **more)


def keys(cloud: Cloud) -> list[str]:
    return [line["Key"] for line in cloud.s3("ListObjectsV2", Bucket="shelf").get("Contents", [])]


def versions(cloud: Cloud) -> list[tuple[str, str]]:
    listed = cloud.s3("ListObjectVersions", Bucket="shelf")
    return [
        (kind, line["Key"])
        for kind, member in (("version", "Versions"), ("marker", "DeleteMarkers"))
        for line in listed.get(member, [])
    ]


def midnights(cloud: Cloud, number: int) -> None:
    """Go on until just behind the n-th midnight."""
    for _ in range(number):
        now = cloud.clock.now_ms
        cloud.clock.advance(ms=rules.next_midnight(now) - now)
        cloud.clock.advance(minutes=1)


def test_an_object_expires_at_the_midnight_behind_its_days(cloud: Cloud) -> None:
    a_bucket(cloud, {"ID": "r 1", "Expiration": {"Days": 2}})
    written = put(cloud, "k")
    day = rules.next_midnight(cloud.clock.now_ms) + 2 * DAY_MS
    expected = rules.Expiration(day, "r 1").header
    assert expected.endswith('rule-id="r%201"')
    assert written["Expiration"] == expected
    assert cloud.s3("HeadObject", Bucket="shelf", Key="k")["Expiration"] == expected
    midnights(cloud, 2)
    assert keys(cloud) == ["k"]
    midnights(cloud, 1)
    assert keys(cloud) == []


def test_a_rule_for_longer_than_there_are_dates_leaves_writes_alone(cloud: Cloud) -> None:
    a_bucket(cloud, {"Expiration": {"Days": 2**31 - 1}})
    assert "9999" in put(cloud, "k")["Expiration"]
    midnights(cloud, 2)
    assert keys(cloud) == ["k"]


def test_filters_choose_by_prefix_tags_and_size(cloud: Cloud) -> None:
    tag = {"Key": "t", "Value": "1"}
    both = {"Prefix": "a/", "Tags": [tag], "ObjectSizeGreaterThan": 2, "ObjectSizeLessThan": 10}
    a_bucket(cloud, {"Filter": {"And": both}, "Expiration": {"Days": 1}})
    put(cloud, "a/goes", b"12345", Tagging="t=1&u=2")
    for key, body, tags in (("a/small", b"12", "t=1"), ("a/large", b"1" * 10, "t=1"), ("a/untagged", b"12345", ""),
                            ("b/elsewhere", b"12345", "t=1"), ("a/other", b"12345", "t=2")):  # fmt: skip
        put(cloud, key, body, Tagging=tags)
    midnights(cloud, 2)
    assert keys(cloud) == ["a/large", "a/other", "a/small", "a/untagged", "b/elsewhere"]


def test_a_date_lets_all_go_from_then_on(cloud: Cloud) -> None:
    date = rules.next_midnight(cloud.clock.now_ms) + DAY_MS
    a_bucket(cloud, {"Expiration": {"Date": date}})
    put(cloud, "k")
    midnights(cloud, 1)
    assert keys(cloud) == ["k"]
    midnights(cloud, 1)
    assert keys(cloud) == []


def test_a_disabled_rule_and_one_that_is_gone_do_nothing(cloud: Cloud) -> None:
    a_bucket(cloud, {"Status": "Disabled", "Expiration": {"Days": 1}})
    put(cloud, "k")
    midnights(cloud, 3)
    assert keys(cloud) == ["k"]
    follow(cloud, {"Expiration": {"Days": 1}})
    cloud.s3("DeleteBucketLifecycle", Bucket="shelf")
    midnights(cloud, 2)
    assert keys(cloud) == ["k"]


def test_versions_expire_into_markers_and_noncurrent_ones_for_good(cloud: Cloud) -> None:
    a_bucket(
        cloud, {"Expiration": {"Days": 3}}, {"NoncurrentVersionExpiration": {"NoncurrentDays": 1}},
        versioned=True,
    )  # fmt: skip
    put(cloud, "k")
    put(cloud, "k")
    midnights(cloud, 1)
    assert versions(cloud) == [("version", "k"), ("version", "k")]
    midnights(cloud, 1)
    assert versions(cloud) == [("version", "k")]
    midnights(cloud, 2)
    assert versions(cloud) == [("version", "k"), ("marker", "k")]
    midnights(cloud, 2)
    assert versions(cloud) == [("marker", "k")]
    midnights(cloud, 4)
    assert versions(cloud) == []  # an expiration in days takes lone markers away, too


def test_newer_noncurrent_versions_are_kept(cloud: Cloud) -> None:
    kept = {"NoncurrentDays": 1, "NewerNoncurrentVersions": 2}
    a_bucket(cloud, {"NoncurrentVersionExpiration": kept}, versioned=True)
    for n in range(5):
        put(cloud, "k", str(n).encode())
        put(cloud, "l", str(n).encode())
    midnights(cloud, 3)
    assert versions(cloud) == [("version", "k")] * 3 + [("version", "l")] * 3


def test_a_lone_delete_marker_goes_by_its_own_rule(cloud: Cloud) -> None:
    a_bucket(cloud, {"Expiration": {"ExpiredObjectDeleteMarker": True}}, versioned=True)
    cloud.s3("DeleteObject", Bucket="shelf", Key="lone")
    put(cloud, "covered")
    cloud.s3("DeleteObject", Bucket="shelf", Key="covered")
    midnights(cloud, 1)
    assert versions(cloud) == [("version", "covered"), ("marker", "covered")]


def test_objects_move_down_the_storage_classes(cloud: Cloud) -> None:
    moves = [{"Days": 30, "StorageClass": "STANDARD_IA"}, {"Days": 60, "StorageClass": "GLACIER"}]
    a_bucket(cloud, {"Transitions": moves})
    put(cloud, "large", b"x" * (128 << 10))
    put(cloud, "small")

    def classes() -> list[str]:
        return [line["StorageClass"] for line in cloud.s3("ListObjectsV2", Bucket="shelf")["Contents"]]

    midnights(cloud, 30)
    assert classes() == ["STANDARD", "STANDARD"]
    midnights(cloud, 1)
    assert classes() == ["STANDARD_IA", "STANDARD"]
    midnights(cloud, 31)
    assert classes() == ["GLACIER", "STANDARD"]
    assert cloud.error("s3", "GetObject", Bucket="shelf", Key="large").shape == "InvalidObjectState"


def test_uploads_that_are_not_completed_are_aborted(cloud: Cloud) -> None:
    a_bucket(cloud, {"ID": "r", "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1}})
    begun = cloud.s3("CreateMultipartUpload", Bucket="shelf", Key="big")
    assert begun["AbortRuleId"] == "r"
    assert begun["AbortDate"] == rules.next_midnight(cloud.clock.now_ms) + DAY_MS
    midnights(cloud, 1)
    assert "Uploads" in cloud.s3("ListMultipartUploads", Bucket="shelf")
    midnights(cloud, 1)
    assert "Uploads" not in cloud.s3("ListMultipartUploads", Bucket="shelf")


def test_a_locked_version_outlives_its_rule(cloud: Cloud) -> None:
    cloud.s3("CreateBucket", Bucket="shelf", ObjectLockEnabledForBucket=True)
    follow(cloud, {"NoncurrentVersionExpiration": {"NoncurrentDays": 1}})
    until = cloud.clock.now_ms + 10 * DAY_MS
    put(cloud, "k", ObjectLockMode="COMPLIANCE", ObjectLockRetainUntilDate=until, ContentMD5=MD5)
    put(cloud, "k")
    midnights(cloud, 5)
    assert len(versions(cloud)) == 2
    midnights(cloud, 7)
    assert len(versions(cloud)) == 1


def test_a_sweep_of_many_rows_goes_in_slices_and_survives_a_restart(durable_cloud: Cloud) -> None:
    cloud = durable_cloud
    a_bucket(cloud, {"Filter": {"Prefix": "old/"}, "Expiration": {"Days": 1}})
    for n in range(450):
        put(cloud, f"old/{n:03d}")
    put(cloud, "young/1")
    midnights(cloud, 1)
    now = cloud.clock.now_ms
    cloud.clock.advance(ms=rules.next_midnight(now) - now)  # the first slice at most
    assert 1 < len(keys(cloud)) <= 451
    cloud.reopen()
    cloud.clock.advance(minutes=1)
    assert keys(cloud) == ["young/1"]


def test_subscribers_are_told_of_expirations_and_moves(cloud: Cloud) -> None:
    a_bucket(cloud, {"Expiration": {"Days": 1}})
    queue = cloud.sqs("CreateQueue", QueueName="q")["QueueUrl"]
    arn = "arn:aws:sqs:us-east-1:000000000000:q"
    allowed = {"Effect": "Allow", "Principal": {"Service": "s3.amazonaws.com"}, "Action": "sqs:*", "Resource": arn}
    attributes = {"Policy": json.dumps({"Statement": [allowed]})}
    cloud.sqs("SetQueueAttributes", QueueUrl=queue, Attributes=attributes)
    wanted = {"QueueConfigurations": [{"QueueArn": arn, "Events": ["s3:LifecycleExpiration:*"]}]}
    cloud.s3("PutBucketNotificationConfiguration", Bucket="shelf", NotificationConfiguration=wanted)
    put(cloud, "k")
    midnights(cloud, 2)
    messages = cloud.sqs("ReceiveMessage", QueueUrl=queue, MaxNumberOfMessages=10)["Messages"]
    (record,) = [r for m in messages for r in json.loads(m["Body"]).get("Records", [])]
    assert record["eventName"] == "LifecycleExpiration:Delete"
    assert record["userIdentity"] == {"principalId": "s3.amazonaws.com"}


@pytest.mark.parametrize(
    ("rule", "code", "text"),
    [
        ({"Expiration": {"Days": 0}}, "InvalidArgument", "'Days' for Expiration action must be a positive integer"),
        ({}, "InvalidRequest", "At least one action needs to be specified in a rule"),
        ({"Status": "On", "Expiration": {"Days": 1}}, "MalformedXML", None),
        ({"Transitions": [{"Days": 1, "StorageClass": "STANDARD_IA"}]}, "InvalidArgument",
         "'Days' in Transition action must be greater than or equal to 30 for storageClass 'STANDARD_IA'"),
        ({"Transitions": [{"Days": 1, "StorageClass": "STANDARD"}]}, "MalformedXML", None),
        ({"Transitions": [{"Days": 5, "StorageClass": "GLACIER"}], "Expiration": {"Days": 5}}, "InvalidArgument",
         "'Days' in the Expiration action for filter '(prefix=)' must be greater than 'Days' in the Transition action"),
        ({"Filter": {"Tag": {"Key": "a", "Value": "b"}}, "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1}},
         "InvalidRequest", "AbortIncompleteMultipartUpload cannot be specified with Tags."),
        ({"Filter": {"And": {"ObjectSizeGreaterThan": 5, "ObjectSizeLessThan": 5}}, "Expiration": {"Days": 1}},
         "InvalidRequest", "'ObjectSizeLessThan' has to be a value greater than 'ObjectSizeGreaterThan'"),
        ({"ID": "x" * 256, "Expiration": {"Days": 1}}, "InvalidArgument",
         "ID length should not exceed allowed limit of 255"),
    ],
)  # fmt: skip
def test_rules_that_s3_would_not_take(cloud: Cloud, rule: dict[str, Any], code: str, text: str | None) -> None:
    cloud.s3("CreateBucket", Bucket="shelf")
    whole = {"Status": "Enabled", "Filter": {"Prefix": ""}, **rule}
    error = cloud.error(
        "s3", "PutBucketLifecycleConfiguration", Bucket="shelf", LifecycleConfiguration={"Rules": [whole]}
    )
    assert error.shape == code
    assert text is None or error.text == text


def test_the_earliest_expiration_is_told() -> None:
    facts = Facts("logs/1", 10, {}, 0, "STANDARD")
    both = [
        {"ID": "late", "Filter": {"Prefix": ""}, "Expiration": {"Days": 9}},
        {"ID": "soon", "Filter": {"Prefix": "logs/"}, "Expiration": {"Days": 3}},
    ]
    assert rules.expiration_of(both, facts) == (4 * DAY_MS, "soon")
    assert rules.expiration_of(both, facts._replace(key="x")) == (10 * DAY_MS, "late")
