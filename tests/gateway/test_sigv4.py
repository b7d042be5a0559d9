"""Signatures as botocore makes them, and as AWS's documentation shows them."""

from __future__ import annotations

import datetime
import hashlib
from urllib.parse import urlsplit

import pytest
from botocore.awsrequest import AWSRequest

from ballroom.gateway import sigv4
from ballroom.gateway.aws_chunked import (
    SIGNED,
    SIGNED_TRAILER,
    UNSIGNED_TRAILER,
    BrokenChunk,
    ChunkDecoder,
    ChunkSignatureMismatch,
    ChunkSigner,
    IncompleteBody,
    InvalidChunkSize,
)
from ballroom.kernel.errors import ServiceError
from tests.gateway.signing import KEY, SECRET, signed


def verify(request: AWSRequest, secret: str = SECRET, **changes: str) -> bool:
    """What our verifier says of a request as it would arrive."""
    parts = urlsplit(request.url)
    headers = {k.lower(): v.decode() if isinstance(v, bytes) else v for k, v in request.headers.items()}
    headers.update({k: v for k, v in changes.items() if k not in ("method", "path", "query", "payload")})
    found = sigv4.read(headers, parts.query)
    assert found is not None
    payload = headers.get("x-amz-content-sha256") or hashlib.sha256(request.data or b"").hexdigest()
    if found.presigned and found.scope.service == "s3":
        payload = sigv4.UNSIGNED_PAYLOAD
    return sigv4.matches(
        found,
        secret,
        changes.get("method", request.method),
        changes.get("path", parts.path or "/"),
        changes.get("query", parts.query),
        headers,
        changes.get("payload", payload),
    )


PATHS = [
    "/",
    "/plain/path",
    "/2015-03-31/functions/arn%3Aaws%3Alambda%3Aus-east-1%3A000000000000%3Afunction%3Af/invocations",
    "/a%20b/c%2Fd",
    "/%E2%82%AC~._-",
    "/a(b)'c!*",
    "/trailing/",
]
QUERIES = [
    "",
    "?b=2&a=1&a=0",
    "?Action=X&Version=2011-06-15",
    "?list-type=2&prefix=a%2Fb",
    "?acl",
    "?x=%20&y=%2B&z=a~b",
]


@pytest.mark.parametrize("query", QUERIES)
@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    ("service", "signer"), [("lambda", "header"), ("s3", "s3"), ("sts", "query"), ("s3", "s3-query")]
)
def test_botocore_signatures_are_right(path: str, query: str, service: str, signer: str) -> None:
    method = "GET" if signer.endswith("query") else "POST"
    request = signed(
        method, f"http://localhost:4566{path}{query}", b"" if method == "GET" else b"body", {"X-Amz-Meta": "v"},
        service=service, signer=signer,
    )  # fmt: skip
    assert verify(request)
    assert not verify(request, SECRET + "x")


@pytest.mark.parametrize("path", ["/a//b", "/a/./b", "/a/../b", "/..", "//", "/a/b/.."])
def test_paths_are_normalised_for_all_but_s3(path: str) -> None:
    assert verify(signed("GET", f"http://localhost{path}", service="execute-api"))
    assert verify(signed("GET", f"http://localhost{path}", service="s3", signer="s3"))


@pytest.mark.parametrize(
    "change",
    [
        {"method": "PUT"},
        {"path": "/other"},
        {"query": "a=2"},
        {"payload": hashlib.sha256(b"other").hexdigest()},
        {"host": "elsewhere"},
        {"x-amz-target": "AmazonSQS.DeleteQueue"},
        {"x-amz-security-token": "another"},
        {"x-amz-date": "20990101T000000Z"},
    ],
)
def test_whatever_is_changed_breaks_the_signature(change: dict[str, str]) -> None:
    request = signed(
        "POST", "http://localhost/p?a=1", b"body", {"X-Amz-Target": "AmazonSQS.SendMessage"}, token="t"
    )
    assert verify(request)
    if change.get("x-amz-date"):
        with pytest.raises(sigv4.Malformed, match="Date in Credential scope"):
            verify(request, **change)
    else:
        assert not verify(request, **change)


def test_header_values_are_folded() -> None:
    request = signed("POST", headers={"X-Amz-Meta": "  a   b  c "})
    assert verify(request)
    request.headers.replace_header("X-Amz-Meta", "a b c")
    assert verify(request)


def test_query_parameters_may_be_sent_in_any_order() -> None:
    request = signed("GET", "http://localhost/?b=2&a=1")
    assert verify(request, query="b=2&a=1")
    assert verify(request, query="a=1&b=2")


def test_the_date_header_will_do() -> None:
    request = signed("POST", headers={"Date": "to be replaced"})
    assert "X-Amz-Date" not in request.headers
    assert verify(request)


def test_the_parts_of_the_header_may_stand_in_any_order() -> None:
    request = signed("POST")
    algorithm, _, rest = request.headers["Authorization"].partition(" ")
    request.headers.replace_header("Authorization", f"{algorithm} {', '.join(reversed(rest.split(', ')))}")
    assert verify(request)


