"""What the recorded tests of S3's configurations did, told by their names and answers."""

from __future__ import annotations

import contextlib
import datetime
import http.client
import json
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit
from xml.etree import ElementTree

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.vectors.s3_steps import Answers, Steps

ALL_USERS = "http://acs.amazonaws.com/groups/global/AllUsers"
LOG_DELIVERY = "http://acs.amazonaws.com/groups/s3/LogDelivery"
ACCOUNT = "111111111111"
MOST_TRIES = 500
DAY = datetime.timedelta(days=1)


def client(s: Steps, service: str, region: str = "us-east-1", **config: Any) -> Any:
    return boto3.client(
        service, endpoint_url=s.client.meta.endpoint_url, region_name=region, aws_access_key_id=ACCOUNT,
        aws_secret_access_key="test", config=Config(retries={"total_max_attempts": 1}, **config),
    )  # fmt: skip


def tried(call: Callable[..., Any], **given: Any) -> Answers:
    try:
        return dict(call(**given))
    except ClientError as error:
        return dict(error.response)


def asked(s: Steps, method: str, path: str, host: str = "", body: bytes = b"", **headers: str) -> Any:
    """Status, headers and body of a plain HTTP request."""
    port = urlsplit(s.client.meta.endpoint_url).port
    connection = http.client.HTTPConnection("127.0.0.1", port)
    told = {name.replace("_", "-"): value for name, value in headers.items()}
    with contextlib.closing(connection):
        connection.request(method, path, body, {"Host": f"{host or '127.0.0.1'}:{port}", **told})
        response = connection.getresponse()
        return response.status, dict(response.getheaders()), response.read()


def fields(body: bytes) -> dict[str, Any]:
    """The members of an error's document."""
    return {child.tag: child.text for child in ElementTree.fromstring(body)}


def open_to_all(s: Steps) -> None:
    s("delete_public_access_block")
    s("put_bucket_ownership_controls", OwnershipControls={"Rules": [{"ObjectOwnership": "ObjectWriter"}]})


def without(s: Steps, answer: Answers, *names: str) -> Answers:
    return {name: value for name, value in answer.items() if name not in names}


# -- buckets ---------------------------------------------------------------------------------------------


def max_buckets(s: Steps, _: str) -> Answers:
    return {"list-objects-with-max-buckets": tried(s.client.list_buckets, MaxBuckets=1)}


def empty_token(s: Steps, _: str) -> Answers:
    answer = tried(s.client.list_buckets, MaxBuckets=1, ContinuationToken="")
    return {"list-objects-with-empty-continuation-token": answer}


def second_page(s: Steps, _: str) -> Answers:
    s.client.create_bucket(Bucket=f"{s.name}-more")
    s.client.create_bucket(Bucket=f"{s.name}-yet-more")
    first = s.client.list_buckets(MaxBuckets=1)
    answer = s.client.list_buckets(MaxBuckets=1, ContinuationToken=first["ContinuationToken"])
    return {"list-objects-with-continuation": answer}


def global_constraint(s: Steps, region: str) -> Answers:
    configuration = {"LocationConstraint": "aws-global"}
    made = tried(
        client(s, "s3", region).create_bucket,
        Bucket=f"{s.name}-global", CreateBucketConfiguration=configuration,
    )  # fmt: skip
    return {"aws-global-constraint": made}


def bucket_exists(s: Steps, _: str) -> Answers:
    rule = {"AllowedMethods": ["GET", "POST", "PUT", "DELETE"], "AllowedOrigins": ["localhost"]}
    s("put_bucket_cors", CORSConfiguration={"CORSRules": [rule]})
    return {
        "get-bucket-cors": s("get_bucket_cors"),
        "get-bucket-acl": s("get_bucket_acl"),
        "get-bucket-not-exists": s("get_bucket_acl", Bucket="bucket-not-exists"),
    }


def between_regions(s: Steps, _: str) -> Answers:
    website = {"IndexDocument": {"Suffix": "index.html"}}
    rules = {"CORSRules": [{"AllowedMethods": ["GET"], "AllowedOrigins": ["*"]}]}
    other = client(s, "s3", "us-west-2")
    return {
        "put-website-config-region-1": s("put_bucket_website", WebsiteConfiguration=website),
        "put-cors-config-region-1": s("put_bucket_cors", CORSConfiguration=rules),
        "get-website-config-region-2": tried(other.get_bucket_website, Bucket=s.name),
        "get-cors-config-region-2": tried(other.get_bucket_cors, Bucket=s.name),
    }


def availability(s: Steps, _: str) -> Answers:
    return {
        "bucket-lifecycle": s("get_bucket_lifecycle_configuration", Bucket="test-bucket-lifecycle"),
        "bucket-replication": s("get_bucket_replication", Bucket="test-bucket-lifecycle"),
    }


def empty_tags(s: Steps, _: str) -> Answers:
    name = f"{s.name}-tagged"
    made = tried(s.client.create_bucket, Bucket=name, CreateBucketConfiguration={"Tags": []})
    return {
        "create-bucket-with-empty-tags": made,
        "get-bucket-tags": s("get_bucket_tagging", Bucket=name),
        "create-bucket-with-none-tags": tried(s.client.create_bucket, Bucket=name),
    }


def create_again_with_tags(s: Steps, _: str) -> Answers:
    name = f"{s.name}-tagged"

    def create(*tags: tuple[str, str]) -> Answers:
        told = [{"Key": key, "Value": value} for key, value in tags]
        return tried(s.client.create_bucket, Bucket=name, CreateBucketConfiguration={"Tags": told})

    return {
        "create-bucket-with-tags": create(("tag1", "value1")),
        "get-bucket-tags": s("get_bucket_tagging", Bucket=name),
        "create-bucket-different-tags": create(("tag2", "value1")),
        "create-bucket-with-no-tags": tried(s.client.create_bucket, Bucket=name),
        "get-bucket-tags-after-re-create": s("get_bucket_tagging", Bucket=name),
        "create-bucket-with-same-tags": create(("tag1", "value1")),
        "create-bucket-with-empty-tags": create(),
        "get-bucket-tags-after-create-empty": s("get_bucket_tagging", Bucket=name),
    }


# -- access ----------------------------------------------------------------------------------------------


def policy_of(s: Steps) -> str:
    statement = {
        "Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "s3:GetObject",
        "Resource": f"arn:aws:s3:::{s.name}/*",
    }  # fmt: skip
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def put_policy(s: Steps, _: str) -> Answers:
    s("delete_public_access_block")
    put = s("put_bucket_policy", Policy=policy_of(s))
    got = s("get_bucket_policy")
    return {"put-bucket-policy": put, "get-bucket-policy": {**got, "Policy": json.loads(got["Policy"])}}


def policy_owner(s: Steps, _: str) -> Answers:
    s("delete_public_access_block")

    def put(owner: str) -> Answers:
        return s("put_bucket_policy", Policy=policy_of(s), ExpectedBucketOwner=owner)

    return {
        "put-bucket-policy-with-expected-bucket-owner-error": put("000000000002"),
        "put-bucket-policy-with-expected-bucket-owner": put(ACCOUNT),
    }


def put_policy_wrong_owner(s: Steps, owner: str) -> Answers:
    answer = s("put_bucket_policy", Policy=policy_of(s), ExpectedBucketOwner=owner)
    return {"put-bucket-policy-invalid-bucket-owner": answer}


def get_policy_wrong_owner(s: Steps, owner: str) -> Answers:
    return {"get-bucket-policy-invalid-bucket-owner": s("get_bucket_policy", ExpectedBucketOwner=owner)}


def delete_policy(s: Steps, _: str) -> Answers:
    s("delete_public_access_block")
    s("put_bucket_policy", Policy=policy_of(s))
    deleted = s("delete_bucket_policy")
    return {"delete-bucket-policy": deleted, "get-bucket-policy-no-such-bucket-policy": s("get_bucket_policy")}


