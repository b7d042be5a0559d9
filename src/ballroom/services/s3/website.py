"""Websites: buckets served at hosts of their own, to anybody, as far as the bucket is public.

`http://<bucket>.s3-website.localhost:<port>` and, with a region, `<bucket>.s3-website-us-east-1.localhost`.

Source: S3 User Guide, "Hosting a static website using Amazon S3", "Website endpoints"; recorded pages.
"""

from __future__ import annotations

import re
from html import escape
from http import HTTPStatus
from typing import Any, NamedTuple
from urllib.parse import unquote

import msgspec

from ballroom.kernel import (
    Context,
    CrossOrigin,
    HttpRequest,
    HttpResponse,
    ServiceError,
    Tx,
    data_host,
)
from ballroom.services.s3 import website_rules as rules
from ballroom.services.s3.browsers import headers_for
from ballroom.services.s3.errors import MethodNotAllowed, NoSuchBucket, http_date, not_configured
from ballroom.services.s3.resources import Bucket, find_bucket
from ballroom.services.s3.settings_store import find_setting

NAME = "website"
_CONDITIONS = {
    "if-match": "IfMatch",
    "if-none-match": "IfNoneMatch",
    "range": "Range",
}
_TOLD = {
    "ContentType": "content-type",
    "CacheControl": "cache-control",
    "ContentDisposition": "content-disposition",
    "ContentEncoding": "content-encoding",
    "ContentLanguage": "content-language",
    "ContentRange": "content-range",
    "ETag": "etag",
    "VersionId": "x-amz-version-id",
}


class Found(NamedTuple):
    """An object on its way to a browser."""

    response: dict[str, Any]
    status: int


class _NotFound(Exception):
    """Reading a key gave an error."""

    def __init__(self, error: ServiceError, key: str) -> None:
        self.error, self.key = error, key
        self.status = error.status or 400


@data_host(
    r"(?P<bucket>[a-z0-9][a-z0-9.\-]{1,61}[a-z0-9])\.s3-website(?:[.-][a-z]{2}(?:-[a-z]+)+-\d)?\.[a-z0-9.\-]+"
)
async def serve(ctx: Context, http: HttpRequest, match: re.Match[str]) -> HttpResponse:
    """One request to a website."""
    ctx.caller = msgspec.structs.replace(ctx.caller, anonymous=True)
    name = match["bucket"]
    allowed, refused = ctx.transact(_cross_origin, http, name)
    if refused is not None:
        return _page(ctx, http, refused, refused.status or 403, None)
    if http.method == "OPTIONS":
        return HttpResponse(200, allowed)
    response = await _serve(ctx, http, name)
    response.headers = [*response.headers, *allowed]
    return response


def _cross_origin(tx: Tx, http: HttpRequest, bucket: str) -> tuple[list[tuple[str, str]], ServiceError | None]:
    origin = http.header("origin") or ""
    preflight = http.method == "OPTIONS"
    if not origin and not preflight:
        return [], None
    asked = CrossOrigin(
        http.method, f"/{bucket}{http.path}", origin, preflight,
        http.header("access-control-request-method") or "", http.header("access-control-request-headers") or "",
    )  # fmt: skip
    try:
        return headers_for(tx, asked), None
    except ServiceError as error:
        return [], error


async def _serve(ctx: Context, http: HttpRequest, name: str) -> HttpResponse:
    path = unquote(http.path, errors="replace").removeprefix("/")
    try:
        bucket, configuration = ctx.transact(_find, name)
    except ServiceError as error:
        return _page(ctx, http, error, error.status or 404, None)
    if http.method not in ("GET", "HEAD"):
        wrong = MethodNotAllowed(Method=http.method.upper(), ResourceType="OBJECT")
        return _page(ctx, http, wrong, 405, None)
    elsewhere = rules.everywhere(configuration, path, scheme=http.scheme)
    if elsewhere is not None:
        return _redirect(ctx, 301, elsewhere)
    host = http.header("host") or http.host
    rule = rules.rule_for(configuration, path, None)
    if rule is not None:
        return _redirect(ctx, *rules.location(rule, path, scheme=http.scheme, host=host))
    key = rules.key_of(configuration, path)
    try:
        return _answer(ctx, await _read(ctx, http, bucket, key))
    except _NotFound as missing:
        failure = missing
    if failure.status in (403, 404) and path and not path.endswith("/"):
        folder = await _is_folder(ctx, bucket, f"{path}/", configuration)
        if folder:
            return _redirect(ctx, 302, f"{http.path}/")
    rule = rules.rule_for(configuration, path, failure.status)
    if rule is not None:
        return _redirect(ctx, *rules.location(rule, path, scheme=http.scheme, host=host))
    return await _error_document(ctx, http, bucket, configuration, failure)


