"""Who may do what: anonymous callers, other accounts and the owner, under policies, lists and blocks."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.cloud import Cloud

from ballroom.kernel import Caller, ServiceError
from ballroom.services.s3.owners import account_of, canonical_id

OTHER = "222222222222"
ARN = "arn:aws:s3:::shelf"


def anybody(cloud: Cloud, **more: Any) -> Caller:
    return cloud.caller(anonymous=True, **more)


def a_bucket(cloud: Cloud, *, open_: bool = True) -> None:
    cloud.s3("CreateBucket", Bucket="shelf")
    if open_:
        cloud.s3("DeletePublicAccessBlock", Bucket="shelf")
        own = {"Rules": [{"ObjectOwnership": "ObjectWriter"}]}
        cloud.s3("PutBucketOwnershipControls", Bucket="shelf", OwnershipControls=own)
    cloud.s3("PutObject", Bucket="shelf", Key="k", Body=b"text", Tagging="kind=open")


def policy(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(action: Any = "s3:GetObject", principal: Any = "*", resource: Any = f"{ARN}/*", **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Principal": principal, "Action": action, "Resource": resource, **more}


def may(cloud: Cloud, caller: Caller, operation: str = "GetObject", **more: Any) -> bool:
    request = {"Bucket": "shelf", "Key": "k", **more}
    if operation.startswith(("List", "GetBucket", "HeadBucket")):
        del request["Key"]
    try:
        cloud.s3(operation, caller, **request)
    except ServiceError as error:
        if error.shape != "AccessDenied":  # whatever it says
            raise
        return False
    return True


def test_a_new_bucket_is_its_accounts_alone(cloud: Cloud) -> None:
    a_bucket(cloud, open_=False)
    assert may(cloud, cloud.caller())
    for stranger in (anybody(cloud), cloud.caller(OTHER)):
        for operation in ("GetObject", "HeadObject", "ListObjectsV2", "GetBucketAcl", "PutObject", "DeleteObject"):
            assert not may(cloud, stranger, operation)
    assert cloud.error("s3", "PutBucketPolicy", Bucket="shelf", Policy=policy(allow())).shape == "AccessDenied"
    assert cloud.error("s3", "PutBucketAcl", Bucket="shelf", ACL="public-read").text == (
        "The bucket does not allow ACLs"
    )


def test_a_public_policy_lets_everybody_read_but_not_learn_what_is_not_there(cloud: Cloud) -> None:
    a_bucket(cloud)
    cloud.s3("PutBucketPolicy", Bucket="shelf", Policy=policy(allow()))
    assert may(cloud, anybody(cloud))
    assert not may(cloud, anybody(cloud), "ListObjectsV2")
    assert not may(cloud, anybody(cloud), Key="none")
    assert cloud.error("s3", "GetObject", Bucket="shelf", Key="none").shape == "NoSuchKey"
    listing = allow("s3:ListBucket", resource=ARN)
    cloud.s3("PutBucketPolicy", Bucket="shelf", Policy=policy(allow(), listing))
    assert may(cloud, anybody(cloud), "ListObjectsV2")
    assert cloud.error("s3", "GetObject", anybody(cloud), Bucket="shelf", Key="none").shape == "NoSuchKey"


def test_another_account_needs_to_be_named(cloud: Cloud) -> None:
    a_bucket(cloud)
    cloud.s3("PutBucketPolicy", Bucket="shelf", Policy=policy(allow("s3:*", {"AWS": OTHER}, [ARN, f"{ARN}/*"])))
    assert may(cloud, cloud.caller(OTHER))
    assert may(cloud, cloud.caller(OTHER), "ListObjectsV2")
    assert not may(cloud, cloud.caller("333333333333"))
    assert not may(cloud, anybody(cloud))


def test_a_denial_binds_the_owner_too_but_locks_no_one_out(cloud: Cloud) -> None:
    a_bucket(cloud)
    deny = {**allow("s3:*", resource=[ARN, f"{ARN}/*"]), "Effect": "Deny"}
    cloud.s3("PutBucketPolicy", Bucket="shelf", Policy=policy(deny))
    assert not may(cloud, cloud.caller())
    user = cloud.caller(arn="arn:aws:iam::000000000000:user/ann")
    assert cloud.error("s3", "DeleteBucketPolicy", user, Bucket="shelf").shape == "AccessDenied"
    cloud.s3("DeleteBucketPolicy", Bucket="shelf")
    assert may(cloud, cloud.caller())


@pytest.mark.parametrize(
    ("condition", "caller", "request_", "passes"),
    [
        ({"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}, {"remote": "10.1.1.1"}, {}, True),
        ({"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}, {"remote": "11.1.1.1"}, {}, False),
        ({"StringLike": {"aws:Referer": "https://me.test/*"}}, {"referer": "https://me.test/p"}, {}, True),
        ({"StringLike": {"aws:Referer": "https://me.test/*"}}, {}, {}, False),
        ({"StringEquals": {"s3:ExistingObjectTag/kind": "open"}}, {}, {}, True),
        ({"StringEquals": {"s3:ExistingObjectTag/kind": "shut"}}, {}, {}, False),
        ({"Bool": {"aws:SecureTransport": "true"}}, {"remote": "127.0.0.1"}, {}, True),
        ({"Bool": {"aws:SecureTransport": "true"}}, {"remote": "192.0.2.1"}, {}, False),
        ({"StringEquals": {"aws:UserAgent": "me"}}, {"user_agent": "me"}, {}, True),
        ({"DateLessThan": {"aws:CurrentTime": "2020-01-01T00:00:00Z"}}, {}, {}, False),
    ],
)  # fmt: skip
def test_conditions_see_the_request(
    cloud: Cloud, condition: Any, caller: dict[str, str], request_: dict[str, Any], passes: bool
) -> None:
    a_bucket(cloud)
    cloud.s3("PutBucketPolicy", Bucket="shelf", Policy=policy(allow(Condition=condition)))
    assert may(cloud, anybody(cloud, **caller), **request_) is passes


def test_conditions_see_what_a_request_asks_for(cloud: Cloud) -> None:
    a_bucket(cloud)
    listing = allow("s3:ListBucket", resource=ARN, Condition={"StringEquals": {"s3:prefix": "a/"}})
    encrypted = {
        **allow("s3:PutObject"), "Effect": "Deny",
        "Condition": {"StringNotEquals": {"s3:x-amz-server-side-encryption": "aws:kms"}},
    }  # fmt: skip
    cloud.s3("PutBucketPolicy", Bucket="shelf", Policy=policy(listing, encrypted))
    assert may(cloud, anybody(cloud), "ListObjectsV2", Prefix="a/")
    assert not may(cloud, anybody(cloud), "ListObjectsV2", Prefix="b/")
    assert not may(cloud, cloud.caller(), "PutObject", Body=b"x")
    assert may(cloud, cloud.caller(), "PutObject", Body=b"x", ServerSideEncryption="aws:kms")


@pytest.mark.parametrize(
    ("statement", "public"),
    [
        (allow(), True),
        (allow(principal={"AWS": "*"}), True),
        (allow(principal={"AWS": OTHER}), False),
        ({**allow(), "Effect": "Deny"}, False),
        (allow(Condition={"StringEquals": {"aws:PrincipalOrgID": "o-1"}}), False),
        (allow(Condition={"StringLike": {"aws:PrincipalOrgID": "*"}}), True),
        (allow(Condition={"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}), False),
        (allow(Condition={"IpAddress": {"aws:SourceIp": "0.0.0.0/1"}}), True),
        (allow(Condition={"StringEquals": {"aws:Referer": "x"}}), True),
        (allow(Condition={"ArnLike": {"aws:SourceArn": "arn:aws:cloudfront::111111111111:distribution/*"}}), False),
    ],
)
def test_what_is_public(cloud: Cloud, statement: dict[str, Any], public: bool) -> None:
    a_bucket(cloud)
    cloud.s3("PutBucketPolicy", Bucket="shelf", Policy=policy(statement))
    status = cloud.s3("GetBucketPolicyStatus", Bucket="shelf")["PolicyStatus"]
    assert status == {"IsPublic": public}
    block = {"BlockPublicPolicy": True}
    cloud.s3("PutPublicAccessBlock", Bucket="shelf", PublicAccessBlockConfiguration=block)
    request = {"Bucket": "shelf", "Policy": policy(statement)}
    if public:
        assert cloud.error("s3", "PutBucketPolicy", **request).shape == "AccessDenied"
    else:
        cloud.s3("PutBucketPolicy", **request)


def test_restricting_public_buckets_shuts_a_public_policy_out(cloud: Cloud) -> None:
    a_bucket(cloud)
    cloud.s3("PutBucketPolicy", Bucket="shelf", Policy=policy(allow()))
    restrict = {"RestrictPublicBuckets": True}
    cloud.s3("PutPublicAccessBlock", Bucket="shelf", PublicAccessBlockConfiguration=restrict)
    assert not may(cloud, anybody(cloud))
    assert not may(cloud, cloud.caller(OTHER))
    assert may(cloud, cloud.caller())


def test_lists_grant_groups_and_accounts(cloud: Cloud) -> None:
    a_bucket(cloud)
    cloud.s3("PutObjectAcl", Bucket="shelf", Key="k", ACL="authenticated-read")
    assert may(cloud, cloud.caller(OTHER))
    assert not may(cloud, anybody(cloud))
    cloud.s3("PutObjectAcl", Bucket="shelf", Key="k", GrantReadACP=f'id="{canonical_id(OTHER)}"')
    assert may(cloud, cloud.caller(OTHER), "GetObjectAcl")
    assert not may(cloud, cloud.caller(OTHER))
    cloud.s3("PutBucketAcl", Bucket="shelf", ACL="public-read-write")
    assert may(cloud, anybody(cloud), "ListObjectsV2")
    assert may(cloud, anybody(cloud), "PutObject", Key="theirs", Body=b"x")
    ignore = {"IgnorePublicAcls": True}
    cloud.s3("PutPublicAccessBlock", Bucket="shelf", PublicAccessBlockConfiguration=ignore)
    assert not may(cloud, anybody(cloud), "ListObjectsV2")
    block = {"BlockPublicAcls": True}
    cloud.s3("PutPublicAccessBlock", Bucket="shelf", PublicAccessBlockConfiguration=block)
    for operation, more in (("PutBucketAcl", {}), ("PutObjectAcl", {"Key": "k"}), ("PutObject", {"Key": "n"})):
        error = cloud.error("s3", operation, Bucket="shelf", ACL="public-read", **more)
        assert error.shape == "AccessDenied"


def test_enforced_ownership_ignores_lists(cloud: Cloud) -> None:
    a_bucket(cloud)
    cloud.s3("PutObjectAcl", Bucket="shelf", Key="k", ACL="public-read")
    assert may(cloud, anybody(cloud))
    enforced = {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
    cloud.s3("PutBucketOwnershipControls", Bucket="shelf", OwnershipControls=enforced)
    assert not may(cloud, anybody(cloud))
    refused = cloud.error("s3", "PutObject", Bucket="shelf", Key="k", ACL="public-read")
    assert refused.shape == "AccessControlListNotSupported"
    assert cloud.error("s3", "PutObject", Bucket="shelf", Key="k", ACL="private").shape == refused.shape
    assert cloud.error("s3", "PutBucketAcl", Bucket="shelf", ACL="private").shape == refused.shape
    cloud.s3("PutObject", Bucket="shelf", Key="k", ACL="bucket-owner-full-control")
    cloud.s3("PutObject", Bucket="shelf", Key="k", GrantFullControl=f'id="{canonical_id("000000000000")}"')


def test_everything_at_once_has_one_owner_per_name(cloud: Cloud) -> None:
    a_bucket(cloud)
    assert cloud.error("s3", "CreateBucket", cloud.caller(OTHER), Bucket="shelf").shape == "BucketAlreadyExists"
    assert cloud.error("s3", "CreateBucket", anybody(cloud), Bucket="fresh").shape == "AccessDenied"
    assert cloud.error("s3", "ListBuckets", anybody(cloud)).shape == "AccessDenied"
    wrong = cloud.error("s3", "GetObject", Bucket="shelf", Key="k", ExpectedBucketOwner=OTHER)
    assert wrong.shape == "AccessDenied"


@pytest.mark.parametrize("account", ["000000000000", "111111111111", "999999999999", "012345678901"])
def test_a_canonical_id_can_be_read_back(account: str) -> None:
    assert len(canonical_id(account)) == 64
    assert account_of(canonical_id(account)) == account
    assert account_of("f" * 64) is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "Policies must be valid JSON and the first byte must be '{'"),
        (" {}", "Policies must be valid JSON and the first byte must be '{'"),
        ("{}", "Missing required field Statement"),
        (policy(), "Could not parse the policy: Statement is empty!"),
        (policy({**allow(), "Effect": "Maybe"}), "Invalid effect: Maybe"),
        (policy({k: v for k, v in allow().items() if k != "Effect"}), "Missing required field Effect"),
        (policy({k: v for k, v in allow().items() if k != "Principal"}), "Missing required field Principal"),
        (policy({k: v for k, v in allow().items() if k != "Action"}), "Missing required field Action"),
        (policy({k: v for k, v in allow().items() if k != "Resource"}), "Missing required field Resource"),
        (policy(allow("sqs:SendMessage")), "Policy has invalid action"),
        (policy(allow(resource="arn:aws:s3:::other/*")), "Policy has invalid resource"),
        (policy(allow(resource="shelf")), "Policy has invalid resource"),
        (policy(allow(resource="*")), "Policy has invalid resource"),
        (policy(allow("s3:ListObjects", resource=ARN)), "Policy has invalid action"),
        (policy(allow(["s3:GetObject", "s3:headobject"])), "Policy has invalid action"),
        (policy(allow(principal={"AWS": "nobody"})), "Invalid principal in policy"),
        (policy(allow("s3:ListBucket")), "Action does not apply to any resource(s) in statement"),
        (policy(allow(resource=ARN)), "Action does not apply to any resource(s) in statement"),
        (policy(allow(["s3:GetObject", "s3:ListBucket"])), "Action does not apply to any resource(s) in statement"),
        (policy(allow(Condition={"Sounds": {"aws:SourceIp": "x"}})), "Invalid Condition type : Sounds"),
        (policy(allow(Condition={"Bool": {"colour": "x"}})), "Policy has an invalid condition key"),
        (policy(allow(Sid="x" * 21_000)), "Policy exceeds the maximum allowed document size."),
    ],
)
def test_a_policy_that_s3_would_not_take(cloud: Cloud, text: str, said: str) -> None:
    a_bucket(cloud)
    error = cloud.error("s3", "PutBucketPolicy", Bucket="shelf", Policy=text)
    assert (error.shape, error.text) == ("MalformedPolicy", said)


@pytest.mark.parametrize(
    ("actions", "resources"),
    [
        (["s3:GetObject", "s3:ListBucket"], [ARN, f"{ARN}/*"]),
        (["s3:GetObject", "s3:ListBucket"], f"{ARN}*"),
        (["s3:GetObject", "s3:List*"], f"{ARN}/*"),
        (["s3:GetObject"], [ARN, f"{ARN}/*"]),  # a resource without an action is nothing wrong
        (["s3:GetObject", "s3:PutObjectSomethingNew"], f"{ARN}/*"),
    ],
)
def test_actions_with_resources_that_they_apply_to(cloud: Cloud, actions: list[str], resources: Any) -> None:
    a_bucket(cloud)
    cloud.s3("PutBucketPolicy", Bucket="shelf", Policy=policy(allow(actions, resource=resources)))


def test_ownership_controls_say_whose_a_strangers_object_is(cloud: Cloud) -> None:
    a_bucket(cloud)
    cloud.s3("PutBucketPolicy", Bucket="shelf", Policy=policy(allow("s3:PutObject", {"AWS": OTHER})))
    stranger = cloud.caller(OTHER)

    def owner_after(rule: str, **more: Any) -> str:
        controls = {"Rules": [{"ObjectOwnership": rule}]}
        cloud.s3("PutBucketOwnershipControls", Bucket="shelf", OwnershipControls=controls)
        cloud.s3("PutObject", stranger, Bucket="shelf", Key="theirs", Body=b"", **more)
        owner: str = cloud.s3("GetObjectAcl", Bucket="shelf", Key="theirs")["Owner"]["ID"]
        return owner

    theirs, ours = canonical_id(OTHER), canonical_id("000000000000")
    assert owner_after("BucketOwnerEnforced") == ours
    assert owner_after("ObjectWriter") == theirs
    assert owner_after("BucketOwnerPreferred") == theirs
    assert owner_after("BucketOwnerPreferred", ACL="bucket-owner-full-control") == ours


def test_the_account_itself_is_told_what_refuses_it(cloud: Cloud) -> None:
    a_bucket(cloud)
    deny = {**allow("s3:GetObject"), "Effect": "Deny"}
    cloud.s3("PutBucketPolicy", Bucket="shelf", Policy=policy(deny))
    assert cloud.error("s3", "GetObject", Bucket="shelf", Key="k").text == (
        "User: arn:aws:iam::000000000000:root is not authorized to perform: s3:GetObject on resource: "
        '"arn:aws:s3:::shelf/k" with an explicit deny in a resource-based policy'
    )
    assert cloud.error("s3", "GetObject", cloud.caller(OTHER), Bucket="shelf", Key="k").text == "Access Denied"


def test_a_list_gives_nothing_away(cloud: Cloud) -> None:
    a_bucket(cloud)
    others = {"Owner": {"ID": canonical_id(OTHER)}, "Grants": []}
    for operation, more in (("PutBucketAcl", {}), ("PutObjectAcl", {"Key": "k"})):
        error = cloud.error("s3", operation, Bucket="shelf", AccessControlPolicy=others, **more)
        assert error.shape == "AccessDenied"
    assert cloud.s3("GetBucketAcl", Bucket="shelf")["Owner"]["ID"] == canonical_id("000000000000")


@pytest.mark.parametrize(
    ("operation", "more", "action"),
    [
        ("PutObject", {"Body": b"x", "Tagging": "a=b"}, "PutObjectTagging"),
        ("CreateMultipartUpload", {"Tagging": "a=b"}, "PutObjectTagging"),
        ("CopyObject", {"CopySource": "shelf/k"}, "PutObjectTagging"),
        ("CopyObject", {"CopySource": "shelf/k"}, "GetObjectTagging"),
    ],
)
def test_who_may_write_may_not_therefore_tag(
    cloud: Cloud, operation: str, more: dict[str, Any], action: str
) -> None:
    a_bucket(cloud)
    more = {"Key": "new", **more}
    needed = {"PutObject", "GetObject", "PutObjectTagging", "GetObjectTagging"}

    def allowed(*actions: str) -> str:
        return policy(allow([f"s3:{name}" for name in actions], {"AWS": OTHER}))

    cloud.s3("PutBucketPolicy", Bucket="shelf", Policy=allowed(*needed - {action}))
    assert not may(cloud, cloud.caller(OTHER), operation, **more)
    if operation == "CopyObject":
        assert may(cloud, cloud.caller(OTHER), operation, **more, TaggingDirective="REPLACE")
    cloud.s3("PutBucketPolicy", Bucket="shelf", Policy=allowed(*needed))
    assert may(cloud, cloud.caller(OTHER), operation, **more)


@pytest.mark.parametrize("operation", ["PutObject", "DeleteObject"])
def test_writing_and_deleting_know_nothing_of_the_tags_that_are_there(cloud: Cloud, operation: str) -> None:
    a_bucket(cloud)
    tagged = {"StringEquals": {"s3:ExistingObjectTag/kind": "open"}}
    cloud.s3("PutBucketPolicy", Bucket="shelf", Policy=policy(allow("s3:*", Condition=tagged)))
    assert may(cloud, anybody(cloud))
    assert not may(cloud, anybody(cloud), operation)


@pytest.mark.parametrize("operation", ["GetObject", "HeadObject"])
def test_only_who_signs_chooses_the_answers_headers(cloud: Cloud, operation: str) -> None:
    a_bucket(cloud)
    cloud.s3("PutBucketPolicy", Bucket="shelf", Policy=policy(allow()))
    request = {"Bucket": "shelf", "Key": "k", "ResponseContentType": "text/html"}
    error = cloud.error("s3", operation, anybody(cloud), **request)
    assert (error.shape, error.text) == (
        "InvalidRequest", "Request specific response headers cannot be used for anonymous GET requests."
    )  # fmt: skip
    assert cloud.s3(operation, cloud.caller(OTHER), **request)["ContentType"] == "text/html"


@pytest.mark.parametrize("operation", ["GetBucketPolicy", "PutBucketPolicy", "DeleteBucketPolicy"])
def test_a_policy_gives_itself_to_nobody_else(cloud: Cloud, operation: str) -> None:
    a_bucket(cloud)
    given = policy(allow("s3:*", {"AWS": OTHER}, [ARN, f"{ARN}/*"]))
    cloud.s3("PutBucketPolicy", Bucket="shelf", Policy=given)
    more = {"Policy": given} if operation == "PutBucketPolicy" else {}
    error = cloud.error("s3", operation, cloud.caller(OTHER), Bucket="shelf", **more)
    assert (error.shape, error.status) == ("MethodNotAllowed", 405)
    assert cloud.s3("GetBucketPolicy", Bucket="shelf")["Policy"] == given


@pytest.mark.parametrize(
    ("operation", "what", "more"),
    [
        ("CreateMultipartUpload", "initiate multipart uploads", {}),
        ("CopyObject", "copy objects", {"CopySource": "shelf/k"}),
    ],
)
def test_nobody_in_particular_begins_uploads_or_copies(
    cloud: Cloud, operation: str, what: str, more: dict[str, str]
) -> None:
    a_bucket(cloud)
    cloud.s3("PutBucketPolicy", Bucket="shelf", Policy=policy(allow("s3:*", resource=[ARN, f"{ARN}/*"])))
    error = cloud.error("s3", operation, anybody(cloud), Bucket="shelf", Key="new", **more)
    assert (error.shape, error.text) == ("AccessDenied", f"Anonymous users cannot {what}.  Please authenticate.")
