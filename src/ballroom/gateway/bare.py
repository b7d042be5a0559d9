"""What DynamoDB's endpoints answer to requests that call nothing: health checks, and what is no call at all.

Tools measure latency and wait for the endpoint with them, so they need no signature.

Source: answers of `https://dynamodb.<region>.amazonaws.com`, which any browser can ask for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ballroom.gateway.hosts import region_label
from ballroom.gateway.wire.codec import Reply
from ballroom.gateway.wire.json import OLDER_CORAL, older_headers

if TYPE_CHECKING:
    from ballroom.gateway.http import Exchange
    from ballroom.gateway.routing import Target

_JSON = frozenset({"application/x-amz-json-1.0", "application/json"})
_NO_CALL = b"<UnknownOperationException/>\n"


def bare_answer(exchange: Exchange, target: Target, region: str, request_id: str) -> Reply | None:
    """The answer to a request that names no operation; None if it is to be refused like any other.

    `region` is told where the host names none.
    """
    if target.operation or target.service not in OLDER_CORAL:
        return None
    if exchange.method == "GET":
        host = f"dynamodb.{region_label(exchange.headers.get('host', '')) or region}.amazonaws.com"
        return _reply(200, f"healthy: {host} ".encode(), request_id)
    kind = exchange.headers.get("content-type", "").partition(";")[0].strip().lower()
    if exchange.method == "POST" and kind in _JSON:
        return None
    return _reply(404, _NO_CALL, request_id)


def _reply(status: int, body: bytes, request_id: str) -> Reply:
    return Reply(status, older_headers(request_id, body), body)
