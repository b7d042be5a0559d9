"""S3 as bytes on the wire: odd keys, odd bodies, hosts, links, and what a client must not be able to do."""

from __future__ import annotations

import base64
import errno
import hashlib
import http.client
import json
import time
import zlib
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple
from urllib.parse import quote, unquote_to_bytes, urlsplit
from xml.etree import ElementTree

import boto3
import orjson
import pytest
from botocore.config import Config
from tests.cloud import Cloud
from tests.services.s3.shelf import a_bucket

from ballroom.kernel import BytesStream, ByteStream
from ballroom.testing import BallroomServer

SIGNED = {
    "authorization": "AWS4-HMAC-SHA256 Credential=test/20300101/us-east-1/s3/aws4_request, "
    f"SignedHeaders=host, Signature={'0' * 64}",
    "x-amz-date": "20300101T000000Z",
}


MD5 = "the body's own"
DELETION = b"<Delete><Object><Key>none</Key></Object></Delete>"
TAGS = b"<Tagging><TagSet></TagSet></Tagging>"


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def code(self) -> str:
        return ElementTree.fromstring(self.body).findtext("Code") or ""


@pytest.fixture(scope="module")
def server() -> Iterator[BallroomServer]:
    with BallroomServer() as running:
        running.client("s3").create_bucket(Bucket="shelf")
        yield running


def ask(server: BallroomServer, method: str, path: str, body: bytes = b"", **headers: str) -> Answer:
    connection = http.client.HTTPConnection("127.0.0.1", urlsplit(server.endpoint).port or 0, timeout=10)
    connection.putrequest(method, path, skip_host="host" in headers, skip_accept_encoding=True)
    for name, value in {**SIGNED, **headers}.items():
        if value:
            connection.putheader(name.replace("_", "-"), value)
    connection.putheader("content-length", str(len(body)))
    connection.endheaders(body)
    answer = connection.getresponse()
    try:
        return Answer(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read())
    finally:
        connection.close()


@pytest.mark.parametrize(
    "raw",
    [
        "../../x", "/../x", "..", "a/./b", "a/../b", "a//b", "//lead", "%2F%2Flead", "a%2Fb", "%00", "a+b", "a%20b",
        "a%3Fb", "%25", "~", "%0D%0A", "%F0%9F%98%80" * 256, "<&>%22",
    ],
)  # fmt: skip
def test_any_key_is_a_key(server: BallroomServer, raw: str) -> None:
    content = raw.encode() * 3
    assert ask(server, "PUT", f"/shelf/{raw}", content).status == 200
    assert ask(server, "GET", f"/shelf/{raw}").body == content
    page = ask(server, "GET", f"/shelf?list-type=2&encoding-type=url&prefix={quote(unquote_to_bytes(raw))}")
    keys = [
        unquote_to_bytes(key.text or "") for key in ElementTree.fromstring(page.body).iter() if "Key" in key.tag
    ]
    assert unquote_to_bytes(raw) in keys
    assert ask(server, "DELETE", f"/shelf/{raw}").status == 204
    assert ask(server, "GET", f"/shelf/{raw}").code == "NoSuchKey"


