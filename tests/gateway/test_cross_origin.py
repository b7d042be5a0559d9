"""Pages of other origins and buckets: rules that let them in, and what nobody's rule may let in unproven."""

from __future__ import annotations

import json

import pytest

from tests.gateway.door import Door
from tests.gateway.test_browser import CHROME, EVIL, FORGED, request

PAGE = "Origin: http://localhost:3000"
SIGNED = FORGED.partition("?")[2].replace("/sqs/", "/s3/")


@pytest.fixture
def bucket(door: Door) -> Door:
    door.cloud.call("s3", "CreateBucket", Bucket="bucket")
    door.cloud.call("s3", "PutObject", Bucket="bucket", Key="k", Body=b"text")
    return door


def allow(door: Door, origin: str, *methods: str) -> None:
    rule = {"AllowedOrigins": [origin], "AllowedMethods": list(methods), "AllowedHeaders": ["*"]}
    door.cloud.call("s3", "PutBucketCors", Bucket="bucket", CORSConfiguration={"CORSRules": [rule]})


def ask(door: Door, method: str, *headers: str, path: str = "/bucket/k", query: str = SIGNED) -> tuple[int, bool]:
    """The status, and whether the page may read the answer."""
    at = f"{path}?{query}" if query else path
    body = b"" if method in ("GET", "OPTIONS") else b"x"
    reply = door.ask(request(*headers, CHROME, path=at, method=method, body=body))
    return reply.status, "Access-Control-Allow-Origin" in reply.headers


def test_a_page_that_a_rule_names_may_use_a_link_that_proves_nothing(bucket: Door) -> None:
    allow(bucket, "http://localhost:3000", "GET", "PUT")
    assert ask(bucket, "GET", PAGE) == (200, True)
    assert ask(bucket, "PUT", PAGE) == (200, True)
    wanted = "Access-Control-Request-Method: PUT"
    assert ask(bucket, "OPTIONS", PAGE, wanted, query="") == (200, True)
    assert ask(bucket, "OPTIONS", EVIL, wanted, query="") == (403, False)


def test_a_rule_for_everybody_lets_nobody_use_a_key_that_proves_nothing(bucket: Door) -> None:
    allow(bucket, "*", "GET", "PUT", "POST")
    assert ask(bucket, "GET", EVIL)[0] == 403
    assert ask(bucket, "PUT", EVIL)[0] == 403
    assert ask(bucket, "POST", EVIL, path="/bucket", query=f"delete&{SIGNED}")[0] == 403
    assert ask(bucket, "GET", PAGE) == (200, True)  # it is of this machine


def test_without_a_rule_a_page_reads_nothing_and_posts_nothing(bucket: Door) -> None:
    assert ask(bucket, "GET", EVIL) == (200, False)  # the browser keeps it from the page
    assert ask(bucket, "POST", EVIL, path="/bucket", query=f"delete&{SIGNED}")[0] == 403
    assert ask(bucket, "OPTIONS", EVIL, "Access-Control-Request-Method: DELETE", query="")[0] == 403


def test_a_rebound_name_gets_nothing(bucket: Door) -> None:
    allow(bucket, "*", "GET")
    headers = ("Origin: http://evil.example:4566", CHROME)
    reply = bucket.ask(request(*headers, path=f"/bucket/k?{SIGNED}", method="GET", host="evil.example:4566"))
    assert reply.status == 403


def test_anybody_may_show_what_is_public(bucket: Door) -> None:
    shown = ("Sec-Fetch-Site: cross-site", "Sec-Fetch-Dest: image")
    assert ask(bucket, "GET", *shown, query="")[0] == 403
    bucket.cloud.call("s3", "DeletePublicAccessBlock", Bucket="bucket")
    allowed = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::bucket/*"}
    bucket.cloud.call("s3", "PutBucketPolicy", Bucket="bucket", Policy=json.dumps({"Statement": [allowed]}))
    assert ask(bucket, "GET", *shown, query="")[0] == 200


def test_a_strangers_form_stores_nothing(bucket: Door) -> None:
    fields = {"key": "k", "policy": "e30=", "AWSAccessKeyId": "test", "signature": "x"}
    parts = [f'--e\r\nContent-Disposition: form-data; name="{n}"\r\n\r\n{v}\r\n' for n, v in fields.items()]
    body = "".join(parts) + '--e\r\nContent-Disposition: form-data; name="file"\r\n\r\nx\r\n--e--\r\n'
    kind = "Content-Type: multipart/form-data; boundary=e"
    for origin in (EVIL, "Origin: null", "Sec-Fetch-Site: cross-site"):
        reply = bucket.ask(request(origin, CHROME, kind, path="/bucket", body=body.encode()))
        assert reply.status == 403
        assert b"Refused" in reply.body


def test_where_signatures_are_demanded_anybody_still_reads_what_is_public(guarded_door: Door) -> None:
    cloud = guarded_door.cloud
    cloud.call("s3", "CreateBucket", Bucket="bucket")
    cloud.call("s3", "DeletePublicAccessBlock", Bucket="bucket")
    for key in ("open/k", "shut/k"):
        cloud.call("s3", "PutObject", Bucket="bucket", Key=key, Body=b"text")
    resource = "arn:aws:s3:::bucket/open/*"
    allowed = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": resource}
    cloud.call("s3", "PutBucketPolicy", Bucket="bucket", Policy=json.dumps({"Statement": [allowed]}))
    for path, status in (("/bucket/open/k", 200), ("/bucket/shut/k", 403), ("/bucket", 403), ("/", 403)):
        assert guarded_door.ask(request(path=path, method="GET")).status == status
    assert guarded_door.ask(request(path="/bucket/open/k", method="PUT", body=b"x")).status == 403
