"""Rules for the names of buckets and keys. Pure.

Source: S3 User Guide, "General purpose bucket naming rules", "Naming Amazon S3 objects".
"""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import unquote

from ballroom.services.s3.errors import InvalidArgument, InvalidBucketName, KeyTooLong

_BUCKET = re.compile(r"(?=.{3,63}\Z)[a-z0-9]+(?:-+[a-z0-9]+|\.[a-z0-9]+)*")
"""Labels with a period between them, as in a name of a host: each begins and ends with a letter or digit."""
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_RESERVED = ("xn--", "sthree-", "amzn-s3-demo-")
_RESERVED_ENDS = ("-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3")


def check_bucket_name(name: str) -> None:
    """Refuses what cannot be a bucket's name."""
    if (
        _BUCKET.fullmatch(name) is None
        or name.startswith(_RESERVED)
        or name.endswith(_RESERVED_ENDS)
        or _is_address(name)
    ):
        raise InvalidBucketName(BucketName=name)


def check_key(key: str) -> None:
    """A key has 1 to 1,024 bytes of UTF-8."""
    if len(key.encode("utf-8", "surrogatepass")) > 1024:
        raise KeyTooLong(Size=str(len(key.encode("utf-8", "surrogatepass"))), MaxSizeAllowed="1024")


def parse_copy_source(source: str) -> tuple[str, str, str | None]:
    """Bucket, key and version of `bucket/key?versionId=id`, percent-encoded."""
    path, mark, version = source.rpartition("?versionId=")
    if not mark:
        path, version = source, ""
    elif not version:
        raise InvalidArgument(
            "Version id cannot be the empty string", ArgumentName="x-amz-copy-source", ArgumentValue=source
        )
    if "%" in path and _BAD_ESCAPE.search(path) is not None:
        raise InvalidArgument(
            "Invalid copy source encoding", ArgumentName="x-amz-copy-source", ArgumentValue=source
        )
    bucket, _, key = unquote(path).removeprefix("/").partition("/")
    if not bucket:
        raise InvalidArgument(
            "Invalid copy source bucket name", ArgumentName="x-amz-copy-source", ArgumentValue=source
        )
    if not key:
        raise InvalidArgument(
            "Invalid copy source object key", ArgumentName="x-amz-copy-source", ArgumentValue=source
        )
    return bucket, key, version or None


def _is_address(name: str) -> bool:
    try:
        ipaddress.IPv4Address(name)
    except ValueError:
        return False
    return True