@pytest.mark.parametrize(
    ("method", "path", "body", "headers", "status", "code"),
    [
        ("PUT", "/shelf/" + "%F0%9F%98%80" * 257, b"", {}, 400, "KeyTooLongError"),
        ("PUT", "/shelf/%FF", b"", {}, 400, "InvalidURI"),
        ("PUT", "/shelf/100%", b"", {}, 400, "InvalidURI"),
        ("GET", "/shelf?list-type=2&prefix=%zz", b"", {}, 400, "InvalidURI"),
        ("GET", "/shelf?versions&max-keys=-1", b"", {}, 400, "InvalidArgument"),
        ("PUT", "/shelf/k", b"", {"x_amz_object_lock_mode": "GOVERNANCE",
                                  "x_amz_object_lock_retain_until_date": "soon"}, 400, "InvalidArgument"),
        ("GET", "/shelf/k?response-server=me", b"", {}, 400, "InvalidArgument"),
        ("PUT", "/shelf/k", b"1\r\na\r\n0\r\n\r\n", {"x_amz_content_sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
                                                "x_amz_decoded_content_length": "-1"}, 411, "MissingContentLength"),
        ("PUT", "/shelf/k", b"1\r\na\r\n0\r\n\r\n", {"x_amz_content_sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
                                                "x_amz_decoded_content_length": "9" * 5000}, 400, "EntityTooLarge"),
        ("POST", "/shelf/k?uploadId=u", b"<CompleteMultipartUpload/>", {"x_amz_mp_object_size": "much"}, 400,
         "InvalidRequest"),
        ("PUT", "/shelf/k", b"abc", {"x_amz_checksum_crc32": "AAAAAA=="}, 400, "BadDigest"),
        ("PUT", "/shelf/k", b"abc", {"x_amz_checksum_crc32": "AAAA"}, 400, "InvalidRequest"),
        ("PUT", "/shelf/k", b"abc", {"content_md5": "x"}, 400, "InvalidDigest"),
        ("PUT", "/shelf/k", b"abc", {"x_amz_content_sha256": "a" * 64}, 400, "XAmzContentSHA256Mismatch"),
        ("PUT", "/shelf/k", b"a" * 99_999, {"x_amz_content_sha256": "a" * 64}, 400, "XAmzContentSHA256Mismatch"),
        ("PUT", "/shelf/k", b"", {"x_amz_meta_a": "b" * 2048}, 400, "MetadataTooLarge"),
        ("PUT", "/shelf/k?partNumber=x&uploadId=y", b"", {}, 400, "InvalidArgument"),
        ("PUT", "/shelf/k?partNumber=1&uploadId=y", b"", {}, 404, "NoSuchUpload"),
        ("PUT", "/shelf/k", b"", {"x_amz_copy_source": "nothing"}, 400, "InvalidArgument"),
        ("PUT", "/shelf/k", b"", {"x_amz_copy_source": "/shelf/none%FF"}, 404, "NoSuchKey"),
        ("PUT", "/shelf/k", b"", {"x_amz_copy_source": "/shelf/100%"}, 400, "InvalidArgument"),
        ("PUT", "/shelf/k", b"", {"x_amz_copy_source": "/shelf/%zz"}, 400, "InvalidArgument"),
        ("PUT", "/shelf/k", b"a", {"x_amz_content_sha256": "abc"}, 400, "InvalidArgument"),
        ("GET", "/shelf/none", b"", {"x_amz_content_sha256": "abc"}, 400, "InvalidArgument"),
        ("PUT", "/shelf/k", b"a", {"x_amz_sdk_checksum_algorithm": "crc32"}, 400, "InvalidRequest"),
        ("PUT", "/shelf/k", b"a", {"x_amz_sdk_checksum_algorithm": "crc31"}, 400, "InvalidRequest"),
        ("PUT", "/shelf/k", b"a", {"x_amz_sdk_checksum_algorithm": "CRC32C", "x_amz_checksum_crc32": "6Le+Qw=="},
         400, "InvalidRequest"),
        ("PUT", "/shelf/told", b"a", {"x_amz_sdk_checksum_algorithm": "crc32", "x_amz_checksum_crc32": "6Le+Qw=="},
         200, ""),
        ("PUT", "/shelf/k", b"", {"x_amz_storage_class": "ATTIC"}, 400, "InvalidStorageClass"),
        ("GET", "/shelf/none", b"", {}, 404, "NoSuchKey"),
        ("GET", "/nobody/k", b"", {}, 404, "NoSuchBucket"),
        ("GET", "/shelf?list-type=2&max-keys=many", b"", {}, 400, "InvalidArgument"),
        ("GET", "/shelf?list-type=2&continuation-token=%00", b"", {}, 400, "InvalidArgument"),
        ("POST", "/shelf?delete", b"<Delete>", {"content_md5": MD5}, 400, "MalformedXML"),
        ("POST", "/shelf?delete", b"<Delete></Delete>", {"content_md5": MD5}, 400, "MalformedXML"),
        ("POST", "/shelf?delete", b'<!DOCTYPE d [<!ENTITY a "b">]><Delete><Object><Key>&a;</Key></Object></Delete>',
         {"content_md5": MD5}, 400, "MalformedXML"),
        ("POST", "/shelf?delete", b"<Delete>" + b"<Object><Key>k</Key></Object>" * 1001 + b"</Delete>",
         {"content_md5": MD5}, 400, "MalformedXML"),
        ("POST", "/shelf?delete", DELETION, {}, 400, "InvalidRequest"),
        ("POST", "/shelf?delete", DELETION, {"content_md5": "rL0Y20xC+Fzt72VPzMSk2A=="}, 400, "BadDigest"),
        ("POST", "/shelf?delete", DELETION, {"content_md5": MD5}, 200, ""),
        ("POST", "/shelf?delete", b"", {}, 400, "MissingRequestBodyError"),
        ("PUT", "/shelf?tagging", TAGS, {"content_md5": "YWJj"}, 400, "InvalidDigest"),
        ("PUT", "/shelf?tagging", TAGS, {"content_md5": "rL0Y20xC+Fzt72VPzMSk2A=="}, 400, "BadDigest"),
        ("PUT", "/shelf?tagging", TAGS, {"x_amz_checksum_crc64nvme": "AAAAAAAAAAA="}, 400, "BadDigest"),
        ("PUT", "/shelf?tagging", TAGS, {"x_amz_checksum_crc32": "AAAA"}, 400, "InvalidRequest"),
        ("PUT", "/shelf?tagging", TAGS, {"content_md5": MD5}, 204, ""),
        ("PUT", "/shelf?versioning", b"", {}, 400, "MissingRequestBodyError"),
        ("GET", "/shelf/none", b"", {"x_amz_server_side_encryption": "AES256"}, 400, "InvalidArgument"),
        ("PUT", "/shelf/k?partNumber=1&uploadId=y", b"", {"x_amz_server_side_encryption": "AES256"}, 400, "InvalidArgument"),
        ("PUT", "/shelf/k?partNumber=1&uploadId=y", b"", {"x_amz_meta_a": "b"}, 400, "InvalidArgument"),
        ("PUT", "/shelf/k", b"", {"x_amz_checksum_sha256a": "AAAA"}, 400, "InvalidRequest"),
        ("PUT", "/shelf/k?partNumber=1&uploadId=y", b"", {"x_amz_checksum_a": "AAAA"}, 400, "InvalidRequest"),
        ("PUT", "/shelf/k", b"", {"x_amz_copy_source": "/"}, 400, "InvalidArgument"),
        ("PUT", "/shelf/k", b"0\r\n\r\n", {"authorization": "", "x_amz_decoded_content_length": "0",
                                           "x_amz_content_sha256": "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"},
         400, "InvalidRequest"),
        ("GET", "/?max-buckets=0", b"", {}, 400, "InvalidArgument"),
        ("GET", "/?max-buckets=10001", b"", {}, 400, "InvalidArgument"),
        ("GET", "/shelf/k?partNumber=0", b"", {}, 404, "NoSuchKey"),
        ("PATCH", "/shelf/k", b"", {}, 405, "MethodNotAllowed"),
        ("PUT", "/shelf/k?renameObject", b"", {"x_amz_rename_source": "/shelf/a"}, 501, "NotImplemented"),
    ],
)  # fmt: skip
def test_bad_requests_are_answered_as_s3_answers_them(
    server: BallroomServer, method: str, path: str, body: bytes, headers: dict[str, str], status: int, code: str
) -> None:
    if headers.get("content_md5") == MD5:
        headers = {"content_md5": base64.b64encode(hashlib.md5(body).digest()).decode()}
    answer = ask(server, method, path, body, **headers)
    assert (answer.status, answer.code if code else "") == (status, code)
    assert answer.headers["x-amz-request-id"]
    assert answer.headers["x-amz-id-2"]


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("/shelf/kept", {"if_modified_since": "yesterday"}),
        ("/shelf/kept", {"if_unmodified_since": "Thu, 32 Jul 2025"}),
        ("/shelf/kept?attributes", {"x_amz_object_attributes": "ObjectParts", "x_amz_max_parts": "many"}),
        ("/shelf/kept?attributes", {"x_amz_object_attributes": "ObjectParts", "x_amz_max_parts": "-1"}),
    ],
)
def test_some_headers_are_forgiven(server: BallroomServer, path: str, headers: dict[str, str]) -> None:
    ask(server, "PUT", "/shelf/kept", b"kept")
    assert ask(server, "GET", path, **headers).status == 200


