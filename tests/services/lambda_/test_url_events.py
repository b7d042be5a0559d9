from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from ballroom.kernel import Caller, HttpRequest, HttpResponse
from ballroom.services.lambda_ import url_cors
from ballroom.services.lambda_.url_events import event_of, response_of

HOST = "abc.lambda-url.us-east-1.localhost:4566"


def request(**more: Any) -> HttpRequest:
    fields = {
        "method": "GET", "path": "/", "query": "", "headers": [("host", HOST), ("user-agent", "test")],
        "body": b"", "host": HOST, "remote": "127.0.0.1", **more,
    }  # fmt: skip
    return HttpRequest(**fields)


def event(http: HttpRequest, iam: Caller | None = None) -> dict[str, Any]:
    return event_of(http, "abc", request_id="r-1", now_ms=1_659_687_279_885, trace="Root=1-2-3", iam=iam)


def test_an_event_has_the_form_of_payload_format_2() -> None:
    made = event(request(path="/a%20b/c", query="x=1&x=2&y=%2F&z"))
    assert made == {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": "/a%20b/c",
        "rawQueryString": "x=1&x=2&y=%2F&z",
        "headers": {
            "host": HOST, "user-agent": "test", "x-forwarded-for": "127.0.0.1", "x-forwarded-proto": "http",
            "x-forwarded-port": "4566", "x-amzn-trace-id": "Root=1-2-3",
        },
        "queryStringParameters": {"x": "1,2", "y": "/", "z": ""},
        "requestContext": {
            "accountId": "anonymous",
            "apiId": "abc",
            "domainName": "abc.lambda-url.us-east-1.localhost",
            "domainPrefix": "abc",
            "http": {
                "method": "GET", "path": "/a%20b/c", "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1",
                "userAgent": "test",
            },
            "requestId": "r-1",
            "routeKey": "$default",
            "stage": "$default",
            "time": "05/Aug/2022:08:14:39 +0000",
            "timeEpoch": 1_659_687_279_885,
        },
        "isBase64Encoded": False,
    }  # fmt: skip


def test_repeated_headers_are_joined_and_cookies_stand_apart() -> None:
    made = event(request(headers=[("x-a", "1"), ("cookie", "a=1; b=2"), ("x-a", "2"), ("connection", "close")]))
    assert made["headers"]["x-a"] == "1,2"
    assert made["cookies"] == ["a=1", "b=2"]
    assert "cookie" not in made["headers"]
    assert "connection" not in made["headers"]


@pytest.mark.parametrize(
    ("content_type", "body", "expected", "encoded"),
    [
        ("application/json", b'{"a":1}', '{"a":1}', False),
        ("text/plain; charset=utf-8", "grüße".encode(), "grüße", False),
        ("application/x-www-form-urlencoded", b"a=1", "a=1", False),
        ("application/octet-stream", b"abc", base64.b64encode(b"abc").decode(), True),
        ("", b"abc", base64.b64encode(b"abc").decode(), True),
        ("text/plain", b"\xff\xfe", base64.b64encode(b"\xff\xfe").decode(), True),
    ],
)
def test_text_stays_text_and_all_else_is_base_64(
    content_type: str, body: bytes, expected: str, encoded: bool
) -> None:
    made = event(request(method="POST", headers=[("content-type", content_type)], body=body))
    assert (made["body"], made["isBase64Encoded"]) == (expected, encoded)


def test_a_signed_request_tells_who_signed_it() -> None:
    caller = Caller("111111111111", "us-east-1", "arn:aws:iam::111111111111:user/u", "AIDA", "AKIA", "r")
    made = event(request(), caller)["requestContext"]
    assert made["accountId"] == "111111111111"
    assert made["authorizer"]["iam"]["userArn"] == "arn:aws:iam::111111111111:user/u"


def answered(value: Any) -> HttpResponse:
    return response_of(json.dumps(value).encode())


def test_a_response_object_is_taken_at_its_word() -> None:
    headers = {"X-A": "1", "Connection": "close"}
    response = answered({"statusCode": 201, "headers": headers, "body": "hi", "cookies": ["a=1", "b=2"]})
    assert (response.status, response.body) == (201, b"hi")
    assert response.headers == [
        ("x-a", "1"), ("x-amzn-remapped-connection", "close"), ("content-type", "application/json"),
        ("set-cookie", "a=1"), ("set-cookie", "b=2"),
    ]  # fmt: skip


def test_whatever_has_no_status_code_is_the_body() -> None:
    for value, body in (({"a": 1}, b'{"a":1}'), ("hi", b'"hi"'), (None, b"null"), ([1], b"[1]")):
        response = answered(value)
        assert (response.status, response.body) == (200, body)
        assert response.headers == [("content-type", "application/json")]


def test_an_encoded_body_is_decoded() -> None:
    encoded = base64.b64encode(b"\x00\xff").decode()
    assert answered({"statusCode": 200, "body": encoded, "isBase64Encoded": True}).body == b"\x00\xff"


@pytest.mark.parametrize(
    "answer",
    [
        {"statusCode": "no number"}, {"statusCode": 99}, {"statusCode": 600}, {"statusCode": True},
        {"statusCode": None}, {"statusCode": 200, "body": "%%", "isBase64Encoded": True},
        {"statusCode": 200, "headers": {"x": "a\r\nset-cookie: evil"}},
        {"statusCode": 200, "cookies": ["a\nb"]},
    ],
)  # fmt: skip
def test_what_breaks_the_format_is_502(answer: Any) -> None:
    assert answered(answer).status == 502


CORS = {
    "AllowOrigins": ["https://shop.example"], "AllowMethods": ["GET", "POST"], "AllowHeaders": ["x-a"],
    "ExposeHeaders": ["x-b"], "MaxAge": 60, "AllowCredentials": True,
}  # fmt: skip


def test_a_preflight_is_answered_for_allowed_origins_only() -> None:
    def headers(origin: str) -> dict[str, str]:
        ask = request(method="OPTIONS", headers=[("origin", origin), ("access-control-request-method", "POST")])
        assert url_cors.is_preflight(ask)
        return dict(url_cors.preflight(CORS, ask).headers)

    assert headers("https://shop.example") == {
        "access-control-allow-origin": "https://shop.example", "vary": "Origin",
        "access-control-allow-credentials": "true", "access-control-allow-methods": "GET,POST",
        "access-control-allow-headers": "x-a", "access-control-max-age": "60",
    }  # fmt: skip
    assert headers("https://evil.example") == {}


def test_the_urls_rules_replace_the_functions_own() -> None:
    own = HttpResponse(200, [("access-control-allow-origin", "*"), ("x-b", "1")], b"")
    response = url_cors.with_cors(CORS, request(headers=[("origin", "https://shop.example")]), own)
    assert ("access-control-allow-origin", "*") not in response.headers
    assert ("access-control-expose-headers", "x-b") in response.headers
    assert ("x-b", "1") in response.headers
