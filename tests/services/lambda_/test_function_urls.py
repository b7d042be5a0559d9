"""Function URLs over real HTTP: the host name decides, the policy allows, the formats are AWS's."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from contextlib import closing
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from tests.services.lambda_.floor import ROLE, Stage, package

from ballroom.testing import BallroomServer

FORBIDDEN = (
    "Forbidden. For troubleshooting Function URL authorization issues, see: "
    "https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html"
)


class Site:
    """A function with a URL."""

    def __init__(self, server: BallroomServer) -> None:
        self.server = server
        self.client = server.client("lambda")
        self.url = ""

    def make(self, *, public: bool = True, **config: Any) -> None:
        self.client.create_function(
            FunctionName="f", Runtime="python3.12", Role=ROLE, Handler="index.handler",
            Code={"ZipFile": package()},
        )  # fmt: skip
        made = self.client.create_function_url_config(FunctionName="f", **{"AuthType": "NONE", **config})
        self.url = made["FunctionUrl"]
        if public:
            self.permit("lambda:InvokeFunctionUrl", FunctionUrlAuthType="NONE")
            self.permit("lambda:InvokeFunction", InvokedViaFunctionUrl=True)

    def permit(self, action: str, **more: Any) -> None:
        self.client.add_permission(
            FunctionName="f", StatementId=action.partition(":")[2], Action=action, Principal="*", **more
        )

    def ask(
        self, method: str = "GET", path: str = "/", body: bytes | None = None, **headers: str
    ) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body of an answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.server.settings.port)
        own = {"Host": urlsplit(self.url).netloc, **{k.replace("_", "-"): v for k, v in headers.items()}}
        connection.request(method, path, body, own)
        answer = connection.getresponse()
        data = answer.read()
        connection.close()
        return answer.status, {k.lower(): v for k, v in answer.getheaders()}, data


@pytest.fixture
def site(stage: Stage) -> Iterator[Site]:
    with BallroomServer() as server:
        yield Site(server)


def test_a_request_becomes_an_event_and_the_answer_a_response(site: Site, stage: Stage) -> None:
    site.make()
    stage.script(lambda event: {"statusCode": 201, "headers": {"X-A": "1"}, "body": event["rawPath"]})
    status, headers, body = site.ask("POST", "/a%20b?x=1", b'{"n":1}', content_type="application/json")
    assert (status, headers["x-a"], body) == (201, "1", b"/a%20b")
    (event,) = stage.events
    assert (event["rawQueryString"], event["body"], event["requestContext"]["http"]["method"]) == (
        "x=1", '{"n":1}', "POST",
    )  # fmt: skip
    assert headers["x-amzn-requestid"] == event["requestContext"]["requestId"] == stage.seen[0].request_id
    assert urlsplit(site.url).port == site.server.settings.port


@pytest.mark.parametrize("given", [(), ("lambda:InvokeFunctionUrl",), ("lambda:InvokeFunction",)])
def test_a_public_url_needs_both_permissions(site: Site, stage: Stage, given: tuple[str, ...]) -> None:
    site.make(public=False)
    for action in given:
        site.permit(action)
    status, headers, body = site.ask()
    assert (status, headers["x-amzn-errortype"]) == (403, "AccessDeniedException")
    assert json.loads(body) == {"Message": FORBIDDEN}
    assert stage.seen == []


def test_aws_iam_wants_a_signature(site: Site, stage: Stage) -> None:
    site.make(public=False, AuthType="AWS_IAM")
    assert site.ask()[0] == 403
    signed = AWSRequest("GET", site.url)
    SigV4Auth(Credentials("test", "test"), "lambda", "us-east-1").add_auth(signed)
    headers = {name.replace("-", "_"): value for name, value in signed.headers.items()}
    assert site.ask(**headers)[0] == 200
    identity = stage.events[0]["requestContext"]["authorizer"]["iam"]
    assert identity["accountId"] == "000000000000"


def test_an_error_of_the_function_is_502(site: Site, stage: Stage) -> None:
    site.make()
    stage.script(lambda event: 1 / 0)
    status, _, body = site.ask()
    assert (status, body) == (502, b"Internal Server Error")


def test_a_throttle_is_429(site: Site, stage: Stage) -> None:
    site.make()
    site.client.put_function_concurrency(FunctionName="f", ReservedConcurrentExecutions=0)
    assert site.ask()[0] == 429


def test_an_unknown_host_is_404_and_a_deleted_url_too(site: Site, stage: Stage) -> None:
    site.make()
    site.client.delete_function_url_config(FunctionName="f")
    assert site.ask()[0] == 404
    site.url = site.url.replace(urlsplit(site.url).hostname.partition(".")[0], "0" * 32)  # type: ignore[union-attr]
    assert site.ask()[0] == 404


def test_cors_is_answered_without_the_function(site: Site, stage: Stage) -> None:
    site.make(Cors={"AllowOrigins": ["https://shop.example"], "AllowMethods": ["POST"], "MaxAge": 60})
    origin = "https://shop.example"
    status, headers, _ = site.ask("OPTIONS", Origin=origin, Access_Control_Request_Method="POST")
    assert (status, headers["access-control-allow-origin"], headers["access-control-max-age"]) == (
        200, origin, "60",
    )  # fmt: skip
    assert stage.seen == []
    assert site.ask("POST", Origin=origin)[1]["access-control-allow-origin"] == origin
    assert "access-control-allow-origin" not in site.ask("POST", Origin="https://evil.example")[1]


def test_a_url_has_one_configuration_and_its_own_for_an_alias(site: Site, stage: Stage) -> None:
    site.make()
    with pytest.raises(site.client.exceptions.ResourceConflictException):
        site.client.create_function_url_config(FunctionName="f", AuthType="NONE")
    site.client.publish_version(FunctionName="f")
    site.client.create_alias(FunctionName="f", Name="live", FunctionVersion="1")
    other = site.client.create_function_url_config(FunctionName="f", Qualifier="live", AuthType="AWS_IAM")
    assert other["FunctionUrl"] != site.url
    listed = site.client.list_function_url_configs(FunctionName="f")["FunctionUrlConfigs"]
    assert {c["FunctionUrl"] for c in listed} == {site.url, other["FunctionUrl"]}
    updated = site.client.update_function_url_config(FunctionName="f", AuthType="AWS_IAM")
    assert (updated["AuthType"], updated["FunctionUrl"]) == ("AWS_IAM", site.url)


def test_the_package_can_be_fetched_where_get_function_says(site: Site, stage: Stage) -> None:
    site.make()
    location = site.client.get_function(FunctionName="f")["Code"]["Location"]
    with closing(http.client.HTTPConnection("127.0.0.1", site.server.settings.port)) as connection:
        connection.request("GET", urlsplit(location).path)
        assert connection.getresponse().read() == package()