def bad_policies(s: Steps, _: str) -> Answers:
    return {
        "put-empty-bucket-policy": s("put_bucket_policy", Policy=""),
        "put-bucket-policy-randomstring": s("put_bucket_policy", Policy="random text"),
        "put-bucket-policy-empty-json": s("put_bucket_policy", Policy="{}"),
    }


def public_access(s: Steps, _: str) -> Answers:
    names = ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets")
    return {
        "get-default-public-access-block": s("get_public_access_block"),
        "put-public-access-block": s(
            "put_public_access_block", PublicAccessBlockConfiguration=dict.fromkeys(names, False)
        ),
        "get-public-access-block": s("get_public_access_block"),
        "delete-public-access-block": s("delete_public_access_block"),
        "get-public-access-block-after-delete": s("get_public_access_block"),
        "idempotent-delete-public-access-block": s("delete_public_access_block"),
    }


def acl_exceptions(s: Steps, _: str) -> Answers:
    open_to_all(s)
    owner = s("get_bucket_acl")["Owner"]
    group = {"URI": LOG_DELIVERY, "Type": "Group"}

    def stated(*grants: Any, **more: Any) -> Answers:
        return s("put_bucket_acl", AccessControlPolicy={"Grants": list(grants), **more})

    wrong_user = {"ID": "wrong-id", "Type": "CanonicalUser"}
    fake_group = {"URI": "http://acs.amazonaws.com/groups/s3/FakeGroup", "Type": "Group"}
    written = {"Grantee": group, "Permission": "WRITE"}
    return {
        "put-bucket-canned-acl": s("put_bucket_acl", ACL="fake-acl"),
        "put-bucket-grant-acl-fake-uri": s("put_bucket_acl", GrantWrite=f'uri="{fake_group["URI"]}"'),
        "put-bucket-grant-acl-fake-key": s("put_bucket_acl", GrantWrite='fakekey="1234"'),
        "put-bucket-grant-acl-wrong-id": s("put_bucket_acl", GrantWrite='id="wrong-id"'),
        "put-bucket-acp-acl-1": stated(written),
        "put-bucket-acp-acl-2": stated(written, Owner={"DisplayName": "me"}),
        "put-bucket-acp-acl-3": stated(written, Owner={"ID": "wrong-id"}),
        "put-bucket-acp-acl-4": stated({"Grantee": fake_group, "Permission": "WRITE"}, Owner=owner),
        "put-bucket-acp-acl-5": stated({"Grantee": wrong_user, "Permission": "READ"}, Owner=owner),
        "put-bucket-acp-acl-6": stated({"Grantee": group, "Permission": "FAKE"}, Owner=owner),
        "put-bucket-empty-acp": s("put_bucket_acl", AccessControlPolicy={}),
        "put-bucket-empty": s("put_bucket_acl"),
        "put-bucket-two-type-acl": s("put_bucket_acl", ACL="public-read", GrantRead=f'uri="{ALL_USERS}"'),
        "put-bucket-two-type-acl-acp": s(
            "put_bucket_acl", ACL="private", AccessControlPolicy={"Grants": [written], "Owner": owner}
        ),
    }


def object_acl(s: Steps, _: str) -> Answers:
    open_to_all(s)
    put = s.put("object-key-acl")
    default = s("get_object_acl", Key="object-key-acl")
    answers: Answers = {"put-object-default-acl": put, "get-object-acl-default": default}
    answers["put-object-acl"] = s("put_object_acl", Key="object-key-acl", ACL="public-read")
    answers["get-object-acl"] = s("get_object_acl", Key="object-key-acl")
    s("put_object_acl", Key="object-key-acl", GrantRead=f'uri="{LOG_DELIVERY}"')
    answers["get-object-grant-acl"] = s("get_object_acl", Key="object-key-acl")
    owner = default["Owner"]
    grants = [
        {"Grantee": {"ID": owner["ID"], "Type": "CanonicalUser"}, "Permission": "FULL_CONTROL"},
        {"Grantee": {"URI": LOG_DELIVERY, "Type": "Group"}, "Permission": "WRITE"},
    ]
    s("put_object_acl", Key="object-key-acl", AccessControlPolicy={"Owner": owner, "Grants": grants})
    answers["get-object-acp-acl"] = s("get_object_acl", Key="object-key-acl")
    return answers


def anonymous_read(s: Steps, _: str) -> Answers:
    from botocore import UNSIGNED

    open_to_all(s)
    s("put_object", Key="anon", Body=b"body data", ACL="public-read", ChecksumAlgorithm="CRC32")
    got = client(s, "s3", signature_version=UNSIGNED).get_object(
        Bucket=s.name, Key="anon", ChecksumMode="ENABLED"
    )
    got["Body"] = got["Body"].read()
    return {"get_object": got}


# -- CORS ------------------------------------------------------------------------------------------------


def preflight_without_rules(s: Steps, _: str) -> Answers:
    s.put("key", b"test-cors")
    path = f"/{s.name}/key"
    method = {"Access-Control-Request-Method": "PUT"}
    return {
        "options-no-origin": {"Error": fields(asked(s, "OPTIONS", path)[2])},
        "options-with-origin-and-method": {
            "Error": fields(asked(s, "OPTIONS", path, Origin="https://localhost:4200", **method)[2])
        },
        "options-with-origin-no-method": {
            "Error": fields(asked(s, "OPTIONS", path, Origin="https://localhost:4200")[2])
        },
    }


def rules(s: Steps, *given: Answers) -> Answers:
    return s("put_bucket_cors", CORSConfiguration={"CORSRules": list(given)})


def exchanged(found: Any) -> Answers:
    """An answer as the recordings of CORS show it."""
    status, headers, body = found
    return {"StatusCode": status, "Headers": headers, "Body": body.decode()}


def partial_origin(s: Steps, _: str) -> Answers:
    s.put("key", b"test-cors")
    rules(s, {"AllowedOrigins": ["http://*.origin.com"], "AllowedMethods": ["GET", "PUT"], "MaxAgeSeconds": 3000,
              "AllowedHeaders": ["*"]})  # fmt: skip
    found = asked(
        s, "OPTIONS", f"/{s.name}/key", Origin="http://test.origin.com", Access_Control_Request_Method="PUT"
    )
    return {"options_match_partial_origin": exchanged(found)}


def match_methods(s: Steps, _: str) -> Answers:
    s.put("key", b"test-cors")
    open_to_all(s)
    s("put_bucket_acl", ACL="public-read-write")
    s("put_object_acl", Key="key", ACL="public-read")
    origin, path = "https://localhost:4200", f"/{s.name}/key"
    rule = {"AllowedOrigins": [origin], "MaxAgeSeconds": 3000, "AllowedHeaders": ["*"]}
    rules(s, {**rule, "AllowedMethods": ["GET"]})
    preflight = exchanged(asked(s, "OPTIONS", path, Origin=origin, Access_Control_Request_Method="GET"))
    got = exchanged(asked(s, "GET", path, Origin=origin))
    refused = asked(s, "OPTIONS", path, Origin=origin, Access_Control_Request_Method="PUT")
    put = exchanged(asked(s, "PUT", path, body=b"", Origin=origin))
    rules(s, {**rule, "AllowedMethods": ["PUT"]})
    s.put("key", b"test-cors")
    s("put_object_acl", Key="key", ACL="public-read")
    wrong = exchanged(asked(s, "GET", path, Origin=origin))
    answers = {"opt-get": preflight, "get-wrong-op": wrong, "get-op": got, "put-op": put}
    return answers | {"opt-put": {**exchanged(refused), "Body": {"Error": fields(refused[2])}}}


def exposed(s: Steps, _: str) -> Answers:
    s.put("key", b"test-cors")
    shown = ["x-amz-id-2", "x-amz-request-id", "x-amz-request-payer"]
    rules(s, {"AllowedOrigins": ["*"], "AllowedMethods": ["GET"], "ExposeHeaders": shown})
    found = asked(
        s, "OPTIONS", f"/{s.name}/key", Origin="localhost:4566", Access_Control_Request_Method="GET"
    )
    return {"opt-get": exchanged(found)}