def test_a_range_goes_on_only_with_the_object_that_it_began_with(server: BallroomServer) -> None:
    ask(server, "PUT", "/shelf/film", b"0123456789")
    shown = ask(server, "HEAD", "/shelf/film").headers
    tag, modified = shown["etag"], shown["last-modified"]
    for validator in (tag, modified):
        rest = ask(server, "GET", "/shelf/film", range="bytes=7-", if_range=validator)
        assert (rest.status, rest.body) == (206, b"789")
    for validator in ('"another"', f"W/{tag}", "Thu, 01 Jan 2015 00:00:00 GMT", "yesterday", "*"):
        whole = ask(server, "GET", "/shelf/film", range="bytes=7-", if_range=validator)
        assert (whole.status, whole.body) == (200, b"0123456789")
    assert ask(server, "GET", "/shelf/film", range="bytes=99-", if_range='"another"').status == 200
    assert ask(server, "GET", "/shelf/film", if_range='"another"').status == 200


@pytest.mark.parametrize(("path", "kind"), [("/", "SERVICE"), ("/shelf", "BUCKET"), ("/shelf/", "BUCKET"), ("/shelf/k", "OBJECT")])
def test_a_method_that_is_not_allowed_is_told_with_what_it_was_for(server: BallroomServer, path: str, kind: str) -> None:
    told = {e.tag: e.text for e in ElementTree.fromstring(ask(server, "PATCH", path).body)}
    assert (told["Code"], told["Method"], told["ResourceType"]) == ("MethodNotAllowed", "PATCH", kind)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("DELETE", "/spare?versioning"), ("DELETE", "/spare?uploads"), ("DELETE", "/spare?acl"), ("PUT", "/new?location"),
        ("PUT", "/new?delete"), ("DELETE", "/shelf/kept?acl"), ("PUT", "/shelf/kept?uploads"), ("GET", "/shelf?delete"),
        ("PUT", "/shelf/kept?uploadId=u"),
    ],
)  # fmt: skip
def test_a_subresource_that_cannot_be_asked_so_is_not_the_resource_itself(
    server: BallroomServer, method: str, path: str
) -> None:
    ask(server, "PUT", "/spare")
    ask(server, "PUT", "/shelf/kept", b"kept")
    answer = ask(server, method, path, b"lost" if "kept" in path else b"")
    assert (answer.status, answer.code) == (405, "MethodNotAllowed")
    assert ask(server, "HEAD", "/spare").status == 200
    assert ask(server, "GET", "/shelf/kept").body == b"kept"
    assert ask(server, "HEAD", "/new").status == 404


