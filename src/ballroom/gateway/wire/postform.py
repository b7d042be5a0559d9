"""Form uploads to S3: `multipart/form-data` in, a redirect, nothing or a short XML document out.

The form itself is read by the operation, while it comes.

Source: S3 API Reference, "POST Object".
"""

from __future__ import annotations

import time
from collections.abc import Collection
from typing import Any
from urllib.parse import unquote

from ballroom.gateway.wire.codec import Headers, Reply
from ballroom.gateway.wire.restxml import DECLARATION, XML_CONTENT, identity_headers, serialise_error
from ballroom.gateway.wire.xml import escape
from ballroom.kernel.errors import ServiceError
from ballroom.kernel.model import ServiceModel
from ballroom.kernel.model.service import load_service

_ELEMENTS = ("Location", "Bucket", "Key", "ETag")
_HEADERS = {
    "ETag": "etag",
    "Location": "location",
    "VersionId": "x-amz-version-id",
    "ServerSideEncryption": "x-amz-server-side-encryption",
    "Expiration": "x-amz-expiration",
}


class PostFormCodec:
    """PostObject, which no model describes."""

    def parse(
        self, method: str, path: str, query: str, headers: Collection[tuple[str, str]], body: Any
    ) -> dict[str, Any]:
        """Bucket, content type and the stream of the form."""
        told = dict(headers)
        return {
            "Bucket": unquote(path.strip("/")),
            "ContentType": told.get("content-type", ""),
            "Host": told.get("host", ""),
            "Body": body,
            "NowMs": time.time_ns() // 1_000_000,  # as links do, policies end on the real clock
        }

    def serialise(self, output: dict[str, Any], request_id: str) -> Reply:
        """`Status`, and with 201 a document that tells where the object is."""
        status: int = output["Status"]
        headers: Headers = [(name, output[member]) for member, name in _HEADERS.items() if member in output]
        headers += identity_headers(self._service(), request_id)
        if status != 201:
            return Reply(status, headers, b"")
        told = "".join(f"<{name}>{escape(output[name])}</{name}>" for name in _ELEMENTS)
        return Reply(
            status, [XML_CONTENT, *headers], f"{DECLARATION}<PostResponse>{told}</PostResponse>".encode()
        )

    def serialise_error(self, error: ServiceError, request_id: str) -> Reply:
        """The error as S3 tells it."""
        return serialise_error(self._service(), error, request_id)

    def _service(self) -> ServiceModel:
        return load_service("s3")
