from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.cloud import Cloud

from ballroom.kernel import BytesStream


def fill(cloud: Cloud, *keys: str) -> None:
    cloud.call("s3", "CreateBucket", Bucket="shelf")
    for key in keys:
        cloud.call("s3", "PutObject", Bucket="shelf", Key=key, Body=BytesStream(b"x"))


def walk(cloud: Cloud, **more: Any) -> tuple[list[str], list[str]]:
    """All keys and common prefixes, page by page."""
    keys, prefixes, token = [], [], {}
    while True:
        page = cloud.call("s3", "ListObjectsV2", Bucket="shelf", **more, **token)
        keys += [line["Key"] for line in page.get("Contents", [])]
        prefixes += [line["Prefix"] for line in page.get("CommonPrefixes", [])]
        assert page["KeyCount"] <= page["MaxKeys"]
        if not page["IsTruncated"]:
            return keys, prefixes
        token = {"ContinuationToken": page["NextContinuationToken"]}


@pytest.mark.parametrize("page", [1, 2, 3, 1000])
def test_a_delimiter_rolls_keys_up_on_pages_of_any_size(cloud: Cloud, page: int) -> None:
    fill(cloud, "a.txt", "dir/1", "dir/2", "dir/sub/3", "other/4", "z.txt")
    assert walk(cloud, MaxKeys=page, Delimiter="/") == (["a.txt", "z.txt"], ["dir/", "other/"])
    assert walk(cloud, MaxKeys=page, Delimiter="/", Prefix="dir/") == (["dir/1", "dir/2"], ["dir/sub/"])
    assert walk(cloud, MaxKeys=page, Prefix="dir/")[0] == ["dir/1", "dir/2", "dir/sub/3"]
    assert walk(cloud, MaxKeys=page, StartAfter="dir/2")[0] == ["dir/sub/3", "other/4", "z.txt"]


def test_keys_come_in_the_order_of_their_bytes(cloud: Cloud) -> None:
    keys = ["Z", "a", "a b", "a/", "ä", "€", "\U0001f600"]
    fill(cloud, *reversed(keys))
    assert walk(cloud)[0] == sorted(keys, key=str.encode)
    encoded = cloud.call("s3", "ListObjectsV2", Bucket="shelf", EncodingType="url", Prefix="a b")
    assert [line["Key"] for line in encoded["Contents"]] == ["a%20b"]


@settings(max_examples=40, deadline=None)
@given(
    keys=st.sets(st.text("ab/", min_size=1, max_size=5), max_size=12),
    prefix=st.sampled_from(["", "a", "a/", "b/a"]),
    page=st.integers(1, 5),
)
def test_a_list_is_what_a_plain_loop_would_make(keys: set[str], prefix: str, page: int) -> None:
    cloud = Cloud()
    try:
        fill(cloud, *keys)
        expected_keys, expected_prefixes = [], []
        for key in sorted(keys):
            if not key.startswith(prefix):
                continue
            at = key.find("/", len(prefix))
            if at < 0:
                expected_keys.append(key)
            elif key[: at + 1] not in expected_prefixes:
                expected_prefixes.append(key[: at + 1])
        assert walk(cloud, MaxKeys=page, Delimiter="/", Prefix=prefix) == (expected_keys, expected_prefixes)
    finally:
        cloud.close()


def test_bucket_names_are_shared_by_all_accounts(cloud: Cloud) -> None:
    fill(cloud)
    stranger = cloud.caller(account="111111111111")
    assert cloud.error("s3", "CreateBucket", stranger, Bucket="shelf").shape == "BucketAlreadyExists"
    assert cloud.error("s3", "HeadBucket", stranger, Bucket="shelf").status == 403
    assert cloud.call("s3", "ListBuckets", stranger)["Buckets"] == []
    cloud.call("s3", "CreateBucket", Bucket="shelf")  # one's own, again, in us-east-1
    assert [b["Name"] for b in cloud.call("s3", "ListBuckets")["Buckets"]] == ["shelf"]


@pytest.mark.parametrize(
    "name",
    ["ab", "Upper", "a..b", "a.-b", "a-.b", "-a-b", "a-b-", ".ab", "ab.", "192.168.1.1", "xn--abc", "a" * 64, "a_b"],
)
def test_impossible_names_are_refused(cloud: Cloud, name: str) -> None:
    assert cloud.error("s3", "CreateBucket", Bucket=name).shape == "InvalidBucketName"


@pytest.mark.parametrize("name", ["abc", "1--2", "a.b.c", "my-shelf.1", "a" * 63])
def test_possible_names_are_taken(cloud: Cloud, name: str) -> None:
    assert cloud.call("s3", "CreateBucket", Bucket=name)["Location"] == f"/{name}"