@pytest.mark.parametrize(
    ("method", "path", "kind", "allowed"),
    [
        ("PATCH", "/", "SERVICE", "GET"), ("PATCH", "/shelf", "BUCKET", "HEAD, DELETE, POST, GET, PUT"),
        ("PATCH", "/shelf/k", "OBJECT", "HEAD, DELETE, GET, PUT"), ("DELETE", "/shelf?acl", "BUCKET", "GET, PUT"),
        ("DELETE", "/shelf?uploads", "BUCKET", "GET"), ("PUT", "/shelf?location", "BUCKET", "GET"),
        ("POST", "/shelf?tagging", "BUCKET", "DELETE, GET, PUT"), ("PUT", "/shelf/k?uploadId=u", "UPLOAD", "DELETE, POST, GET"),
    ],
)  # fmt: skip
def test_which_methods_there_are(server: BallroomServer, method: str, path: str, kind: str, allowed: str) -> None:
    answer = ask(server, method, path)
    told = {e.tag: e.text for e in ElementTree.fromstring(answer.body)}
    assert (answer.status, told["Method"], told["ResourceType"]) == (405, method, kind)
    assert answer.headers["allow"] == allowed


def test_a_parts_number_alone_makes_no_object(server: BallroomServer) -> None:
    answer = ask(server, "PUT", "/shelf/half?partNumber=1", b"part")
    assert (answer.status, answer.code) == (400, "InvalidArgument")
    assert b"This operation does not accept partNumber without uploadId" in answer.body
    assert ask(server, "GET", "/shelf/half").code == "NoSuchKey"


