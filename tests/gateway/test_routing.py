"""Which operation a request reaches, for every service there is."""

from __future__ import annotations

import pytest

from ballroom.gateway.hosts import bucket_of, service_label
from ballroom.gateway.rest import RestIndex
from ballroom.gateway.routing import operation_names
from ballroom.kernel.model import all_services, data
from tests.gateway.door import Door, code_of, texts
from tests.gateway.harness import get
from tests.gateway.signing import raw, signed

SERVICES = all_services()


def index(service: str) -> RestIndex:
    model = data.read_model(service)
    return RestIndex(model["operations"], model["shapes"])


@pytest.mark.parametrize(
    ("request_line", "operation"),
    [
        ("GET /", "ListBuckets"),
        ("GET /b", "ListObjects"),
        ("GET /b/?list-type=2", "ListObjectsV2"),
        ("GET /b?list-type=2&prefix=x", "ListObjectsV2"),
        ("GET /b?versions", "ListObjectVersions"),
        ("PUT /b", "CreateBucket"),
        ("PUT /b?lifecycle", "PutBucketLifecycleConfiguration"),
        ("PUT /b?notification", "PutBucketNotificationConfiguration"),
        ("GET /b?inventory", "ListBucketInventoryConfigurations"),
        ("GET /b?inventory&id=1", "GetBucketInventoryConfiguration"),
        ("HEAD /b", "HeadBucket"),
        ("GET /b/k", "GetObject"),
        ("GET /b/k/", "GetObject"),
        ("GET /b//", "GetObject"),
        ("GET /b/a//b", "GetObject"),
        ("GET /b/k?partNumber=1", "GetObject"),
        ("GET /b/k?uploadId=u", "ListParts"),
        ("PUT /b/k?x-id=PutObject", "PutObject"),
        ("PUT /b/k?partNumber=1&uploadId=u", "UploadPart"),
        ("PUT /b/k copy", "CopyObject"),
        ("PUT /b/k?partNumber=1&uploadId=u copy", "UploadPartCopy"),
        ("DELETE /b/k", "DeleteObject"),
        ("DELETE /b/k?uploadId=u", "AbortMultipartUpload"),
        ("POST /b?delete", "DeleteObjects"),
        ("POST /b/k?uploads", "CreateMultipartUpload"),
        ("POST /b/k?uploadId=u", "CompleteMultipartUpload"),
        ("POST /b/k?select&select-type=2", "SelectObjectContent"),
        ("PATCH /b/k", None),
    ],
)
def test_s3_operations_are_told_apart(request_line: str, operation: str | None) -> None:
    method, target, *copy = request_line.split(" ")
    path, _, query = target.partition("?")
    headers = {"x-amz-copy-source": "a/b"} if copy else {}
    assert index("s3").match(method, path, query, headers) == operation


@pytest.mark.parametrize(
    ("request_line", "operation"),
    [
        ("POST /2015-03-31/functions", "CreateFunction"),
        ("POST /2015-03-31/functions/", "CreateFunction"),
        ("GET /2015-03-31/functions/arn%3Aaws%3Alambda%3Aus-east-1%3A0%3Afunction%3Af", "GetFunction"),
        ("POST /2015-03-31/functions/f/invocations", "Invoke"),
        ("DELETE /2017-03-31/tags/arn%3Aaws", "UntagResource"),
        ("GET /2015-03-31/nonsense", None),
    ],
)
def test_rest_paths_are_matched(request_line: str, operation: str | None) -> None:
    method, path = request_line.split(" ")
    assert index("lambda").match(method, path, "", {}) == operation


