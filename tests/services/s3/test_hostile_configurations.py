"""Bad input to every operation that configures a bucket: AWS's refusals, never a failure of ours."""

from __future__ import annotations

import contextlib
import http.client
from collections.abc import Iterator

import pytest

from ballroom.testing import BallroomServer

PATHS = (
    "?accelerate", "?acl", "?analytics&id=x", "?cors", "?encryption", "?intelligent-tiering&id=x",
    "?inventory&id=x", "?lifecycle", "?logging", "?metrics&id=x", "?notification", "?object-lock",
    "?ownershipControls", "?policy", "?publicAccessBlock", "?replication", "?requestPayment", "?tagging",
    "?versioning", "?website", "/k?acl", "/k?tagging", "/k?retention", "/k?legal-hold",
)  # fmt: skip
ENTITIES = ['<!ENTITY a0 "aaaaaaaaaa">'] + [f'<!ENTITY a{n + 1} "{f"&a{n};" * 10}">' for n in range(8)]
BOMB = f"<!DOCTYPE l [{''.join(ENTITIES)}]><l>&a8;</l>"
ROOTS = (
    "AccelerateConfiguration", "AccessControlPolicy", "AnalyticsConfiguration", "CORSConfiguration",
    "ServerSideEncryptionConfiguration", "IntelligentTieringConfiguration", "InventoryConfiguration",
    "LifecycleConfiguration", "BucketLoggingStatus", "MetricsConfiguration", "NotificationConfiguration",
    "ObjectLockConfiguration", "OwnershipControls", "PublicAccessBlockConfiguration", "Tagging",
    "VersioningConfiguration", "WebsiteConfiguration", "Retention", "LegalHold",
)  # fmt: skip
MEMBERS = (
    "Rule", "Status", "Grant", "AccessControlList", "CORSRule", "Filter", "Id", "Tiering", "QueueConfiguration",
    "Event", "TagSet", "Tag", "Key", "Value", "Days", "Date", "Expiration", "IndexDocument", "RoutingRules",
    "RoutingRule", "Mode", "RetainUntilDate", "LoggingEnabled", "Owner", "StorageClassAnalysis", "Destination",
)  # fmt: skip
def document(root: str, content: str) -> bytes:
    return f"<{root}>{content}</{root}>".encode()


def with_members(content: str) -> str:
    return "".join(f"<{name}>{content}</{name}>" for name in MEMBERS)


BODIES = (
    b"", b"{", b"{}", b"\xff\xfe\x00", b"<a>", BOMB.encode(), b"<a>" * 500 + b"</a>" * 500,
    b'{"Statement": [' + b'{"Effect": "Allow"},' * 3 + b'{}]}', b'{"Statement": {"Effect": ["Allow"]}}',
    b'{"Statement":' + b"[" * 20000, b'{"a": "' + b"x" * 100_000 + b'"}',
    *(document(root, content) for root in ROOTS
      for content in ("", with_members(""), with_members("text"), with_members(with_members("-1")))),
)  # fmt: skip


@pytest.fixture(scope="module")
def server() -> Iterator[BallroomServer]:
    with BallroomServer() as running:
        yield running


@pytest.mark.parametrize("path", PATHS)
def test_no_body_makes_an_operation_fail(server: BallroomServer, path: str) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.ballroom.settings.port)
    scope = "test/20260101/us-east-1/s3/aws4_request"
    signed = f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature={'0' * 64}"
    headers = {"Authorization": signed}
    with contextlib.closing(connection):
        for at, body in (("/hostile", b""), ("/hostile/k", b"x"), *((f"/hostile{path}", one) for one in BODIES)):
            connection.request("PUT", at, body, headers)
            answer = connection.getresponse()
            told = answer.read()
            assert b"Authorization" not in told
            assert answer.status < 500 or answer.status == 501, (at, body[:200], told)