def test_only_forms_are_posted_to_a_bucket(server: BallroomServer) -> None:
    answer = ask(server, "POST", "/shelf", b"{}", content_type="application/json")
    assert (answer.status, answer.code) == (412, "PreconditionFailed")
    assert b"<Condition>Bucket POST must be of the enclosure-type multipart/form-data</Condition>" in answer.body


@pytest.mark.parametrize(("asked", "code"), [(None, "InvalidRequest"), ("", "InvalidRequest"), ("ETag,No", "InvalidArgument")])
def test_attributes_must_be_asked_for_by_name(server: BallroomServer, asked: str | None, code: str) -> None:
    ask(server, "PUT", "/shelf/known", b"x")
    path, name = "/shelf/known?attributes", "x-amz-object-attributes"
    answer = ask(server, "GET", path) if asked is None else ask(server, "GET", path, **{name: asked})
    assert (answer.status, answer.code) == (400, code)


def test_whose_bucket_it_is_not_is_told_where_it_is(server: BallroomServer) -> None:
    other = SIGNED["authorization"].replace("Credential=test/", "Credential=222222222222/")
    answer = ask(server, "HEAD", "/shelf", authorization=other)
    assert (answer.status, answer.headers["x-amz-bucket-region"]) == (403, "us-east-1")


@pytest.mark.parametrize("number", [0, 10_001])
def test_a_part_number_that_none_can_have(server: BallroomServer, number: int) -> None:
    ask(server, "PUT", "/shelf/one", b"one")
    answer = ask(server, "GET", f"/shelf/one?partNumber={number}")
    assert (answer.status, answer.code) == (400, "InvalidArgument")
    assert ask(server, "GET", "/shelf/one?partNumber=2").code == "InvalidPartNumber"


def test_errors_of_head_have_no_body(server: BallroomServer) -> None:
    answer = ask(server, "HEAD", "/shelf/none")
    assert (answer.status, answer.body) == (404, b"")


def test_what_has_not_changed_is_not_sent(server: BallroomServer) -> None:
    etag = ask(server, "PUT", "/shelf/same", b"same").headers["etag"]
    answer = ask(server, "GET", "/shelf/same", if_none_match=etag)
    assert (answer.status, answer.body, answer.headers["etag"]) == (304, b"", etag)
    assert ask(server, "GET", "/shelf/same", if_match='"other"').code == "PreconditionFailed"


@pytest.mark.parametrize(
    "host",
    [
        "shelf.s3.localhost", "shelf.s3.us-east-1.localhost", "shelf.s3.amazonaws.com", "shelf.localhost:4566",
        "shelf.s3.us-east-1.amazonaws.com", "shelf.s3.dualstack.us-east-1.amazonaws.com",
    ],
)  # fmt: skip
def test_a_bucket_in_the_host_name(server: BallroomServer, host: str) -> None:
    assert ask(server, "PUT", "/by/host", host.encode(), host=host).status == 200
    assert ask(server, "GET", "/shelf/by/host").body == host.encode()


def test_a_bucket_elsewhere_is_redirected_to(server: BallroomServer) -> None:
    where = {"LocationConstraint": "eu-west-1"}
    europe = server.client("s3", region="eu-west-1")
    europe.create_bucket(Bucket="europe", CreateBucketConfiguration=where)
    answer = ask(server, "GET", "/europe/k")
    assert (answer.status, answer.code) == (301, "PermanentRedirect")
    assert answer.headers["x-amz-bucket-region"] == "eu-west-1"
    server.client("s3").put_object(Bucket="europe", Key="k", Body=b"followed")
    assert europe.get_object(Bucket="europe", Key="k")["Body"].read() == b"followed"


