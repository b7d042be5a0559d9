"""What S3 wants of an Authorization header or a presigned link beyond what their signature needs, in its words.

Source: Amazon S3 API Reference, "Authenticating Requests (AWS Signature Version 4)"; S3's answers.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping

from ballroom.gateway.aws_chunked import KINDS, UNSIGNED_TRAILER
from ballroom.gateway.refusals import S3, refusal
from ballroom.gateway.sigv4 import UNSIGNED_PAYLOAD, epoch_of
from ballroom.kernel.caller import Signing
from ballroom.kernel.errors import ServiceError

_LINK_NAMES = frozenset(
    ("X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Signature", "X-Amz-Date", "X-Amz-SignedHeaders",
     "X-Amz-Expires")
)  # fmt: skip
_HEX_64 = re.compile(r"[0-9a-f]{64}")
_ONE_MECHANISM = (
    "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature query string "
    "parameter or the Authorization header should be specified"
)
_NO_HASH = (
    "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, STREAMING-UNSIGNED-PAYLOAD-TRAILER, "
    "STREAMING-AWS4-HMAC-SHA256-PAYLOAD, STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER, "
    "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD, STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD-TRAILER or a valid "
    "sha256 value."
)


def check_link_complete(query: str) -> None:
    """Refuses a presigned link that lacks a part."""
    names = _names(query)
    here = names & _LINK_NAMES
    if here - {"X-Amz-Date", "X-Amz-Expires"} and here != _LINK_NAMES:
        raise refusal("incomplete link", S3)
    if names & {"AWSAccessKeyId", "Signature"}:
        raise refusal("incomplete older link", S3)


def check_one_mechanism(authorization: str, query: str) -> None:
    """Refuses a request that is signed by its header and its query."""
    if _names(query) & {"X-Amz-Algorithm", "Signature"}:
        raise _invalid(_ONE_MECHANISM, "Authorization", authorization)


def no_mechanism(authorization: str) -> ServiceError:
    """The error for an Authorization header that is no signature."""
    return _invalid("Unsupported Authorization Type", "Authorization", authorization)


def check_anonymous_payload(headers: Mapping[str, str]) -> None:
    """Refuses a body in chunks that nobody signed."""
    if headers.get("x-amz-content-sha256") in KINDS - {UNSIGNED_TRAILER}:
        raise ServiceError.of(
            "InvalidRequest",
            "Anonymous requests don't support this x-amz-content-sha256 value. Please use UNSIGNED-PAYLOAD or "
            "STREAMING-UNSIGNED-PAYLOAD-TRAILER.",
            status=400,
        )


def check_payload_hash(headers: Mapping[str, str]) -> None:
    """Refuses a signed header that does not say what the body's hash is."""
    told = headers.get("x-amz-content-sha256")
    if told is None:
        text = "Missing required header for this request: x-amz-content-sha256"
        raise ServiceError.of("InvalidRequest", text, status=400)
    check_payload_kind(told)


def check_payload_kind(told: str) -> None:
    """Refuses a payload hash that is neither one nor a kind of payload."""
    if told != UNSIGNED_PAYLOAD and told not in KINDS and _HEX_64.fullmatch(told) is None:
        raise _invalid(_NO_HASH, "x-amz-content-sha256", told)


def signing_of(headers: Mapping[str, str], query: str) -> Signing:
    """How a signed request was signed.

    Source: Amazon S3 API Reference, "Amazon S3 Signature Version 4 Authentication Specific Policy Keys".
    """
    payload = headers.get("x-amz-content-sha256", "")
    if "authorization" in headers:
        return Signing(payload=payload)
    pairs = dict(pair.split("=", 1) for pair in query.split("&") if "=" in pair)
    if "X-Amz-Signature" not in pairs:
        return Signing("REST-QUERY-STRING", "AWS", payload, 0)
    age_ms = time.time_ns() // 1_000_000 - 1000 * epoch_of(pairs.get("X-Amz-Date", ""))
    return Signing("REST-QUERY-STRING", payload=payload, age_ms=max(age_ms, 0))


def _names(query: str) -> set[str]:
    return {pair.partition("=")[0] for pair in query.split("&")}


def _invalid(text: str, name: str, value: str) -> ServiceError:
    argument = {"ArgumentName": name, "ArgumentValue": value[:1024]}
    return ServiceError.of("InvalidArgument", text, status=400, **argument)