@pytest.mark.parametrize("name", sorted(n for n, h in SERVICES.items() if h.protocols[0].startswith("rest-")))
def test_every_rest_operation_is_reached_by_its_own_template(name: str) -> None:
    model = data.read_model(name)
    made = RestIndex(model["operations"], model["shapes"])
    lost = []
    for operation, raw_model in model["operations"].items():
        path, _, query = raw_model["http"]["requestUri"].partition("?")
        segments = ["value" if "{" in part else part for part in path.split("/")]
        shape = model["shapes"].get(raw_model.get("input", {}).get("shape", ""), {})
        needed = [shape["members"][m] | {"name": m} for m in shape.get("required", ())]
        pairs = [query] if query else []
        pairs += [f"{m.get('locationName', m['name'])}=x" for m in needed if m.get("location") == "querystring"]
        headers = {m["locationName"].lower(): "x" for m in needed if m.get("location") == "header"}
        found = made.match(raw_model["http"]["method"], "/".join(segments), "&".join(pairs), headers)
        if found != operation:
            lost.append((operation, found))
    assert lost == AMBIGUOUS.get(name, [])


AMBIGUOUS: dict[str, list[tuple[str, str]]] = {
    # the models tell these apart by nothing but the host, or not at all
    "s3": [
        ("GetBucketLifecycle", "GetBucketLifecycleConfiguration"),
        ("GetBucketNotification", "GetBucketNotificationConfiguration"),
        ("ListDirectoryBuckets", "ListBuckets"),
        ("PutBucketLifecycle", "PutBucketLifecycleConfiguration"),
        ("PutBucketNotification", "PutBucketNotificationConfiguration"),
    ],
}


def one_operation(name: str) -> str:
    model = data.read_model(name)
    return sorted(model["operations"])[0]


LACKING = [
    ("kinesis", "json"), ("swf", "json"), ("cloudwatch", "smithy-rpc-v2-cbor"), ("ec2", "ec2"), ("elbv2", "query"),
    ("apigateway", "rest-json"), ("route53", "rest-xml"), ("glue", "json"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "protocol"), LACKING)
def test_an_operation_that_ballroom_lacks_is_refused_by_name(door: Door, name: str, protocol: str) -> None:
    head = SERVICES[name]
    operation = one_operation(name)
    http = data.read_model(name)["operations"][operation]["http"]
    headers, body, url, method = {}, b"", "http://localhost/", "POST"
    if protocol == "json":
        headers = {
            "X-Amz-Target": f"{head.target_prefix}.{operation}",
            "Content-Type": "application/x-amz-json-1.1",
        }
        body = b"{}"
    elif protocol in ("query", "ec2"):
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        body = f"Action={operation}&Version={head.api_version}".encode()
    elif protocol == "smithy-rpc-v2-cbor":
        headers = {"Smithy-Protocol": "rpc-v2-cbor", "Content-Type": "application/cbor"}
        url, body = f"http://localhost/service/{head.target_prefix}/operation/{operation}", b"\xa0"
    else:
        method = http["method"]
        path = "/".join(
            "x" if "{" in part else part for part in http["requestUri"].partition("?")[0].split("/")
        )
        url = "http://localhost" + path
    reply = door.ask(raw(signed(method, url, body, headers, service=head.signing_name)))
    assert reply.status == 501
    assert f"Ballroom does not implement {name}:".encode() in reply.body
    if protocol != "smithy-rpc-v2-cbor":
        assert code_of(reply) == "NotImplemented"


def test_every_service_is_found_by_target_or_signature(door: Door) -> None:
    registered = door.gateway.router.heads
    for name, head in SERVICES.items():
        if name in registered or not head.target_prefix:
            continue
        operation = one_operation(name)
        target = door.gateway.router._for_target(f"{head.target_prefix}.{operation}")
        assert target is not None
        assert target.refused is not None
        assert target.refused.status == 501, name
        assert f":{operation} yet" in target.refused.text


