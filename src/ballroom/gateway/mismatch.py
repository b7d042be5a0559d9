"""What S3 tells whose signature is wrong: the text that should have been signed, to be compared with one's own.

Source: Amazon S3 API Reference, "Error responses", SignatureDoesNotMatch; the recorded answers of AWS.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from ballroom.gateway import sigv2, sigv4

_LONGEST = 8192
"""Longer texts help nobody, and clients choose their length."""


def of_signature(
    signed: sigv4.Signed, method: str, path: str, query: str, headers: Mapping[str, str], payload_hash: str
) -> dict[str, str]:
    """Fields of the error for a request signed with Signature Version 4."""
    scope = signed.scope
    lines = [f"{name}:{' '.join(headers.get(name, '').split())}\n" for name in scope.names]
    canonical = "\n".join(
        [
            method,
            sigv4.canonical_paths(path, s3=True)[-1],
            sigv4.canonical_queries(query)[-1] if query else "",
            "".join(lines),
            scope.signed_headers,
            payload_hash,
        ]
    )
    hashed = hashlib.sha256(canonical.encode("latin-1", "replace")).hexdigest()
    to_sign = f"{sigv4.ALGORITHM}\n{signed.timestamp}\n{scope.text}\n{hashed}"
    return {
        "AWSAccessKeyId": scope.access_key_id,
        "StringToSign": to_sign,
        "SignatureProvided": signed.signature,
        "StringToSignBytes": _bytes(to_sign),
        "CanonicalRequest": canonical[:_LONGEST],
        "CanonicalRequestBytes": _bytes(canonical),
    }


def of_link(link: sigv2.Link, to_sign: str) -> dict[str, str]:
    """Fields of the error for a presigned link of the older kind."""
    return {
        "AWSAccessKeyId": link.access_key_id,
        "StringToSign": to_sign[:_LONGEST],
        "SignatureProvided": link.signature[:128],
        "StringToSignBytes": _bytes(to_sign),
    }


def _bytes(text: str) -> str:
    return text[:_LONGEST].encode("latin-1", "replace").hex(" ")
