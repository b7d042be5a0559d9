"""Requests as botocore signs them, as bytes for a socket."""

from __future__ import annotations

import datetime
from typing import Any
from unittest import mock
from urllib.parse import urlsplit

import botocore.auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

KEY, SECRET = "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"

SIGNERS: dict[str, Any] = {
    "header": botocore.auth.SigV4Auth,
    "query": botocore.auth.SigV4QueryAuth,
    "s3": botocore.auth.S3SigV4Auth,
    "s3-query": botocore.auth.S3SigV4QueryAuth,
}


def signed(
    method: str = "POST",
    url: str = "http://localhost:4566/",
    body: bytes = b"",
    headers: dict[str, str] | None = None,
    *,
    service: str = "sqs",
    region: str = "us-east-1",
    signer: str = "header",
    key: str = KEY,
    secret: str = SECRET,
    token: str | None = None,
    at: datetime.datetime | None = None,
    **options: Any,
) -> AWSRequest:
    """A request with botocore's signature."""
    request = AWSRequest(
        method=method, url=url, data=body, headers={"Host": urlsplit(url).netloc, **(headers or {})}
    )
    auth = SIGNERS[signer](Credentials(key, secret, token), service, region, **options)
    now = at or datetime.datetime.now(datetime.UTC)
    with mock.patch("botocore.auth.get_current_datetime", return_value=now):
        auth.add_auth(request)
    return request


def raw(request: AWSRequest, *, body: bytes | None = None) -> bytes:
    """The bytes of a request; `body` may differ from what was signed."""
    parts = urlsplit(request.url)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    body = (request.data or b"") if body is None else body
    lines = [f"{request.method} {target} HTTP/1.1"]
    for name, value in request.headers.items():
        lines.append(f"{name}: {value.decode() if isinstance(value, bytes) else value}")
    lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body