def test_a_bucket_is_made_where_the_request_goes(cloud: Cloud) -> None:
    europe = cloud.caller(region="eu-west-1")
    error = cloud.error("s3", "CreateBucket", europe, Bucket="shelf")
    assert error.shape == "IllegalLocationConstraintException"
    place = {"LocationConstraint": "eu-west-1"}
    cloud.call("s3", "CreateBucket", europe, Bucket="shelf", CreateBucketConfiguration=place)
    assert cloud.call("s3", "GetBucketLocation", Bucket="shelf") == place
    again = cloud.error("s3", "CreateBucket", europe, Bucket="shelf", CreateBucketConfiguration=place)
    assert again.shape == "BucketAlreadyOwnedByYou"


def test_only_an_empty_bucket_can_be_removed(cloud: Cloud) -> None:
    fill(cloud, "k")
    assert cloud.error("s3", "DeleteBucket", Bucket="shelf").shape == "BucketNotEmpty"
    wanted = {"Objects": [{"Key": "k"}, {"Key": "no"}]}
    answer = cloud.call("s3", "DeleteObjects", Bucket="shelf", Delete=wanted)
    assert [one["Key"] for one in answer["Deleted"]] == ["k", "no"]
    cloud.call("s3", "DeleteBucket", Bucket="shelf")
    assert cloud.error("s3", "HeadBucket", Bucket="shelf").shape == "NoSuchBucket"


SETTINGS = [
    ("Encryption", "ServerSideEncryptionConfiguration",
     {"Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms"}, "BucketKeyEnabled": True}]}, None),
]  # fmt: skip


@pytest.mark.parametrize(("name", "member", "value", "missing"), SETTINGS)
def test_a_setting_is_read_back_as_it_was_put(
    cloud: Cloud, name: str, member: str, value: dict[str, Any], missing: str | None
) -> None:
    fill(cloud)
    default = cloud.call("s3", f"GetBucket{name}", Bucket="shelf")
    cloud.call("s3", f"PutBucket{name}", Bucket="shelf", **{member: value})
    assert cloud.call("s3", f"GetBucket{name}", Bucket="shelf") == {member: value}
    cloud.call("s3", f"DeleteBucket{name}", Bucket="shelf")
    assert cloud.call("s3", f"GetBucket{name}", Bucket="shelf") == default


@pytest.mark.parametrize(
    ("operations", "request_", "shown", "missing"),
    [
        (("PutBucketPolicy", "GetBucketPolicy", "DeleteBucketPolicy"),
         {"Policy": '{"Statement": [{"Effect": "Deny", "Principal": "*", "Action": "s3:PutObject", '
                    '"Resource": "arn:aws:s3:::shelf/*"}]}'}, None, "NoSuchBucketPolicy"),
        (("PutBucketTagging", "GetBucketTagging", "DeleteBucketTagging"),
         {"Tagging": {"TagSet": [{"Key": "a", "Value": "1"}]}}, {"TagSet": [{"Key": "a", "Value": "1"}]},
         "NoSuchTagSet"),
        (("PutBucketLifecycleConfiguration", "GetBucketLifecycleConfiguration", "DeleteBucketLifecycle"),
         {"LifecycleConfiguration": {"Rules": [{"ID": "r", "Status": "Enabled", "Prefix": "", "Expiration": {"Days": 1}}]}},
         {"Rules": [{"ID": "r", "Status": "Enabled", "Prefix": "", "Expiration": {"Days": 1}}],
          "TransitionDefaultMinimumObjectSize": "all_storage_classes_128K"}, "NoSuchLifecycleConfiguration"),
    ],
)  # fmt: skip
def test_what_was_never_set_has_awss_error(
    cloud: Cloud, operations: tuple[str, str, str], request_: dict[str, Any], shown: Any, missing: str
) -> None:
    fill(cloud)
    put, get, delete = operations
    assert (cloud.error("s3", get, Bucket="shelf").shape) == missing
    cloud.call("s3", put, Bucket="shelf", **request_)
    assert cloud.call("s3", get, Bucket="shelf") == (shown or request_)
    cloud.call("s3", delete, Bucket="shelf")
    assert cloud.error("s3", get, Bucket="shelf").shape == missing


