"""Form uploads: the form read in any pieces, policies, and who has signed."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.cloud import Cloud

from ballroom.kernel import ByteStream, Caller, ServiceError
from ballroom.services.s3 import post_policy
from ballroom.services.s3.forms import Form

KIND = "multipart/form-data; boundary=edge"


class Pieces(ByteStream):
    """A body that comes in given pieces."""

    def __init__(self, data: bytes, sizes: list[int]) -> None:
        self._data, self._sizes = data, sizes or [len(data) or 1]
        self._turn = 0

    async def read(self, limit: int = 65536) -> bytes:
        size = min(self._sizes[self._turn % len(self._sizes)], limit)
        self._turn += 1
        piece, self._data = self._data[:size], self._data[size:]
        return piece


def form(fields: dict[str, str], content: bytes | None = b"text", filename: str | None = "a.txt", tail: bytes = b"") -> bytes:
    parts = [f'--edge\r\nContent-Disposition: form-data; name="{n}"\r\n\r\n{v}\r\n'.encode() for n, v in fields.items()]
    if content is not None:
        named = f'; filename="{filename}"' if filename is not None else ""
        head = f'--edge\r\nContent-Disposition: form-data; name="file"{named}\r\nContent-Type: text/plain\r\n\r\n'
        parts.append(head.encode() + content + b"\r\n")
    return b"".join(parts) + tail + b"--edge--\r\n"


@given(
    content=st.one_of(st.binary(max_size=300), st.lists(st.sampled_from([b"\r\n", b"--edge", b"-", b"x"])).map(b"".join)),
    sizes=st.lists(st.integers(1, 40), min_size=1, max_size=4),
)  # fmt: skip
def test_a_form_means_the_same_in_whatever_pieces_it_comes(content: bytes, sizes: list[int]) -> None:
    import asyncio

    if b"\r\n--edge" in b"\r\n" + content:
        return  # that would be its end
    body = form({"key": "k", "acl": "private"}, content, tail=b'--edge\r\nContent-Disposition: form-data; name="z"\r\n\r\n1\r\n')

    async def go() -> None:
        read = Form(Pieces(body, sizes), KIND)
        await read.read_fields()
        assert read.fields == {"key": "k", "acl": "private"}
        assert (read.filename, read.file is not None) == ("a.txt", True)
        assert read.file is not None
        found = b""
        while piece := await read.file.read(7):
            found += piece
        assert found == content
        await read.drain()

    asyncio.run(go())


def post(cloud: Cloud, body: bytes, caller: Caller | None = None, kind: str = KIND, **more: Any) -> dict[str, Any]:
    return cloud.s3(
        "PostObject", caller or cloud.caller(anonymous=True),
        Bucket="shelf", ContentType=kind, Host="localhost:4566", Body=Pieces(body, [50]), **more,
    )  # fmt: skip


def refused(cloud: Cloud, body: bytes, **more: Any) -> ServiceError:
    try:
        post(cloud, body, **more)
    except ServiceError as error:
        return error
    raise AssertionError("it was taken")


def signed(cloud: Cloud, *conditions: Any, key_id: str = "unknown", secret: str = "s", **fields: str) -> dict[str, str]:
    document = {
        "expiration": "2199-01-01T00:00:00Z",
        "conditions": [{"bucket": "shelf"}, ["starts-with", "$key", ""], *conditions, {"x-amz-algorithm": "AWS4-HMAC-SHA256"},
                       ["starts-with", "$x-amz-credential", ""], ["starts-with", "$x-amz-date", ""]],
    }  # fmt: skip
    policy = base64.b64encode(json.dumps(document).encode()).decode()
    scope = "20260101/us-east-1/s3/aws4_request"
    return {
        "key": "up/${filename}", "x-amz-algorithm": "AWS4-HMAC-SHA256", "x-amz-credential": f"{key_id}/{scope}",
        "x-amz-date": "20260101T000000Z", "policy": policy,
        "x-amz-signature": post_policy.signature_v4(secret, scope, policy), **fields,
    }  # fmt: skip


@pytest.fixture
def shelf(cloud: Cloud) -> Cloud:
    cloud.s3("CreateBucket", Bucket="shelf")
    return cloud


def test_a_signed_form_stores_its_file_with_what_its_fields_say(shelf: Cloud) -> None:
    fields = signed(
        shelf, ["starts-with", "$Content-Type", "text/"], {"x-amz-meta-who": "me"}, {"tagging": TAGS},
        {"success_action_status": "201"}, **{"Content-Type": "text/plain", "x-amz-meta-who": "me"},
        tagging=TAGS, success_action_status="201",
    )  # fmt: skip
    answer = post(shelf, form(fields))
    assert answer["Status"] == 201
    assert answer["Location"] == "http://localhost:4566/shelf/up%2Fa.txt"
    found = shelf.s3("GetObject", Bucket="shelf", Key="up/a.txt")
    assert (found["Body"], found["ContentType"], found["Metadata"]) == (b"text", "text/plain", {"who": "me"})
    assert shelf.s3("GetObjectTagging", Bucket="shelf", Key="up/a.txt")["TagSet"] == [{"Key": "a", "Value": "b c"}]


TAGS = "<Tagging><TagSet><Tag><Key>a</Key><Value>b c</Value></Tag></TagSet></Tagging>"


def test_success_can_redirect(shelf: Cloud) -> None:
    target = "https://me.test/done?x=1"
    fields = signed(shelf, {"success_action_redirect": target}, success_action_redirect=target)
    answer = post(shelf, form(fields))
    assert answer["Status"] == 303
    assert answer["Location"].startswith("https://me.test/done?x=1&bucket=shelf&key=up%2Fa.txt&etag=%22")
    assert post(shelf, form(signed(shelf)))["Status"] == 204


def test_an_unsigned_form_may_what_anybody_may(shelf: Cloud) -> None:
    assert refused(shelf, form({"key": "k"})).shape == "AccessDenied"
    shelf.s3("DeletePublicAccessBlock", Bucket="shelf")
    allowed = {"Effect": "Allow", "Principal": "*", "Action": "s3:PutObject", "Resource": "arn:aws:s3:::shelf/in/*"}
    shelf.s3("PutBucketPolicy", Bucket="shelf", Policy=json.dumps({"Statement": [allowed]}))
    assert post(shelf, form({"key": "in/${filename}"}, filename="C:\\tmp\\x.txt"))["Key"] == "in/x.txt"
    assert refused(shelf, form({"key": "out/k"})).shape == "AccessDenied"


def test_a_bucket_can_refuse_forms_that_were_signed_long_ago(shelf: Cloud) -> None:
    denied = {
        "Effect": "Deny", "Principal": "*", "Action": "s3:PutObject", "Resource": "arn:aws:s3:::shelf/*",
        "Condition": {"StringEquals": {"s3:authType": "POST"}, "NumericGreaterThan": {"s3:signatureAge": 600_000}},
    }  # fmt: skip
    shelf.s3("PutBucketPolicy", Bucket="shelf", Policy=json.dumps({"Statement": [denied]}))
    made_ms = 1_767_225_600_000  # x-amz-date: 1 January 2026
    assert post(shelf, form(signed(shelf)), NowMs=made_ms + 600_000)["Status"] == 204
    assert refused(shelf, form(signed(shelf)), NowMs=made_ms + 601_000).shape == "AccessDenied"


def test_a_real_keys_signature_is_checked(shelf: Cloud) -> None:
    user = shelf.iam("CreateUser", UserName="ann")["User"]
    key = shelf.iam("CreateAccessKey", UserName="ann")["AccessKey"]
    right = {"key_id": key["AccessKeyId"], "secret": key["SecretAccessKey"]}
    post(shelf, form(signed(shelf, **right)), Suspicion="it comes from a page of https://evil.example")
    wrong = refused(shelf, form(signed(shelf, **{**right, "secret": "guess"})))
    assert wrong.shape == "SignatureDoesNotMatch"
    assert user["UserName"] == "ann"
    older = {name: value for name, value in signed(shelf).items() if not name.startswith("x-amz")}
    document = {"expiration": "2199-01-01T00:00:00Z", "conditions": [{"bucket": "shelf"}, {"key": "k"}]}
    policy = base64.b64encode(json.dumps(document).encode()).decode()
    older |= {"key": "k", "policy": policy, "AWSAccessKeyId": right["key_id"],
              "signature": post_policy.signature_v2(right["secret"], policy)}  # fmt: skip
    assert post(shelf, form(older))["Key"] == "k"
    assert refused(shelf, form(older | {"signature": "AAAA"})).shape == "SignatureDoesNotMatch"


def test_a_strangers_page_cannot_use_a_key_that_proves_nothing(shelf: Cloud) -> None:
    error = refused(shelf, form(signed(shelf)), Suspicion="it comes from a page of https://evil.example")
    assert error.shape == "AccessDenied"
    assert shelf.s3("ListObjectsV2", Bucket="shelf")["KeyCount"] == 0


@pytest.mark.parametrize(
    ("body", "kind", "shape"),
    [
        (b"", KIND, "MalformedPOSTRequest"),
        (b"garbage", KIND, "MalformedPOSTRequest"),
        (form({"key": "k"}), "multipart/form-data", "MalformedPOSTRequest"),
        (form({"key": "k"})[:-20], KIND, "MalformedPOSTRequest"),
        (b"--edge\r\nContent-Type: text/plain\r\n\r\nx\r\n--edge--\r\n", KIND, "MalformedPOSTRequest"),
        (form({"key": "k"}, None), KIND, "InvalidArgument"),
        (form({"acl": "private"}), KIND, "InvalidArgument"),
        (form({"key": "x" * 30_000}), KIND, "MaxPostPreDataLengthExceeded"),
        (form({f"f{n}": "x" * 5000 for n in range(9)}), KIND, "MaxPostPreDataLengthExceeded"),
        (form({"key": "k", "policy": "!", "x-amz-signature": "0"}), KIND, "InvalidArgument"),
    ],
)
def test_what_is_no_form_is_refused(shelf: Cloud, body: bytes, kind: str, shape: str) -> None:
    assert refused(shelf, body, kind=kind).shape == shape


def test_a_form_that_breaks_off_leaves_nothing(shelf: Cloud) -> None:
    whole = form(signed(shelf), b"x" * 100_000)
    assert refused(shelf, whole[:-5000]).shape == "MalformedPOSTRequest"
    assert shelf.s3("ListObjectsV2", Bucket="shelf")["KeyCount"] == 0


def conditions_of(policy: Any) -> str:
    return base64.b64encode(json.dumps(policy).encode()).decode()


@pytest.mark.parametrize(
    ("policy", "text"),
    [
        ([], "Invalid Policy: Invalid JSON."),
        ({"conditions": []}, "Invalid Policy: Policy missing expiration."),
        ({"expiration": "2199-01-01T00:00:00Z"}, "Invalid Policy: Policy missing conditions."),
        ({"expiration": "soon", "conditions": []}, "Invalid Policy: Invalid 'expiration' value: 'soon'"),
        ({"expiration": "2199-01-01 00:00:00+00:00", "conditions": []},
         "Invalid Policy: Invalid 'expiration' value: '2199-01-01 00:00:00+00:00'"),
        ({"expiration": "2199-13-01T00:00:00Z", "conditions": []},
         "Invalid Policy: Invalid 'expiration' value: '2199-13-01T00:00:00Z'"),
        ({"expiration": "2000-01-01T00:00:00.000Z", "conditions": []}, "Invalid according to Policy: Policy expired."),
        ({"expiration": "2000-01-01T00:00:00Z", "conditions": []}, "Invalid according to Policy: Policy expired."),
    ],
)
def test_policies_that_are_none(policy: Any, text: str) -> None:
    with pytest.raises(ServiceError) as caught:
        post_policy.read(conditions_of(policy), 1_700_000_000_000)
    assert caught.value.text == text


SHELF = {"bucket": "shelf"}


@pytest.mark.parametrize(
    ("conditions", "failure"),
    [
        ([{"key": "k"}, {"bucket": "shelf"}], None),
        ([["eq", "$KEY", "k"], SHELF], None),
        ([["starts-with", "$key", ""], SHELF], None),
        ([["starts-with", "$key", "x"]], 'Policy Condition failed: ["starts-with", "$key", "x"]'),
        ([{"key": "other"}], 'Policy Condition failed: ["eq", "$key", "other"]'),
        ([SHELF], "Extra input fields: key"),
        ([{"key": "k"}], "Extra input fields: bucket"),
        ([{"key": "k"}, {"bucket": "other"}], 'Policy Condition failed: ["eq", "$bucket", "other"]'),
        ([{"key": "k"}, SHELF, ["content-length-range", 1, 10]], None),
        ([{"key": "k"}, ["content-length-range", "a", 10]],
         'Policy Condition failed: ["content-length-range", "a", "10"]'),
        ([{"key": "k"}, ["sounds-like", "$key", "k"]], 'Policy Condition failed: ["sounds-like", "$key", "k"]'),
        ([{"key": "k"}, {"acl": "private"}], 'Policy Condition failed: ["eq", "$acl", "private"]'),
    ],
)  # fmt: skip
def test_conditions(conditions: list[Any], failure: str | None) -> None:
    fields = {"key": "k", "x-ignore-me": "1"}
    if failure is None:
        post_policy.check(conditions, fields, "shelf")
        return
    with pytest.raises(ServiceError) as caught:
        post_policy.check(conditions, fields, "shelf")
    assert caught.value.text == f"Invalid according to Policy: {failure}"
