"""AWS::S3 types: buckets with all that S3 lets them configure, and their policies.

Source: CloudFormation User Guide, "AWS::S3::Bucket", "AWS::S3::BucketPolicy".
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from ..template.values import as_text
from . import s3_shapes as shapes
from .base import Attributes, Call, Failure, Name, Properties, Target, register, tag_list


class Setting(NamedTuple):
    """How one property is set and taken away again."""

    put: str
    member: str
    shape: Callable[[Any], Any] = dict
    remove: str = ""
    """The operation that takes it away; empty: it is put with `empty`."""
    empty: Any = None


_SETTINGS: dict[str, Setting] = {
    "OwnershipControls": Setting(
        "PutBucketOwnershipControls", "OwnershipControls", remove="DeleteBucketOwnershipControls"
    ),
    "PublicAccessBlockConfiguration": Setting(
        "PutPublicAccessBlock", "PublicAccessBlockConfiguration", remove="DeletePublicAccessBlock"
    ),
    "AccessControl": Setting("PutBucketAcl", "ACL", shapes.canned_acl, empty="private"),
    "BucketEncryption": Setting(
        "PutBucketEncryption", "ServerSideEncryptionConfiguration", shapes.encryption, "DeleteBucketEncryption"
    ),
    "VersioningConfiguration": Setting(
        "PutBucketVersioning", "VersioningConfiguration", empty={"Status": "Suspended"}
    ),
    "ObjectLockConfiguration": Setting(
        "PutObjectLockConfiguration", "ObjectLockConfiguration", empty={"ObjectLockEnabled": "Enabled"}
    ),
    "CorsConfiguration": Setting("PutBucketCors", "CORSConfiguration", shapes.cors, "DeleteBucketCors"),
    "WebsiteConfiguration": Setting(
        "PutBucketWebsite", "WebsiteConfiguration", shapes.website, "DeleteBucketWebsite"
    ),
    "AccelerateConfiguration": Setting(
        "PutBucketAccelerateConfiguration", "AccelerateConfiguration", shapes.accelerate,
        empty={"Status": "Suspended"},
    ),
    "NotificationConfiguration": Setting(
        "PutBucketNotificationConfiguration", "NotificationConfiguration", shapes.notification, empty={}
    ),
    "ReplicationConfiguration": Setting(
        "PutBucketReplication", "ReplicationConfiguration", shapes.renamed, "DeleteBucketReplication"
    ),
}  # fmt: skip
"""Property -> its operations, in the order in which they are carried out."""
_REFUSED = ("AbacStatus", "MetadataConfiguration", "MetadataTableConfiguration")


async def _apply_settings(call: Call, bucket: Target) -> None:
    for name in _REFUSED:
        if bucket.get(name) not in (None, "Disabled"):
            raise Failure(f"Ballroom does not support {name} of AWS::S3::Bucket")
    for name, setting in _SETTINGS.items():
        if bucket.changed(name):
            await _apply(call, bucket, name, setting)
    if bucket.changed("LifecycleConfiguration"):
        await _apply_lifecycle(call, bucket)
    if bucket.changed("LoggingConfiguration"):
        value = bucket.get("LoggingConfiguration")
        status = {} if value is None else shapes.logging(value, bucket.name)
        await call("s3", "PutBucketLogging", Bucket=bucket.name, BucketLoggingStatus=status)
    for name in shapes.IDENTIFIED:
        if bucket.changed(name):
            await _apply_identified(call, bucket, name)
    if bucket.tags != bucket.previous_tags:
        tags = tag_list(bucket.tags)
        if tags is None:
            await call("s3", "DeleteBucketTagging", Bucket=bucket.name)
        else:
            await call("s3", "PutBucketTagging", Bucket=bucket.name, Tagging={"TagSet": tags})


async def _apply(call: Call, bucket: Target, name: str, setting: Setting) -> None:
    value = bucket.get(name)
    if name == "AccessControl" and as_text(value or "Private") == "Private" and name not in bucket.previous:
        return  # a new bucket is private already, and may not take lists at all
    if value is not None:
        await call("s3", setting.put, Bucket=bucket.name, **{setting.member: setting.shape(value)})
    elif setting.remove:
        await call("s3", setting.remove, Bucket=bucket.name)
    else:
        await call("s3", setting.put, Bucket=bucket.name, **{setting.member: setting.empty})


async def _apply_lifecycle(call: Call, bucket: Target) -> None:
    value = bucket.get("LifecycleConfiguration")
    if value is None:
        await call("s3", "DeleteBucketLifecycle", Bucket=bucket.name)
        return
    await call(
        "s3", "PutBucketLifecycleConfiguration", Bucket=bucket.name,
        LifecycleConfiguration=shapes.lifecycle(value),
        TransitionDefaultMinimumObjectSize=value.get("TransitionDefaultMinimumObjectSize"),
    )  # fmt: skip


async def _apply_identified(call: Call, bucket: Target, name: str) -> None:
    noun, member, shape = shapes.IDENTIFIED[name]
    wanted = {as_text(one["Id"]): one for one in bucket.get(name) or []}
    before = {as_text(one["Id"]): one for one in bucket.previous.get(name) or []}
    for identity, value in wanted.items():
        if before.get(identity) != value:
            await call("s3", f"Put{noun}", Bucket=bucket.name, Id=identity, **{member: shape(value)})
    for identity in before.keys() - wanted.keys():
        await call("s3", f"Delete{noun}", Bucket=bucket.name, Id=identity)


def _is_true(properties: Properties, name: str) -> bool:
    return as_text(properties.get(name, False)).lower() == "true"


async def _create_bucket(call: Call, bucket: Target) -> Attributes | None:
    where = {"LocationConstraint": bucket.region} if bucket.region != "us-east-1" else None
    await call(
        "s3", "CreateBucket", Bucket=bucket.name, CreateBucketConfiguration=where,
        ObjectLockEnabledForBucket=_is_true(bucket.properties, "ObjectLockEnabled") or None,
        BucketNamespace=bucket.get("BucketNamespace"),
    )  # fmt: skip
    await _apply_settings(call, bucket)
    return None


async def _read_bucket(call: Call, bucket: Target) -> Attributes:
    await call("s3", "HeadBucket", Bucket=bucket.name)
    name, region = bucket.name, bucket.region
    address = await call("s3", "GetWebsiteAddress", Bucket=name)
    return {
        "Arn": f"arn:{bucket.partition}:s3:::{name}",
        "DomainName": f"{name}.s3.amazonaws.com",
        "DualStackDomainName": f"{name}.s3.dualstack.{region}.amazonaws.com",
        "RegionalDomainName": f"{name}.s3.{region}.amazonaws.com",
        "WebsiteURL": address["Url"],
    }


async def _update_bucket(call: Call, bucket: Target) -> Attributes | None:
    await _apply_settings(call, bucket)
    return None


async def _delete_bucket(call: Call, bucket: Target) -> None:
    await call("s3", "DeleteBucket", Bucket=bucket.physical_id)


register(
    "AWS::S3::Bucket",
    properties=" ".join(
        (*_SETTINGS, *shapes.IDENTIFIED, *_REFUSED, "LifecycleConfiguration", "LoggingConfiguration", "Tags")
    ),
    create_only="BucketName BucketNamespace ObjectLockEnabled",
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
