"""Who may call: modes, keys, tokens, clocks, and AWS's codes for each refusal."""

from __future__ import annotations

import datetime
import stat
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore.auth import HmacV1QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from ballroom.gateway.root_key import hold_root_key
from ballroom.kernel.credentials import Credential
from ballroom.kernel.errors import AlreadyRefused
from tests.gateway.door import ACCOUNT, Door, code_of, texts
from tests.gateway.harness import Reply, get
from tests.gateway.signing import KEY, SECRET, raw, signed

UTC = datetime.UTC


def test_a_key_issued_here_is_its_creators(door: Door) -> None:
    who = texts(door.identity())
    assert (who["Account"], who["Arn"], who["UserId"]) == (
        ACCOUNT,
        f"arn:aws:iam::{ACCOUNT}:user/alice",
        "AIDAALICE",
    )


def test_an_unknown_key_of_twelve_digits_is_the_account(door: Door) -> None:
    assert texts(door.identity(key="111122223333"))["Account"] == "111122223333"


def test_any_other_unknown_key_is_the_default_account(door: Door) -> None:
    assert texts(door.identity(key="test"))["Account"] == "000000000000"


def test_open_serves_the_unsigned(door: Door) -> None:
    assert door.ask(get("/?Action=GetCallerIdentity&Version=2011-06-15")).status == 200


def test_a_wrong_signature_of_a_known_key_is_refused_even_when_open(door: Door) -> None:
    reply = door.identity(secret="wrong")
    assert (reply.status, code_of(reply)) == (403, "SignatureDoesNotMatch")


def test_a_body_that_was_changed_on_the_way_is_refused(door: Door) -> None:
    request = signed("POST", body=b"{}", headers={"X-Amz-Target": "AmazonSQS.ListQueues"})
    assert door.ask(raw(request)).status == 200
    assert code_of(door.ask(raw(request, body=b'{"a":1}'))) == "InvalidSignatureException"


REQUESTS: dict[str, dict[str, Any]] = {
    "json": {"service": "sqs", "headers": {"X-Amz-Target": "AmazonSQS.ListQueues"}, "body": b"{}"},
    "rest-json": {"service": "lambda", "method": "GET", "url": "http://localhost/2015-03-31/functions"},
    "query": {
        "service": "sts",
        "method": "GET",
        "url": "http://localhost/?Action=GetCallerIdentity&Version=2011-06-15",
    },
    "s3": {"service": "s3", "signer": "s3", "method": "GET", "url": "http://localhost/bucket/key"},
}
SIGNED = {"secret": "wrong"}
UNKNOWN = {"key": "AKIAUNKNOWN"}
CODES = [
    ("json", SIGNED, 400, "InvalidSignatureException"),
    ("rest-json", SIGNED, 403, "InvalidSignatureException"),
    ("query", SIGNED, 403, "SignatureDoesNotMatch"),
    ("s3", SIGNED, 403, "SignatureDoesNotMatch"),
    ("json", UNKNOWN, 400, "UnrecognizedClientException"),
    ("rest-json", UNKNOWN, 403, "UnrecognizedClientException"),
    ("query", UNKNOWN, 403, "InvalidClientTokenId"),
    ("s3", UNKNOWN, 403, "InvalidAccessKeyId"),
    ("json", {"token": "x"}, 400, "UnrecognizedClientException"),
    ("query", {"token": "x"}, 403, "InvalidClientTokenId"),
    ("s3", {"token": "x"}, 400, "InvalidToken"),
]


@pytest.mark.parametrize(("protocol", "wrong", "status", "code"), CODES)
def test_refusals_have_the_names_of_their_protocol(
    guarded_door: Door, protocol: str, wrong: dict[str, Any], status: int, code: str
) -> None:
    reply = guarded_door.ask(raw(signed(**REQUESTS[protocol], **wrong)))
    assert (reply.status, code_of(reply)) == (status, code)
    right = guarded_door.ask(raw(signed(**REQUESTS[protocol])))
    assert right.status == (404 if protocol == "s3" else 200)


@pytest.mark.parametrize(
    ("protocol", "status", "code"),
    [
        ("json", 400, "MissingAuthenticationTokenException"),
        ("rest-json", 403, "MissingAuthenticationTokenException"),
        ("query", 403, "MissingAuthenticationToken"),
    ],
)
def test_enforce_refuses_the_unsigned(guarded_door: Door, protocol: str, status: int, code: str) -> None:
    request = signed(**REQUESTS[protocol])
    del request.headers["Authorization"]
    reply = guarded_door.ask(raw(request))
    assert (reply.status, code_of(reply)) == (status, code)


def test_nameless_requests_to_s3_are_for_s3_to_judge(guarded_door: Door) -> None:
    assert code_of(guarded_door.ask(get("/no-such-bucket/key"))) in ("NoSuchBucket", "AccessDenied")


