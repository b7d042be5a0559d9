"""Requests to API destinations: their address, headers and body, the rate limit, and what answers mean.

Source: EventBridge User Guide, "API destinations as targets" (headers, rate, error codes).
"""

from __future__ import annotations

import base64
import math
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote

import orjson

from ballroom.kernel import Context, RetryAt, Tx
from ballroom.kernel.event_paths import MISSING, InvalidPath, compile_path
from ballroom.kernel.outbound import OutboundFailed, OutboundRefused, OutboundResponse, fetch
from ballroom.services.events.authorizing import TIMEOUT_S, parameters_of, token_of, with_query
from ballroom.services.events.failures import TargetFailed
from ballroom.services.events.names import BusName
from ballroom.services.events.resources import ApiDestination, Connection, key

if TYPE_CHECKING:
    from ballroom.kernel import Delivery, Kernel
    from ballroom.services.events.delivering import Pending
    from ballroom.services.events.live import LiveTarget

_RETRIED = frozenset({401, 407, 409, 429})
_MOST_RETRY_AFTER_S = 86_400


class Gates:
    """When each API destination may next be called: bursts of a second's worth, and the rate beyond."""

    def __init__(self, kernel: Kernel) -> None:
        self._full_ms: dict[str, float] = {}
        """When all that was let through so far is worked off at the rate."""
        self._reserved: dict[str, float] = {}

    def wait_until(self, arn: str, rate: int, now_ms: int, delivery_id: str) -> int | None:
        """None: go now. Otherwise a moment that is reserved for this delivery."""
        if self._reserved.pop(delivery_id, now_ms + 1) <= now_ms:
            return None
        step_ms = 1000.0 / rate
        full = max(self._full_ms.get(arn, 0.0), float(now_ms))
        if len(self._full_ms) > 10_000:
            self._full_ms = {a: t for a, t in self._full_ms.items() if t > now_ms}
        self._full_ms[arn] = full + step_ms
        wait_ms = full + step_ms - now_ms - 1000.0
        if wait_ms <= 1e-6:
            return None
        due = now_ms + max(math.ceil(wait_ms), 1)
        self._reserved[delivery_id] = due
        return due


async def call_destination(ctx: Context, delivery: Delivery, pending: Pending, target: LiveTarget) -> None:
    """Send an event to an API destination.

    Raises:
        TargetFailed: no success; it says whether trying again may help.
        RetryAt: the destination's rate is used up.
    """
    parsed = target.parsed
    at = BusName(parsed.account, parsed.region, "")
    destination, connection = ctx.transact(load_destination, at, parsed.resource)
    due_ms = ctx.kernel.state(Gates).wait_until(
        target.arn, destination.rate, ctx.clock.now_ms(), delivery.id
    )
    if due_ms is not None:
        raise RetryAt(due_ms)
    event = orjson.loads(pending.body)
    asked = pending.spec.get("HttpParameters") or {}
    filled = {
        "PathParameterValues": [_filled(value, event) for value in asked.get("PathParameterValues") or ()],
        **{
            kind: {name: _filled(value, event) for name, value in (asked.get(kind) or {}).items()}
            for kind in ("QueryStringParameters", "HeaderParameters")
        },
    }
    _judge(ctx, await send_to(ctx, at, destination, connection, pending.payload, filled))


async def send_to(
    ctx: Context, at: BusName, destination: ApiDestination, connection: Connection, payload: bytes,
    http: dict[str, Any],
) -> OutboundResponse:
    """One request to an API destination; what it answers, whatever its status.

    Raises:
        TargetFailed: there was no answer.
    """
    url = destination.endpoint
    for value in http.get("PathParameterValues") or ():
        url = url.replace("*", quote(value, safe=""), 1)
    headers = {
        "content-type": "application/json; charset=utf-8",
        "user-agent": "Amazon/EventBridge/ApiDestinations",
        "range": "bytes=0-1048575",
        "accept-encoding": "identity",
        **{name.lower(): value for name, value in (http.get("HeaderParameters") or {}).items()},
    }
    outgoing = Outgoing(destination.method, url, http.get("QueryStringParameters") or {}, headers, payload)
    return await send_with_connection(ctx, at, connection, outgoing)


async def send_with_connection(
    ctx: Context, at: BusName, connection: Connection, outgoing: Outgoing
) -> OutboundResponse:
    """A request with what the connection adds to it: authorisation, headers, query and body parameters.

    Raises:
        TargetFailed: there was no answer.
    """
    parameters = parameters_of(ctx, at, connection)
    request = _Request(outgoing, parameters)
    answer = await _send(ctx, at, connection, parameters, request, fresh=False)
    if answer.status in (401, 407) and connection.kind == "OAUTH_CLIENT_CREDENTIALS":
        answer = await _send(ctx, at, connection, parameters, request, fresh=True)
    return answer


