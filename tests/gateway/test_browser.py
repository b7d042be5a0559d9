"""Attacks by web pages through the developer's browser, and what they must not break."""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterator

import pytest

from tests.gateway.door import Door, texts
from tests.gateway.harness import Reply, get
from tests.gateway.signing import raw, signed

CHROME = "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/140.0 Safari/537.36"
EVIL = "Origin: https://evil.example"
CREATE = "/?Action=CreateQueue&Version=2012-11-05&QueueName=owned"
FORM = "Content-Type: application/x-www-form-urlencoded"
BODY = b"Action=CreateQueue&Version=2012-11-05&QueueName=owned"


def request(
    *headers: str, path: str = "/", method: str = "POST", body: bytes = BODY, host: str = "localhost:4566"
) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", f"Host: {host}", *headers]
    if method != "GET":
        lines.append(f"Content-Length: {len(body)}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + (b"" if method == "GET" else body)


def queues(door: Door) -> list[str]:
    urls = door.cloud.call("sqs", "ListQueues").get("QueueUrls", [])
    return [url.rpartition("/")[2] for url in urls]


NOW = datetime.datetime.now(datetime.UTC)
FORGED = (
    f"/?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=test/{NOW:%Y%m%d}/us-east-1/sqs/aws4_request"
    f"&X-Amz-Date={NOW:%Y%m%dT%H%M%SZ}&X-Amz-Expires=86400&X-Amz-SignedHeaders=host&X-Amz-Signature=" + "0" * 64
)

ATTACKS = {
    "fetch without cors": request(EVIL, "Sec-Fetch-Site: cross-site", CHROME, "Content-Type: text/plain"),
    "fetch with a json target": request(
        EVIL, CHROME, "X-Amz-Target: AmazonSQS.CreateQueue", body=b'{"QueueName":"owned"}'
    ),
    "a form": request(EVIL, "Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate", CHROME, FORM),
    "a form from a sandboxed frame": request("Origin: null", CHROME, FORM),
    "a form from a file": request("Origin: null", "Sec-Fetch-Site: cross-site", CHROME, FORM),
    "a form of an old browser": request(CHROME, "Referer: https://evil.example/page", FORM),
    "a form of an old browser that hides where it is": request(CHROME, FORM),
    "a form from another port": request(
        "Origin: http://localhost:3000", "Sec-Fetch-Site: same-site", CHROME, FORM
    ),
    "a form over the other name": request(
        "Origin: http://127.0.0.1:4566", "Sec-Fetch-Site: cross-site", CHROME, FORM
    ),
    "a multipart form": request(EVIL, CHROME, "Content-Type: multipart/form-data; boundary=x", path=CREATE),
    "an image": request(
        "Sec-Fetch-Site: cross-site", "Sec-Fetch-Dest: image", CHROME, path=CREATE, method="GET"
    ),
    "an image of an old browser": request(CHROME, "Referer: https://evil.example/", path=CREATE, method="GET"),
    "an image without referrer": request(CHROME, path=CREATE, method="GET"),
    "a link": request(
        "Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate", CHROME, path=CREATE, method="GET"
    ),
    "a link in a mail": request(
        "Sec-Fetch-Site: none", "Sec-Fetch-Mode: navigate", CHROME, path=CREATE, method="GET"
    ),
    "a forged presigned link": request(
        "Sec-Fetch-Site: cross-site", CHROME, path=FORGED + CREATE[1:].replace("?", "&"), method="GET"
    ),
    "an extension": request("Origin: chrome-extension://abc", CHROME, FORM),
    "a page in a function URL": request("Origin: http://abc.lambda-url.us-east-1.localhost:4566", CHROME, FORM),
    "rebinding": request("Origin: http://evil.example:4566", CHROME, FORM, host="evil.example:4566"),
    "rebinding, same origin": request("Sec-Fetch-Site: same-origin", CHROME, FORM, host="evil.example:4566"),
    "rebinding, plain get": request(CHROME, path=CREATE, method="GET", host="evil.example:4566"),
    "rebinding, under another agent": request(
        "User-Agent: aws-cli/2", "Accept-Language: en", path=CREATE, method="GET", host="evil.example:4566"
    ),
    "rebinding to a look-alike": request(
        "Origin: http://localhost.evil.example:4566", CHROME, FORM, host="localhost.evil.example:4566"
    ),
}


@pytest.mark.parametrize("attack", [pytest.param(a, id=name) for name, a in ATTACKS.items()])
def test_a_web_page_cannot_call_an_operation(door: Door, attack: bytes) -> None:
    reply = door.ask(attack)
    assert (reply.status, queues(door)) == (403, [])
    assert b"allowed" in reply.body
    assert not [h for h in reply.headers if h.startswith("access-control")]


PAGES = [
    request(EVIL, CHROME, "Content-Type: text/plain", path="/_ballroom/clock", body=b'{"advanceMs":1000}'),
    request("Sec-Fetch-Site: cross-site", CHROME, path="/_ballroom/clock", body=b'{"advanceMs":1000}'),
    request("Sec-Fetch-Site: cross-site", CHROME, path="/_ballroom/status", method="GET"),
]


@pytest.mark.parametrize("attack", PAGES)
def test_a_web_page_cannot_use_the_control_pages(door: Door, attack: bytes) -> None:
    before = door.cloud.clock.now_ms
    assert door.ask(attack).status == 403
    assert door.cloud.clock.now_ms == before


def test_a_preflight_of_a_stranger_is_refused(door: Door) -> None:
    for path in ("/", "/_ballroom/clock", "/bucket/key"):
        reply = door.ask(
            request(EVIL, CHROME, "Access-Control-Request-Method: PUT", path=path, method="OPTIONS", body=b"")
        )
        assert reply.status == 403
        assert "access-control-allow-origin" not in reply.headers


PROGRAMS = {
    "boto3": request("User-Agent: Boto3/1.40 md/Botocore#1.40", FORM),
    "curl": request("User-Agent: curl/8.5.0", "Accept: */*", FORM),
    "Node's fetch": request("User-Agent: node", "Accept-Language: *", "Sec-Fetch-Mode: cors", FORM),
    "a program in a container": request("User-Agent: Boto3/1.40", FORM, host="ballroom:4566"),
    "a program by a public name": request("User-Agent: Boto3/1.40", FORM, host="cloud.example.org:4566"),
    "a page of Ballroom's own": request(
        "Origin: http://localhost:4566", "Sec-Fetch-Site: same-origin", CHROME, FORM
    ),
    "an address": request("Origin: http://127.0.0.1:4566", CHROME, FORM, host="127.0.0.1:4566"),
}


@pytest.mark.parametrize("call", [pytest.param(c, id=name) for name, c in PROGRAMS.items()])
def test_programs_and_own_pages_are_served(door: Door, call: bytes) -> None:
    assert door.ask(call).status == 200
    assert queues(door) == ["owned"]


def test_a_typed_address_shows_health(door: Door) -> None:
    assert (
        door.ask(request("Sec-Fetch-Site: none", CHROME, path="/_ballroom/health", method="GET")).status == 200
    )


def test_a_truly_presigned_link_works_from_any_page(door: Door) -> None:
    link = signed("GET", "http://localhost:4566/bucket/key", service="s3", signer="s3-query", expires=60)
    link.headers["Sec-Fetch-Site"] = "cross-site"
    link.headers["Origin"] = "https://app.example"
    reply = door.ask(raw(link))
    assert texts(reply)["Code"] == "NoSuchBucket"


@pytest.fixture
def allowing() -> Iterator[Door]:
    made = Door(allowed_origins=["http://localhost:3000"], allowed_hosts=["cloud.example.org"])
    yield made
    made.close()


def test_an_allowed_page_may_call_and_read(allowing: Door) -> None:
    page = "Origin: http://localhost:3000"
    asked = "Access-Control-Request-Headers: authorization,x-amz-target"
    preflight = allowing.ask(
        request(page, "Access-Control-Request-Method: POST", asked, method="OPTIONS", body=b"")
    )
    assert preflight.status == 204
    assert preflight.headers["access-control-allow-origin"] == "http://localhost:3000"
    assert preflight.headers["access-control-allow-headers"] == "authorization,x-amz-target"
    reply: Reply = allowing.ask(request(page, "Sec-Fetch-Site: same-site", CHROME, FORM))
    assert reply.status == 200
    assert reply.headers["access-control-allow-origin"] == "http://localhost:3000"
    assert allowing.ask(request(EVIL, CHROME, FORM)).status == 403


def test_an_allowed_host_may_serve_its_own_pages(allowing: Door) -> None:
    host = "cloud.example.org:4566"
    assert allowing.ask(request(f"Origin: https://{host}", CHROME, FORM, host=host)).status == 200


def test_an_object_shown_by_a_browser_gets_no_origin_of_ours(door: Door) -> None:
    door.cloud.call("s3", "CreateBucket", Bucket="bucket")
    page = b"<script>fetch('/?Action=CreateQueue&QueueName=owned')</script>"
    door.cloud.call("s3", "PutObject", Bucket="bucket", Key="page.html", Body=page)
    door.cloud.call("s3", "DeletePublicAccessBlock", Bucket="bucket")
    allowed = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::bucket/*"}
    door.cloud.call("s3", "PutBucketPolicy", Bucket="bucket", Policy=json.dumps({"Statement": [allowed]}))
    shown = door.ask(
        request(
            "Sec-Fetch-Site: none", "Sec-Fetch-Dest: document", CHROME, path="/bucket/page.html", method="GET"
        )
    )
    assert shown.body == page
    assert shown.headers["content-security-policy"].startswith("sandbox ")
    assert "allow-same-origin" not in shown.headers["content-security-policy"]
    assert "content-security-policy" not in door.ask(get("/bucket/page.html")).headers