def get_cors(s: Steps, _: str) -> Answers:
    before = s("get_bucket_cors")
    rules(s, {"AllowedOrigins": ["*"], "AllowedMethods": ["GET"]})
    return {"get-cors-no-set": before, "get-cors-after-set": s("get_bucket_cors")}


def put_cors(s: Steps, _: str) -> Answers:
    put = rules(s, {
        "AllowedOrigins": ["https://test.com", "https://app.test.com", "http://test.com:80"],
        "AllowedMethods": ["GET", "PUT", "HEAD"], "MaxAgeSeconds": 3000,
        "AllowedHeaders": ["x-amz-expected-bucket-owner", "x-amz-server-side-encryption-customer-algorithm"],
    })  # fmt: skip
    return {"put-cors": put, "get-cors": s("get_bucket_cors")}


def bad_cors(s: Steps, _: str) -> Answers:
    return {
        "put-cors-exc": rules(s, {"AllowedOrigins": ["https://a.com"], "AllowedMethods": ["GET", "MYMETHOD"]}),
        "put-cors-exc-empty": s("put_bucket_cors", CORSConfiguration={"CORSRules": []}),
    }


def empty_origin(s: Steps, _: str) -> Answers:
    rules(s, {"AllowedOrigins": [""], "AllowedMethods": ["GET", "PUT", "HEAD"]})
    return {"get-cors-empty": s("get_bucket_cors")}


def delete_cors(s: Steps, _: str) -> Answers:
    before = s("delete_bucket_cors")
    put = rules(s, {"AllowedOrigins": ["*"], "AllowedMethods": ["GET"]})
    got = s("get_bucket_cors")
    return {
        "delete-cors-before-set": before, "put-cors": put, "get-cors": got,
        "delete-cors": s("delete_bucket_cors"), "get-cors-deleted": s("get_bucket_cors"),
    }  # fmt: skip


# -- websites --------------------------------------------------------------------------------------------


def website(s: Steps, **more: Any) -> Callable[[str], str]:
    open_to_all(s)
    s("put_bucket_acl", ACL="public-read")
    s("put_bucket_policy", Policy=policy_of(s))
    configuration = {"IndexDocument": {"Suffix": "index.html"}, **more}
    s("put_bucket_website", WebsiteConfiguration=configuration)

    def get(path: str) -> str:
        page = asked(s, "GET", path, f"{s.name}.s3-website.localhost")[2].decode()
        page = re.sub(r"RequestId: [^<]+", "RequestId: <request-id>", page)
        return re.sub(r"HostId: [^<]+", "HostId: <host-id>", page)

    return get


def website_lookup(s: Steps, _: str) -> Answers:
    get = website(s)
    s.put("index.html", b"index")
    s.put("directory/index.html", b"index in directory")
    return {
        "404-no-trailing-slash": get("/directory-wrong"),
        "404-with-trailing-slash": get("/directory-wrong/"),
    }


def website_404(s: Steps, _: str) -> Answers:
    first = website(s)("/")
    second = website(s, ErrorDocument={"Key": "error.html"})("/")
    return {"404-no-such-key": first, "404-no-such-key-nor-custom": second}


# -- lifecycle -------------------------------------------------------------------------------------------


def lifecycle(s: Steps, *given: Answers, **more: Any) -> Answers:
    return s("put_bucket_lifecycle_configuration", LifecycleConfiguration={"Rules": list(given)}, **more)


WHOLE = {"ID": "wholebucket", "Filter": {"Prefix": ""}, "Status": "Enabled", "Expiration": {"Days": 7}}


def delete_lifecycle(s: Steps, _: str) -> Answers:
    before = s("get_bucket_lifecycle_configuration")
    deleted = s("delete_bucket_lifecycle")
    lifecycle(s, WHOLE)
    got = s("get_bucket_lifecycle_configuration")
    s("delete_bucket_lifecycle")
    return {
        "get-bucket-lifecycle-exc-1": before,
        "delete-bucket-lifecycle-no-bucket": deleted,
        "get-bucket-lifecycle-conf": got,
        "get-bucket-lifecycle-exc-2": s("get_bucket_lifecycle_configuration"),
    }


def lifecycle_goes_with_bucket(s: Steps, _: str) -> Answers:
    lifecycle(s, WHOLE)
    got = s("get_bucket_lifecycle_configuration")
    s("delete_bucket")
    s("create_bucket")
    answer = s("get_bucket_lifecycle_configuration")
    return {"get-bucket-lifecycle-conf": got, "get-bucket-lifecycle-exc": answer}


def bad_lifecycle(s: Steps, _: str) -> Answers:
    tag = {"Key": "test1", "Value": "test"}
    today = datetime.datetime(2023, 1, 1, 2, 2, 2, tzinfo=datetime.UTC)
    return {
        "missing-id": lifecycle(s, {"Status": "Enabled"}),
        "missing-filter": lifecycle(s, {"ID": "wholebucket", "Expiration": {"Days": 7}, "Status": "Enabled"}),
        "missing-noncurrent-version-expiration-data": lifecycle(
            s, {**WHOLE, "NoncurrentVersionExpiration": {"NewerNoncurrentVersions": 5}}
        ),
        "wrong-filter-and-plus-prefix": lifecycle(
            s, {**WHOLE, "Filter": {"And": {"Prefix": "test", "Tags": [tag]}, "Prefix": ""}}
        ),
        "wrong-filter-and-and-object-size": lifecycle(
            s, {**WHOLE, "Filter": {"And": {"Prefix": "test", "Tags": [tag]}, "ObjectSizeGreaterThan": 500}}
        ),
        "wrong-data-no-midnight": lifecycle(s, {**WHOLE, "Expiration": {"Date": today}}),
        "duplicate-tag-keys": lifecycle(s, {**WHOLE, "Filter": {"And": {"Tags": [tag, tag]}}}),
        "expired-delete-marker-and-days": lifecycle(
            s, {**WHOLE, "Expiration": {"Days": 1, "ExpiredObjectDeleteMarker": True}}
        ),
    }


def object_expiry(s: Steps, _: str) -> Answers:
    lifecycle(s, {**WHOLE, "ID": "rule_number_one"})
    s.put("key", b"test")
    got = s.get("key", ChecksumMode="ENABLED")
    configuration = s("get_bucket_lifecycle_configuration")
    configuration["Rules"][0]["Expiration"] = got["Expiration"]  # the recording hides both alike
    return {
        "get-bucket-lifecycle-conf": configuration, "head-object-expiry": s.head("key"), "get-object-expiry": got,
    }  # fmt: skip


def default_minimum(s: Steps, _: str) -> Answers:
    answers: Answers = {}
    for key, value in (("varies-by-storage", "varies_by_storage_class"), ("default", None),
                       ("all-storage", "all_storage_classes_128K")):  # fmt: skip
        more = {} if value is None else {"TransitionDefaultMinimumObjectSize": value}
        answers[key] = lifecycle(s, WHOLE, **more)
        answers[f"get-{key}"] = s("get_bucket_lifecycle_configuration")
    answers["bad-value"] = lifecycle(s, WHOLE, TransitionDefaultMinimumObjectSize="value")
    return answers


# -- locks -----------------------------------------------------------------------------------------------


def locked(s: Steps) -> None:
    s.name = f"{s.name}-locked"
    s("create_bucket", ObjectLockEnabledForBucket=True)


def soon(**more: Any) -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC).replace(microsecond=0) + datetime.timedelta(**more)


