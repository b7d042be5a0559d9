"""S3 as boto3 speaks it: XML, chunked uploads with checksums, ranges, multipart."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from typing import Any

import pytest
from boto3.s3.transfer import TransferConfig
from botocore.exceptions import ClientError

from ballroom.testing import BallroomServer


@pytest.fixture(scope="module")
def s3() -> Iterator[Any]:
    with BallroomServer() as server:
        client = server.client("s3")
        client.create_bucket(Bucket="shelf")
        yield client


def test_upload_and_download_of_every_size(s3: Any) -> None:
    for size in (0, 10, 100_000, 9 << 20):
        data = os.urandom(size)
        s3.upload_fileobj(io.BytesIO(data), "shelf", "file", ExtraArgs={"Metadata": {"size": str(size)}})
        back = io.BytesIO()
        s3.download_fileobj("shelf", "file", back, Config=TransferConfig(max_concurrency=2))
        assert back.getvalue() == data
        assert s3.head_object(Bucket="shelf", Key="file")["Metadata"] == {"size": str(size)}


def test_a_range_is_partial_content(s3: Any) -> None:
    s3.put_object(Bucket="shelf", Key="r", Body=b"0123456789")
    answer = s3.get_object(Bucket="shelf", Key="r", Range="bytes=2-4")
    assert answer["Body"].read() == b"234"
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 206
    assert answer["ContentRange"] == "bytes 2-4/10"


def test_errors_have_codes_that_clients_know(s3: Any) -> None:
    with pytest.raises(s3.exceptions.NoSuchKey):
        s3.get_object(Bucket="shelf", Key="none")
    with pytest.raises(ClientError) as caught:
        s3.head_object(Bucket="shelf", Key="none")
    assert caught.value.response["Error"]["Code"] == "404"
    with pytest.raises(ClientError) as caught:
        s3.get_bucket_abac(Bucket="shelf")
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 501


def test_keys_that_xml_cannot_hold_are_listed_deleted_and_presigned(s3: Any) -> None:
    keys = ["plain", "with space", "ümläut/€", "a+b&c<d>", "percent%20"]
    for key in keys:
        s3.put_object(Bucket="shelf", Key=f"odd/{key}", Body=key.encode())
    listed = s3.list_objects_v2(Bucket="shelf", Prefix="odd/")["Contents"]
    assert sorted(o["Key"] for o in listed) == sorted(f"odd/{k}" for k in keys)
    for key in keys:
        assert s3.get_object(Bucket="shelf", Key=f"odd/{key}")["Body"].read() == key.encode()
    gone = s3.delete_objects(Bucket="shelf", Delete={"Objects": [{"Key": o["Key"]} for o in listed]})
    assert len(gone["Deleted"]) == len(keys)
    assert "Contents" not in s3.list_objects_v2(Bucket="shelf", Prefix="odd/")


def test_bucket_settings_speak_xml(s3: Any) -> None:
    s3.put_bucket_encryption(
        Bucket="shelf",
        ServerSideEncryptionConfiguration={
            "Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]
        },
    )
    rules = s3.get_bucket_encryption(Bucket="shelf")["ServerSideEncryptionConfiguration"]["Rules"]
    assert rules[0]["ApplyServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}
    s3.put_bucket_tagging(Bucket="shelf", Tagging={"TagSet": [{"Key": "a", "Value": "ü"}]})
    assert s3.get_bucket_tagging(Bucket="shelf")["TagSet"] == [{"Key": "a", "Value": "ü"}]
    assert s3.get_bucket_location(Bucket="shelf")["LocationConstraint"] is None