def chunked(data: bytes, checksum: bytes) -> bytes:
    pieces = [data[at : at + 70_000] for at in range(0, len(data), 70_000)]
    framed = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces)
    return framed + b"0\r\nx-amz-checksum-crc32:" + checksum + b"\r\n\r\n"


@pytest.mark.parametrize("size", [10, 400_000, 3_000_000])
def test_a_checksum_behind_the_body(server: BallroomServer, size: int) -> None:
    data = b"d" * size
    right = base64.b64encode(zlib.crc32(data).to_bytes(4, "big"))
    headers = {
        "x_amz_content_sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER", "content_encoding": "aws-chunked",
        "x_amz_decoded_content_length": str(size), "x_amz_trailer": "x-amz-checksum-crc32",
    }  # fmt: skip
    answer = ask(server, "PUT", "/shelf/trailer", chunked(data, right), **headers)
    assert answer.headers["x-amz-checksum-crc32"] == right.decode()
    got = ask(server, "GET", "/shelf/trailer")
    assert got.body == data
    assert "content-encoding" not in got.headers
    assert ask(server, "PUT", "/shelf/trailer", chunked(data, b"AAAAAA=="), **headers).code == "BadDigest"
    unfit: list[tuple[dict[str, str], bytes, str]] = [
        ({}, chunked(data, right).replace(b"crc32:", b"crc32c:"), "MalformedTrailerError"),
        ({}, chunked(data, right).partition(b"x-amz-")[0] + b"\r\n", "MalformedTrailerError"),
        ({"x_amz_trailer": ""}, chunked(data, right), "MalformedTrailerError"),
        ({"x_amz_trailer": "x-amz-checksum-crc"}, chunked(data, right), "InvalidRequest"),
        ({"x_amz_checksum_crc32": right.decode()}, chunked(data, right), "InvalidRequest"),
    ]
    for changed, body, code in unfit:
        assert ask(server, "PUT", "/shelf/trailer", body, **{**headers, **changed}).code == code
    longer = {**headers, "x_amz_decoded_content_length": str(size + 1)}
    assert ask(server, "PUT", "/shelf/trailer", chunked(data, right), **longer).code == "IncompleteBody"


def test_links_work_until_they_end(server: BallroomServer) -> None:
    s3 = server.client("s3")
    for operation, method in (("put_object", "PUT"), ("get_object", "GET")):
        link = urlsplit(s3.generate_presigned_url(operation, Params={"Bucket": "shelf", "Key": "link"}))
        unsigned = {"authorization": "", "x-amz-date": ""}
        answer = ask(
            server, method, f"{link.path}?{link.query}", b"linked"[: 6 if method == "PUT" else 0], **unsigned
        )
        assert answer.status == 200
    assert answer.body == b"linked"
    expired = s3.generate_presigned_url("get_object", Params={"Bucket": "shelf", "Key": "link"}, ExpiresIn=-1)
    link = urlsplit(expired)
    answer = ask(server, "GET", f"{link.path}?{link.query}", **unsigned)
    assert (answer.status, answer.code) == (403, "AccessDenied")


class Broken(ByteStream):
    """A client that goes away, or falls silent, within its body."""

    length = 2_000_000

    def __init__(self) -> None:
        self._left = 3

    async def read(self, limit: int = 65536) -> bytes:
        self._left -= 1
        if self._left < 0:
            raise ConnectionResetError
        return b"x" * 400_000


@pytest.mark.parametrize("operation", ["PutObject", "UploadPart"])
def test_what_is_cut_off_leaves_nothing(durable_cloud: Cloud, operation: str, tmp_path: Any) -> None:
    a_bucket(durable_cloud)
    more: dict[str, Any] = {}
    if operation == "UploadPart":
        begun = durable_cloud.call("s3", "CreateMultipartUpload", Bucket="shelf", Key="k")
        more = {"UploadId": begun["UploadId"], "PartNumber": 1}
    error = durable_cloud.error("s3", operation, Bucket="shelf", Key="k", Body=Broken(), **more)
    assert error.shape == "RequestTimeout"
    assert not list((tmp_path / "blobs" / ".incoming").iterdir())
    assert not list(durable_cloud.kernel.blobs.names())
    assert durable_cloud.error("s3", "GetObject", Bucket="shelf", Key="k").shape == "NoSuchKey"


