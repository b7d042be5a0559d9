"""Pages of other origins, where a service has CORS rules of its own: buckets decide about their pages.

What this adds to the guard of `browser`: in the open mode a signature proves nothing, so a page's request
passes only if it has no more rights than anybody (it is unsigned), if a browser would never have sent it
without a preflight that we refused, or if a rule lets the page in that does not let in the whole internet.

Source: Fetch Standard, "HTTP-redirect fetch", "CORS protocol"; S3 User Guide, "Using cross-origin resource
sharing (CORS)".
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from ballroom.gateway import wire
from ballroom.gateway.browser import Guard
from ballroom.gateway.http import Exchange
from ballroom.gateway.routing import Router, skeleton
from ballroom.kernel.errors import ServiceError
from ballroom.kernel.registry import CrossOrigin, registry

if TYPE_CHECKING:
    from ballroom.kernel.kernel import Kernel

_PREFLIGHTED_OR_UNREADABLE = ("GET", "HEAD", "PUT", "DELETE")
"""Methods that a page cannot use to any effect unless a preflight or a rule lets it."""
_IDENTITY = ("x-amz-request-id", "x-amz-id-2")


class CrossOrigins:
    """Asks S3's buckets, the only service with rules of its own."""

    def __init__(self, kernel: Kernel, router: Router, guard: Guard) -> None:
        self._kernel, self._router, self._guard = kernel, router, guard

    def answer_options(self, exchange: Exchange) -> bool:
        """Answer an OPTIONS request that is for a bucket; False if it is for something else."""
        handler = registry.cross_origin.get("s3")
        path = self._router.s3_path(exchange)
        if handler is None or path is None:
            return False
        headers = exchange.headers
        asked = CrossOrigin(
            exchange.method, path, headers.get("origin", ""), True,
            headers.get("access-control-request-method", ""),
            headers.get("access-control-request-headers", ""),
        )  # fmt: skip
        request_id = self._kernel.ids.uuid()
        try:
            told = self._kernel.transact(handler, asked)
        except ServiceError as error:
            status, answer, body = wire.PROTOCOLS["rest-xml"].serialise_error(skeleton("s3"), error, request_id)
            exchange.answer(status, answer, body)
        else:
            exchange.answer(200, [*told, *((name, request_id) for name in _IDENTITY)])
        return True

    def admits(self, exchange: Exchange, path: str) -> bool:
        """Tell the page what the bucket's rules allow it; whether it may send what it did, unproven."""
        origin = exchange.headers.get("origin")
        handler = registry.cross_origin.get("s3")
        if origin is None or handler is None:
            return False
        told = self._kernel.transact(handler, CrossOrigin(exchange.method, path, origin, False))
        if told:
            exchange.extra_headers = "".join(f"{name}: {value}\r\n" for name, value in told)
        if not self._guard.trusts_host(exchange.headers.get("host", "")):
            return False
        if not told:
            return exchange.method in _PREFLIGHTED_OR_UNREADABLE
        return dict(told)["Access-Control-Allow-Origin"] != "*" or self._guard.trusts_host(
            urlsplit(origin).netloc
        )
