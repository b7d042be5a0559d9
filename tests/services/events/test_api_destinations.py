"""API destinations, against a small HTTP server on the test's own loop."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest
from tests.cloud import Cloud
from tests.services.events.helpers import a_queue, a_rule, arn, entry, put, receive

from ballroom.kernel.outbound import OutboundRefused, is_public, take_apart

ROLE = "arn:aws:iam::000000000000:role/r"


class Site:
    """Remembers what it was asked, and answers what it is told to."""

    def __init__(self, cloud: Cloud) -> None:
        self.asked: list[tuple[str, dict[str, str], bytes]] = []
        self.answers: list[tuple[int, str]] = []
        self._cloud = cloud
        self._server = cloud.run(asyncio.start_server(self._serve, "127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().strip().split("\r\n")
        headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        self.asked.append((first, headers, body))
        status, text = self.answers.pop(0) if self.answers else (200, "{}")
        writer.write(f"HTTP/1.1 {status} X\r\ncontent-length: {len(text)}\r\n\r\n{text}".encode())
        writer.close()

    def close(self) -> None:
        self._server.close()


@pytest.fixture
def open_cloud() -> Iterator[Cloud]:
    cloud = Cloud(private_addresses=True)
    yield cloud
    cloud.close()


@pytest.fixture
def site(open_cloud: Cloud) -> Iterator[Site]:
    made = Site(open_cloud)
    yield made
    made.close()


def connect(cloud: Cloud, kind: str = "API_KEY", **more: Any) -> str:
    auth: dict[str, Any] = {
        "API_KEY": {"ApiKeyAuthParameters": {"ApiKeyName": "X-Key", "ApiKeyValue": "s3cret"}},
        "BASIC": {"BasicAuthParameters": {"Username": "user", "Password": "pass"}},
    }.get(kind, {})
    made: str = cloud.events(
        "CreateConnection", Name="c", AuthorizationType=kind, AuthParameters={**auth, **more}
    )["ConnectionArn"]  # fmt: skip
    return made


def destination(cloud: Cloud, connection: str, url: str, **more: Any) -> str:
    given = {"Name": "d", "ConnectionArn": connection, "InvocationEndpoint": url, "HttpMethod": "POST", **more}
    made: str = cloud.events("CreateApiDestination", **given)["ApiDestinationArn"]
    return made


def test_an_event_is_posted_with_the_connections_key(open_cloud: Cloud, site: Site) -> None:
    to = destination(open_cloud, connect(open_cloud), site.url + "/hook")
    a_rule(open_cloud, targets=[{"Arn": to, "RoleArn": ROLE, "InputPath": "$.detail"}])
    put(open_cloud, entry({"n": 1}))
    open_cloud.clock.settle()
    ((first, headers, body),) = site.asked
    assert first == "POST /hook HTTP/1.1"
    assert headers["x-key"] == "s3cret"
    assert headers["content-type"] == "application/json; charset=utf-8"
    assert headers["user-agent"] == "Amazon/EventBridge/ApiDestinations"
    assert json.loads(body) == {"n": 1}


def test_parameters_of_target_and_connection_come_together(open_cloud: Cloud, site: Site) -> None:
    own = {
        "HeaderParameters": [{"Key": "X-Own", "Value": "h", "IsValueSecret": True}],
        "QueryStringParameters": [{"Key": "own", "Value": "q", "IsValueSecret": False}],
        "BodyParameters": [{"Key": "own", "Value": "b"}],
    }  # fmt: skip
    connection = connect(open_cloud, "BASIC", InvocationHttpParameters=own)
    to = destination(open_cloud, connection, site.url + "/orders/*/items/*")
    parameters = {
        "PathParameterValues": ["$.detail.id", "a b"], "HeaderParameters": {"X-Kind": "$.detail-type"},
        "QueryStringParameters": {"n": "$.detail.n"},
    }  # fmt: skip
    a_rule(open_cloud, targets=[{"Arn": to, "RoleArn": ROLE, "HttpParameters": parameters, "InputPath": "$.detail"}])
    put(open_cloud, entry({"id": "o/1", "n": 5}))
    open_cloud.clock.settle()
    ((first, headers, body),) = site.asked
    assert first == "POST /orders/o%2F1/items/a%20b?n=5&own=q HTTP/1.1"
    assert (headers["x-own"], headers["x-kind"]) == ("h", "placed")
    assert headers["authorization"] == "Basic dXNlcjpwYXNz"
    assert json.loads(body) == {"id": "o/1", "n": 5, "own": "b"}
    shown = open_cloud.events("DescribeConnection", Name="c")["AuthParameters"]["InvocationHttpParameters"]
    assert shown["HeaderParameters"] == [{"Key": "X-Own", "IsValueSecret": True}]
    assert shown["QueryStringParameters"] == own["QueryStringParameters"]


def test_a_token_is_fetched_once_and_again_when_it_is_refused(open_cloud: Cloud, site: Site) -> None:
    oauth = {
        "ClientParameters": {"ClientID": "id", "ClientSecret": "secret"}, "HttpMethod": "POST",
        "AuthorizationEndpoint": site.url + "/token",
    }  # fmt: skip
    connection = connect(open_cloud, "OAUTH_CLIENT_CREDENTIALS", OAuthParameters=oauth)
    to = destination(open_cloud, connection, site.url + "/hook")
    a_rule(open_cloud, targets=[{"Arn": to, "RoleArn": ROLE}])
    site.answers = [(200, '{"access_token": "one"}'), (200, ""), (200, ""), (401, ""), (200, '{"access_token": "two"}')]
    for _ in range(3):
        put(open_cloud)
        open_cloud.clock.settle()
    assert [first.split()[1] for first, _, _ in site.asked] == ["/token", "/hook", "/hook", "/hook", "/token", "/hook"]
    assert b"client_secret=secret" in site.asked[0][2]
    assert [h["authorization"] for f, h, _ in site.asked if "/hook" in f] == ["Bearer one"] * 3 + ["Bearer two"]
    open_cloud.clock.advance(seconds=3)
    assert open_cloud.events("DescribeConnection", Name="c")["ConnectionState"] == "AUTHORIZED"


def test_a_destinations_rate_is_kept(open_cloud: Cloud, site: Site) -> None:
    to = destination(open_cloud, connect(open_cloud), site.url, InvocationRateLimitPerSecond=2)
    a_rule(open_cloud, targets=[{"Arn": to, "RoleArn": ROLE}])
    put(open_cloud, *[entry()] * 7)
    counts = []
    for _ in range(4):
        open_cloud.clock.settle()
        counts.append(len(site.asked))
        open_cloud.clock.advance(seconds=1)
    assert counts == [2, 4, 6, 7]


def test_a_failing_destination_is_tried_again_and_dead_lettered(open_cloud: Cloud, site: Site) -> None:
    dead = a_queue(open_cloud, "dead")
    to = destination(open_cloud, connect(open_cloud), site.url)
    policy = {"MaximumRetryAttempts": 2}
    a_rule(
        open_cloud,
        targets=[{"Arn": to, "RoleArn": ROLE, "RetryPolicy": policy, "DeadLetterConfig": {"Arn": arn("dead")}}],
    )
    site.answers = [(500, "")] * 3
    put(open_cloud)
    open_cloud.clock.settle()
    assert len(site.asked) == 1
    open_cloud.clock.advance(minutes=1)
    assert len(site.asked) == 3
    (message,) = receive(open_cloud, dead, MessageAttributeNames=["All"])
    told = {name: value["StringValue"] for name, value in message["MessageAttributes"].items()}
    assert told["ERROR_CODE"] == "ERROR_FROM_TARGET"
    assert told["EXHAUSTED_RETRY_CONDITION"] == "MaximumRetryAttempts"
    assert told["RETRY_ATTEMPTS"] == "2"
    assert told["ERROR_MESSAGE"] == "the API destination answered 500"


def test_an_answer_that_will_not_change_is_dead_lettered_at_once(open_cloud: Cloud, site: Site) -> None:
    dead = a_queue(open_cloud, "dead")
    to = destination(open_cloud, connect(open_cloud), site.url)
    a_rule(open_cloud, targets=[{"Arn": to, "RoleArn": ROLE, "DeadLetterConfig": {"Arn": arn("dead")}}])
    site.answers = [(400, "")]
    put(open_cloud)
    open_cloud.clock.settle()
    (message,) = receive(open_cloud, dead, MessageAttributeNames=["All"])
    assert message["MessageAttributes"]["ERROR_CODE"]["StringValue"] == "SDK_CLIENT_ERROR"
    assert len(site.asked) == 1


def test_no_request_goes_to_a_private_address_unless_it_is_allowed(cloud: Cloud) -> None:
    site = Site(cloud)
    dead = a_queue(cloud, "dead")
    refused = cloud.error(
        "events", "CreateApiDestination", Name="x", ConnectionArn=connect(cloud), HttpMethod="POST",
        InvocationEndpoint=site.url,
    )  # fmt: skip
    assert "must use https" in refused.text
    connection = cloud.events("DescribeConnection", Name="c")["ConnectionArn"]
    to = destination(cloud, connection, site.url.replace("http:", "https:").replace("127.0.0.1", "localhost"))
    a_rule(cloud, targets=[{"Arn": to, "RoleArn": ROLE, "DeadLetterConfig": {"Arn": arn("dead")}}])
    put(cloud)
    cloud.clock.settle()
    (message,) = receive(cloud, dead, MessageAttributeNames=["All"])
    assert "not public" in message["MessageAttributes"]["ERROR_MESSAGE"]["StringValue"]
    assert site.asked == []
    site.close()


def test_secrets_are_not_in_the_store_nor_in_answers(tmp_path: Any) -> None:
    cloud = Cloud(tmp_path)
    connect(cloud)
    cloud.run(cloud.kernel.shard.flush())
    cloud.reopen()
    described = cloud.events("DescribeConnection", Name="c")
    assert "s3cret" not in json.dumps(described)
    stored = b"".join(path.read_bytes() for path in tmp_path.glob("store.sqlite*"))
    assert b"X-Key" in stored
    assert b"s3cret" not in stored
    assert (tmp_path / "seal-key").stat().st_mode & 0o077 == 0
    cloud.events(
        "UpdateConnection", Name="c",
        AuthParameters={"ApiKeyAuthParameters": {"ApiKeyName": "Other", "ApiKeyValue": "x"}},
    )  # fmt: skip
    cloud.close()


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.0.0.1", "172.16.1.1", "192.168.1.1", "169.254.169.254", "0.0.0.0", "100.64.0.1", "::1",
        "fe80::1", "fc00::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "224.0.0.1", "fe80::1%eth0",
        "no address",
    ],
)  # fmt: skip
def test_what_is_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8"])
def test_what_is_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize("url", ["ftp://a/b", "https://", "https://a b/", "https://u:p@h/", "http://[::1", "x"])
def test_what_is_no_url(url: str) -> None:
    with pytest.raises(OutboundRefused):
        take_apart(url)