class Meanwhile(ByteStream):
    """A body that comes whole, but something happens while it does."""

    length = 400_000

    def __init__(self, happens: Callable[[], object]) -> None:
        self._happens = happens
        self._left = self.length

    async def read(self, limit: int = 65536) -> bytes:
        if self._left == self.length:
            self._happens()
        piece = b"x" * min(self._left, limit)
        self._left -= len(piece)
        return piece


@pytest.mark.parametrize("operation", ["PutObject", "UploadPart", "PostObject"])
def test_what_was_received_in_vain_is_collected(durable_cloud: Cloud, operation: str) -> None:
    cloud = durable_cloud
    a_bucket(cloud)
    upload = cloud.call("s3", "CreateMultipartUpload", Bucket="shelf", Key="k")["UploadId"]

    def change() -> None:
        cloud.kernel.transact(lambda tx: tx.call("s3", "PutObject", {"Bucket": "shelf", "Key": "k", "Body": b"first"}))
        gone = {"Bucket": "shelf", "Key": "k", "UploadId": upload}
        cloud.kernel.transact(lambda tx: tx.call("s3", "AbortMultipartUpload", gone))

    request: dict[str, Any] = {"Bucket": "shelf", "Key": "k", "Body": Meanwhile(change)}
    if operation == "PutObject":
        request["IfNoneMatch"] = "*"
    elif operation == "UploadPart":
        request |= {"UploadId": upload, "PartNumber": 1}
    else:
        request = {"Bucket": "shelf", "ContentType": "multipart/form-data; boundary=b", "Body": too_small_a_form()}
    error = cloud.error("s3", operation, **request)
    assert error.shape in ("PreconditionFailed", "NoSuchUpload", "EntityTooSmall")
    cloud.run(cloud.kernel.collect_blobs())
    assert not list(cloud.kernel.blobs.names())


def too_small_a_form() -> BytesStream:
    conditions = [{"bucket": "shelf"}, {"key": "k"}, ["content-length-range", 1_000_000, 2_000_000]]
    document = orjson.dumps({"expiration": "2199-01-01T00:00:00Z", "conditions": conditions})
    fields = {"key": "k", "AWSAccessKeyId": "test", "signature": "s", "policy": base64.b64encode(document).decode()}
    parts = [f'--b\r\nContent-Disposition: form-data; name="{n}"\r\n\r\n{v}\r\n' for n, v in fields.items()]
    file = '--b\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\n' + "x" * 400_000
    return BytesStream(("".join(parts) + file + "\r\n--b--\r\n").encode())


@pytest.mark.parametrize("version", ["s3", "s3v4"])
def test_a_wrong_signature_is_told_what_should_have_been_signed(server: BallroomServer, version: str) -> None:
    iam = server.client("iam")
    iam.create_user(UserName=f"signer-{version}")
    key = iam.create_access_key(UserName=f"signer-{version}")["AccessKey"]
    client = boto3.client(
        "s3", endpoint_url=server.endpoint, region_name="us-east-1", aws_access_key_id=key["AccessKeyId"],
        aws_secret_access_key=key["SecretAccessKey"], config=Config(signature_version=version),
    )  # fmt: skip
    link = urlsplit(client.generate_presigned_url("get_object", Params={"Bucket": "shelf", "Key": "k"}))
    unsigned = {"authorization": "", "x-amz-date": ""}
    right = ask(server, "GET", f"{link.path}?{link.query}", **unsigned)
    assert right.code == "NoSuchKey"
    wrong = ask(server, "GET", f"{link.path}?{link.query}&response-content-type=a%2Fb", **unsigned)
    assert (wrong.status, wrong.code) == (403, "SignatureDoesNotMatch")
    told = {element.tag: element.text or "" for element in ElementTree.fromstring(wrong.body)}
    assert told["AWSAccessKeyId"] == key["AccessKeyId"]
    assert bytes.fromhex(told["StringToSignBytes"]).decode() == told["StringToSign"]
    assert ("CanonicalRequest" in told) == (version == "s3v4")
    assert key["SecretAccessKey"] not in wrong.body.decode()