def default_retention(s: Steps, _: str) -> Answers:
    locked(s)
    rule = {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 1}}
    configured = s(
        "put_object_lock_configuration",
        ObjectLockConfiguration={"ObjectLockEnabled": "Enabled", "Rule": rule},
    )
    put = s.put("default", b"test-default-lock")
    other = s.put("own", b"test-put-object-lock", ObjectLockMode="GOVERNANCE",
                  ObjectLockRetainUntilDate=soon(minutes=10))  # fmt: skip
    return {
        "put-lock-config": configured,
        "put-object-default": put,
        "head-object-default": s.head("default"),
        "put-object-with-lock": other,
        "head-object-with-lock": s.head("own"),
        "put-object-with-lock-no-date": s.put("own", b"x", ObjectLockMode="GOVERNANCE"),
    }


def lock_and_markers(s: Steps, _: str) -> Answers:
    locked(s)
    until = soon(minutes=10)
    put = s.put("key", b"test-put-object-lock", ObjectLockMode="GOVERNANCE", ObjectLockRetainUntilDate=until)
    head = s.head("key")
    marker = s("delete_object", Key="key")
    at = {"Key": "key", "VersionId": marker["VersionId"]}
    return {
        "put-object-with-lock": put,
        "head-object-with-lock": head,
        "put-delete-marker": marker,
        "put-object-retention-delete-marker": s(
            "put_object_retention", **at, Retention={"Mode": "GOVERNANCE", "RetainUntilDate": until}
        ),
        "get-object-retention-delete-marker": s("get_object_retention", **at),
        "head-object-locked-delete-marker": s.head(**{"key": "key"}, VersionId=marker["VersionId"]),
    }


def compliance(s: Steps, _: str) -> Answers:
    locked(s)
    put = s.put("key", b"test")
    at = {"Key": "key", "VersionId": put["VersionId"]}

    def retain(mode: str, **more: Any) -> Answers:
        retention = {"Mode": mode, "RetainUntilDate": soon(**more)}
        return s("put_object_retention", **at, Retention=retention)

    return {
        "put-obj-locked-1": put,
        "add-compliance-retention": retain("COMPLIANCE", minutes=10),
        "delete-locked-1": s("delete_object", **at),
        "put-delete-marker": s("delete_object", Key="key"),
        "delete-locked-2": s("delete_object", **at),
        "update-retention-shortened": retain("COMPLIANCE", minutes=5),
        "update-retention-less-restrictive": retain("GOVERNANCE", minutes=10),
    }


def legal_hold(s: Steps, _: str) -> Answers:
    locked(s)
    put = s.put("key", b"test", ObjectLockLegalHoldStatus="ON")
    head = s.head("key")
    off = s("put_object_legal_hold", Key="key", LegalHold={"Status": "OFF"})
    return {"put-obj": put, "head-object-with-legal-hold": head, "put-object-legal-hold-off": off}


def no_lock(s: Steps, _: str) -> Answers:
    return {
        "get-lock-config-no-enabled": s("get_object_lock_configuration"),
        "get-lock-config-bucket-not-exists": s("get_object_lock_configuration", Bucket=f"{s.name}-none"),
    }


def locked_versioning(s: Steps, _: str) -> Answers:
    locked(s)

    def version(status: str) -> Answers:
        return s("put_bucket_versioning", VersioningConfiguration={"Status": status})

    return {
        "disable-versioning-on-locked-bucket": version("Suspended"),
        "enable-versioning-again-on-locked-bucket": version("Enabled"),
    }


# -- tags ------------------------------------------------------------------------------------------------


def tag_set(*pairs: tuple[Any, Any]) -> Answers:
    return {"TagSet": [{"Key": key, "Value": value} for key, value in pairs]}


def object_tags(s: Steps, _: str) -> Answers:
    s.put("key", b"body")
    created = s("get_object_tagging", Key="key")
    s("put_object_tagging", Key="key", Tagging=tag_set(("tag1", "tag1"), ("tag2", "")))
    updated = s("get_object_tagging", Key="key")
    s("put_object_tagging", Key="key", Tagging={"TagSet": []})
    deleted = s("get_object_tagging", Key="key")
    return {"created-object-tags": created, "updated-object-tags": updated, "deleted-object-tags": deleted}


def head_with_tags(s: Steps, _: str) -> Answers:
    tags = "tag1=tag1&tag2=tag2&tag3=tag3"
    put = s.put("key", b"test-tagging", Tagging=tags)
    first = s.head("key")
    tagged = s("put_object_tagging", Key="key", Tagging=tag_set(("tag1", "tag1")))
    second = s.head("key")
    s.put("key", b"test-tagging", Tagging=tags)
    third = s.head("key")
    s("delete_object_tagging", Key="key")
    return {
        "put-object": put, "head-obj-after-create": first, "put-object-tags": tagged,
        "head-obj-after-tagging": second, "head-obj-after-overwrite": third,
        "head-obj-after-removal": s.head("key"),
    }  # fmt: skip


def bad_tags(s: Steps, _: str) -> Answers:
    s.put("key", b"x")

    def bucket(*pairs: tuple[Any, Any]) -> Answers:
        return s("put_bucket_tagging", Tagging=tag_set(*pairs))

    def of_object(*pairs: tuple[Any, Any]) -> Answers:
        return s("put_object_tagging", Key="key", Tagging=tag_set(*pairs))

    return {
        "put-bucket-tags-duplicate-keys": bucket(("Key1", "Val1"), ("Key1", "Val1")),
        "put-bucket-tags-invalid-key": bucket(("Key1,Key2", "Val1")),
        "put-bucket-tags-invalid-value": bucket(("Key1", "Val1,Val2")),
        "put-bucket-tags-aws-prefixed": bucket(("aws:prefixed", "Val1")),
        "put-object-tags-duplicate-keys": of_object(("Key1", "Val1"), ("Key1", "Val1")),
        "put-object-tags-invalid-field": of_object(("Key1,Key2", "Val1,Val2")),
        "put-object-tags-aws-prefixed": of_object(("aws:prefixed", "Val1")),
    }


def copied_tags(s: Steps, directive: str) -> Answers:
    s.versioning("Enabled")
    first = s.put("source", b"test", Tagging="key1=value1")
    second = s.put("source", b"test-v2", Tagging="key1=value1-v2")
    told = {} if directive == "None" else {"TaggingDirective": directive}
    answers: Answers = {
        "put-object": first, "put-object-v2": second,
        "get-object-tag": s("get_object_tagging", Key="source"),
        "get-object-tag-v1": s("get_object_tagging", Key="source", VersionId=first["VersionId"]),
    }  # fmt: skip
    source = {"Bucket": s.name, "Key": "source"}
    for suffix, version in (("", {}), ("-v1", {"VersionId": first["VersionId"]})):
        for empty, tags in (("", "key2=value2"), ("-tag-empty", "")):
            given = {"Tagging": tags, **told}
            copy = s("copy_object", Key="target", CopySource={**source, **version}, **given)
            answers[f"copy-object{empty}{suffix}"] = copy
            answers[f"get-copy-object-tag{empty.removeprefix('-tag')}{suffix}"] = s(
                "get_object_tagging", Key="target"
            )
    return answers


# -- stored ----------------------------------------------------------------------------------------------


def accelerate(s: Steps, _: str) -> Answers:
    def put(status: str) -> Answers:
        configuration = {"Status": status}
        return s("put_bucket_accelerate_configuration", AccelerateConfiguration=configuration)

    answers: Answers = {"get-bucket-default-accelerate-config": s("get_bucket_accelerate_configuration")}
    for key, status in (("enabled", "Enabled"), ("disabled", "Suspended")):
        answers[f"put-bucket-accelerate-config-{key}"] = put(status)
        answers[f"get-bucket-accelerate-config-{key}"] = s("get_bucket_accelerate_configuration")
    return answers


def payer(s: Steps, _: str) -> Answers:
    def put(who: str, bucket: str) -> Answers:
        return s("put_bucket_request_payment", Bucket=bucket, RequestPaymentConfiguration={"Payer": who})

    return {
        "wrong-payer-type": put("Random", s.name),
        "wrong-bucket-name": put("Requester", f"{s.name}-wrong"),
    }


