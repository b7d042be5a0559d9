"""What tests of S3 do often."""

from __future__ import annotations

from typing import Any

from tests.cloud import Cloud

from ballroom.kernel import BytesStream


def a_bucket(cloud: Cloud, name: str = "shelf", *, versioned: bool = False) -> str:
    cloud.call("s3", "CreateBucket", Bucket=name)
    if versioned:
        cloud.call("s3", "PutBucketVersioning", Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    return name


def put(
    cloud: Cloud, key: str, data: bytes = b"content", *, bucket: str = "shelf", **more: Any
) -> dict[str, Any]:
    return cloud.call("s3", "PutObject", Bucket=bucket, Key=key, Body=BytesStream(data), **more)


def get(cloud: Cloud, key: str, *, bucket: str = "shelf", **more: Any) -> bytes:
    """The bytes that GetObject answers."""
    body = cloud.call("s3", "GetObject", Bucket=bucket, Key=key, **more)["Body"]
    if isinstance(body, bytes):
        return body

    async def gather() -> bytes:
        return b"".join([chunk async for chunk in body])

    return cloud.run(gather())
