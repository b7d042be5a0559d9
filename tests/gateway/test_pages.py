"""Ballroom's own pages, and hosts that belong to applications."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from ballroom.kernel.http import HttpRequest, HttpResponse
from ballroom.kernel.registry import data_host, page, registry
from tests.gateway.door import Door
from tests.gateway.harness import Reply, get
from tests.gateway.signing import KEY, raw, signed


def move(door: Door, change: Any) -> Reply:
    body = orjson.dumps(change)
    return door.ask(get("/_ballroom/clock", f"Content-Length: {len(body)}", method="POST") + body)


@pytest.mark.parametrize("path", ["/_ballroom/health", "/_localstack/health", "/health"])
def test_health_is_told_to_all(guarded_door: Door, path: str) -> None:
    reply = guarded_door.ask(get(path))
    told = orjson.loads(reply.body)
    assert (reply.status, told["status"], told["services"]["sqs"]) == (200, "ok", "running")
    assert guarded_door.ask(get(path, method="HEAD"), head=True).status == 200


def test_the_clock_is_read_and_moved(door: Door) -> None:
    before = orjson.loads(door.ask(get("/_ballroom/clock")).body)
    after = orjson.loads(move(door, {"advanceMs": 86_400_000}).body)
    assert after["now"] - before["now"] == 86_400_000
    assert orjson.loads(move(door, {"autoSkip": True, "frozen": True}).body)["autoSkip"] is True


@pytest.mark.parametrize(
    "change", [{}, [], {"advanceMs": -1}, {"advanceMs": "1"}, {"advanceMs": True}, {"frozen": 1}, {"back": 1}]
)
def test_the_clock_takes_nothing_else(door: Door, change: Any) -> None:
    before = door.cloud.clock.now_ms
    assert move(door, change).status == 400
    assert door.cloud.clock.now_ms == before


def test_bodies_that_are_no_json_are_refused(door: Door) -> None:
    for body in (b"{", b"\xff", b"[" * 10_000):
        request = get("/_ballroom/clock", f"Content-Length: {len(body)}", method="POST") + body
        assert door.ask(request).status == 400


def test_status_has_figures_of_every_part(door: Door) -> None:
    assert {"store", "deliveries", "clock"} <= set(orjson.loads(door.ask(get("/_ballroom/status")).body))


def test_a_page_that_does_not_exist(door: Door) -> None:
    assert door.ask(get("/_ballroom/nothing")).status == 404
    assert door.ask(get("/_ballroom/health", "Content-Length: 0", method="DELETE")).status == 404


def test_where_signatures_are_enforced_pages_need_one(guarded_door: Door) -> None:
    assert guarded_door.ask(get("/_ballroom/status")).status == 403
    assert guarded_door.ask(get("/_ballroom/nothing")).status == 403
    url = "http://localhost/_ballroom/status"
    assert guarded_door.ask(raw(signed("GET", url, service="ballroom", key="AKIAUNKNOWN"))).status == 403
    assert guarded_door.ask(raw(signed("GET", url, service="ballroom"))).status == 200


def test_pages_of_this_server_and_pages_below_a_path(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    async def tell(ctx: Any, http: HttpRequest) -> HttpResponse:
        return HttpResponse(200, [], http.path.encode() + http.body)

    monkeypatch.setattr(registry, "pages", dict(registry.pages))
    page("PUT", "/_ballroom/below/*", unsigned=True)(tell)
    door.gateway.pages.add("GET", "/_ballroom/own", tell)
    assert door.ask(get("/_ballroom/own")).body == b"/_ballroom/own"
    assert (
        door.ask(get("/_ballroom/below/a/b", "Content-Length: 1", method="PUT") + b"x").body
        == b"/_ballroom/below/a/bx"
    )


def test_a_page_that_fails_tells_no_details(door: Door) -> None:
    async def fail(ctx: Any, http: HttpRequest) -> HttpResponse:
        raise RuntimeError("secret")

    door.gateway.pages.add("GET", "/_ballroom/own", fail)
    reply = door.ask(get("/_ballroom/own"))
    assert reply.status == 500
    assert b"secret" not in reply.body


@pytest.fixture
def application(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """A host of an application, and what it saw."""
    seen: list[Any] = []

    async def serve(ctx: Any, http: HttpRequest, match: Any) -> HttpResponse:
        seen.append((match["name"], ctx.caller, http))

        async def pieces() -> Any:
            yield b"hello "
            yield http.body

        return HttpResponse(201, [("x-app", "yes")], pieces())

    monkeypatch.setattr(registry, "data_hosts", list(registry.data_hosts))
    data_host(r"(?P<name>[a-z]+)\.app\..*")(serve)
    return seen


def test_an_applications_host_gets_every_request(door: Door, application: list[Any]) -> None:
    headers = "Origin: https://evil.example\r\nX-Amz-Target: AmazonSQS.CreateQueue\r\nContent-Length: 5"
    reply = door.ask(
        f"POST /_ballroom/clock?a=1 HTTP/1.1\r\nHost: Mine.app.localhost:4566\r\n{headers}\r\n\r\nworld".encode()
    )
    assert (reply.status, reply.headers["x-app"], reply.body) == (201, "yes", b"hello world")
    name, caller, http = application[0]
    assert (name, http.host, http.path, http.query) == ("mine", "mine.app.localhost", "/_ballroom/clock", "a=1")
    assert caller.anonymous
    assert caller.trace.startswith("Root=1-")


def test_an_application_learns_who_signed(guarded_door: Door, application: list[Any]) -> None:
    for secret, key in ((None, KEY), ("wrong", "")):
        options = {"secret": secret} if secret else {}
        request = signed("GET", "http://mine.app.localhost/", service="lambda", **options)
        assert guarded_door.ask(raw(request)).status == 201
        caller = application[-1][1]
        assert (caller.access_key_id, caller.anonymous) == (key, not key)