@pytest.mark.parametrize(
    ("authorization", "complaint"),
    [
        ("AWS4-HMAC-SHA256 nonsense", "requires 'Credential' parameter"),
        ("AWS4-HMAC-SHA256 Credential=a/20260101/r/s/aws4_request, SignedHeaders=host", "requires 'Signature'"),
        ("AWS4-HMAC-SHA256 Credential=a/b, SignedHeaders=host, Signature=00", "5 slash-delimited elements"),
        ("AWS4-HMAC-SHA256 Credential=a/b/r/s/aws4_request, SignedHeaders=host, Signature=00", "YYYYMMDD"),
        ("AWS4-ECDSA-P256-SHA256 Credential=a", "does not verify SigV4A"),
        ("AWS AKID:signature", "mechanism you have provided is not supported"),
        ("AWS4-FROB a", "Unsupported AWS 'algorithm'"),
    ],
)
def test_what_is_wrong_with_an_authorization_header_is_said(authorization: str, complaint: str) -> None:
    with pytest.raises(sigv4.Malformed, match=complaint):
        sigv4.read({"authorization": authorization, "x-amz-date": "20260101T000000Z"}, "")


def test_all_that_an_authorization_header_lacks_is_said_at_once() -> None:
    with pytest.raises(sigv4.Malformed) as caught:
        sigv4.read({"authorization": "AWS4-HMAC-SHA256 a=b"}, "")
    assert caught.value.text == (
        "Authorization header requires 'Credential' parameter. Authorization header requires 'Signature' parameter. "
        "Authorization header requires 'SignedHeaders' parameter. Authorization header requires existence of either "
        "a 'X-Amz-Date' or a 'Date' header. Authorization=AWS4-HMAC-SHA256 a=b"
    )


@pytest.mark.parametrize("authorization", ["Bearer abc", "Basic YTpi", ""])
def test_other_schemes_are_no_signature(authorization: str) -> None:
    assert sigv4.read({"authorization": authorization}, "") is None


@pytest.mark.parametrize(
    ("query", "complaint"),
    [
        ("X-Amz-Signature=00", "X-Amz-Algorithm"),
        ("X-Amz-Algorithm=&X-Amz-Signature=00", "must include 'X-Amz-Algorithm'"),
        ("X-Amz-Algorithm=AWS4-ECDSA-P256-SHA256&X-Amz-Signature=00", "AWS4-ECDSA-P256-SHA256"),
        ("X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature=00&X-Amz-Credential=a", r"^AWS query-string parameters "
         r"must include 'X-Amz-SignedHeaders'\. AWS query-string parameters must include 'X-Amz-Date'\. "
         r"Re-examine the query-string parameters\.$"),
        ("AWSAccessKeyId=a&Signature=b&Expires=1", "not supported"),
    ],
)
def test_what_is_wrong_with_a_presigned_query_is_said(query: str, complaint: str) -> None:
    with pytest.raises(sigv4.Malformed, match=complaint):
        sigv4.read({}, query)


def test_a_presigned_request_cannot_last_longer_than_a_week() -> None:
    assert verify(signed("GET", service="s3", signer="s3-query", expires=604800))
    with pytest.raises(sigv4.Malformed, match="less than a week"):
        verify(signed("GET", service="s3", signer="s3-query", expires=604801))


# --- chunks; the figures are those of the Amazon S3 API Reference

SCOPE = sigv4._scope(KEY, "20130524", "us-east-1", "s3", "host")
STAMP = "20130524T000000Z"
PAYLOAD = b"a" * 66560
DOCUMENTED = (
    b"10000;chunk-signature=ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648\r\n"
    + b"a" * 65536
    + b"\r\n"
    b"400;chunk-signature=0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497\r\n"
    + b"a"
    * 1024
    + b"\r\n"
    b"0;chunk-signature=b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9\r\n\r\n"
)
DOCUMENTED_TRAILER = (
    b"10000;chunk-signature=b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2\r\n"
    + b"a" * 65536
    + b"\r\n"
    b"400;chunk-signature=1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7\r\n"
    + b"a"
    * 1024
    + b"\r\n"
    b"0;chunk-signature=2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992\r\n"
    b"x-amz-checksum-crc32c:sOO8/Q==\r\n"
    b"x-amz-trailer-signature:d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435\r\n\r\n"
)
SEED = "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9"
SEED_TRAILER = "106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e"


def decoder(kind: str = SIGNED, *, secret: str = SECRET, length: int | None = 66560) -> ChunkDecoder:
    signer = None
    if kind != UNSIGNED_TRAILER:
        signer = ChunkSigner(sigv4.signer(secret, "20130524", "us-east-1", "s3"), STAMP, SCOPE, SEED if kind == SIGNED else SEED_TRAILER)
    return ChunkDecoder(kind, signer, length)


def decode(made: ChunkDecoder, raw: bytes, step: int) -> bytes:
    payload = b"".join(made.feed(raw[at : at + step]) for at in range(0, len(raw), step))
    made.finish()
    return payload