def log_to(s: Steps, bucket: str, target: str) -> Answers:
    enabled = {"LoggingEnabled": {"TargetBucket": target, "TargetPrefix": "log"}}
    return s("put_bucket_logging", Bucket=bucket, BucketLoggingStatus=enabled)


def in_region(s: Steps, region: str) -> str:
    name = f"{s.name}-{region}"
    client(s, "s3", region).create_bucket(
        Bucket=name, CreateBucketConfiguration={"LocationConstraint": region}
    )
    return name


def wrong_log_target(s: Steps, _: str) -> Answers:
    return {
        "put-bucket-logging-different-regions": log_to(s, s.name, in_region(s, "us-west-2")),
        "put-bucket-logging-non-existent-bucket": log_to(s, s.name, f"{s.name}-none"),
    }


def log_elsewhere(s: Steps, _: str) -> Answers:
    target, other = in_region(s, "eu-west-1"), in_region(s, "us-west-2")
    return {
        "put-bucket-logging-cross-us-east-1": log_to(s, s.name, target),
        "put-bucket-logging-different-regions": log_to(s, other, target),
    }


def metrics(s: Steps, identity: str, prefix: str) -> Answers:
    value = {"Id": identity, "Filter": {"Prefix": prefix}}
    return s("put_bucket_metrics_configuration", Id=identity, MetricsConfiguration=value)


def put_metrics(s: Steps, _: str) -> Answers:
    put = metrics(s, "one", "logs/")
    got = s("get_bucket_metrics_configuration", Id="one")
    return {"put_bucket_metrics_configuration": put, "get_bucket_metrics_configuration": got}


def overwrite_metrics(s: Steps, _: str) -> Answers:
    metrics(s, "one", "logs/")
    put = metrics(s, "one", "logs/new-prefix")
    got = s("get_bucket_metrics_configuration", Id="one")
    return {"overwrite_bucket_metrics_configuration": put, "get_bucket_metrics_configuration": got}


def list_metrics(s: Steps, _: str) -> Answers:
    metrics(s, "one", "logs/prefix")
    metrics(s, "two", "logs/prefix")
    return {"list_bucket_metrics_configurations": s("list_bucket_metrics_configurations")}


def metrics_by_page(s: Steps, _: str) -> Answers:
    for n in range(102):
        metrics(s, f"id-{n:03d}", "logs/prefix")
    token = s("list_bucket_metrics_configurations")["NextContinuationToken"]
    page = s("list_bucket_metrics_configurations", ContinuationToken=token)
    return {"list_bucket_metrics_configurations_page_2": page}


def analytics(s: Steps, _: str) -> Answers:
    def put(identity: str, prefix: str, target: Any) -> Answers:
        export = {"OutputSchemaVersion": "V_1", "Destination": {"S3BucketDestination": target}}
        value = {"Id": identity, "Filter": {"Prefix": prefix}, "StorageClassAnalysis": {"DataExport": export}}
        return s("put_bucket_analytics_configuration", Id=identity.split("!")[0], AnalyticsConfiguration=value)

    def get(identity: str) -> Answers:
        return s("get_bucket_analytics_configuration", Id=identity)

    target = {"Format": "CSV", "Bucket": f"arn:aws:s3:::{s.name}", "Prefix": "test"}
    one, two = "config_with_storage_analysis_1", "config_with_storage_analysis_2"
    answers: Answers = {
        "put_config_with_storage_analysis_err": put(f"{one}!", "test_ls", target),
        "get_config_with_storage_analysis_err": get("non-existent"),
        "delete_config_with_storage_analysis_err": s("delete_bucket_analytics_configuration", Id="non-existent"),
        "put_config_with_storage_analysis_1": put(one, "test_ls", target),
        "get_config_with_storage_analysis_1": get(one),
    }
    put(one, "test_ls_2", target)
    answers["get_config_with_storage_analysis_2"] = get(one)
    put(two, "test_ls_3", target)
    answers["get_config_with_storage_analysis_3"] = get(two)
    answers["list_config_with_storage_analysis_1"] = s("list_bucket_analytics_configurations")
    s("delete_bucket_analytics_configuration", Id=two)
    answers["list_config_with_storage_analysis_2"] = s("list_bucket_analytics_configurations")
    return answers


def tiering(s: Steps, _: str) -> Answers:
    def put(identity: str, prefix: str, told: str = "") -> Answers:
        tierings = [{"Days": 90, "AccessTier": "ARCHIVE_ACCESS"}]
        value = {"Id": told or identity, "Filter": {"Prefix": prefix}, "Status": "Enabled", "Tierings": tierings}
        return s(
            "put_bucket_intelligent_tiering_configuration",
            Id=identity, IntelligentTieringConfiguration=value,
        )  # fmt: skip

    def listed() -> Answers:
        return s("list_bucket_intelligent_tiering_configurations")

    def delete(identity: str, **more: Any) -> Answers:
        return s("delete_bucket_intelligent_tiering_configuration", Id=identity, **more)

    answers: Answers = {
        "put_bucket_intelligent_tiering_configuration_err_1`": put("incorrect", "test1", "test1"),
        "put_bucket_intelligent_tiering_configuration_1": put("test1", "test1"),
        "get_bucket_intelligent_tiering_configuration_1": s(
            "get_bucket_intelligent_tiering_configuration", Id="test1"
        ),
    }
    put("test2", "test2")
    answers["list_bucket_intelligent_tiering_configurations_1"] = listed()
    put("test1", "testupdate")
    answers["list_bucket_intelligent_tiering_configurations_2"] = listed()
    missing = f"{s.name}-none"
    answers["delete_bucket_intelligent_tiering_configuration_err_1"] = delete("test1", Bucket=missing)
    answers["delete_bucket_intelligent_tiering_configuration_err_2"] = delete("random-id")
    delete("test1")
    answers["list_bucket_intelligent_tiering_configurations_3"] = listed()
    return answers


def inventory(s: Steps, _: str) -> Answers:
    for identity in ("z-test", "a-test", "test-1"):
        value = {
            "Id": identity, "IsEnabled": True, "IncludedObjectVersions": "All", "Schedule": {"Frequency": "Daily"},
            "Destination": {"S3BucketDestination": {"Bucket": f"arn:aws:s3:::{s.name}", "Format": "CSV"}},
        }  # fmt: skip
        s("put_bucket_inventory_configuration", Id=identity, InventoryConfiguration=value)
    listed = s("list_bucket_inventory_configurations")
    deleted = s("delete_bucket_inventory_configuration", Id="z-test")
    return {
        "list-inventory-config": listed, "del-inventory-config": deleted,
        "list-inventory-config-after-del": s("list_bucket_inventory_configurations"),
    }  # fmt: skip


# -- notifications ---------------------------------------------------------------------------------------


