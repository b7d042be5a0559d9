"""Ballroom's own pages: health, status, clock. Services and the server register theirs beside these.

Health is free to all; every other page needs a signature where signatures are enforced (sign for the
service `ballroom`) unless its address is itself a secret, and all are closed to foreign web pages.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Awaitable, Callable
from typing import Any

import orjson

import ballroom
from ballroom.gateway.browser import Guard
from ballroom.gateway.dataplane import serve_http
from ballroom.gateway.http import Exchange
from ballroom.gateway.identity import Authenticator, Request
from ballroom.gateway.refusals import REST_JSON
from ballroom.kernel.caller import Caller
from ballroom.kernel.context import Context
from ballroom.kernel.errors import ServiceError
from ballroom.kernel.http import HttpRequest, HttpResponse
from ballroom.kernel.kernel import Kernel
from ballroom.kernel.registry import Page, Registry, on_start, page, registry

log = logging.getLogger("ballroom.gateway")


class Pages:
    """Finds and serves the registered pages."""

    def __init__(self, kernel: Kernel, pages: Registry, authenticator: Authenticator, guard: Guard) -> None:
        self._kernel = kernel
        self._pages = pages
        self._authenticator = authenticator
        self._guard = guard
        self._own: dict[tuple[str, str], Page] = {}

    def add(
        self, method: str, path: str, handler: Callable[[Context, HttpRequest], Awaitable[HttpResponse]]
    ) -> None:
        """A page of this server only (backup, reset): what needs more than the kernel."""
        self._own[method, path] = Page(method, path, handler)

    def find(self, exchange: Exchange) -> Page | None:
        """The page of a path under `/_` or one of the well-known ones."""
        path = exchange.path
        if not path.startswith("/_") and path != "/health":
            return None
        method = "GET" if exchange.method == "HEAD" else exchange.method
        known = self._pages.pages
        found = known.get((method, path)) or self._own.get((method, path))
        if found is not None:
            return found
        if not path.startswith(("/_ballroom/", "/_localstack/")):
            return None  # a key of S3, at worst
        return self._below(method, path) or self._of_postponed(method, path) or Page(method, path, _no_page)

    def _below(self, method: str, path: str) -> Page | None:
        parent = path
        while parent := parent.rpartition("/")[0]:
            found = self._pages.pages.get((method, parent + "/*"))
            if found is not None:
                return found
        return None

    def _of_postponed(self, method: str, path: str) -> Page | None:
        if not self._pages.postponed:
            return None
        self._pages.load_all()
        return self._pages.pages.get((method, path)) or self._below(method, path)

    def serve(self, exchange: Exchange, found: Page) -> None:
        """Check who asks, then run the page's handler."""
        if self._guard.is_preflight(exchange):
            self._guard.answer_preflight(exchange)
            return
        kernel = self._kernel
        suspicion = self._guard.suspicion(exchange)
        body = bytes(exchange.body)
        try:
            request = Request(exchange.method, exchange.path, exchange.query, exchange.headers)
            identity = self._authenticator.check(
                request, body, REST_JSON, "ballroom", may_be_unsigned=found.unsigned
            ).identity
        except ServiceError as error:
            exchange.refuse(error.status or 403, error.shape, error.text)
            return
        if suspicion is not None and not identity.verified:
            self._guard.refuse(exchange, suspicion)
            return
        request_id = kernel.ids.uuid()
        caller = Caller(
            identity.account, identity.region, identity.arn, identity.user_id, identity.access_key_id,
            request_id, source="page", remote=exchange.remote,
        )  # fmt: skip
        task = kernel.spawn(
            serve_http(exchange, kernel, found.handler, caller), f"{exchange.method} {exchange.path}"
        )
        exchange.on_abort = task.cancel


def json_response(value: Any, status: int = 200) -> HttpResponse:
    """A JSON page."""
    return HttpResponse(status, [("content-type", "application/json")], orjson.dumps(value) + b"\n")


def read_json(http: HttpRequest) -> dict[str, Any]:
    """The JSON object in a page's request; empty without a body.

    Raises:
        ServiceError: it is none.
    """
    try:
        value = orjson.loads(http.body) if http.body else {}
    except orjson.JSONDecodeError:
        value = None
    if not isinstance(value, dict):
        raise _refused("The body must be a JSON object.")
    return value


async def _no_page(ctx: Context, http: HttpRequest) -> HttpResponse:
    return json_response({"message": f"There is no page {http.method} {http.path}."}, 404)


@page("GET", "/_ballroom/health", unsigned=True)
@page("GET", "/_localstack/health", unsigned=True)
@page("GET", "/health", unsigned=True)
async def health(ctx: Context, http: HttpRequest) -> HttpResponse:
    """What scripts wait for: version and services, in the form that the field's scripts know."""
    kernel = ctx.kernel
    return json_response(
        {
            "status": "ok",
            "version": ballroom.__version__,
            "edition": "ballroom",
            "pid": os.getpid(),
            "services": {name: "running" for name in registry.services()},
            "uptimeSeconds": round(time.monotonic() - _started(kernel), 3),
        }
    )


def _started(kernel: Kernel) -> float:
    return kernel.state(_Started).at


class _Started:
    """When this kernel was first seen, in real time: uptime faces the operator, not the product."""

    def __init__(self, kernel: Kernel) -> None:
        self.at = time.monotonic()


@on_start
def note_start(kernel: Kernel) -> None:
    """Begin to count the uptime."""
    _started(kernel)


@page("GET", "/_ballroom/status")
async def status(ctx: Context, http: HttpRequest) -> HttpResponse:
    """Figures of every part."""
    return json_response({"version": ballroom.__version__, **ctx.kernel.statistics()})


@page("GET", "/_ballroom/trace/*")
async def trace(ctx: Context, http: HttpRequest) -> HttpResponse:
    """Where an event, a request or a delivery came from, where it went and what it caused."""
    span_id = http.path.rpartition("/")[2]
    story = ctx.kernel.trace.story(span_id)
    if story is None:
        return json_response({"message": f"Nothing is known of {span_id} (any more)."}, 404)
    return json_response(story)


@page("GET", "/_ballroom/clock")
async def read_clock(ctx: Context, http: HttpRequest) -> HttpResponse:
    """Where the product's clock stands."""
    return json_response(ctx.clock.state())


@page("POST", "/_ballroom/clock")
async def move_clock(ctx: Context, http: HttpRequest) -> HttpResponse:
    """Move a virtual clock: `{"frozen": bool, "autoSkip": bool, "advanceMs": number}`, each optional."""
    wanted = read_json(http)
    if not wanted or set(wanted) - {"advanceMs", "frozen", "autoSkip"}:
        raise _refused("The clock takes advanceMs (milliseconds), frozen and autoSkip.")
    for name in ("frozen", "autoSkip"):
        if name in wanted and type(wanted[name]) is not bool:
            raise _refused(f"{name} must be true or false.")
    if "advanceMs" in wanted and type(wanted["advanceMs"]) is not int:
        raise _refused("advanceMs must be a whole number of milliseconds.")
    clock = ctx.clock
    try:
        if "frozen" in wanted:
            clock.freeze(wanted["frozen"])
        if "autoSkip" in wanted:
            clock.auto_skip(wanted["autoSkip"])
        if "advanceMs" in wanted:
            await clock.advance(wanted["advanceMs"])
    except ValueError as error:
        raise _refused(f"The clock cannot do that: {error}.") from error
    return json_response(clock.state())


def _refused(text: str) -> ServiceError:
    return ServiceError.of("ValidationException", text, status=400)
