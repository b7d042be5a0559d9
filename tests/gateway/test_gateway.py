"""From the socket to an operation and back: ids, limits, streams, failures, clients that go away."""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import Callable
from typing import Any

import orjson
import pytest

from ballroom.gateway import sigv4
from ballroom.gateway.aws_chunked import SIGNED
from ballroom.gateway.http import Limits
from ballroom.kernel.errors import Throttled, Unavailable
from ballroom.kernel.registry import Operation, registry
from tests.gateway.door import Door, code_of, texts
from tests.gateway.harness import Client, Peak, get, until
from tests.gateway.signing import KEY, SECRET, raw, signed

Stand = Callable[..., None]


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch) -> Stand:
    """Put a handler of the test's in the place of an operation."""

    def replace(service: str, name: str, handler: Callable[..., Any]) -> None:
        waits = asyncio.iscoroutinefunction(handler)
        monkeypatch.setitem(
            registry.operations, (service, name), Operation(service, name, handler, waits, False)
        )

    return replace


def test_every_answer_has_a_request_id_of_its_own(door: Door) -> None:
    ids = {door.json("AmazonSQS.ListQueues", {}).headers["x-amzn-requestid"] for _ in range(3)}
    ids.add(door.json("AmazonSQS.Nothing", {}).headers["x-amzn-requestid"])
    assert len(ids) == 4
    assert all(re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", id) for id in ids)


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1", True),
        (None, False),
        ("nonsense", False),
        ("Root=" + "1" * 600, False),
    ],
)
def test_the_trace_is_taken_over_or_begun(door: Door, stand_in: Stand, sent: str | None, kept: bool) -> None:
    seen = []
    stand_in("sqs", "ListQueues", lambda tx, request: seen.append(tx.caller) or {})
    door.json("AmazonSQS.ListQueues", {}, *([f"X-Amzn-Trace-Id: {sent}"] if sent else []))
    if kept:
        assert seen[0].trace == sent
    else:
        assert re.fullmatch(r"Root=1-[0-9a-f]{8}-[0-9a-f]{24}", seen[0].trace)


def test_the_caller_is_complete(door: Door, stand_in: Stand) -> None:
    seen = []
    stand_in("sqs", "ListQueues", lambda tx, request: seen.append(tx.caller) or {})
    headers = {"X-Amz-Target": "AmazonSQS.ListQueues", "User-Agent": "tester/1"}
    reply = door.ask(raw(signed("POST", body=b"{}", headers=headers)))
    caller = seen[0]
    assert (caller.access_key_id, caller.remote, caller.user_agent) == (KEY, "127.0.0.1", "tester/1")
    assert caller.request_id == reply.headers["x-amzn-requestid"]
    assert not caller.anonymous


def test_a_bug_of_ours_tells_no_details(door: Door, stand_in: Stand, caplog: pytest.LogCaptureFixture) -> None:
    def fail(tx: Any, request: Any) -> Any:
        raise RuntimeError("secret")

    stand_in("sqs", "ListQueues", fail)
    reply = door.json("AmazonSQS.ListQueues", {})
    assert (reply.status, code_of(reply)) == (500, "InternalFailure")
    assert b"secret" not in reply.body
    assert reply.headers["x-amzn-requestid"] in caplog.text
    assert "RuntimeError: secret" in caplog.text