class Queue:
    """A queue that the bucket may tell."""

    def __init__(self, s: Steps) -> None:
        self.sqs = client(s, "sqs")
        self.name = f"my-queue-{s.name}"
        self.url = self.sqs.create_queue(QueueName=self.name)["QueueUrl"]
        self.arn = f"arn:aws:sqs:us-east-1:{ACCOUNT}:{self.name}"
        statement = {
            "Effect": "Allow", "Principal": {"Service": "s3.amazonaws.com"}, "Action": "sqs:SendMessage",
            "Resource": self.arn, "Condition": {"ArnEquals": {"aws:SourceArn": f"arn:aws:s3:::{s.name}"}},
        }  # fmt: skip
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        self.sqs.set_queue_attributes(QueueUrl=self.url, Attributes={"Policy": policy})

    def messages(self, **more: Any) -> list[Answers]:
        found: list[Answers] = []
        while batch := self.sqs.receive_message(QueueUrl=self.url, MaxNumberOfMessages=10, **more).get("Messages"):
            for message in batch:
                self.sqs.delete_message(QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"])
            found += batch
        return [m for m in found if "s3:TestEvent" not in m["Body"]]

    def records(self) -> list[Answers]:
        return [record for message in self.messages() for record in json.loads(message["Body"])["Records"]]


def notify(s: Steps, *configurations: Answers, **more: Any) -> Answers:
    given = {"NotificationConfiguration": {"QueueConfigurations": list(configurations)}, **more}
    return s("put_bucket_notification_configuration", **given)


def told(s: Steps, event: str) -> Queue:
    queue = Queue(s)
    notify(s, {"QueueArn": queue.arn, "Events": [event]})
    return queue


def created_by_copy(s: Steps, _: str) -> Answers:
    queue = told(s, "s3:ObjectCreated:Copy")
    s.put("src", b"something")
    s("copy_object", Key="dest", CopySource={"Bucket": s.name, "Key": "src"})
    return {"receive_messages": {"messages": queue.records()}}


def tagged(s: Steps, _: str) -> Answers:
    queue = told(s, "s3:ObjectTagging:Put")
    s.put("dest", b"FooBarBlitz")
    s("put_object_tagging", Key="dest", Tagging=tag_set(("swallow_type", "african")))
    return {"receive_messages": {"messages": queue.records()}}


def untagged(s: Steps, _: str) -> Answers:
    queue = told(s, "s3:ObjectTagging:Delete")
    s.put("dest", b"FooBarBlitz")
    s("put_object_tagging", Key="dest", Tagging=tag_set(("swallow_type", "african")))
    s("delete_object_tagging", Key="dest")
    return {"receive_messages": {"messages": queue.records()}}


def regranted(s: Steps, _: str) -> Answers:
    open_to_all(s)
    queue = told(s, "s3:ObjectAcl:Put")
    s.put("my_key_acl", b"something")
    owner = s("get_bucket_acl")["Owner"]
    s("put_object_acl", Key="my_key_acl", ACL="public-read")
    s("put_object_acl", Key="my_key_acl", GrantRead=f'uri="{LOG_DELIVERY}"')
    grants = [{"Grantee": {"ID": owner["ID"], "Type": "CanonicalUser"}, "Permission": "FULL_CONTROL"}]
    s("put_object_acl", Key="my_key_acl", AccessControlPolicy={"Owner": owner, "Grants": grants})
    return {"receive_messages": {"messages": queue.records()}}


def traced(s: Steps, _: str) -> Answers:
    queue = told(s, "s3:ObjectCreated:*")
    header = "Root=1-3152b799-8954dae64eda91bc9a23a7e8;Parent=7fa8c0f79203be72;Sampled=1"
    signer = client(s, "s3")
    signer.meta.events.register(
        "before-sign.s3.*", lambda request, **_: request.headers.add_header("X-Amzn-Trace-Id", header)
    )
    signer.put_object(Bucket=s.name, Key="test-data", Body=b"something")
    found = queue.messages(MessageSystemAttributeNames=["AWSTraceHeader"])
    told_ = [{**message, "Body": json.loads(message["Body"])} for message in found]
    return {"receive_messages": {"messages": told_}}


def with_filter(s: Steps, _: str) -> Answers:
    queue = Queue(s)
    filters = [{"Name": "Prefix", "Value": "testupload/"}, {"Name": "Suffix", "Value": "testfile.txt"}]
    key = {"Filter": {"Key": {"FilterRules": filters}}, "QueueArn": queue.arn}
    notify(
        s,
        {**key, "Id": "id0001", "Events": ["s3:ObjectCreated:*", "s3:ObjectRemoved:Delete"]},
        {**key, "Id": "id0002", "Events": ["s3:ObjectTagging:*"]},
    )
    got = s("get_bucket_notification_configuration")
    s.put("testupload/dir1/testfile.txt", b"a" * 32)
    s.put("testupload/other", b"a")
    (record,) = queue.records()
    empty = s("put_bucket_notification_configuration", NotificationConfiguration={})
    answers: Answers = {"config": got, "message": record, "config_empty": empty}
    plain = {"Id": "id123456", "Events": ["s3:ObjectCreated:*"], "QueueArn": queue.arn}
    notify(s, plain)
    answers["config_updated"] = s("get_bucket_notification_configuration")
    notify(s, {**plain, "Filter": {"Key": {"FilterRules": filters[:1]}}})
    answers["config_updated_filter"] = s("get_bucket_notification_configuration")
    return answers


def filter_names(s: Steps, _: str) -> Answers:
    queue = Queue(s)
    filters = [{"Name": "prefix", "Value": "notif-"}, {"Name": "suffix", "Value": ".txt"}]
    notify(s, {"QueueArn": queue.arn, "Events": ["s3:ObjectCreated:*"], "Filter": {"Key": {"FilterRules": filters}}})
    return {"bucket_notification_configuration": s("get_bucket_notification_configuration")}


def empty_filter(s: Steps, _: str) -> Answers:
    queue = Queue(s)
    filters = [{"Name": "suffix", "Value": ""}]
    notify(s, {"QueueArn": queue.arn, "Events": ["s3:ObjectCreated:*"], "Filter": {"Key": {"FilterRules": filters}}})
    return {"bucket_notification_configuration": s("get_bucket_notification_configuration")}


def bad_queue(s: Steps, _: str) -> Answers:
    wrong = {"Id": "id123", "Events": ["s3:ObjectCreated:*"], "QueueArn": "invalid-queue"}
    absent = {**wrong, "QueueArn": f"arn:aws:sqs:us-east-1:{ACCOUNT}:my-queue"}
    answers: Answers = {
        "invalid_not_skip": notify(s, wrong),
        "invalid_skip": notify(s, wrong, SkipDestinationValidation=True),
        "queue-does-not-exist": notify(s, absent),
    }
    notify(s, absent, SkipDestinationValidation=True)
    return answers | {"skip_destination_validation": s("get_bucket_notification_configuration")}


def versioned_events(s: Steps, _: str) -> Answers:
    s.versioning("Enabled")
    queue = Queue(s)
    notify(s, {"QueueArn": queue.arn, "Events": ["s3:ObjectCreated:*", "s3:ObjectRemoved:*"]})
    first = s.put("test-key", b"data")
    second = s.put("test-key", b"data-version2")
    marker = s("delete_object", Key="test-key")
    deleted = s("delete_object", Key="test-key", VersionId=first["VersionId"])
    answers: Answers = {
        "obj-ver1": first, "obj-ver2": second, "delete-marker": marker, "delete-version": deleted,
        "message-versioning-active": in_order(queue),
    }  # fmt: skip
    s.versioning("Suspended")
    answers["add-null-version"] = s.put("test-key", b"data-version3")
    answers["del-delete-marker"] = s("delete_object", Key="test-key", VersionId=marker["VersionId"])
    answers["message-versioning-suspended"] = in_order(queue)
    return answers


def in_order(queue: Queue) -> list[Answers]:
    """As the recording sorts them."""
    return sorted(queue.records(), key=lambda record: (record["eventName"], record["s3"]["object"]["eTag"])
                  if "eTag" in record["s3"]["object"] else (record["eventName"], ""))  # fmt: skip


class Bus:
    """A rule that hands S3's events to a queue."""

    def __init__(self, s: Steps) -> None:
        self.queue = Queue(s)
        anybody = {"Effect": "Allow", "Principal": "*", "Action": "sqs:*", "Resource": "*"}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [anybody]})
        self.queue.sqs.set_queue_attributes(QueueUrl=self.queue.url, Attributes={"Policy": policy})
        events = client(s, "events")
        pattern = json.dumps({"source": ["aws.s3"], "detail": {"bucket": {"name": [s.name]}}})
        events.put_rule(Name=s.name, EventPattern=pattern)
        events.put_targets(Rule=s.name, Targets=[{"Id": "1", "Arn": self.queue.arn}])
        configuration = {"EventBridgeConfiguration": {}}
        s("put_bucket_notification_configuration", NotificationConfiguration=configuration)

    def events(self, number: int) -> list[Answers]:
        found: list[Answers] = []
        for _ in range(MOST_TRIES):
            if len(found) >= number:
                break
            found += [json.loads(m["Body"]) for m in self.queue.messages()]
        return sorted(found, key=lambda event: str(event["detail-type"]))


