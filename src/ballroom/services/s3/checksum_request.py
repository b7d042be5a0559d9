"""What a sender says of the body that it sends: Content-MD5 and one of the API's checksums.

Source: S3 User Guide, "Checking object integrity for data uploads", "Object Lock considerations"; the recorded
answers of AWS.
"""

from __future__ import annotations

import base64
import binascii
from typing import Any

import msgspec

from ballroom.kernel import ByteStream, Tx
from ballroom.services.s3 import checksums
from ballroom.services.s3.attributes import Attributes
from ballroom.services.s3.errors import BadDigest, InvalidDigest, InvalidRequest, MalformedTrailer
from ballroom.services.s3.resources import Checksum

_KNOWN = "CRC32, CRC32C, CRC64NVME, SHA1, SHA256, SHA512, MD5, XXHASH64, XXHASH3, XXHASH128"
UNSUPPORTED_ALGORITHM = (
    f"Checksum algorithm provided is unsupported. Please try again with any of the valid types: [{_KNOWN}]"
)
_NOT_AS_TOLD = "Value for x-amz-sdk-checksum-algorithm header is invalid."


class Announced(msgspec.Struct):
    """The checksums that a body must have."""

    md5: bytes | None
    algorithm: str
    """Of the checksum to keep: what was asked for, or S3's default."""
    value: str | None = None
    """Sent before the body; None: comes behind it, or is only computed."""
    in_trailer: bool = False
    is_part: bool = False
    asked: bool = True
    """Whether the sender named the algorithm."""


def announced_by(request: dict[str, Any], stream: ByteStream, default: str = checksums.DEFAULT) -> Announced:
    """What the request says of its body.

    Raises:
        InvalidDigest: Content-MD5 is no MD5.
        InvalidRequest: the checksum headers make no sense.

    Source: S3 API Reference, PutObject and UploadPart, `x-amz-sdk-checksum-algorithm`; what S3 answers.
    """
    md5 = _md5_of(request.get("ContentMD5"))
    told = request.get("ChecksumAlgorithm")
    sent = [(name, request[member]) for member, name in checksums.MEMBERS.items() if member in request]
    trailing = [checksums.HEADERS.get(name) for name in stream.announced_trailers()]
    if sent and trailing:
        raise InvalidRequest("Expecting a single x-amz-checksum- header")
    if len(sent) + len(trailing) > 1:
        raise InvalidRequest(
            "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed."
        )
    if sent:
        name, value = sent[0]
        if not checksums.is_valid(name, value):
            raise InvalidRequest(f"Value for x-amz-checksum-{name.lower()} header is invalid.")
        if told is not None and told.upper() != name:
            raise InvalidRequest(_NOT_AS_TOLD)
        return Announced(md5, name, value)
    if trailing:
        if trailing[0] is None:
            raise InvalidRequest("The value specified in the x-amz-trailer header is not supported")
        if told is not None and told.upper() != trailing[0]:
            raise InvalidRequest(_NOT_AS_TOLD)
        return Announced(md5, trailing[0], in_trailer=True)
    if told is None:
        return Announced(md5, default, asked=False)
    if told.upper() not in checksums.ALGORITHMS:
        raise InvalidRequest(_NOT_AS_TOLD)
    if isinstance(request.get("Body"), bytes):
        return Announced(md5, told.upper())  # from within: nobody has computed what an SDK would have
    raise InvalidRequest(
        "x-amz-sdk-checksum-algorithm specified, but no corresponding x-amz-checksum-* or x-amz-trailer "
        "headers were found."
    )


def check_locked(tx: Tx, attributes: Attributes, announced: Announced, kind: str) -> None:
    """What a lock will protect must come with a checksum, so that it is not something else for years.

    `kind` is how S3 calls the request. Other services' deliveries are checked on their way anyhow.

    Raises:
        InvalidRequest: the sender says of no checksum.
    """
    is_locked = attributes.lock_mode or attributes.legal_hold
    if is_locked and announced.md5 is None and not announced.asked and tx.caller.source == "wire":
        raise InvalidRequest(
            f"Content-MD5 OR x-amz-checksum- HTTP header is required for {kind} requests with Object Lock "
            "parameters"
        )


def verified(announced: Announced, computed: str, trailers: dict[str, str]) -> Checksum:
    """The checksum to keep, once it is what the sender said.

    Raises:
        BadDigest: it is another.
        MalformedTrailer: it was to come behind the body, and did not, or came unannounced.
        InvalidRequest: what came behind the body makes no sense.
    """
    name = announced.algorithm
    said = announced.value
    if announced.in_trailer:
        said = trailers.get(f"x-amz-checksum-{name.lower()}")
        if said is None:
            raise MalformedTrailer()
        if not checksums.is_valid(name, said):
            raise InvalidRequest(f"Value for x-amz-checksum-{name.lower()} trailing header is invalid.")
    elif not trailers.keys().isdisjoint(checksums.HEADERS):
        raise MalformedTrailer()  # nothing was announced
    if said is not None and base64.b64decode(said) != base64.b64decode(computed):
        raise BadDigest(f"The {name} you specified did not match the calculated checksum.")
    return Checksum(name, computed)


def _md5_of(told: str | None) -> bytes | None:
    if told is None:
        return None
    try:
        wanted = base64.b64decode(told, validate=True)
    except (binascii.Error, ValueError):
        wanted = b""
    if len(wanted) != 16:
        raise InvalidDigest(**{"Content-MD5": told})
    return wanted
