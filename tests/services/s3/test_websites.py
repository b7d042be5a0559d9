"""Websites, as browsers see them."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from tests.cloud import Cloud

from ballroom.kernel import Context, HttpRequest, HttpResponse, registry
from ballroom.services.s3 import website

HOST = "shelf.s3-website-us-east-1.localhost"


def a_site(cloud: Cloud, *, listed: bool = True, **more: Any) -> None:
    cloud.s3("CreateBucket", Bucket="shelf")
    cloud.s3("DeletePublicAccessBlock", Bucket="shelf")
    statements = [("s3:GetObject", "arn:aws:s3:::shelf/*"), ("s3:ListBucket", "arn:aws:s3:::shelf")]
    policy = {
        "Statement": [
            {"Effect": "Allow", "Principal": "*", "Action": action, "Resource": resource}
            for action, resource in statements[: 2 if listed else 1]
        ]
    }
    cloud.s3("PutBucketPolicy", Bucket="shelf", Policy=json.dumps(policy))
    configuration = {"IndexDocument": {"Suffix": "index.html"}, **more}
    configuration = {name: value for name, value in configuration.items() if value is not None}
    cloud.s3("PutBucketWebsite", Bucket="shelf", WebsiteConfiguration=configuration)


def put(cloud: Cloud, key: str, **more: Any) -> None:
    cloud.s3("PutObject", Bucket="shelf", Key=key, Body=key.encode(), ContentType="text/html", **more)


def visit(
    cloud: Cloud, path: str, method: str = "GET", host: str = HOST, **headers: str
) -> tuple[int, dict[str, str], bytes]:
    pattern = next(h for h in registry.data_hosts if h.handler is website.serve).pattern
    match = pattern.fullmatch(host)
    assert match is not None
    told = [("host", f"{host}:4566"), *((n.replace("_", "-"), v) for n, v in headers.items())]
    request = HttpRequest(method, path, "", told, b"", host)

    async def go() -> tuple[HttpResponse, bytes]:
        ctx = Context(cloud.kernel, cloud.caller())
        response = await website.serve(ctx, request, match)
        body = response.body if isinstance(response.body, bytes) else b"".join([p async for p in response.body])
        return response, body

    response, body = cloud.run(go())
    return response.status, {name.lower(): value for name, value in response.headers}, body


@pytest.mark.parametrize(
    ("path", "status", "body"),
    [
        ("/", 200, b"index.html"), ("/docs/", 200, b"docs/index.html"), ("/a%20b.html", 200, b"a b.html"),
        ("/none", 404, b"NoSuchKey"), ("/none/", 404, b"Key: none/index.html"), ("/docs/x?y", 404, b"NoSuchKey"),
    ],
)  # fmt: skip
def test_paths_are_keys_and_folders_have_an_index(cloud: Cloud, path: str, status: int, body: bytes) -> None:
    a_site(cloud)
    for key in ("index.html", "docs/index.html", "a b.html"):
        put(cloud, key)
    found = visit(cloud, path)
    assert found[0] == status
    assert body in found[2]


def test_a_folder_without_its_slash_is_sent_there(cloud: Cloud) -> None:
    a_site(cloud)
    put(cloud, "docs/index.html")
    status, headers, _ = visit(cloud, "/docs")
    assert (status, headers["location"]) == (302, "/docs/")


def test_the_error_document_is_shown_with_the_errors_status(cloud: Cloud) -> None:
    a_site(cloud, ErrorDocument={"Key": "oops.html"})
    put(cloud, "oops.html")
    assert visit(cloud, "/none")[::2] == (404, b"oops.html")


def test_what_is_not_public_does_not_leak(cloud: Cloud) -> None:
    a_site(cloud, listed=False)
    put(cloud, "index.html")
    assert visit(cloud, "/none")[0] == 403
    block = {"RestrictPublicBuckets": True}
    cloud.s3("PutPublicAccessBlock", Bucket="shelf", PublicAccessBlockConfiguration=block)
    status, _, page = visit(cloud, "/")
    assert status == 403
    assert b"<li>Code: AccessDenied</li>" in page


@pytest.mark.parametrize(
    ("rule", "path", "status", "location"),
    [
        ({"Condition": {"KeyPrefixEquals": "old/"}, "Redirect": {"ReplaceKeyPrefixWith": "new/"}}, "/old/x", 301,
         f"http://{HOST}:4566/new/x"),
        ({"Condition": {"KeyPrefixEquals": "old/"}, "Redirect": {"ReplaceKeyWith": "gone.html"}}, "/old/x", 301,
         f"http://{HOST}:4566/gone.html"),
        ({"Condition": {"HttpErrorCodeReturnedEquals": "404"},
          "Redirect": {"HostName": "other.test", "Protocol": "https", "HttpRedirectCode": "307"}}, "/none", 307,
         "https://other.test/none"),
        ({"Redirect": {"HostName": "other.test"}}, "/a/b", 301, "http://other.test/a/b"),
    ],
)  # fmt: skip
def test_routing_rules(cloud: Cloud, rule: dict[str, Any], path: str, status: int, location: str) -> None:
    a_site(cloud, RoutingRules=[rule])
    found, headers, _ = visit(cloud, path)
    assert (found, headers["location"]) == (status, location)


def test_a_whole_site_can_be_sent_elsewhere(cloud: Cloud) -> None:
    a_site(cloud, IndexDocument=None, RedirectAllRequestsTo={"HostName": "other.test", "Protocol": "https"})
    status, headers, _ = visit(cloud, "/a/b.html")
    assert (status, headers["location"]) == (301, "https://other.test/a/b.html")


def test_an_object_can_redirect(cloud: Cloud) -> None:
    a_site(cloud)
    put(cloud, "go", WebsiteRedirectLocation="https://other.test/")
    status, headers, _ = visit(cloud, "/go")
    assert (status, headers["location"]) == (301, "https://other.test/")
    error = cloud.error(
        "s3", "PutObject", Bucket="shelf", Key="k", Body=b"", WebsiteRedirectLocation="other.test"
    )
    assert error.shape == "InvalidRedirectLocation"


def test_only_reading_is_allowed(cloud: Cloud) -> None:
    a_site(cloud)
    put(cloud, "index.html")
    assert visit(cloud, "/", "POST")[0] == 405
    status, headers, body = visit(cloud, "/", "HEAD")
    assert (status, headers["content-length"], body) == (200, "10", b"")
    etag = headers["etag"]
    assert visit(cloud, "/", if_none_match=etag)[0] == 304
    status, headers, body = visit(cloud, "/", range="bytes=0-4")
    assert (status, body, headers["content-range"]) == (206, b"index", "bytes 0-4/10")


def test_hosts_without_a_site(cloud: Cloud) -> None:
    status, _, page = visit(cloud, "/")
    assert status == 404
    assert b"<li>Code: NoSuchBucket</li>" in page
    cloud.s3("CreateBucket", Bucket="shelf")
    status, _, page = visit(cloud, "/<script>", host="shelf.s3-website.localhost")
    assert status == 404
    assert b"<li>Code: NoSuchWebsiteConfiguration</li>" in page
    assert b"<script>" not in page


def test_pages_of_other_sites_are_told_what_the_bucket_allows(cloud: Cloud) -> None:
    a_site(cloud)
    put(cloud, "index.html")
    rule = {"AllowedMethods": ["GET"], "AllowedOrigins": ["https://*.test"]}
    cloud.s3("PutBucketCors", Bucket="shelf", CORSConfiguration={"CORSRules": [rule]})
    headers = visit(cloud, "/", origin="https://a.test")[1]
    assert headers["access-control-allow-origin"] == "https://a.test"
    assert "access-control-allow-origin" not in visit(cloud, "/", origin="https://evil.example")[1]
    asked = {"access_control_request_method": "GET"}
    assert visit(cloud, "/", "OPTIONS", origin="https://a.test", **asked)[0] == 200
    assert visit(cloud, "/", "OPTIONS", origin="https://evil.example", **asked)[0] == 403


@pytest.mark.parametrize(
    ("configuration", "text"),
    [
        ({}, "A value for IndexDocument Suffix must be provided if RedirectAllRequestsTo is empty"),
        ({"IndexDocument": {"Suffix": ""}}, "The IndexDocument Suffix is not well formed"),
        ({"IndexDocument": {"Suffix": "/x"}}, "The IndexDocument Suffix is not well formed"),
        ({"IndexDocument": {"Suffix": "i"}, "ErrorDocument": {"Key": ""}},
         "The ErrorDocument Key is not well formed"),
        ({"RedirectAllRequestsTo": {"HostName": "a"}, "IndexDocument": {"Suffix": "i"}},
         "RedirectAllRequestsTo cannot be provided in conjunction with other Routing Rules."),
        ({"RedirectAllRequestsTo": {"HostName": "a", "Protocol": "ftp"}},
         "Invalid protocol, protocol can be http or https. If not defined the protocol will be selected "
         "automatically."),
        ({"IndexDocument": {"Suffix": "i"},
          "RoutingRules": [{"Redirect": {"ReplaceKeyWith": "a", "ReplaceKeyPrefixWith": "b"}}]},
         "You can only define ReplaceKeyPrefix or ReplaceKey but not both."),
        ({"IndexDocument": {"Suffix": "i"}, "RoutingRules": [{"Redirect": {"HttpRedirectCode": "200"}}]},
         "The provided HTTP redirect code (200) is not valid. Valid codes are 3XX except 300."),
    ],
)  # fmt: skip
def test_configurations_that_s3_would_not_take(cloud: Cloud, configuration: dict[str, Any], text: str) -> None:
    cloud.s3("CreateBucket", Bucket="shelf")
    error = cloud.error("s3", "PutBucketWebsite", Bucket="shelf", WebsiteConfiguration=configuration)
    assert re.sub(r"\s+", " ", error.text) == text
