"""Requests to function URLs: who may call, the invocation, the answer. Formats are in `url_events`."""

from __future__ import annotations

import re
from typing import NamedTuple

import orjson

from ballroom.kernel import Context, HttpRequest, HttpResponse, ServiceError, Tx, data_host
from ballroom.services.lambda_ import policy, url_cors, url_events
from ballroom.services.lambda_.errors import RequestTooLarge, ResourceNotFound, TooManyRequests
from ballroom.services.lambda_.invocation import Call, count, invoke
from ballroom.services.lambda_.names import FunctionName
from ballroom.services.lambda_.payloads import SYNCHRONOUS_LIMIT
from ballroom.services.lambda_.resources import FunctionUrl, UrlTarget, find_alias, find_policy, key

_FORBIDDEN = (
    "Forbidden. For troubleshooting Function URL authorization issues, see: "
    "https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html"
)


class Found(NamedTuple):
    """A URL, its function, and whether this caller may use it."""

    url: FunctionUrl
    at: FunctionName
    allowed: bool


@data_host(r"(?P<url_id>[a-z0-9]+)\.lambda-url\.(?P<region>[a-z0-9-]+)\..*")
async def answer(ctx: Context, http: HttpRequest, match: re.Match[str]) -> HttpResponse:
    """Invoke the function behind a URL.

    Source: Developer Guide, "Invoking Lambda function URLs", "Control access to Lambda function URLs".
    """
    request_id = ctx.caller.request_id or ctx.kernel.ids.uuid()
    found = ctx.transact(_find, match["url_id"], match["region"])
    if found is None:
        await ctx.durable()
        return _refusal(404, "Not Found", "ResourceNotFoundException", request_id)
    response = await _respond(ctx, http, found, request_id)
    await ctx.durable()
    if found.url.cors is not None and not url_cors.is_preflight(http):
        response = url_cors.with_cors(found.url.cors, http, response)
    count(ctx.kernel, found.at, "UrlRequestCount")
    if response.status >= 400:
        count(ctx.kernel, found.at, "Url4xxCount" if response.status < 500 else "Url5xxCount")
    return response


async def _respond(ctx: Context, http: HttpRequest, found: Found, request_id: str) -> HttpResponse:
    if found.url.cors is not None and url_cors.is_preflight(http):
        return url_cors.preflight(found.url.cors, http)
    if not found.allowed:
        return _refusal(403, _FORBIDDEN, "AccessDeniedException", request_id)
    trace = ctx.caller.trace or f"Root={ctx.kernel.ids.trace_root(ctx.clock.now_ms())}"
    event = url_events.event_of(
        http, found.url.url_id, request_id=request_id, now_ms=ctx.clock.now_ms(), trace=trace,
        iam=ctx.caller if found.url.auth_type == "AWS_IAM" else None,
    )  # fmt: skip
    try:
        payload = orjson.dumps(event)
        if len(payload) > SYNCHRONOUS_LIMIT:
            raise RequestTooLarge("Request Entity Too Large")
        outcome = await invoke(ctx, Call(found.at, payload, request_id, trace))
    except (TooManyRequests, RequestTooLarge) as refused:
        return _refusal(refused.status or 400, refused.text, refused.shape, request_id)
    except ResourceNotFound:
        return _refusal(403, _FORBIDDEN, "AccessDeniedException", request_id)
    except ServiceError as broken:
        return _refusal(502, broken.text, broken.shape, request_id)
    response = url_events.INTERNAL_ERROR if outcome.function_error else url_events.response_of(outcome.payload)
    headers = [*response.headers, ("x-amzn-requestid", request_id), ("x-amzn-trace-id", trace)]
    return HttpResponse(response.status, headers, response.body)


def _find(tx: Tx, url_id: str, region: str) -> Found | None:
    place = tx.get(UrlTarget, ("lambda-url", url_id.lower()))
    if place is None or place.region != region.lower():
        return None
    at = FunctionName(place.account, place.region, place.name, place.qualifier or None)
    url = tx.get(FunctionUrl, key(at, "url", place.qualifier))
    return None if url is None else Found(url, at, _may_invoke(tx, url, at))


def _may_invoke(tx: Tx, url: FunctionUrl, at: FunctionName) -> bool:
    """Public URLs need both public permissions; signed ones a signature, and across accounts a statement.

    Within the account every principal may, until identity policies are evaluated.
    """
    if at.qualifier is not None and find_alias(tx, at, at.qualifier) is None:
        return False
    found = find_policy(tx, at)
    statements = found.statements if found is not None else []
    if url.auth_type == "NONE":
        return policy.url_is_public(statements, "NONE")
    if tx.caller.anonymous or not tx.caller.access_key_id:
        return False
    return tx.caller.account == at.account or policy.account_may_use_url(statements, tx.caller.account)


def _refusal(status: int, message: str, kind: str, request_id: str) -> HttpResponse:
    headers = [
        ("content-type", "application/json"),
        ("x-amzn-errortype", kind),
        ("x-amzn-requestid", request_id),
    ]
    return HttpResponse(status, headers, orjson.dumps({"Message": message}))