def test_a_full_disk_is_answered_and_leaves_nothing(
    durable_cloud: Cloud, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_bucket(durable_cloud)

    def full(*_: Any) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as disk:
        disk.setattr("os.writev", full)
        error = durable_cloud.error("s3", "PutObject", Bucket="shelf", Key="k", Body=b"x" * 100_000)
    assert error.status == 503
    assert not list((tmp_path / "blobs" / ".incoming").iterdir())
    durable_cloud.call("s3", "PutObject", Bucket="shelf", Key="k", Body=b"x" * 100_000)


@pytest.mark.parametrize("version", ["s3", "s3v4"])
def test_a_link_that_lacks_a_part_is_refused(server: BallroomServer, version: str) -> None:
    client = boto3.client(
        "s3", endpoint_url=server.endpoint, region_name="us-east-1", aws_access_key_id="test",
        aws_secret_access_key="test", config=Config(signature_version=version),
    )  # fmt: skip
    link = urlsplit(client.generate_presigned_url("get_object", Params={"Bucket": "shelf", "Key": "k"}))
    unsigned = {"authorization": "", "x-amz-date": ""}
    code = "AuthorizationQueryParametersError" if version == "s3v4" else "AccessDenied"
    pairs = link.query.split("&")
    for left_out in pairs:
        rest = "&".join(pair for pair in pairs if pair != left_out)
        assert ask(server, "GET", f"{link.path}?{rest}", **unsigned).code == code, left_out


@pytest.mark.parametrize(
    ("condition", "header", "link", "old_link", "older_kind"),
    [
        ({"StringNotEquals": {"s3:authType": "REST-HEADER"}}, 200, 403, 403, 403),
        ({"StringEquals": {"s3:authType": "REST-QUERY-STRING"}}, 200, 403, 403, 403),
        ({"NumericGreaterThan": {"s3:signatureAge": "60000"}}, 200, 200, 403, 200),
        ({"StringEquals": {"s3:signatureversion": "AWS"}}, 200, 200, 200, 403),
        ({"StringEquals": {"s3:x-amz-content-sha256": "UNSIGNED-PAYLOAD"}}, 403, 200, 200, 200),
    ],
    ids=["type", "other-type", "age", "version", "payload"],
)
def test_policies_know_how_a_request_was_signed(
    server: BallroomServer, condition: dict[str, Any], header: int, link: int, old_link: int, older_kind: int
) -> None:
    s3 = server.client("s3")
    s3.create_bucket(Bucket="strict")
    s3.put_object(Bucket="strict", Key="k", Body=b"x")
    statement = {
        "Effect": "Deny", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::strict/*",
        "Condition": condition,
    }  # fmt: skip
    s3.put_bucket_policy(Bucket="strict", Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
    unsigned = {"authorization": "", "x-amz-date": ""}

    def follow(query: str) -> int:
        return ask(server, "GET", f"/strict/k?{query}", **unsigned).status

    def made(seconds_ago: int) -> str:
        at = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(time.time() - seconds_ago))
        return (
            f"X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=test%2F{at[:8]}%2Fus-east-1%2Fs3%2Faws4_request"
            f"&X-Amz-Date={at}&X-Amz-Expires=3600&X-Amz-SignedHeaders=host&X-Amz-Signature={'0' * 64}"
        )

    assert ask(server, "GET", "/strict/k", x_amz_content_sha256="UNSIGNED-PAYLOAD").status == header
    assert (follow(made(1)), follow(made(120))) == (link, old_link)
    later = int(time.time()) + 600
    assert follow(f"AWSAccessKeyId=test&Signature=x&Expires={later}") == older_kind
