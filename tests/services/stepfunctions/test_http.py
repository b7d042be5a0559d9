"""`http:invoke`, against a small HTTP server on the test's own loop."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.cloud import Cloud
from tests.services.events.test_api_destinations import Site, connect, open_cloud, site
from tests.services.stepfunctions.machines import chain, run, task

from ballroom.kernel import Context, ServiceError
from ballroom.services.stepfunctions.integrations.http import call_http

__all__ = ["open_cloud", "site"]  # fixtures


def call(cloud: Cloud, site: Site, **more: Any) -> dict[str, Any]:
    parameters = {
        "ApiEndpoint": site.url + "/cars", "Method": "POST",
        "Authentication": {"ConnectionArn": connect(cloud)}, **more,
    }  # fmt: skip
    execution = run(cloud, chain(Call=task("http:invoke", parameters)))
    described: dict[str, Any] = cloud.stepfunctions("DescribeExecution", executionArn=execution)
    return described


def test_an_answer_is_the_tasks_result(open_cloud: Cloud, site: Site) -> None:
    site.answers = [(200, '{"id": 7}')]
    ended = call(
        open_cloud, site, RequestBody={"car": "DS"}, QueryParameters={"fast": True}, Headers={"X-Shop": "waltz"}
    )
    assert ended["status"] == "SUCCEEDED"
    output = json.loads(ended["output"])
    assert (output["ResponseBody"], output["StatusCode"], output["StatusText"]) == ({"id": 7}, 200, "OK")
    [(first, headers, body)] = site.asked
    assert first == "POST /cars?fast=true HTTP/1.1"
    assert (headers["x-key"], headers["x-shop"], headers["content-type"]) == ("s3cret", "waltz", "application/json")
    assert json.loads(body) == {"car": "DS"}


def test_any_status_but_success_fails_the_task(open_cloud: Cloud, site: Site) -> None:
    site.answers = [(404, "no such car")]
    ended = call(open_cloud, site)
    assert (ended["status"], ended["error"], ended["cause"]) == (
        "FAILED", "States.Http.StatusCode.404", "no such car",
    )  # fmt: skip


def test_nobody_there_is_a_failure_that_can_be_caught(open_cloud: Cloud, site: Site) -> None:
    ended = call(open_cloud, site, ApiEndpoint="http://127.0.0.1:9/")
    assert (ended["status"], ended["error"]) == ("FAILED", "States.Http.Socket")


@pytest.mark.parametrize(
    ("style", "sent"),
    [
        ("INDICES", b"a%5B0%5D=1&a%5B1%5D=2&b%5Bc%5D=x"), ("REPEAT", b"a=1&a=2&b%5Bc%5D=x"),
        ("COMMAS", b"a=1%2C2&b%5Bc%5D=x"), ("BRACKETS", b"a%5B%5D=1&a%5B%5D=2&b%5Bc%5D=x"),
    ],
)
def test_a_body_may_be_a_form(open_cloud: Cloud, site: Site, style: str, sent: bytes) -> None:
    transform = {"RequestBodyEncoding": "URL_ENCODED", "RequestEncodingOptions": {"ArrayFormat": style}}
    call(open_cloud, site, RequestBody={"a": [1, 2], "b": {"c": "x"}}, Transform=transform)
    [(_, headers, body)] = site.asked
    assert (headers["content-type"], body) == ("application/x-www-form-urlencoded", sent)


@pytest.mark.parametrize(
    "wrong", [{"ApiEndpoint": "ftp://x"}, {"ApiEndpoint": 5}, {"Method": "FLY"}, {"Authentication": {}}]
)
def test_what_cannot_be_called_fails(open_cloud: Cloud, site: Site, wrong: dict[str, Any]) -> None:
    assert call(open_cloud, site, **wrong)["error"] == "States.Runtime"
    assert site.asked == []


def test_a_request_that_was_begun_is_not_sent_again(open_cloud: Cloud, site: Site) -> None:
    request = {
        "RequestId": "r", "ConnectionArn": connect(open_cloud), "Method": "GET", "Url": site.url, "Query": {},
        "Headers": {}, "Body": b"",
    }  # fmt: skip
    ctx: Context = open_cloud.kernel.context(open_cloud.caller())
    assert open_cloud.run(call_http(ctx, request))["Status"] == 200
    with pytest.raises(ServiceError, match="under way"):
        open_cloud.run(call_http(ctx, request))
    assert len(site.asked) == 1
