"""The checksum algorithms of S3's API, and how the checksums of parts become an object's. Pure.

Source: S3 User Guide, "Checking object integrity for data uploads".
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import zlib
from collections.abc import Callable, Iterable
from functools import cache
from typing import Any, Protocol

from ballroom.services.s3.resources import Checksum

FULL_OBJECT, COMPOSITE = "FULL_OBJECT", "COMPOSITE"
DEFAULT = "CRC64NVME"
"""What S3 computes where a client asks for nothing."""

_SIZES = {
    "CRC32": 4, "CRC32C": 4, "CRC64NVME": 8, "SHA1": 20, "SHA256": 32, "SHA512": 64, "MD5": 16,
    "XXHASH64": 8, "XXHASH3": 8, "XXHASH128": 16,
}  # fmt: skip
ALGORITHMS = tuple(_SIZES)
MEMBERS = {f"Checksum{name}": name for name in ALGORITHMS}
"""Members of inputs and outputs that carry a checksum."""
HEADERS = {f"x-amz-checksum-{name.lower()}": name for name in ALGORITHMS}
_KINDS = {"CRC64NVME": (FULL_OBJECT,), "CRC32": (COMPOSITE, FULL_OBJECT), "CRC32C": (COMPOSITE, FULL_OBJECT)}


def kinds_of(algorithm: str) -> tuple[str, ...]:
    """What a multipart object's checksum may cover with this algorithm; the default first."""
    return _KINDS.get(algorithm, (COMPOSITE,))


class Hash(Protocol):
    """What computes one checksum, piece by piece."""

    def update(self, data: Any, /) -> None:
        """More of the content."""

    def digest(self) -> bytes:
        """The checksum so far."""


class Crc:
    """A CRC in hashlib's manner."""

    def __init__(self, function: Callable[[bytes, int], int], size: int) -> None:
        self._function, self._size = function, size
        self.value = 0

    def update(self, data: bytes, /) -> None:
        """More of the content."""
        self.value = self._function(data, self.value)

    def digest(self) -> bytes:
        """Big-endian, as S3 tells it."""
        return self.value.to_bytes(self._size, "big")


class _XxHash:
    def __init__(self, hash_: Any) -> None:
        self._hash = hash_

    def update(self, data: bytes, /) -> None:
        self._hash.update(data)

    def digest(self) -> bytes:
        return bytes(self._hash.finalize())


@cache
def _crt() -> Any:
    # imported by the first checksum that needs it: 8 ms that a server without S3 traffic does not spend
    from awscrt import checksums  # type: ignore[import-untyped]

    return checksums


def new(algorithm: str) -> Hash:
    """A fresh hash of an algorithm."""
    if algorithm == "CRC32":
        return Crc(zlib.crc32, 4)  # beside it, awscrt's takes a fifth longer and keeps the interpreter's lock
    if algorithm == "CRC32C":
        return Crc(_crt().crc32c, 4)
    if algorithm == "CRC64NVME":
        return Crc(_crt().crc64nvme, 8)
    if algorithm.startswith("XXHASH"):
        hashes = _crt().XXHash
        made = {
            "XXHASH64": hashes.new_xxhash64, "XXHASH3": hashes.new_xxhash3_64,
            "XXHASH128": hashes.new_xxhash3_128,
        }  # fmt: skip
        return _XxHash(made[algorithm]())
    made_hash: Hash = hashlib.new(algorithm.lower(), usedforsecurity=False)
    return made_hash


def crc64(data: bytes) -> str:
    """The CRC64NVME of a small content, base64."""
    return encode(int(_crt().crc64nvme(data)).to_bytes(8, "big"))


def encode(digest: bytes) -> str:
    """As it stands in headers."""
    return binascii.b2a_base64(digest, newline=False).decode()


def is_valid(algorithm: str, text: str) -> bool:
    """Whether a text can be a checksum of this algorithm."""
    try:
        return len(base64.b64decode(text, validate=True)) == _SIZES[algorithm]
    except (binascii.Error, ValueError):
        return False


def composite(algorithm: str, values: Iterable[str]) -> Checksum:
    """The checksum of the parts' checksums, with the number of parts behind it."""
    parts = [base64.b64decode(value) for value in values]
    total = new(algorithm)
    total.update(b"".join(parts))
    return Checksum(algorithm, f"{encode(total.digest())}-{len(parts)}", COMPOSITE)


def full_object(algorithm: str, parts: Iterable[tuple[str, int]]) -> Checksum:
    """The CRC of the whole from those of its parts (checksum, size), without reading them again."""
    combine = {
        "CRC32": "combine_crc32", "CRC32C": "combine_crc32c", "CRC64NVME": "combine_crc64nvme",
    }[algorithm]  # fmt: skip
    join = getattr(_crt(), combine)
    value = 0
    for text, size in parts:
        value = join(value, int.from_bytes(base64.b64decode(text), "big"), size)
    return Checksum(algorithm, encode(int(value).to_bytes(_SIZES[algorithm], "big")), FULL_OBJECT)
