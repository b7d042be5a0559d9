"""Requests that are no HTTP, or stop coming: each is refused in the words of the service it is for."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import orjson
import pytest

from tests.gateway.door import Door
from tests.gateway.harness import Client, Reply, get, post, until

SCOPE = "Authorization: AWS4-HMAC-SHA256 Credential=test/20300101/us-east-1/{}/aws4_request, " + (
    f"SignedHeaders=host, Signature={'0' * 64}"
)
S3, SQS, LAMBDA, IAM = (SCOPE.format(name) for name in ("s3", "sqs", "lambda", "iam"))
DATED = "X-Amz-Date: 20300101T000000Z"
CHUNKED = "Transfer-Encoding: chunked"
SILENCE = (
    "Your socket connection to the server was not read from or written to within the timeout period. "
    "Idle connections will be closed."
)


@pytest.fixture
def durable_door(tmp_path: Path) -> Iterator[Door]:
    made = Door(data_dir=tmp_path)
    yield made
    made.close()


def silent(door: Door, request: bytes) -> Reply:
    """Send what is there of a request, then nothing for longer than the server waits."""

    async def exchange() -> Reply:
        client = Client(*await asyncio.open_connection("127.0.0.1", door.gateway.port))
        server = door.gateway.server
        client.send(request)
        await until(lambda: any(c._current and c._current.path for c in server.connections))
        await asyncio.sleep(0.05)  # whatever came is on its way to where it goes
        server.sweep(asyncio.get_running_loop().time() + 31)
        try:
            reply = await client.reply()
            assert await client.ended()
            return reply
        finally:
            await client.close()

    return door.cloud.run(exchange())


def told(reply: Reply) -> tuple[int, str, str]:
    """Status, code and text, in XML or JSON."""
    if reply.headers["content-type"] in ("application/xml", "text/xml"):
        root = ElementTree.fromstring(reply.body)
        spaceless = {e.tag.rpartition("}")[2]: e.text or "" for e in root.iter()}
        return reply.status, spaceless["Code"], spaceless["Message"]
    document = orjson.loads(reply.body)
    code = document.get("__type") or reply.headers["x-amzn-errortype"]
    return reply.status, code.rpartition("#")[2], document.get("message") or document.get("Message")


FORM = (
    b'--b\r\nContent-Disposition: form-data; name="key"\r\n\r\nk\r\n'
    b'--b\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\n' + b"x" * 300_000
)


@pytest.mark.parametrize(
    "request_",
    [
        get("/shelf/k", S3, DATED, "Content-Length: 10", method="PUT") + b"half",
        get("/shelf/k", S3, DATED, "Content-Length: 2000000", method="PUT") + b"x" * 1_200_000,
        get("/shelf/k?partNumber=1&uploadId=UPLOAD", S3, DATED, "Content-Length: 2000000", method="PUT")
        + b"x" * 1_200_000,
        get("/shelf", "Content-Type: multipart/form-data; boundary=b", "Content-Length: 2000000", method="POST")
        + FORM,
    ],
    ids=["small", "large", "part", "form"],
)
def test_an_upload_that_falls_silent_is_told_so_and_leaves_nothing(
    durable_door: Door, tmp_path: Path, request_: bytes
) -> None:
    cloud = durable_door.cloud
    cloud.call("s3", "CreateBucket", Bucket="shelf")
    cloud.call("s3", "DeletePublicAccessBlock", Bucket="shelf")
    everybody = {"Effect": "Allow", "Principal": "*", "Action": "s3:PutObject", "Resource": "arn:aws:s3:::shelf/*"}
    policy = orjson.dumps({"Version": "2012-10-17", "Statement": [everybody]}).decode()
    cloud.call("s3", "PutBucketPolicy", Bucket="shelf", Policy=policy)
    upload = cloud.call("s3", "CreateMultipartUpload", Bucket="shelf", Key="k")["UploadId"]
    reply = silent(durable_door, request_.replace(b"UPLOAD", upload.encode()))
    assert told(reply) == (400, "RequestTimeout", SILENCE)
    assert reply.headers["x-amz-request-id"]
    incoming = tmp_path / "blobs" / ".incoming"
    cloud.run(until(lambda: not incoming.exists() or not list(incoming.iterdir())))
    assert not list(cloud.kernel.blobs.names())
    assert cloud.error("s3", "GetObject", Bucket="shelf", Key="k").shape == "NoSuchKey"
    assert "Parts" not in cloud.call("s3", "ListParts", Bucket="shelf", Key="k", UploadId=upload)


@pytest.mark.parametrize(
    ("headers", "path", "code"),
    [
        ([SQS, "X-Amz-Target: AmazonSQS.SendMessage"], "/", "RequestTimeoutException"),
        ([LAMBDA], "/2015-03-31/functions", "RequestTimeoutException"),
        ([IAM, "Content-Type: application/x-www-form-urlencoded"], "/", "RequestTimeoutException"),
        (["Content-Type: application/x-www-form-urlencoded"], "/", "RequestTimeout"),  # nobody can know whose
    ],
    ids=["json", "rest-json", "query", "unknown"],
)
def test_silence_towards_other_services(door: Door, headers: list[str], path: str, code: str) -> None:
    reply = silent(door, get(path, *headers, DATED, "Content-Length: 10", method="POST") + b"half")
    assert told(reply)[:2] == (408, code)


@pytest.mark.parametrize(
    ("request_", "status", "code"),
    [
        (get("/shelf/k", S3, CHUNKED, method="PUT") + b"zz\r\n", 501, "NotImplemented"),
        (get("/shelf?delete", S3, CHUNKED, method="POST") + b"zz\r\n", 400, "BadRequest"),
        (get("/shelf/k", S3, "Content-Length: -1", method="PUT"), 400, "BadRequest"),
        (get("/shelf/k", S3, "Content-Length: 3x", method="PUT"), 400, "BadRequest"),
        (get("/shelf/k", S3, "Content-Length: ", method="PUT"), 400, "BadRequest"),
        (get("/shelf/k", "Content-Length: ", method="PUT"), 400, "BadRequest"),
        (get("/shelf/k", S3, "Transfer-Encoding: gzip", method="PUT"), 501, "NotImplemented"),
        (get("/shelf/k", S3, "X: " + "a" * 70_000), 400, "RequestHeaderSectionTooLarge"),
        (get("/shelf/k", S3, *[f"X-{n}: a" for n in range(300)]), 400, "RequestHeaderSectionTooLarge"),
        (get("/shelf/k", S3, method="PUT"), 411, "MissingContentLength"),
        (get("/shelf/k", S3, "X-Amz-Content-Sha256: STREAMING-UNSIGNED-PAYLOAD-TRAILER", CHUNKED, method="PUT"),
         411, "MissingContentLength"),
        (get("/shelf", S3, "Content-Length: 99999999", method="PUT"), 400, "EntityTooLarge"),
        (get("/", SQS, "Content-Length: -1", method="POST"), 400, "MalformedHttpRequestException"),
        (get("/", IAM, "Content-Length: -1", method="POST"), 400, "MalformedHttpRequestException"),
        (get("/", SQS, "X: " + "a" * 70_000), 431, "RequestHeaderFieldsTooLarge"),
        (get("/", IAM, "Content-Type: application/x-www-form-urlencoded", "Content-Length: 99999999",
             method="POST"), 413, "RequestEntityTooLarge"),
        (get("/", "Content-Length: -1", method="POST"), 400, "BadRequest"),
    ],
)  # fmt: skip
def test_what_is_no_http_is_refused_in_the_words_of_its_service(
    door: Door, request_: bytes, status: int, code: str
) -> None:
    reply = door.ask(request_.replace(b"\r\n\r\n", f"\r\n{DATED}\r\n\r\n".encode(), 1))
    assert told(reply)[:2] == (status, code)
    assert reply.headers.get("connection") == "close" or status == 411
    if reply.headers["content-type"] == "application/xml":
        assert reply.headers["x-amz-request-id"]


def test_a_large_object_may_call_itself_a_form(door: Door) -> None:
    door.cloud.call("s3", "CreateBucket", Bucket="shelf")
    request = post(b"x" * (21 << 20), S3, DATED, "Content-Type: application/x-www-form-urlencoded", path="/shelf/k")
    assert door.ask(request.replace(b"POST", b"PUT", 1)).status == 200
