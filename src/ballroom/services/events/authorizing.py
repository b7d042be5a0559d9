"""OAuth: getting tokens for connections, and keeping them in memory until they expire.

Source: EventBridge User Guide, "Connections for API targets" (OAuth client credentials).
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import msgspec
import orjson

from ballroom.kernel import Context, Delivery, RetryPolicy, Tx, on_delivery
from ballroom.kernel.arn import make_arn
from ballroom.kernel.outbound import OutboundFailed, OutboundRefused, fetch
from ballroom.kernel.sealing import Unreadable
from ballroom.services.events import secrets
from ballroom.services.events.failures import TargetFailed
from ballroom.services.events.names import BusName
from ballroom.services.events.resources import Connection, key

if TYPE_CHECKING:
    from ballroom.kernel import Kernel

TIMEOUT_S = 5.0
_POLICY = RetryPolicy(maximum_attempts=1)
_AFTER_MS = 2_000
"""A new connection stays AUTHORIZING at least so long, as on AWS; events get their token by themselves."""
_EARLY_MS = 60_000
_DEFAULT_LIFE_S = 3600


class Tokens:
    """Tokens by connection id and modification, with the moment until which they are used."""

    def __init__(self, kernel: Kernel) -> None:
        self.by_connection: dict[tuple[str, int], tuple[str, int]] = {}


def authorize_later(tx: Tx, connection: Connection) -> None:
    """Try the credentials soon; the connection's state tells how it went."""
    payload = msgspec.msgpack.encode((tx.account, tx.region, connection.name, connection.modified_ms))
    due_ms = tx.now_ms + _AFTER_MS
    tx.deliver("events.authorize", payload, policy=_POLICY, due_ms=due_ms, subject=connection.name)


@on_delivery("events.authorize", concurrency=10)
async def authorize(ctx: Context, delivery: Delivery) -> None:
    """Get a token once, and note whether it worked."""
    account, region, name, modified_ms = msgspec.msgpack.decode(delivery.payload)
    at = BusName(account, region, "")
    connection = ctx.transact(lambda tx: tx.get(Connection, key(at, "connection", name)))
    if connection is None or connection.modified_ms != modified_ms or connection.state != "AUTHORIZING":
        return
    state, reason = "AUTHORIZED", ""
    try:
        await token_of(ctx, at, connection, parameters_of(ctx, at, connection))
    except TargetFailed as failed:
        state, reason = "DEAUTHORIZED", failed.text[:512]

    def finish(tx: Tx) -> None:
        delivery.complete(tx)
        current = tx.get(Connection, key(at, "connection", name))
        if current is not None and current.modified_ms == modified_ms and current.state == "AUTHORIZING":
            changed = msgspec.structs.replace(current, state=state, reason=reason, authorized_ms=tx.now_ms)
            tx.put(key(at, "connection", name), changed)

    ctx.transact(finish)


def parameters_of(ctx: Context, at: BusName, connection: Connection) -> dict[str, Any]:
    """The connection's parameters, secrets included.

    Raises:
        TargetFailed: they are gone, or sealed with another key.
    """
    arn = make_arn("events", at.region, at.account, f"connection/{connection.name}/{connection.id}")
    if not connection.sealed:
        raise TargetFailed("NO_PERMISSIONS", f"connection {connection.name} is not authorized", retriable=False)
    try:
        return ctx.transact(secrets.unseal, arn, connection.sealed)
    except Unreadable as error:
        raise TargetFailed("NO_PERMISSIONS", str(error), retriable=False) from error


async def token_of(
    ctx: Context, at: BusName, connection: Connection, parameters: dict[str, Any], *, fresh: bool = False
) -> str:
    """A token for requests with this connection.

    Raises:
        TargetFailed: the authorisation endpoint gave none.
    """
    tokens = ctx.kernel.state(Tokens).by_connection
    mark = (connection.id, connection.modified_ms)
    known = tokens.get(mark)
    if known is not None and known[1] > ctx.clock.now_ms() and not fresh:
        return known[0]
    token, life_s = await _request_token(ctx, parameters["OAuthParameters"])
    tokens.pop(mark, None)
    if len(tokens) > 1000:
        tokens.clear()
    tokens[mark] = token, ctx.clock.now_ms() + max(1000 * life_s - _EARLY_MS, 0)
    return token


async def _request_token(ctx: Context, oauth: dict[str, Any]) -> tuple[str, int]:
    client, http = oauth["ClientParameters"], oauth.get("OAuthHttpParameters") or {}
    form = {
        "grant_type": "client_credentials", "client_id": client["ClientID"],
        "client_secret": client["ClientSecret"], **_pairs(http, "BodyParameters"),
    }  # fmt: skip
    basic = base64.b64encode(f"{client['ClientID']}:{client['ClientSecret']}".encode()).decode()
    headers = {
        "authorization": f"Basic {basic}", "content-type": "application/x-www-form-urlencoded",
        "accept": "application/json", **_pairs(http, "HeaderParameters"),
    }  # fmt: skip
    url = with_query(oauth["AuthorizationEndpoint"], _pairs(http, "QueryStringParameters"))
    body = b"" if oauth["HttpMethod"] == "GET" else urlencode(form).encode()
    try:
        answer = await fetch(
            oauth["HttpMethod"], url, headers, body,
            private=ctx.kernel.settings.private_addresses, timeout_s=TIMEOUT_S,
        )  # fmt: skip
    except OutboundRefused as refused:
        raise TargetFailed("NO_PERMISSIONS", str(refused), retriable=False) from None
    except OutboundFailed as failed:
        raise TargetFailed("TIMEOUT" if failed.timed_out else "CONNECTION_FAILURE", str(failed)) from None
    try:
        content = orjson.loads(answer.body)
    except orjson.JSONDecodeError:
        content = None
    token = content.get("access_token") if isinstance(content, dict) else None
    if answer.status // 100 != 2 or not isinstance(token, str):
        text = f"the authorization endpoint answered {answer.status} without a token"
        raise TargetFailed("NO_PERMISSIONS", text)
    life = content.get("expires_in", _DEFAULT_LIFE_S)
    return token, life if isinstance(life, int) and 0 < life < 10**9 else _DEFAULT_LIFE_S


def _pairs(http: dict[str, Any], kind: str) -> dict[str, str]:
    return {p["Key"]: p.get("Value") or "" for p in http.get(kind) or () if p.get("Key")}


def with_query(url: str, parameters: dict[str, str]) -> str:
    """The URL with these parameters added to its query."""
    if not parameters:
        return url
    return f"{url}{'&' if '?' in url else '?'}{urlencode(parameters)}"