def bus_told(s: Steps, _: str) -> Answers:
    bus = Bus(s)
    s.put("key", b"data")
    s("delete_object", Key="key")
    created, deleted = bus.events(2)
    return {"object_deleted": deleted, "object_created": created}


def topic_told(s: Steps, _: str) -> Answers:
    queue, sns = Queue(s), client(s, "sns")
    topic = sns.create_topic(Name=f"topic-{s.name}")["TopicArn"]
    anybody = {"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [anybody]})
    queue.sqs.set_queue_attributes(QueueUrl=queue.url, Attributes={"Policy": policy})
    allowed = {**anybody, "Action": "SNS:Publish", "Resource": topic}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
    sns.set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=policy)
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue.arn)
    ends = [{"Name": "prefix", "Value": "testupload/"}, {"Name": "suffix", "Value": ".txt"}]
    rule = {"TopicArn": topic, "Events": ["s3:ObjectCreated:*"], "Filter": {"Key": {"FilterRules": ends}}}
    s("put_bucket_notification_configuration", NotificationConfiguration={"TopicConfigurations": [rule]})
    s.put("testupload/dir1/testfile.txt", b"x" * 35)
    found = next(filter(None, (queue.messages() for _ in range(MOST_TRIES))))
    body = json.loads(found[0]["Body"])
    return {"message": {**body, "Message": json.loads(body["Message"])}}


def no_notifications(s: Steps, _: str) -> Answers:
    return {"expected_error": s("get_bucket_notification_configuration", Bucket=f"{s.name}-none")}


def no_bucket_to_notify(s: Steps, _: str) -> Answers:
    answer = s("get_bucket_notification_configuration", Bucket=f"{s.name}-none")
    return {"bucket_not_exists": answer}


def bad_filter_name(s: Steps, _: str) -> Answers:
    queue = Queue(s)
    rule = {"FilterRules": [{"Name": "INVALID", "Value": "x"}]}
    return {
        "invalid_filter_name": notify(
            s, {"QueueArn": queue.arn, "Events": ["s3:ObjectCreated:*"], "Filter": {"Key": rule}}
        )
    }


# -- forms -----------------------------------------------------------------------------------------------


def post(s: Steps, fields_: dict[str, str], content: bytes, filename: str | None = "file") -> Any:
    parts = [f'--edge\r\nContent-Disposition: form-data; name="{n}"\r\n\r\n{v}\r\n' for n, v in fields_.items()]
    named = f'; filename="{filename}"' if filename is not None else ""
    head = f'--edge\r\nContent-Disposition: form-data; name="file"{named}\r\n\r\n'
    body = "".join(parts).encode() + head.encode() + content + b"\r\n--edge--\r\n"
    return asked(s, "POST", f"/{s.name}", body=body, Content_Type="multipart/form-data; boundary=edge")


def presigned(s: Steps, version: str, **more: Any) -> dict[str, str]:
    found = client(s, "s3", signature_version=version).generate_presigned_post(
        s.name, more.pop("key", "key"), **more
    )["fields"]
    return dict(found)


def refused(found: Any) -> Answers:
    return {"Error": fields(found[2])}


def expired_form(s: Steps, _: str) -> Answers:
    found = post(s, presigned(s, "s3v4", ExpiresIn=-5), b"x")
    return {"exception": {**refused(found), "StatusCode": found[0]}}


def incomplete_form(s: Steps, version: str) -> Answers:
    signed = presigned(s, version)
    gone = "x-amz-algorithm" if version == "s3v4" else "AWSAccessKeyId"
    first = post(s, {n: v for n, v in signed.items() if n != gone}, b"x")
    bare = {n: v for n, v in signed.items() if n in ("key", "policy")}
    second = post(s, bare, b"x")
    return {
        "exception-missing-fields": {**refused(first), "StatusCode": first[0]},
        "exception-no-sig-related-fields": {**refused(second), "StatusCode": second[0]},
    }


def form_checksum(s: Steps, _: str) -> Answers:
    post(s, presigned(s, "s3v4"), b"something/nothing")
    return {"head-object": s.head("key", ChecksumMode="ENABLED")}


def file_as_field(s: Steps, _: str) -> Answers:
    post(s, presigned(s, "s3v4", key="test-presigned-post-file-as-field"), b"x" * 23, None)
    post(s, presigned(s, "s3v4", key="file-as-field-${filename}"), b"x" * 44, None)
    return {
        "head-object": s.head("test-presigned-post-file-as-field"),
        "list-objects": s("list_objects_v2"),
    }


def form_conditions(s: Steps, _: str) -> Answers:
    target = "http://localhost.test/random"

    def send(condition: Any, told: str = "http://wrong.location/test") -> Answers:
        signed = presigned(s, "s3v4", Fields={"success_action_redirect": told}, Conditions=[condition])
        return refused(post(s, signed, b"abcdef"))

    return {
        "invalid-condition-eq": send(["eq", "$success_action_redirect", target]),
        "invalid-condition-missing-prefix": send(["eq", "success_action_redirect", target], target),
        "invalid-condition-wrong-condition": send({"a": "b", "c": "d"}),
        "invalid-condition-wrong-value-casing": send(
            ["eq", "$success_action_redirect", "HTTP://localhost.test/random"], target
        ),
    }


def form_beginnings(s: Steps, _: str) -> Answers:
    def send(told: str) -> Answers:
        condition = ["starts-with", "$success_action_redirect", "http://localhost"]
        signed = presigned(s, "s3v4", Fields={"success_action_redirect": told}, Conditions=[condition])
        return refused(post(s, signed, b"abcdef"))

    return {
        "invalid-condition-starts-with": send("http://wrong.location/test"),
        "invalid-condition-starts-with-casing": send("HTTP://localhost/test"),
    }


def form_sizes(s: Steps, _: str) -> Answers:
    def send(content: bytes, *limits: Any) -> Any:
        return post(s, presigned(s, "s3v4", Conditions=[["content-length-range", *limits]]), content)

    answers: Answers = {
        "invalid-content-length-too-big": refused(send(b"a" * 12, 5, 10)),
        "invalid-content-length-too-small": refused(send(b"a", 5, 10)),
        "invalid-content-length-wrong-type": refused(send(b"a" * 10, "test", 10)),
    }
    send(b"a" * 10, 5, 10)
    return answers | {"final-object": s.get("key", ChecksumMode="ENABLED")}




def multiple_rules(s: Steps, _: str) -> Answers:
    filters = (("rule_one", "testobject"), ("rule_two", "test"), ("rule_three", "t"))
    lifecycle(s, *({**WHOLE, "ID": name, "Filter": {"Prefix": prefix}} for name, prefix in filters))
    both = s.put("testobject", b"test")
    second = s.put("test", b"test")
    configuration = s("get_bucket_lifecycle_configuration")
    assert {both["Expiration"][:40], second["Expiration"][:40]} == {both["Expiration"][:40]}
    for rule in configuration["Rules"]:
        rule["Expiration"] = "hidden"
    both["Expiration"] = second["Expiration"] = "hidden"  # the recording hides all alike
    return {
        "get-bucket-lifecycle-conf": configuration, "put-object-match-both-rules": both,
        "put-object-match-rule-2": second, "put-object-no-match": s.put("dont-match", b"test"),
    }  # fmt: skip


