"""Presigned S3 links of the older kind: boto3 still makes them by default in us-east-1.

Only links: requests signed with Signature Version 2 in a header are refused (`sigv4`).

Source: Amazon S3 Developer Guide, "Signing and authenticating REST requests", query string alternative.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from hmac import compare_digest
from hmac import digest as hmac_digest
from urllib.parse import unquote

import msgspec

_SUBRESOURCES = frozenset(
    {
        "accelerate", "acl", "analytics", "cors", "defaultObjectAcl", "delete", "inventory",
        "lifecycle", "location", "logging", "metrics", "notification", "object-lock", "partNumber",
        "policy", "replication", "requestPayment", "restore", "select", "select-type",
        "storageClass", "tagging", "torrent", "uploadId", "uploads", "versionId", "versioning",
        "versions", "website", "response-cache-control", "response-content-disposition",
        "response-content-encoding", "response-content-language", "response-content-type",
        "response-expires",
    }
)  # fmt: skip


class Link(msgspec.Struct, frozen=True):
    """A presigned link as found in a query string, not yet checked."""

    access_key_id: str
    signature: str
    expires_s: int
    """When it runs out, in seconds since the epoch."""
    token: str
    parameters: dict[str, str]


def read(query: str) -> Link | None:
    """The link's signature, if the query holds one of this kind."""
    if "AWSAccessKeyId=" not in query or "Signature=" not in query:
        return None
    parameters = {}
    for pair in query.split("&"):
        name, _, value = pair.partition("=")
        parameters[unquote(name)] = unquote(value)
    expires = parameters.get("Expires", "")
    if not (expires.isascii() and expires.isdigit()) or "AWSAccessKeyId" not in parameters:
        return None
    token = parameters.get("x-amz-security-token", "")
    return Link(
        parameters["AWSAccessKeyId"], parameters.get("Signature", ""), int(expires[:15]), token, parameters
    )


def matches(
    link: Link, secret: str, method: str, resource: str, query: str, headers: Mapping[str, str]
) -> bool:
    """Whether `secret` signed this. `resource` is the path with the bucket in front, as sent."""
    to_sign = string_to_sign(link, method, resource, query, headers)
    expected = base64.b64encode(hmac_digest(secret.encode(), to_sign.encode(), "sha1")).decode()
    return compare_digest(expected.encode(), link.signature.encode())


def string_to_sign(link: Link, method: str, resource: str, query: str, headers: Mapping[str, str]) -> str:
    """What whoever made the link has signed."""
    parameters = link.parameters
    amazon = {name: value for name, value in headers.items() if name.startswith("x-amz-")}
    amazon.update(
        (name.lower(), value) for name, value in parameters.items() if name.lower().startswith("x-amz-")
    )
    lines = [
        method,
        parameters.get("content-md5") or headers.get("content-md5", ""),
        parameters.get("content-type") or headers.get("content-type", ""),
        str(link.expires_s),
        *[f"{name}:{amazon[name].strip()}" for name in sorted(amazon)],
    ]
    parts = []
    for pair in query.split("&"):
        name, equals, value = pair.partition("=")
        if name in _SUBRESOURCES:
            parts.append((name, f"{name}={unquote(value)}" if equals else name))
    if parts:
        resource += "?" + "&".join([text for _, text in sorted(parts)])
    return "\n".join([*lines, resource])