def test_public_access_is_blocked_by_default(cloud: Cloud) -> None:
    fill(cloud)
    blocked = cloud.call("s3", "GetPublicAccessBlock", Bucket="shelf")["PublicAccessBlockConfiguration"]
    assert set(blocked.values()) == {True}
    cloud.call("s3", "DeletePublicAccessBlock", Bucket="shelf")
    error = cloud.error("s3", "GetPublicAccessBlock", Bucket="shelf")
    assert error.shape == "NoSuchPublicAccessBlockConfiguration"


def test_versioning_is_on_off_or_never_was(cloud: Cloud) -> None:
    fill(cloud)
    assert cloud.call("s3", "GetBucketVersioning", Bucket="shelf") == {}
    for status in ("Enabled", "Suspended"):
        cloud.call("s3", "PutBucketVersioning", Bucket="shelf", VersioningConfiguration={"Status": status})
        assert cloud.call("s3", "GetBucketVersioning", Bucket="shelf") == {"Status": status}
    error = cloud.error("s3", "PutBucketVersioning", Bucket="shelf", VersioningConfiguration={"Status": "x"})
    assert error.shape == "MalformedXML"


@pytest.mark.parametrize(
    ("name", "namespace", "taken"),
    [
        ("shelf-000000000000-us-east-1-an", "account-regional", True),
        ("shelf-000000000000-us-east-1-an", "global", False),
        ("shelf-111111111111-us-east-1-an", "account-regional", False),
        ("shelf", "account-regional", False),
    ],
)
def test_an_account_has_names_of_its_own(cloud: Cloud, name: str, namespace: str, taken: bool) -> None:
    request = {"Bucket": name, "BucketNamespace": namespace}
    if taken:
        cloud.s3("CreateBucket", **request)
    else:
        assert cloud.error("s3", "CreateBucket", **request).shape == "InvalidBucketName"


def test_buckets_are_listed_by_page_prefix_and_region(cloud: Cloud) -> None:
    for n in range(5):
        cloud.s3("CreateBucket", Bucket=f"a-{n}")
    place = {"LocationConstraint": "eu-west-1"}
    cloud.s3("CreateBucket", Bucket="b-1", CreateBucketConfiguration=place)
    names, token = [], {}
    while True:
        page = cloud.s3("ListBuckets", MaxBuckets=2, **token)
        names += [line["Name"] for line in page["Buckets"]]
        if "ContinuationToken" not in page:
            break
        token = {"ContinuationToken": page["ContinuationToken"]}
    assert names == ["a-0", "a-1", "a-2", "a-3", "a-4", "b-1"]
    assert [b["Name"] for b in cloud.s3("ListBuckets", BucketRegion="eu-west-1")["Buckets"]] == ["b-1"]
    assert [b["Name"] for b in cloud.s3("ListBuckets", Prefix="b")["Buckets"]] == ["b-1"]
    assert "BucketRegion" not in cloud.s3("ListBuckets")["Buckets"][0]
    assert cloud.error("s3", "ListBuckets", ContinuationToken="!").shape == "InvalidArgument"


@pytest.mark.parametrize(
    ("more", "shape"),
    [
        ({"ObjectOwnership": "Nobody"}, "InvalidArgument"),
        ({"ACL": "public-read"}, "InvalidBucketAclWithObjectOwnership"),
        ({"ACL": "public-read", "ObjectOwnership": "ObjectWriter"}, "InvalidBucketAclWithBlockPublicAccessError"),
        ({"ACL": "fake"}, "InvalidArgument"),
        ({"CreateBucketConfiguration": {"LocationConstraint": "nowhere"}}, "InvalidLocationConstraint"),
        ({"CreateBucketConfiguration": {"LocationConstraint": "us-east-1"}}, "InvalidLocationConstraint"),
        ({"CreateBucketConfiguration": {"Tags": [{"Key": "aws:x", "Value": "1"}]}}, "InvalidTag"),
    ],
)
def test_options_that_s3_would_not_take(cloud: Cloud, more: dict[str, Any], shape: str) -> None:
    assert cloud.error("s3", "CreateBucket", Bucket="shelf", **more).shape == shape
    assert cloud.error("s3", "HeadBucket", Bucket="shelf").shape == "NoSuchBucket"


def test_a_bucket_made_again_is_private_again(cloud: Cloud) -> None:
    cloud.s3("CreateBucket", Bucket="shelf", ObjectOwnership="ObjectWriter")
    cloud.s3("DeletePublicAccessBlock", Bucket="shelf")
    private = cloud.s3("GetBucketAcl", Bucket="shelf")
    cloud.s3("PutBucketAcl", Bucket="shelf", ACL="public-read")
    cloud.s3("CreateBucket", Bucket="shelf")
    assert cloud.s3("GetBucketAcl", Bucket="shelf") == private
