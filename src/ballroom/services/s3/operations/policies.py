"""Bucket policies, ownership of objects, and Block Public Access."""

from __future__ import annotations

from ballroom.kernel import Request, Response, Tx, operation
from ballroom.services.s3 import acl
from ballroom.services.s3.access import open_bucket
from ballroom.services.s3.authorization import (
    BLOCKS,
    OWNERSHIP,
    POLICY,
    PUBLIC_ACCESS,
    blocks,
    bucket_acl,
    denied,
    policy_text,
)
from ballroom.services.s3.errors import MalformedXml, MethodNotAllowed, named, not_configured
from ballroom.services.s3.operations.buckets import OWNERSHIPS
from ballroom.services.s3.policy.public import allows_public, is_public
from ballroom.services.s3.policy.validation import check
from ballroom.services.s3.resources import Bucket
from ballroom.services.s3.settings_store import drop_setting, find_setting, put_setting


@operation("PutBucketPolicy")
def put_bucket_policy(tx: Tx, request: Request) -> Response:
    """Replace the bucket's policy; it is evaluated from the next request on.

    Raises:
        MalformedPolicy: S3 would not take it.
        AccessDenied: it is public, and the bucket blocks that.

    Source: S3 API Reference, PutBucketPolicy.
    """
    bucket = _open_own(tx, request, "PutBucketPolicy", "PUT")
    text = request["Policy"]
    policy = check(text, bucket.name)
    if allows_public(policy) and blocks(tx, bucket)["BlockPublicPolicy"]:
        why = "because public policies are blocked by the BlockPublicPolicy block public access setting."
        raise denied(tx, bucket, "PutBucketPolicy", why=why)
    put_setting(tx, bucket, POLICY, {"text": text})
    return {}


def _open_own(tx: Tx, request: Request, action: str, method: str) -> Bucket:
    """The bucket, if it is the caller's account's: no policy gives its policy to others.

    Source: S3 API Reference, PutBucketPolicy, GetBucketPolicy, DeleteBucketPolicy ("405 Method Not Allowed").
    """
    bucket = open_bucket(tx, request, action)
    if tx.caller.account != bucket.account or tx.caller.anonymous:
        raise MethodNotAllowed(Method=method, ResourceType="BUCKETPOLICY")
    return bucket


@operation("GetBucketPolicy")
def get_bucket_policy(tx: Tx, request: Request) -> Response:
    """The policy as it was put."""
    bucket = _open_own(tx, request, "GetBucketPolicy", "GET")
    text = policy_text(tx, bucket)
    if text is None:
        raise not_configured("NoSuchBucketPolicy", "The bucket policy does not exist", bucket.name)
    return {"Policy": text}


@operation("DeleteBucketPolicy")
def delete_bucket_policy(tx: Tx, request: Request) -> Response:
    """Take the policy away."""
    drop_setting(tx, _open_own(tx, request, "DeleteBucketPolicy", "DELETE"), POLICY)
    return {}


@operation("GetBucketPolicyStatus")
def get_bucket_policy_status(tx: Tx, request: Request) -> Response:
    """Whether the policy is public.

    Source: S3 User Guide, "The meaning of 'public'".
    """
    bucket = open_bucket(tx, request, "GetBucketPolicyStatus")
    text = policy_text(tx, bucket)
    if text is None:
        raise not_configured("NoSuchBucketPolicy", "The bucket policy does not exist", bucket.name)
    return {"PolicyStatus": {"IsPublic": is_public(text)}}


@operation("PutPublicAccessBlock")
def put_public_access_block(tx: Tx, request: Request) -> Response:
    """Choose what of public access the bucket blocks; what is not named is not blocked.

    Source: S3 API Reference, PutPublicAccessBlock.
    """
    bucket = open_bucket(tx, request, "PutBucketPublicAccessBlock")
    given = request.get("PublicAccessBlockConfiguration")
    if not given:
        raise MalformedXml()
    put_setting(tx, bucket, PUBLIC_ACCESS, {name: bool(given.get(name)) for name in BLOCKS})
    return {}


@operation("GetPublicAccessBlock")
def get_public_access_block(tx: Tx, request: Request) -> Response:
    """What the bucket blocks."""
    bucket = open_bucket(tx, request, "GetBucketPublicAccessBlock")
    if PUBLIC_ACCESS not in bucket.configured:
        raise not_configured(
            "NoSuchPublicAccessBlockConfiguration",
            "The public access block configuration was not found",
            bucket.name,
        )
    return {"PublicAccessBlockConfiguration": blocks(tx, bucket)}


@operation("DeletePublicAccessBlock")
def delete_public_access_block(tx: Tx, request: Request) -> Response:
    """Block nothing."""
    drop_setting(tx, open_bucket(tx, request, "PutBucketPublicAccessBlock"), PUBLIC_ACCESS)
    return {}


@operation("PutBucketOwnershipControls")
def put_bucket_ownership_controls(tx: Tx, request: Request) -> Response:
    """Choose who owns objects, and whether access control lists count.

    Source: S3 API Reference, PutBucketOwnershipControls; User Guide, "Prerequisites for disabling ACLs".
    """
    bucket = open_bucket(tx, request, "PutBucketOwnershipControls")
    rules = request["OwnershipControls"].get("Rules") or []
    if len(rules) != 1 or rules[0].get("ObjectOwnership") not in OWNERSHIPS:
        raise MalformedXml()
    if rules[0]["ObjectOwnership"] == OWNERSHIPS[0] and bucket_acl(tx, bucket) != acl.private(bucket.account):
        raise named(
            "InvalidBucketAclWithObjectOwnership",
            "Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced setting",
        )
    put_setting(tx, bucket, OWNERSHIP, {"Rules": [{"ObjectOwnership": rules[0]["ObjectOwnership"]}]})
    return {}


@operation("GetBucketOwnershipControls")
def get_bucket_ownership_controls(tx: Tx, request: Request) -> Response:
    """Who owns objects."""
    bucket = open_bucket(tx, request, "GetBucketOwnershipControls")
    found = find_setting(tx, bucket, OWNERSHIP)
    if found is None:
        raise not_configured(
            "OwnershipControlsNotFoundError", "The bucket ownership controls were not found", bucket.name
        )
    return {"OwnershipControls": found}


@operation("DeleteBucketOwnershipControls")
def delete_bucket_ownership_controls(tx: Tx, request: Request) -> Response:
    """Without them, writers own their objects."""
    drop_setting(tx, open_bucket(tx, request, "PutBucketOwnershipControls"), OWNERSHIP)
    return {}