def test_a_validator_that_fails_is_a_bug_of_ours(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(request: Any) -> None:
        raise RecursionError

    broken = Operation("sqs", "ListQueues", lambda tx, request: {}, False, False, fail)
    monkeypatch.setitem(registry.operations, ("sqs", "ListQueues"), broken)
    reply = door.json("AmazonSQS.ListQueues", {})
    assert (reply.status, code_of(reply)) == (500, "InternalFailure")


def test_an_answer_that_cannot_be_encoded_is_a_bug_of_ours(door: Door, stand_in: Stand) -> None:
    stand_in("sqs", "ListQueues", lambda tx, request: {"QueueUrls": object()})
    assert door.json("AmazonSQS.ListQueues", {}).status == 500


@pytest.mark.parametrize("body", [b"{", b"[]", b"\xff", b'{"a":' * 10_000, b"null"])
def test_bodies_that_are_none_are_refused(door: Door, body: bytes) -> None:
    head = get("/", "X-Amz-Target: AmazonSQS.ListQueues", f"Content-Length: {len(body)}", method="POST")
    assert door.ask(head + body).status == 400


def large(door: Door, length: int, *headers: str, path: str = "/", method: str = "POST") -> Any:
    """Announce a body and see what is said before any of it is sent."""
    return door.ask(get(path, *headers, f"Content-Length: {length}", method=method))


def test_bodies_beyond_an_operations_limit_are_refused_unread(door: Door) -> None:
    peak = Peak()
    reply = large(door, 100 << 20, "X-Amz-Target: AmazonSQS.SendMessage")
    assert (reply.status, code_of(reply)) == (413, "RequestEntityTooLargeException")
    reply = large(door, 100 << 20, path="/2015-03-31/functions")
    assert (reply.status, code_of(reply)) == (413, "RequestEntityTooLargeException")
    assert b"Request must be smaller than 70167211 bytes for the CreateFunction operation" in reply.body
    reply = large(door, 7 << 20, path="/2015-03-31/functions/f/invocations")
    assert b"Request must be smaller than 6291556 bytes for the InvokeFunction operation" in reply.body
    reply = large(door, 100 << 20, "Content-Type: application/x-www-form-urlencoded")
    assert reply.status == 413
    reply = large(door, 100 << 20, path="/_ballroom/clock")
    assert reply.status == 413
    assert peak.growth_bytes() < 30 << 20


def test_bodies_beyond_the_memory_for_all_of_them_are_refused_as_throttling(door: Door) -> None:
    door.gateway.server.limits = Limits(collected_bytes=1 << 20)
    reply = large(door, 2 << 20, "X-Amz-Target: AmazonSQS.SendMessage")
    assert (reply.status, code_of(reply)) == (400, "ThrottlingException")
    scope = "Credential=test/20260101/us-east-1/sts/aws4_request, SignedHeaders=host, Signature=" + 64 * "0"
    form = ("Content-Type: application/x-www-form-urlencoded", f"Authorization: AWS4-HMAC-SHA256 {scope}")
    reply = large(door, 2 << 20, *form)
    assert (reply.status, code_of(reply), reply.headers["content-type"]) == (400, "ThrottlingException", "text/xml")
    reply = large(door, 2 << 20, path="/bucket?tagging", method="PUT")
    assert (reply.status, code_of(reply)) == (503, "SlowDown")
    assert large(door, 2 << 20, path="/_ballroom/clock").status == 503


@pytest.mark.parametrize(
    ("error", "json", "query", "s3"),
    [
        (Throttled(), "400 ThrottlingException", "400 ThrottlingException", "503 SlowDown"),
        (Unavailable("full"), "503 ServiceUnavailableException", "503 ServiceUnavailable", "503 ServiceUnavailable"),
    ],
)  # fmt: skip
def test_a_slow_or_full_disk_is_told_in_the_protocols_words(
    door: Door, stand_in: Stand, error: Exception, json: str, query: str, s3: str
) -> None:
    def refuse(tx: Any, request: Any) -> Any:
        raise error

    for service, name in (("sqs", "ListQueues"), ("sts", "GetCallerIdentity"), ("s3", "ListBuckets")):
        stand_in(service, name, refuse)
    replies = [door.json("AmazonSQS.ListQueues", {}), door.identity(), door.ask(get("/"))]
    assert [f"{reply.status} {code_of(reply)}" for reply in replies] == [json, query, s3]


def test_a_large_body_that_leads_nowhere_is_refused_unread(door: Door) -> None:
    assert large(door, 100 << 20, "X-Amz-Target: Kinesis_20131202.PutRecord").status == 501
    assert large(door, 100 << 20, "X-Amz-Target: AmazonSQS.Nothing").status == 400


def test_large_bodies_within_the_limit_arrive(door: Door) -> None:
    door.cloud.call("sqs", "CreateQueue", QueueName="q")
    body = (
        b"Action=SendMessage&QueueUrl=http://localhost/000000000000/q&Version=2012-11-05&MessageBody="
        + b"x" * 200_000
    )
    form = "Content-Type: application/x-www-form-urlencoded"
    reply = door.ask(get("/", form, f"Content-Length: {len(body)}", method="POST") + body)
    assert texts(reply)["MD5OfMessageBody"] == hashlib.md5(b"x" * 200_000).hexdigest()


def test_a_client_that_goes_away_cancels_its_operation(door: Door, stand_in: Stand) -> None:
    began, ended = [], []

    async def wait(ctx: Any, request: Any) -> Any:
        began.append(True)
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(True)

    async def scenario() -> None:
        client = Client(*await asyncio.open_connection("127.0.0.1", door.gateway.port))
        client.send(get("/", "X-Amz-Target: AmazonSQS.ListQueues", "Content-Length: 2", method="POST") + b"{}")
        await until(lambda: began)
        await client.close()
        await until(lambda: ended)

    stand_in("sqs", "ListQueues", wait)
    door.cloud.run(scenario())


def test_nothing_leaves_before_it_is_durable(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    held: list[Any] = []
    monkeypatch.setattr(door.kernel, "submit", lambda *a: held.append(a))

    async def scenario() -> None:
        client = Client(*await asyncio.open_connection("127.0.0.1", door.gateway.port))
        client.send(get("/", "X-Amz-Target: AmazonSQS.ListQueues", "Content-Length: 2", method="POST") + b"{}")
        await until(lambda: held)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(client.reader.read(1), 0.05)
        held[0][4]({})
        assert (await client.reply()).status == 200
        await client.close()

    door.cloud.run(scenario())


# --- streams, with S3's PutObject


@pytest.fixture
def stored(stand_in: Stand) -> list[tuple[dict[str, Any], bytes, dict[str, str]]]:
    """What PutObject was given: input, body, trailers."""
    seen: list[tuple[dict[str, Any], bytes, dict[str, str]]] = []

    async def put_object(ctx: Any, request: dict[str, Any]) -> dict[str, Any]:
        body = b"".join([piece async for piece in request["Body"]])
        seen.append((request, body, request["Body"].trailers()))
        return {}

    stand_in("s3", "PutObject", put_object)
    return seen


Stored = list[tuple[dict[str, Any], bytes, dict[str, str]]]
URL = "http://localhost/bucket/key"


@pytest.mark.parametrize("size", [0, 10, 1_000_000])
def test_a_signed_body_streams_in(guarded_door: Door, stored: Stored, size: int) -> None:
    body = b"x" * size
    request = signed("PUT", URL, body, service="s3", signer="s3")
    assert guarded_door.ask(raw(request)).status == 200
    assert (stored[0][1], stored[0][0]["ContentLength"]) == (body, size)


@pytest.mark.parametrize("size", [10, 1_000_000])
def test_a_body_that_is_not_the_signed_one_is_refused(guarded_door: Door, stored: Stored, size: int) -> None:
    request = signed("PUT", URL, b"x" * size, service="s3", signer="s3")
    reply = guarded_door.ask(raw(request, body=b"y" * size))
    assert (reply.status, code_of(reply)) == (400, "XAmzContentSHA256Mismatch")
    assert not stored


def in_chunks(request: Any, *pieces: bytes) -> bytes:
    """A body in signed chunks, chained to the request's signature."""
    found = sigv4.read({k.lower(): v for k, v in request.headers.items()}, "")
    assert found is not None
    scope = found.scope
    signer = sigv4.signer(SECRET, scope.date, scope.region, "s3")
    previous, out = found.signature, b""
    for piece in (*pieces, b""):
        text = "\n".join(
            ["AWS4-HMAC-SHA256-PAYLOAD", found.timestamp, scope.text, previous, sigv4.EMPTY_SHA256,
             hashlib.sha256(piece).hexdigest()]
        )  # fmt: skip
        previous = signer.sign(text)
        out += b"%x;chunk-signature=%b\r\n%b\r\n" % (len(piece), previous.encode(), piece)
    return out


def chunk_signed(*pieces: bytes, damage: bytes = b"") -> bytes:
    headers = {
        "Content-Encoding": "aws-chunked,gzip",
        "X-Amz-Decoded-Content-Length": str(sum(map(len, pieces))),
    }
    request = signed_with_hash("PUT", URL, headers, SIGNED)
    body = in_chunks(request, *pieces)
    return raw(request, body=body.replace(damage, b"!" * len(damage)) if damage else body)


def signed_with_hash(method: str, url: str, headers: dict[str, str], content_sha256: str) -> Any:
    """Signed with a word in the place of the body's hash."""
    import botocore.auth

    class Auth(botocore.auth.S3SigV4Auth):
        def payload(self, request: Any) -> str:
            return content_sha256

    from tests.gateway import signing

    signing.SIGNERS["word"] = Auth
    return signed(method, url, b"", headers, service="s3", signer="word")


@pytest.mark.parametrize("size", [10_000, 300_000])
def test_signed_chunks_are_taken_apart_and_checked(guarded_door: Door, stored: Stored, size: int) -> None:
    assert guarded_door.ask(chunk_signed(b"a" * size, b"b" * size)).status == 200
    request, body, _ = stored[0]
    assert body == b"a" * size + b"b" * size
    assert (request["ContentEncoding"], request["ContentLength"]) == ("gzip", 2 * size)


@pytest.mark.parametrize("size", [10_000, 300_000])
def test_a_damaged_chunk_is_refused(guarded_door: Door, stored: Stored, size: int) -> None:
    reply = guarded_door.ask(chunk_signed(b"a" * size, b"b" * size, damage=b"b" * size))
    assert (reply.status, code_of(reply)) == (403, "SignatureDoesNotMatch")
    assert not stored


def test_unsigned_chunks_pass_their_checksum_on(door: Door, stored: Stored) -> None:
    body = b"5\r\nhello\r\n0\r\nx-amz-checksum-crc32:NhCmhg==\r\n\r\n"
    headers = {
        "Content-Encoding": "aws-chunked",
        "X-Amz-Decoded-Content-Length": "5",
        "X-Amz-Trailer": "x-amz-checksum-crc32",
    }
    request = signed_with_hash("PUT", URL, headers, "STREAMING-UNSIGNED-PAYLOAD-TRAILER")
    assert door.ask(raw(request, body=body)).status == 200
    fields, content, trailers = stored[0]
    assert (content, trailers) == (b"hello", {"x-amz-checksum-crc32": "NhCmhg=="})
    assert "ContentEncoding" not in fields


def test_a_stream_that_is_cut_is_an_incomplete_body(door: Door, stored: Stored) -> None:
    headers = {"Content-Encoding": "aws-chunked", "X-Amz-Decoded-Content-Length": "50"}
    request = signed_with_hash("PUT", URL, headers, "STREAMING-UNSIGNED-PAYLOAD-TRAILER")
    reply = door.ask(raw(request, body=b"5\r\nhello\r\n0\r\n\r\n"))
    assert (reply.status, code_of(reply)) == (400, "IncompleteBody")


def test_answers_stream_out(door: Door, stand_in: Stand) -> None:
    async def pieces() -> Any:
        for _ in range(100):
            yield b"x" * 10_000

    async def get_object(ctx: Any, request: dict[str, Any]) -> dict[str, Any]:
        return {"Body": pieces(), "ContentLength": 1_000_000, "ContentType": "text/plain"}

    stand_in("s3", "GetObject", get_object)
    reply = door.ask(get("/bucket/key"))
    assert (len(reply.body), reply.headers["content-length"]) == (1_000_000, "1000000")


def test_json_errors_are_json(door: Door) -> None:
    reply = door.json("AmazonSQS.GetQueueUrl", {"QueueName": "none"})
    assert orjson.loads(reply.body)["message"] == "The specified queue does not exist."
