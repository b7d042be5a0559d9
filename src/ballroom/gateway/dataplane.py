"""Hosts that belong to applications: function URLs now, APIs later. The handler decides everything."""

from __future__ import annotations

import logging
import re
from typing import Any

import msgspec

from ballroom.gateway.hosts import bucket_of, service_label, without_port
from ballroom.gateway.http import Exchange
from ballroom.gateway.identity import Authenticator, Request
from ballroom.gateway.refusals import REST_JSON
from ballroom.kernel.caller import Caller
from ballroom.kernel.context import Context
from ballroom.kernel.errors import ServiceError
from ballroom.kernel.http import HttpRequest, HttpResponse
from ballroom.kernel.kernel import Kernel
from ballroom.kernel.registry import DataHost, Registry

log = logging.getLogger("ballroom.gateway")

_REMEMBERED = 4096


class Place(msgspec.Struct):
    """An application's host: who serves it, and what its name says."""

    host: DataHost
    match: re.Match[str]


def http_request(exchange: Exchange) -> HttpRequest:
    """What services see of an exchange."""
    return HttpRequest(
        exchange.method, exchange.path, exchange.query, list(exchange.headers.items()), bytes(exchange.body),
        without_port(exchange.headers.get("host", "")), exchange.remote, exchange.scheme,
    )  # fmt: skip


class DataPlane:
    """Finds and serves the hosts that services have registered."""

    def __init__(self, kernel: Kernel, registry: Registry, authenticator: Authenticator) -> None:
        self._kernel = kernel
        self._registry = registry
        self._authenticator = authenticator
        self._places: dict[str, Place | None] = {}

    def find(self, exchange: Exchange) -> Place | None:
        """Whose host it is, if an application's."""
        host = exchange.headers.get("host", "")
        try:
            return self._places[host]
        except KeyError:
            pass
        if len(self._places) >= _REMEMBERED:
            self._places.clear()
        name = without_port(host)
        if self._registry.postponed and not _is_endpoint(name):
            self._registry.load_all()
        found = None
        for data_host in self._registry.data_hosts:
            match = data_host.pattern.fullmatch(name)
            if match is not None:
                found = Place(data_host, match)
                break
        self._places[host] = found
        return found

    def serve(self, exchange: Exchange, place: Place) -> None:
        """Hand the request to the application's handler."""
        kernel = self._kernel
        request_id = kernel.ids.uuid()
        trace = exchange.headers.get("x-amzn-trace-id")
        if trace is None or "Root=" not in trace:
            trace = f"Root={kernel.ids.trace_root(kernel.clock.now_ms())}"
        caller = self._caller(exchange, request_id, trace)
        work = serve_http(exchange, kernel, place.host.handler, caller, place.match)
        exchange.on_abort = kernel.spawn(work, f"{exchange.method} {place.match[0]}").cancel

    def _caller(self, exchange: Exchange, request_id: str, trace: str) -> Caller:
        """Who asks, if a right signature says so; a wrong one makes nobody, and the handler decides."""
        request = Request(exchange.method, exchange.path, exchange.query, exchange.headers)
        try:
            identity = self._authenticator.check(
                request, bytes(exchange.body), REST_JSON, "", may_be_unsigned=True
            ).identity
            anonymous = identity.anonymous
        except ServiceError:
            identity, anonymous = self._authenticator.nobody, True
        return Caller(
            identity.account, identity.region, identity.arn, identity.user_id, identity.access_key_id,
            request_id, trace, "wire", anonymous, exchange.remote, exchange.headers.get("user-agent", ""),
            referer=exchange.headers.get("referer", ""),
        )  # fmt: skip


def _is_endpoint(name: str) -> bool:
    """Whether a host name is an address of ours or of AWS's services, and so no application's."""
    address = name.startswith("[") or name.replace(".", "").isdigit()
    return address or "." not in name or service_label(name) is not None or bucket_of(name) is not None


async def serve_http(exchange: Exchange, kernel: Kernel, handler: Any, caller: Caller, *arguments: Any) -> None:
    """Run a handler of HTTP requests; what it answers leaves once it is durable."""
    ctx = Context(kernel, caller)
    try:
        response: HttpResponse = await handler(ctx, http_request(exchange), *arguments)
        await ctx.durable()
    except ServiceError as error:
        exchange.refuse(error.status or 400, error.shape, error.text)
    except Exception:
        log.exception("%s %s failed (request %s)", exchange.method, exchange.path, caller.request_id)
        exchange.refuse(500, "InternalFailure", "The request failed; the server's log says why.")
    else:
        exchange.answer(response.status, response.headers, response.body)