def test_a_key_that_is_switched_off_is_unknown(door: Door) -> None:
    door.kernel.credentials.hold("AKIAOFF", Credential("s", ACCOUNT, "arn", "id", active=False))
    assert code_of(door.identity(key="AKIAOFF", secret="s")) == "InvalidClientTokenId"


def test_temporary_keys_need_their_token_and_expire(door: Door) -> None:
    now_ms = time.time_ns() // 1_000_000
    lasting = Credential("s", ACCOUNT, "arn", "id", session_token="tok", expires_ms=now_ms + 60_000)
    door.kernel.credentials.hold("ASIALASTING", lasting)
    door.kernel.credentials.hold("ASIAEXPIRED", Credential("s", ACCOUNT, "arn", "id", "tok", now_ms - 1))
    assert door.identity(key="ASIALASTING", secret="s", token="tok").status == 200
    assert code_of(door.identity(key="ASIALASTING", secret="s")) == "InvalidClientTokenId"
    assert code_of(door.identity(key="ASIALASTING", secret="s", token="other")) == "InvalidClientTokenId"
    assert code_of(door.identity(key="ASIAEXPIRED", secret="s", token="tok")) == "ExpiredToken"


@pytest.mark.parametrize(
    ("minutes", "text"),
    [(-14, None), (14, None), (-16, "Signature expired: "), (16, "Signature not yet current: ")],
)
def test_clocks_may_differ_by_a_quarter_of_an_hour(door: Door, minutes: int, text: str | None) -> None:
    at = datetime.datetime.now(UTC) + datetime.timedelta(minutes=minutes)
    reply = door.identity(at=at)
    if text is None:
        assert reply.status == 200
    else:
        said = texts(reply)
        assert said["Code"] == "SignatureDoesNotMatch"
        assert said["Message"].startswith(f"{text}{at:%Y%m%dT%H%M%SZ} is ")
        assert said["Message"].endswith(" 15 min.)")


def test_skew_is_judged_by_real_time_not_by_the_products(door: Door) -> None:
    door.cloud.clock.advance(days=30)
    assert door.identity().status == 200


def test_s3_says_that_the_clock_is_wrong(door: Door) -> None:
    at = datetime.datetime.now(UTC) - datetime.timedelta(minutes=16)
    reply = door.ask(raw(signed(**REQUESTS["s3"], at=at)))
    assert (reply.status, code_of(reply)) == (403, "RequestTimeTooSkewed")
    assert texts(reply)["MaxAllowedSkewMilliseconds"] == "900000"


@pytest.mark.parametrize("key", [KEY, "unknown"])
def test_a_presigned_request_runs_out(door: Door, key: str) -> None:
    def ask(seconds_ago: int) -> Reply:
        at = datetime.datetime.now(UTC) - datetime.timedelta(seconds=seconds_ago)
        link = signed(
            "GET", "http://localhost/b/k", service="s3", signer="s3-query", at=at, expires=100, key=key
        )
        return door.ask(raw(link))

    assert code_of(ask(50)) == "NoSuchBucket"
    late = ask(110)
    assert (late.status, code_of(late), texts(late)["Message"]) == (403, "AccessDenied", "Request has expired")


@pytest.mark.parametrize(
    ("change", "status", "code", "text"),
    [
        ({"X-Amz-Date": None}, 403, "AccessDenied", "AWS authentication requires a valid Date or x-amz-date header"),
        ({"X-Amz-Date": "soon"}, 403, "AccessDenied", "AWS authentication requires a valid Date or x-amz-date header"),
        ({"X-Amz-Content-SHA256": None}, 400, "InvalidRequest",
         "Missing required header for this request: x-amz-content-sha256"),
        ({"X-Amz-Content-SHA256": "none"}, 400, "InvalidArgument", "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, "),
        ({"Authorization": "Basic dTpw"}, 400, "InvalidArgument", "Unsupported Authorization Type"),
        ({"Authorization": ""}, 403, "AccessDenied", "Access Denied"),
        ({"Authorization": "AWS4-HMAC-SHA256 Credential=HAHAHA"}, 400, "AuthorizationHeaderMalformed",
         "The authorization header is malformed; the authorization header requires three components: "),
        ({"Authorization": "AWS4-HMAC-SHA256 Credential=a/b, SignedHeaders=host, Signature=c"}, 400,
         "AuthorizationHeaderMalformed", "The authorization header is malformed; the Credential is mal-formed; "),
        ({"?": "X-Amz-Algorithm=AWS4-HMAC-SHA256"}, 400, "InvalidArgument", "Only one auth mechanism allowed; "),
        ({"?": "Signature=a"}, 400, "InvalidArgument", "Only one auth mechanism allowed; "),
    ],
)  # fmt: skip
def test_s3_tells_what_is_wrong_with_a_signature(
    guarded_door: Door, change: dict[str, str | None], status: int, code: str, text: str
) -> None:
    guarded_door.cloud.call("s3", "CreateBucket", Bucket="shelf")
    url = "http://localhost/shelf/k" + (f"?{change['?']}" if "?" in change else "")
    request = signed("GET", url, service="s3", signer="s3")
    for name, value in change.items():
        if name != "?":
            del request.headers[name]
        if value is not None and name != "?":
            request.headers[name] = value
    reply = guarded_door.ask(raw(request))
    assert (reply.status, code_of(reply)) == (status, code)
    assert texts(reply)["Message"].startswith(text)