@pytest.mark.parametrize("step", [7, 1000, 65536, 1 << 20])
def test_documented_signed_chunks_are_right_however_they_arrive(step: int) -> None:
    assert decode(decoder(), DOCUMENTED, step) == PAYLOAD
    made = decoder(SIGNED_TRAILER)
    assert decode(made, DOCUMENTED_TRAILER, step) == PAYLOAD
    assert made.trailers == {"x-amz-checksum-crc32c": "sOO8/Q=="}


def test_unsigned_chunks_pass_their_trailing_checksum_on() -> None:
    made = decoder(UNSIGNED_TRAILER, length=5)
    assert decode(made, b"5\r\nabcde\r\n0\r\nx-amz-checksum-crc32:AAAA==\r\n\r\n", 4) == b"abcde"
    assert made.trailers == {"x-amz-checksum-crc32": "AAAA=="}


@pytest.mark.parametrize("step", [1, 4095, 4096, 4097, 4099, 1 << 20])
def test_lines_are_limited_however_they_arrive(step: int) -> None:
    name = b"x-amz-checksum-crc32:"
    for length in (4096, 4097):
        trailer = name + b"A" * (length - len(name))
        raw = b"5\r\nabcde\r\n0\r\n" + trailer + b"\r\n\r\n"
        made = decoder(UNSIGNED_TRAILER, length=5)
        if length == 4096:
            assert decode(made, raw, step) == b"abcde"
            assert made.trailers == {"x-amz-checksum-crc32": "A" * (4096 - len(name))}
        else:
            with pytest.raises(BrokenChunk):
                decode(made, raw, step)
    with pytest.raises(BrokenChunk):
        decode(decoder(UNSIGNED_TRAILER, length=5), b"5" * 10_000, step)


def test_only_the_last_chunk_may_be_tiny() -> None:
    large = b"2000\r\n" + b"x" * 8192 + b"\r\n"
    assert len(decode(decoder(UNSIGNED_TRAILER, length=None), large + b"1\r\nx\r\n0\r\n\r\n", 5000)) == 8193
    with pytest.raises(InvalidChunkSize) as caught:
        decode(decoder(UNSIGNED_TRAILER, length=None), b"3\r\nabc\r\n" + large, 5000)
    assert caught.value.fields["BadChunkSize"] == "3"


@pytest.mark.parametrize("announced", [4, 6])
def test_chunks_of_another_length_than_announced_are_refused(announced: int) -> None:
    with pytest.raises(IncompleteBody) as caught:
        decode(decoder(UNSIGNED_TRAILER, length=announced), b"5\r\nabcde\r\n0\r\n\r\n", 5000)
    assert caught.value.fields == {"NumberBytesExpected": str(announced), "NumberBytesProvided": "5"}


@pytest.mark.parametrize(
    ("raw", "error"),
    [
        (DOCUMENTED.replace(b"a" * 1024, b"a" * 1023 + b"b"), ChunkSignatureMismatch),
        (DOCUMENTED.replace(b"b6c6ea", b"b6c6eb"), ChunkSignatureMismatch),
        (DOCUMENTED[: DOCUMENTED.index(b"400;")], IncompleteBody),
        (DOCUMENTED[:-4], IncompleteBody),
        (DOCUMENTED.replace(b";chunk-signature", b";other"), BrokenChunk),
        (b"zz;chunk-signature=" + b"0" * 64 + b"\r\n", BrokenChunk),
        (b"0" * 5000, BrokenChunk),
        (b"", IncompleteBody),
    ],
    ids=["altered", "wrong signature", "cut", "without an end", "unsigned", "no size", "no line end", "empty"],
)
def test_wrong_chunks_are_refused(raw: bytes, error: type[ServiceError]) -> None:
    with pytest.raises(error):
        decode(decoder(), raw, 1000)


@pytest.mark.parametrize(
    "raw",
    [
        DOCUMENTED_TRAILER.replace(b"sOO8/Q==", b"sOO8/R=="),
        DOCUMENTED_TRAILER[: DOCUMENTED_TRAILER.index(b"x-amz-trailer")] + b"\r\n",
    ],
    ids=["altered", "unsigned"],
)
def test_signed_trailers_cannot_be_altered(raw: bytes) -> None:
    with pytest.raises(ChunkSignatureMismatch):
        decode(decoder(SIGNED_TRAILER), raw, 1000)


@pytest.mark.parametrize("length", [4, 6])
def test_the_announced_length_must_be_right(length: int) -> None:
    with pytest.raises(IncompleteBody):
        decode(decoder(UNSIGNED_TRAILER, length=length), b"5\r\nabcde\r\n0\r\n\r\n", 100)


def test_a_timestamp_is_read() -> None:
    at = datetime.datetime(2026, 2, 28, 23, 59, 58, tzinfo=datetime.UTC)
    assert sigv4.epoch_of("20260228T235958Z") == int(at.timestamp())
    assert sigv4.epoch_of("20261328T235958Z") == 0