def signed_put(s: Steps, path: str, document: str) -> Answers:
    """A document that the client would not send."""
    scope = "111111111111/20260101/us-east-1/s3/aws4_request"
    signed = f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature={'0' * 64}"
    status, _, body = asked(s, "PUT", f"/{s.name}{path}", body=document.encode(), Authorization=signed)
    found = fields(body)
    error = {name: found[name] for name in ("Code", "Message")}
    return {"Error": error, "ResponseMetadata": {"HTTPStatusCode": status}}


def missing_values(s: Steps, _: str) -> Answers:
    def put(rule: str) -> Answers:
        key = f"<Filter><S3Key><FilterRule>{rule}</FilterRule></S3Key></Filter>"
        inner = f"<Queue>arn:aws:sqs:us-east-1:{ACCOUNT}:q</Queue><Event>s3:ObjectCreated:*</Event>{key}"
        document = f"<QueueConfiguration>{inner}</QueueConfiguration>"
        return signed_put(s, "?notification", f"<NotificationConfiguration>{document}</NotificationConfiguration>")

    return {
        "invalid-rule-no-values": put(""),
        "invalid-rule-no-value": put("<Name>prefix</Name>"),
        "invalid-rule-no-name": put("<Value>x</Value>"),
    }


def no_tag_set(s: Steps, _: str) -> Answers:
    s.put("key", b"x")
    status = asked(s, "PUT", f"/{s.name}/key?tagging", body=b"<Tagging/>", Authorization=(
        "AWS4-HMAC-SHA256 Credential=111111111111/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, "
        f"Signature={'0' * 64}"))[0]  # fmt: skip
    put = {"ResponseMetadata": {"HTTPStatusCode": status}}
    return {"put-none-tag-set": put, "get-object-tags-none": s("get_object_tagging", Key="key")}


def restored(s: Steps, _: str) -> Answers:
    queue = told(s, "s3:ObjectRestore:*")
    s.put("my_key_restore", b"something", StorageClass="GLACIER")
    s("restore_object", Key="my_key_restore", RestoreRequest={"Days": 1})
    return {"receive_messages": {"messages": queue.records()}}


def form_of_another_user(s: Steps, _: str) -> Answers:
    iam = client(s, "iam")
    iam.create_user(UserName=f"user-{s.name}")
    key = iam.create_access_key(UserName=f"user-{s.name}")["AccessKey"]
    user = boto3.client(
        "s3", endpoint_url=s.client.meta.endpoint_url, region_name="us-east-1",
        aws_access_key_id=key["AccessKeyId"], aws_secret_access_key=key["SecretAccessKey"],
        config=Config(signature_version="s3v4"),
    )  # fmt: skip
    post(s, user.generate_presigned_post(s.name, "key")["fields"], b"abcdef")
    return {"get-obj": s.get("key", ChecksumMode="ENABLED")}


STEPS: dict[str, Callable[[Steps, str], Answers]] = {
    "test_list_buckets_with_max_buckets": max_buckets,
    "test_list_buckets_when_continuation_token_is_empty": empty_token,
    "test_list_buckets_with_continuation_token": second_page,
    "test_bucket_constraint_aws_global": global_constraint,
    "test_bucket_exists": bucket_exists,
    "test_bucket_operation_between_regions": between_regions,
    "test_bucket_availability": availability,
    "test_create_bucket_with_empty_tags": empty_tags,
    "test_create_bucket_with_tags_us_east_1_idempotency": create_again_with_tags,
    "test_put_bucket_policy": put_policy,
    "test_put_bucket_policy_expected_bucket_owner": policy_owner,
    "test_put_bucket_policy_invalid_account_id": put_policy_wrong_owner,
    "test_get_bucket_policy_invalid_account_id": get_policy_wrong_owner,
    "test_delete_bucket_policy": delete_policy,
    "test_bucket_policy_exc": bad_policies,
    "test_crud_public_access_block": public_access,
    "test_s3_bucket_acl_exceptions": acl_exceptions,
    "test_s3_object_acl": object_acl,
    "test_get_object_with_anon_credentials": anonymous_read,
    "test_cors_http_options_no_config": preflight_without_rules,
    "test_cors_options_match_partial_origin": partial_origin,
    "test_cors_match_methods": match_methods,
    "test_cors_expose_headers": exposed,
    "test_get_cors": get_cors,
    "test_put_cors": put_cors,
    "test_put_cors_invalid_rules": bad_cors,
    "test_put_cors_empty_origin": empty_origin,
    "test_delete_cors": delete_cors,
    "test_website_hosting_index_lookup": website_lookup,
    "test_website_hosting_404": website_404,
    "test_delete_bucket_lifecycle_configuration": delete_lifecycle,
    "test_delete_lifecycle_configuration_on_bucket_deletion": lifecycle_goes_with_bucket,
    "test_put_bucket_lifecycle_conf_exc": bad_lifecycle,
    "test_bucket_lifecycle_configuration_object_expiry": object_expiry,
    "test_bucket_lifecycle_multiple_rules": multiple_rules,
    "test_bucket_notification_with_missing_values_in_rule": missing_values,
    "test_put_object_tagging_none_value": no_tag_set,
    "test_restore_object": restored,
    "test_presigned_post_with_different_user_credentials": form_of_another_user,
    "test_s3_transition_default_minimum_object_size": default_minimum,
    "test_bucket_config_default_retention": default_retention,
    "test_object_lock_delete_markers": lock_and_markers,
    "test_s3_object_retention_compliance_mode": compliance,
    "test_put_object_with_legal_hold": legal_hold,
    "test_get_object_lock_configuration_exc": no_lock,
    "test_disable_versioning_on_locked_bucket": locked_versioning,
    "test_put_object_tagging_empty_list": object_tags,
    "test_head_object_with_tags": head_with_tags,
    "test_tagging_validation": bad_tags,
    "test_s3_copy_tagging_directive_versioned": copied_tags,
    "test_bucket_acceleration_configuration_crud": accelerate,
    "test_s3_request_payer_exceptions": payer,
    "test_put_bucket_logging_wrong_target": wrong_log_target,
    "test_put_bucket_logging_cross_locations": log_elsewhere,
    "test_put_bucket_metrics_configuration": put_metrics,
    "test_overwrite_bucket_metrics_configuration": overwrite_metrics,
    "test_list_bucket_metrics_configurations": list_metrics,
    "test_list_bucket_metrics_configurations_paginated": metrics_by_page,
    "test_s3_analytics_configurations": analytics,
    "test_s3_intelligent_tier_config": tiering,
    "test_put_bucket_inventory_config_order": inventory,
    "test_object_created_copy": created_by_copy,
    "test_object_tagging_put_event": tagged,
    "test_object_tagging_delete_event": untagged,
    "test_object_put_acl": regranted,
    "test_xray_header": traced,
    "test_notifications_with_filter": with_filter,
    "test_filter_rules_case_insensitive": filter_names,
    "test_filter_rules_empty_value": empty_filter,
    "test_invalid_sqs_arn": bad_queue,
    "TestS3NotificationsToSQS::test_object_created_put_versioned": versioned_events,
    "TestS3NotificationsToEventBridge::test_object_created_put": bus_told,
    "test_bucket_notifications_with_filter": topic_told,
    "test_get_bucket_notification_configuration_no_such_bucket": no_notifications,
    "test_bucket_not_exist": no_bucket_to_notify,
    "test_bucket_notification_with_invalid_filter_rules": bad_filter_name,
    "test_post_request_expires": expired_form,
    "test_post_request_missing_fields": incomplete_form,
    "test_post_object_default_checksum": form_checksum,
    "test_post_object_with_file_as_string": file_as_field,
    "test_post_object_policy_conditions_validation_eq": form_conditions,
    "test_post_object_policy_conditions_validation_starts_with": form_beginnings,
    "test_post_object_policy_validation_size": form_sizes,
}

NEEDS = {"test_object_created_put": ("events", "EmitEvents"), "test_bucket_notifications_with_filter": ("sns", "Publish")}
"""Operations of other services, without which a case cannot be replayed."""