@pytest.mark.parametrize(
    ("request_", "status", "code"),
    [
        (
            ("POST", "/", {"X-Amz-Target": "AmazonSQS.Frobnicate"}, b"{}", "sqs"),
            400,
            "UnknownOperationException",
        ),
        (("POST", "/", {"X-Amz-Target": "Nothing.Here"}, b"{}", "sqs"), 400, "UnknownOperationException"),
        (("POST", "/", {"X-Amz-Target": ""}, b"{}", "sqs"), 400, "UnknownOperationException"),
        (("GET", "/2015-03-31/nonsense", {}, b"", "lambda"), 404, "UnknownOperationException"),
        (("GET", "/?Action=Frobnicate&Version=2011-06-15", {}, b"", "sts"), 400, "InvalidAction"),
        (("GET", "/?Action=Frobnicate", {}, b"", "iam"), 400, "InvalidAction"),
        (("PATCH", "/bucket/key", {}, b"", "s3"), 405, "MethodNotAllowed"),
    ],
)
def test_an_operation_that_nobody_has_is_unknown(
    door: Door, request_: tuple[str, str, dict[str, str], bytes, str], status: int, code: str
) -> None:
    method, path, headers, body, service = request_
    signer = "s3" if service == "s3" else "header"
    request = signed(method, f"http://localhost{path}", body, headers, service=service, signer=signer)
    reply = door.ask(raw(request))
    assert (reply.status, code_of(reply)) == (status, code)


@pytest.mark.parametrize(
    "request_",
    [
        get("/?Action=GetCallerIdentity&Version=2011-06-15"),
        get("/?Action=GetCallerIdentity"),
        get("/2015-03-31/functions/"),
        get("/", "X-Amz-Target: AmazonSQS.ListQueues", "Content-Length: 2", method="POST") + b"{}",
        b"GET /?Action=ListUsers HTTP/1.1\r\nHost: iam.amazonaws.com\r\n\r\n",
        b"GET /?Action=ListQueues HTTP/1.1\r\nHost: sqs.eu-west-1.localhost:4566\r\n\r\n",
    ],
)
def test_unsigned_requests_find_their_service(door: Door, request_: bytes) -> None:
    assert door.ask(request_).status == 200


def test_any_host_is_served(door: Door) -> None:
    for host in ("sync-localhost", "api.example.org:99", "[::1]:4566", "", "10.0.0.1"):
        request = f"GET /?Action=GetCallerIdentity HTTP/1.1\r\nHost: {host}\r\n\r\n"
        assert door.ask(request.encode()).status == 200


def test_a_query_may_say_which_service_by_its_action_alone(door: Door) -> None:
    form = "Content-Type: application/x-www-form-urlencoded"
    body = b"Version=2012-11-05&QueueName=q&Action=CreateQueue"
    reply = door.ask(get("/", form, f"Content-Length: {len(body)}", method="POST") + body)
    assert texts(reply)["QueueUrl"].endswith("/q")


def test_a_bucket_in_the_host_name(door: Door) -> None:
    for host in ("b.s3.localhost:4566", "b.s3.us-east-1.amazonaws.com", "b.localhost:4566"):
        reply = door.ask(f"GET /key/x HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
        assert (code_of(reply), texts(reply).get("BucketName", "b")) == ("NoSuchBucket", "b")


@pytest.mark.parametrize(
    ("host", "bucket"),
    [
        ("b.s3.localhost:4566", "b"),
        ("a.b.s3.localhost", "a.b"),
        ("b.s3.eu-west-1.localhost", "b"),
        ("b.s3-eu-west-1.amazonaws.com", "b"),
        ("b.s3.dualstack.eu-west-1.amazonaws.com", "b"),
        ("b.localhost", "b"),
        ("b.s3.ballroom.example.org", "b"),
        ("b.cloud.example.org:80", "b"),
        ("s3.localhost", None),
        ("s3.eu-west-1.localhost", None),
        ("localhost:4566", None),
        ("127.0.0.1", None),
        ("a/b.localhost", None),
        ("example.org", None),
    ],
)
def test_buckets_in_host_names(host: str, bucket: str | None) -> None:
    assert bucket_of(host, "cloud.example.org") == bucket


def test_services_in_host_names() -> None:
    assert service_label("sqs.eu-west-1.amazonaws.com") == "sqs"
    assert service_label("iam.localhost:4566") == "iam"
    assert service_label("localhost") is None


def test_models_of_services_that_are_only_named_are_not_kept() -> None:
    for name in list(SERVICES)[:60]:
        operation_names(name)
    assert operation_names.cache_info().currsize <= 32