@pytest.mark.parametrize(
    ("lasts", "status", "text"),
    [
        ("0", 403, "Request has expired"), ("-7", 400, "X-Amz-Expires must be non-negative"),
        ("soon", 400, "X-Amz-Expires should be a number"),
    ],
)  # fmt: skip
def test_a_link_that_lasts_for_no_time(door: Door, lasts: str, status: int, text: str) -> None:
    link = raw(signed("GET", "http://localhost/b/k", service="s3", signer="s3-query", expires=100))
    reply = door.ask(link.replace(b"X-Amz-Expires=100", f"X-Amz-Expires={lasts}".encode()))
    # the signature is of another link, but that is asked later
    assert (reply.status, texts(reply)["Message"]) == (status, text)


@pytest.mark.parametrize("url", ["http://localhost/bucket/a%20key", "http://bucket.s3.localhost/a%20key"])
def test_older_presigned_links_are_checked(guarded_door: Door, url: str) -> None:
    """boto3 makes these by default in us-east-1."""

    def link(secret: str = SECRET, expires: int = 60, **more: str) -> bytes:
        address = f"{url}?response-content-type=text%2Fplain&x-id=GetObject"
        request = AWSRequest("GET", address, auth_path="/bucket/a%20key", headers=more)
        HmacV1QueryAuth(Credentials(KEY, secret), expires=expires).add_auth(request)
        host = urlsplit(url).netloc
        return f"GET {request.url.partition(host)[2]} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode()

    assert code_of(guarded_door.ask(link())) == "NoSuchBucket"
    assert code_of(guarded_door.ask(link(**{"x-amz-meta-a": "1"}))) == "NoSuchBucket"
    assert code_of(guarded_door.ask(link("wrong"))) == "SignatureDoesNotMatch"
    assert code_of(guarded_door.ask(link(expires=-60))) == "AccessDenied"
    assert code_of(guarded_door.ask(link(expires=0))) == "AccessDenied"
    assert code_of(guarded_door.ask(link().replace(b"text%2Fplain", b"text%2Fhtml"))) == "SignatureDoesNotMatch"
    assert code_of(guarded_door.ask(link().replace(KEY.encode(), b"AKIAUNKNOWN"))) == "InvalidAccessKeyId"


def test_a_signature_is_for_one_service(door: Door) -> None:
    request = signed("POST", body=b"{}", headers={"X-Amz-Target": "AmazonSQS.ListQueues"}, service="sns")
    reply = door.ask(raw(request))
    assert code_of(reply) == "InvalidSignatureException"
    assert b"Credential should be scoped to correct service: 'sqs'" in reply.body


def test_s3_wants_all_its_own_headers_signed(door: Door) -> None:
    request = signed(**REQUESTS["s3"])
    request.headers["x-amz-acl"] = "public-read"
    reply = door.ask(raw(request))
    assert (code_of(reply), texts(reply)["HeadersNotSigned"]) == ("AccessDenied", "x-amz-acl")


def test_the_region_is_the_scopes(door: Door) -> None:
    door.ask(
        raw(
            signed(
                "POST", body=b'{"QueueName":"q"}', headers={"X-Amz-Target": "AmazonSQS.CreateQueue"},
                region="eu-west-3",
            )
        )
    )  # fmt: skip
    caller = door.cloud.caller(ACCOUNT, "eu-west-3")
    assert len(door.cloud.call("sqs", "ListQueues", caller)["QueueUrls"]) == 1


def test_a_region_that_is_none_is_the_default(door: Door) -> None:
    reply = door.ask(
        get("/", "X-Amz-Target: AmazonSQS.ListQueues", "Content-Length: 2", method="POST")[:-2]
        + b"Authorization: AWS4-HMAC-SHA256 Credential=x/20260101/..$*/sqs/aws4_request, SignedHeaders=host, Signature="
        + b"0" * 64
        + b"\r\n\r\n{}"
    )
    assert reply.status == 200


def test_the_root_key_is_made_once_and_for_the_owner_only(tmp_path: Path) -> None:
    door = Door()
    door.kernel.settings.data_dir = tmp_path
    key_id = hold_root_key(door.kernel, enforcing=True)
    file = tmp_path / "root-key"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert file.read_text().split()[0] == key_id
    assert hold_root_key(door.kernel, enforcing=True) == key_id
    who = texts(door.identity(key=key_id, secret=file.read_text().split()[1]))
    assert who["Arn"] == "arn:aws:iam::000000000000:root"
    file.write_text("rubbish")
    with pytest.raises(AlreadyRefused):
        hold_root_key(door.kernel, enforcing=True)
    door.close()
