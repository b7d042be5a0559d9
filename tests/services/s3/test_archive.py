"""Archived objects: not read before they are restored, and only for as long as was asked."""

from __future__ import annotations

import pytest
from tests.cloud import Cloud
from tests.services.s3.shelf import a_bucket, get, put
from tests.services.s3.test_notifications import a_queue, notify, received

WANTED = {"Bucket": "shelf", "Key": "k"}


@pytest.mark.parametrize("storage_class", ["GLACIER", "DEEP_ARCHIVE"])
def test_an_archived_object_is_read_once_it_is_restored(cloud: Cloud, storage_class: str) -> None:
    a_bucket(cloud)
    put(cloud, "k", StorageClass=storage_class)
    assert cloud.error("s3", "GetObject", **WANTED).shape == "InvalidObjectState"
    copy = {"Bucket": "shelf", "Key": "copy", "CopySource": "shelf/k"}
    assert cloud.error("s3", "CopyObject", **copy).shape == "ObjectNotInActiveTierError"
    assert "Restore" not in cloud.call("s3", "HeadObject", **WANTED)
    assert cloud.call("s3", "RestoreObject", **WANTED, RestoreRequest={"Days": 2})["$status"] == 202
    assert get(cloud, "k") == b"content"
    assert 'ongoing-request="false"' in cloud.call("s3", "HeadObject", **WANTED)["Restore"]
    assert cloud.call("s3", "RestoreObject", **WANTED, RestoreRequest={"Days": 3})["$status"] == 200
    cloud.clock.advance(days=3)
    assert get(cloud, "k") == b"content"
    cloud.clock.advance(days=1)
    assert cloud.error("s3", "GetObject", **WANTED).shape == "InvalidObjectState"


def test_what_is_not_archived_is_not_restored(cloud: Cloud) -> None:
    a_bucket(cloud)
    put(cloud, "k", StorageClass="GLACIER_IR")
    assert get(cloud, "k") == b"content"
    error = cloud.error("s3", "RestoreObject", **WANTED, RestoreRequest={"Days": 1})
    assert (error.shape, error.status) == ("InvalidObjectState", 403)
    select = {"Type": "SELECT", "Days": 1}
    assert cloud.error("s3", "RestoreObject", **WANTED, RestoreRequest=select).status == 501


@pytest.mark.parametrize(
    "wanted", [{"Days": 0}, {"Days": 1, "Tier": "Slow"}, {"Days": 1, "GlacierJobParameters": {"Tier": "Slow"}}]
)
def test_a_restore_is_for_days_and_of_a_tier_that_there_is(cloud: Cloud, wanted: dict[str, object]) -> None:
    a_bucket(cloud)
    put(cloud, "k", StorageClass="GLACIER")
    assert cloud.error("s3", "RestoreObject", **WANTED, RestoreRequest=wanted).shape == "MalformedXML"


def test_a_restore_for_longer_than_there_are_dates_ends_with_them(cloud: Cloud) -> None:
    a_bucket(cloud)
    put(cloud, "k", StorageClass="GLACIER")
    cloud.call("s3", "RestoreObject", **WANTED, RestoreRequest={"Days": 2**31 - 1})
    assert "9999" in cloud.call("s3", "HeadObject", **WANTED)["Restore"]


def test_the_end_of_a_restore_is_told_once(cloud: Cloud) -> None:
    a_bucket(cloud, versioned=True)
    url = a_queue(cloud)
    notify(cloud, {"Events": ["s3:ObjectRestore:Delete"]})
    received(cloud, url)
    version = put(cloud, "k", StorageClass="GLACIER")["VersionId"]
    put(cloud, "k")  # the archived one is noncurrent now
    for days in (1, 3):
        cloud.call("s3", "RestoreObject", **WANTED, VersionId=version, RestoreRequest={"Days": days})
    cloud.clock.advance(days=3)
    assert received(cloud, url) == []
    cloud.clock.advance(days=2)
    (told,) = received(cloud, url)
    assert (told["eventName"], told["s3"]["object"]["versionId"]) == ("ObjectRestore:Delete", version)
    assert told["userIdentity"]["principalId"] == "s3.amazonaws.com"