def load_destination(tx: Tx, at: BusName, resource: str) -> tuple[ApiDestination, Connection]:
    """An API destination and its connection.

    Raises:
        TargetFailed: one of them does not exist.
    """
    destination = tx.get(ApiDestination, key(at, "api-destination", resource.split("/")[1]))
    if destination is None or resource.split("/")[2:] not in ([], [destination.id]):
        raise TargetFailed("NO_RESOURCE", "the API destination does not exist", retriable=False)
    connection = tx.get(Connection, key(at, "connection", destination.connection_arn.split("/")[1]))
    if connection is None:
        raise TargetFailed("NO_RESOURCE", "the connection does not exist", retriable=False)
    return destination, connection


class Outgoing(NamedTuple):
    """A request before the connection adds its own to it."""

    method: str
    url: str
    query: dict[str, str]
    headers: dict[str, str]
    """By small names."""
    body: bytes


class _Request:
    """What is sent, but for the authorisation."""

    def __init__(self, outgoing: Outgoing, parameters: dict[str, Any]) -> None:
        own = parameters.get("InvocationHttpParameters") or {}
        self.method = outgoing.method
        self.url = with_query(outgoing.url, {**outgoing.query, **_pairs(own, "QueryStringParameters")})
        self.headers = dict(outgoing.headers)
        for name, value in _pairs(own, "HeaderParameters").items():
            self.headers[name.lower()] = value
        self.body = b"" if self.method in ("GET", "HEAD") else _with_body(outgoing.body, own)


def _filled(value: str, event: Any) -> str:
    """A parameter's value; one that is a path is read from the event."""
    if not value.startswith("$"):
        return value
    try:
        found = compile_path(value)(event)
    except InvalidPath:
        return value
    if found is MISSING:
        return ""
    return found if isinstance(found, str) else orjson.dumps(found).decode()


def _pairs(http: dict[str, Any], kind: str) -> dict[str, str]:
    return {p["Key"]: p.get("Value") or "" for p in http.get(kind) or () if p.get("Key")}


def _with_body(payload: bytes, own: dict[str, Any]) -> bytes:
    added = _pairs(own, "BodyParameters")
    if not added:
        return payload
    try:
        body = orjson.loads(payload)
    except orjson.JSONDecodeError:
        return payload
    return orjson.dumps({**body, **added}) if isinstance(body, dict) else payload


async def _send(
    ctx: Context, at: BusName, connection: Connection, parameters: dict[str, Any], request: _Request, *,
    fresh: bool,
) -> OutboundResponse:
    headers = dict(request.headers)
    if connection.kind == "BASIC":
        basic = parameters["BasicAuthParameters"]
        credentials = f"{basic['Username']}:{basic['Password']}".encode()
        headers["authorization"] = "Basic " + base64.b64encode(credentials).decode()
    elif connection.kind == "API_KEY":
        api_key = parameters["ApiKeyAuthParameters"]
        headers[api_key["ApiKeyName"].lower()] = api_key["ApiKeyValue"]
    else:
        token = await token_of(ctx, at, connection, parameters, fresh=fresh)
        headers["authorization"] = f"Bearer {token}"
    try:
        return await fetch(
            request.method, request.url, headers, request.body,
            private=ctx.kernel.settings.private_addresses, timeout_s=TIMEOUT_S,
        )  # fmt: skip
    except OutboundRefused as refused:
        raise TargetFailed("NO_PERMISSIONS", str(refused), retriable=False) from None
    except OutboundFailed as failed:
        raise TargetFailed("TIMEOUT" if failed.timed_out else "CONNECTION_FAILURE", str(failed)) from None


def _judge(ctx: Context, answer: OutboundResponse) -> None:
    """Nothing for a success; AWS tries again after 401, 407, 409, 429 and 5xx."""
    status = answer.status
    if 200 <= status < 300:
        return
    later = answer.headers.get("retry-after", "")
    if status == 429 and later.isascii() and later.isdigit() and len(later) < 6:
        raise RetryAt(ctx.clock.now_ms() + 1000 * min(int(later), _MOST_RETRY_AFTER_S))
    text = f"the API destination answered {status}"
    if status in _RETRIED or status >= 500:
        code = "THROTTLING" if status == 429 else "ERROR_FROM_TARGET"
        raise TargetFailed(code, text)
    raise TargetFailed("SDK_CLIENT_ERROR", text, retriable=False)
