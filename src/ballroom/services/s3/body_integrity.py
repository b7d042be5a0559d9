"""Bodies of configurations and lists: what came must be what their headers say, as for objects.

Source: S3 User Guide, "Checking object integrity for data uploads"; S3 API Reference, DeleteObjects
("Content-MD5 request header").
"""

from __future__ import annotations

from collections.abc import Mapping

from ballroom.kernel import BytesStream, body_check
from ballroom.services.s3 import checksums
from ballroom.services.s3.checksum_request import announced_by
from ballroom.services.s3.errors import InvalidRequest
from ballroom.services.s3.receiving import receive_whole

_MUST_TELL = frozenset({"DeleteObjects", "PutObjectLockConfiguration"})
_ABOUT_THE_OBJECT = frozenset({"CompleteMultipartUpload"})
"""Operations whose checksums are not their body's."""
_MEMBERS = {f"x-amz-checksum-{name.lower()}": member for member, name in checksums.MEMBERS.items()}


@body_check("s3")
def check(operation: str, headers: Mapping[str, str], body: bytes) -> None:
    """Refuses a body that is not the one that was sent.

    Raises:
        BadDigest, InvalidDigest, InvalidRequest.
    """
    said = {} if operation in _ABOUT_THE_OBJECT else {
        member: headers[name] for name, member in _MEMBERS.items() if name in headers
    }  # fmt: skip
    if "content-md5" in headers:
        said["ContentMD5"] = headers["content-md5"]
    if said:
        stream = BytesStream(bytes(body))
        receive_whole(bytes(body), stream, said, announced_by(said, stream))
    elif operation in _MUST_TELL:
        raise InvalidRequest("Missing required header for this request: Content-MD5 OR x-amz-checksum-*")
