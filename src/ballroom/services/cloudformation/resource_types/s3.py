"""AWS::S3 types, as far as packaging and deploying need them.

Source: CloudFormation User Guide, "AWS::S3::Bucket", "AWS::S3::BucketPolicy".
"""

from __future__ import annotations

from typing import Any

from ..template.values import as_text
from .base import Attributes, Call, Name, Target, register, tag_list

_SETTINGS: dict[str, tuple[str, str, str | None]] = {
    "BucketEncryption": ("PutBucketEncryption", "ServerSideEncryptionConfiguration", "DeleteBucketEncryption"),
    "OwnershipControls": ("PutBucketOwnershipControls", "OwnershipControls", "DeleteBucketOwnershipControls"),
    "PublicAccessBlockConfiguration": (
        "PutPublicAccessBlock", "PublicAccessBlockConfiguration", "DeletePublicAccessBlock",
    ),
    "VersioningConfiguration": ("PutBucketVersioning", "VersioningConfiguration", None),
}  # fmt: skip
"""Property -> the operation that sets it, that operation's member, and the one that removes it."""


def _cors(value: Any) -> Any:
    names = {"Id": "ID", "ExposedHeaders": "ExposeHeaders", "MaxAge": "MaxAgeSeconds"}
    return {
        "CORSRules": [{names.get(key, key): item for key, item in rule.items()} for rule in value["CorsRules"]]
    }


def _encryption(value: Any) -> Any:
    names = {"ServerSideEncryptionByDefault": "ApplyServerSideEncryptionByDefault"}
    rules = value.get("ServerSideEncryptionConfiguration") or []
    return {"Rules": [{names.get(key, key): item for key, item in rule.items()} for rule in rules]}


async def _apply_settings(call: Call, bucket: Target) -> None:
    for name, (put, member, remove) in _SETTINGS.items():
        if not bucket.changed(name):
            continue
        value = bucket.get(name)
        if value is not None:
            fitted = _encryption(value) if name == "BucketEncryption" else value
            await call("s3", put, Bucket=bucket.name, **{member: fitted})
        elif remove is not None:
            await call("s3", remove, Bucket=bucket.name)
        else:
            await call("s3", put, Bucket=bucket.name, **{member: {"Status": "Suspended"}})
    if bucket.changed("CorsConfiguration"):
        if "CorsConfiguration" in bucket.properties:
            rules = _cors(bucket.properties["CorsConfiguration"])
            await call("s3", "PutBucketCors", Bucket=bucket.name, CORSConfiguration=rules)
        else:
            await call("s3", "DeleteBucketCors", Bucket=bucket.name)
    if bucket.tags != bucket.previous_tags:
        await call(
            "s3", "PutBucketTagging", Bucket=bucket.name, Tagging={"TagSet": tag_list(bucket.tags) or []}
        )


async def _create_bucket(call: Call, bucket: Target) -> Attributes | None:
    where = {"LocationConstraint": bucket.region} if bucket.region != "us-east-1" else None
    locked = as_text(bucket.get("ObjectLockEnabled", False)).lower() == "true" or None
    await call(
        "s3", "CreateBucket", Bucket=bucket.name, CreateBucketConfiguration=where,
        ObjectLockEnabledForBucket=locked,
    )  # fmt: skip
    await _apply_settings(call, bucket)
    return None


async def _read_bucket(call: Call, bucket: Target) -> Attributes:
    await call("s3", "HeadBucket", Bucket=bucket.name)
    name, region = bucket.name, bucket.region
    dash = "-" if region in ("us-east-1", "us-west-1", "us-west-2", "eu-west-1", "ap-southeast-1") else "."
    return {
        "Arn": f"arn:{bucket.partition}:s3:::{name}",
        "DomainName": f"{name}.s3.amazonaws.com",
        "DualStackDomainName": f"{name}.s3.dualstack.{region}.amazonaws.com",
        "RegionalDomainName": f"{name}.s3.{region}.amazonaws.com",
        "WebsiteURL": f"http://{name}.s3-website{dash}{region}.amazonaws.com",
    }


async def _update_bucket(call: Call, bucket: Target) -> Attributes | None:
    await _apply_settings(call, bucket)
    return None


async def _delete_bucket(call: Call, bucket: Target) -> None:
    await call("s3", "DeleteBucket", Bucket=bucket.physical_id)


register(
    "AWS::S3::Bucket",
    properties="CorsConfiguration Tags " + " ".join(_SETTINGS),
    create_only="BucketName ObjectLockEnabled",
    attributes="Arn DomainName DualStackDomainName RegionalDomainName WebsiteURL",
    identifier=("BucketName",),
    name=Name("BucketName", limit=63, lower=True),
    create=_create_bucket,
    read=_read_bucket,
    update=_update_bucket,
    delete=_delete_bucket,
)


async def _put_policy(call: Call, policy: Target) -> Attributes | None:
    policy.physical_id = policy.properties["Bucket"]
    document = policy.properties["PolicyDocument"]
    await call("s3", "PutBucketPolicy", Bucket=policy.properties["Bucket"], Policy=document)
    return {}


async def _delete_policy(call: Call, policy: Target) -> None:
    await call("s3", "DeleteBucketPolicy", Bucket=policy.properties["Bucket"])


register(
    "AWS::S3::BucketPolicy",
    required="Bucket PolicyDocument",
    create_only="Bucket",
    identifier=("Bucket",),
    taggable=False,
    create=_put_policy,
    update=_put_policy,
    delete=_delete_policy,
)
