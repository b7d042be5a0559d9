"""Archived objects: not read before they are restored, and only for as long as was asked."""

from __future__ import annotations

import pytest
from tests.cloud import Cloud
from tests.services.s3.shelf import a_bucket, get, put

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