def _find(tx: Tx, name: str) -> tuple[Bucket, dict[str, Any]]:
    bucket = find_bucket(tx, name)
    if bucket is None:
        raise NoSuchBucket(BucketName=name)
    configuration = find_setting(tx, bucket, NAME)
    if configuration is None:
        raise not_configured(
            "NoSuchWebsiteConfiguration",
            "The specified bucket does not have a website configuration",
            name,
        )
    return bucket, configuration


async def _read(
    ctx: Context, http: HttpRequest, bucket: Bucket, key: str, *, conditional: bool = True
) -> Found:
    """An object as anybody may read it.

    Raises:
        _NotFound: it is not there, or not public.
    """
    request: dict[str, Any] = {"Bucket": bucket.name, "Key": key}
    if conditional:
        for header, member in _CONDITIONS.items():
            if (value := http.header(header)) is not None:
                request[member] = value
    operation = "GetObject" if http.method == "GET" else "HeadObject"
    try:
        response = await ctx.call("s3", operation, request)
    except ServiceError as error:
        if error.status == 304:
            return Found({"ETag": ""}, 304)
        raise _NotFound(error, key) from error
    return Found(response, 206 if "ContentRange" in response else 200)


async def _is_folder(ctx: Context, bucket: Bucket, path: str, configuration: dict[str, Any]) -> bool:
    """Whether there is an index document below a path that lacks its slash."""
    try:
        request = {"Bucket": bucket.name, "Key": rules.key_of(configuration, path)}
        await ctx.call("s3", "HeadObject", request)
    except ServiceError:
        return False
    return True


def _answer(ctx: Context, found: Found, status: int | None = None) -> HttpResponse:
    response = found.response
    target = response.get("WebsiteRedirectLocation")
    if target is not None and status is None:
        return _redirect(ctx, 301, target)
    headers = [(header, str(response[member])) for member, header in _TOLD.items() if response.get(member)]
    if "LastModified" in response:
        headers.append(("last-modified", http_date(response["LastModified"])))
    headers += [(f"x-amz-meta-{name}", value) for name, value in (response.get("Metadata") or {}).items()]
    if "ContentLength" in response:
        headers.append(("content-length", str(response["ContentLength"])))
    return HttpResponse(status or found.status, headers + _ids(ctx), response.get("Body", b""))


def _redirect(ctx: Context, status: int, location: str) -> HttpResponse:
    return HttpResponse(status, [("location", location), *_ids(ctx)])


async def _error_document(
    ctx: Context, http: HttpRequest, bucket: Bucket, configuration: dict[str, Any], failure: _NotFound
) -> HttpResponse:
    """The site's own error page, or S3's if there is none."""
    document = configuration.get("ErrorDocument")
    if document is None or not 400 <= failure.status < 500:
        return _page(ctx, http, _told(failure), failure.status, None)
    try:
        found = await _read(ctx, http, bucket, document["Key"], conditional=False)
    except _NotFound as second:
        return _page(ctx, http, _told(failure), failure.status, _told(second))
    return _answer(ctx, found, failure.status)


def _told(failure: _NotFound) -> ServiceError:
    error = failure.error
    if error.shape == "NoSuchKey":
        error.fields = {"Key": failure.key}
    return error


def _page(
    ctx: Context, http: HttpRequest, error: ServiceError, status: int, second: ServiceError | None
) -> HttpResponse:
    """S3's own error page."""
    title = f"{status} {HTTPStatus(status).phrase}"
    lines = [
        "<html>", f"<head><title>{title}</title></head>", "<body>", f"<h1>{title}</h1>", "<ul>",
        *_items(error),
        f"<li>RequestId: {escape(ctx.caller.request_id)}</li>",
        f"<li>HostId: {escape(ctx.caller.request_id)}</li>",
        "</ul>",
    ]  # fmt: skip
    if second is not None:
        lines += [
            "<h3>An Error Occurred While Attempting to Retrieve a Custom Error Document</h3>", "<ul>",
            *_items(second), "</ul>",
        ]  # fmt: skip
    lines += ["<hr/>", "</body>", "</html>", ""]
    body = b"" if http.method == "HEAD" else "\n".join(lines).encode()
    headers = [
        ("content-type", "text/html; charset=utf-8"),
        ("x-amz-error-code", error.shape),
        ("x-amz-error-message", error.text),
    ]
    return HttpResponse(status, headers + _ids(ctx), body)


def _items(error: ServiceError) -> list[str]:
    told = {"Code": error.shape, "Message": error.text, **error.fields}
    return [f"<li>{name}: {escape(str(value))}</li>" for name, value in told.items()]


def _ids(ctx: Context) -> list[tuple[str, str]]:
    return [("x-amz-request-id", ctx.caller.request_id), ("x-amz-id-2", ctx.caller.request_id)]
