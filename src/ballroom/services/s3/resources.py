"""What S3 stores, under which keys, and how it is loaded.

| key                                  | record        | read by                                              |
|--------------------------------------|---------------|------------------------------------------------------|
| "s3", "bucket", name                 | Bucket        | every operation: names are global                    |
| "s3", "owned", account, name         | Owned         | ListBuckets                                          |
| "s3", "setting", bucket id, name     | Setting       | the settings' operations                             |
| "s3", "object", bucket id, key       | ObjectVersion | the current version, never a delete marker: reads,   |
|                                      |               | lists in the order of keys                           |
| "s3", "older", bucket id, key, -n    | ObjectVersion | noncurrent versions and delete markers, newest first |
| "s3", "null", bucket id, key         | NullVersion   | where in "older" the null version is, if it is there |
| "s3", "body", body id                | Body          | a content too large for its row, too small for a file|
| "s3", "layout", layout id, offset    | Layout        | the parts of an object that was uploaded in parts    |
| "s3", "layout-uses", layout id       | Uses          | how many objects have it: copies share it            |
| "s3", "upload", bucket id, key, id   | Upload        | multipart uploads under way, in the order of keys    |
| "s3", "part", upload id, n           | Part          | their parts                                          |
| "s3", "completed", bucket id, id     | Completed     | uploads completed lately: completing again           |

Either "object" has a key's current version, or the newest row of "older" is a delete marker and current,
or the key has no versions. A version's sequence rises with each version of its key and is part of its id,
so that a version is found by its id without a scan.
"""

from __future__ import annotations

import msgspec

from ballroom.kernel import BlobRef, Key, Record, Tx
from ballroom.services.s3.attributes import NONE, Attributes

NULL = "null"
"""The id of versions made while the bucket keeps none."""


class Encryption(msgspec.Struct, frozen=True, array_like=True):
    """How an object is said to be encrypted: SSE-S3, SSE-KMS, DSSE-KMS or SSE-C."""

    algorithm: str = "AES256"
    """`AES256`, `aws:kms`, `aws:kms:dsse`; empty for SSE-C."""
    key_id: str = ""
    context: str = ""
    bucket_key: bool = False
    customer_key_md5: str = ""
    """SSE-C: the MD5 of the key, base64. The key is never stored."""


SSE_S3 = Encryption()


class Bucket(Record, frozen=True):
    """A bucket. Its id is never used again, so what a deleted one left is never seen."""

    name: str
    id: str
    account: str
    region: str
    created_ms: int
    versioning: str = ""  # "", "Enabled" or "Suspended"
    configured: list[str] = msgspec.field(default_factory=list)
    """Names of the settings that it has: asking for one it lacks costs nothing."""
    encryption: Encryption = SSE_S3
    blocks_customer_keys: bool = True
    """Whether SSE-C is refused."""


class Owned(Record, frozen=True):
    """Marks that an account owns a bucket."""

    name: str


class Setting(Record, frozen=True):
    """A bucket's setting as it was put: JSON of its members."""

    value: bytes


class Body(Record, frozen=True):
    """A small content."""

    data: bytes


class Content(msgspec.Struct, frozen=True, array_like=True):
    """The bytes of an object or part: within this row, in a row of their own, a blob, or parts in order."""

    size: int
    data: bytes | None = None
    body_id: str = ""
    blob: BlobRef | None = None
    layout_id: str = ""


class Checksum(msgspec.Struct, frozen=True, array_like=True):
    """A checksum: the algorithm as the API spells it (`CRC64NVME`), base64, and what it covers."""

    algorithm: str
    value: str
    kind: str = "FULL_OBJECT"

    @property
    def member(self) -> str:
        """The name of the member that carries it: `ChecksumCRC32`."""
        return f"Checksum{self.algorithm}"


class Headers(msgspec.Struct, frozen=True, array_like=True):
    """What is told with the bytes. `fields` holds output members such as ContentType."""

    fields: dict[str, str] = msgspec.field(default_factory=dict)
    metadata: dict[str, str] = msgspec.field(default_factory=dict)


class ObjectVersion(Record, frozen=True):
    """One version of an object, or the marker of its deletion."""

    key: str
    version_id: str
    sequence: int
    modified_ms: int
    etag: str  # without quotes; empty: a delete marker
    content: Content
    headers: Headers = Headers()
    checksum: Checksum | None = None
    encryption: Encryption = SSE_S3
    storage_class: str = "STANDARD"
    parts: int = 0  # of a multipart upload
    owner: str = ""  # the account that wrote it
    attributes: Attributes = NONE
    restored_until_ms: int = 0  # an archived object that was restored
    mark: int = 0
    """Drawn anew by each write: what tells an object from one of the same content put in its place."""

    @property
    def is_marker(self) -> bool:
        """Whether this version says that the object is gone."""
        return not self.etag

    @property
    def size(self) -> int:
        """Bytes."""
        return self.content.size


class NullVersion(Record, frozen=True):
    """The sequence of a key's noncurrent null version."""

    sequence: int


class Upload(Record, frozen=True):
    """A multipart upload under way."""

    id: str
    key: str
    started_ms: int
    headers: Headers
    algorithm: str = ""
    """Of the checksums of parts; empty: none was asked for."""
    kind: str = ""
    """COMPOSITE or FULL_OBJECT."""
    encryption: Encryption = SSE_S3
    storage_class: str = "STANDARD"
    attributes: Attributes = NONE
    owner: str = ""
    initiator: str = ""
    found: str = ""
    """Which object was there when the upload began: If-Match asks whether it has changed."""
    uploaded: int = 0
    """Rises with each part that comes, so that completion notices those that come meanwhile."""
    held: int = 0
    """How many parts there are."""


class Part(Record, frozen=True):
    """One part, of an upload or of the object it became."""

    number: int
    etag: str
    modified_ms: int
    content: Content
    checksum: Checksum | None = None
    crc64: str = ""
    """The part's CRC64NVME, where the whole object gets one."""


class Layout(Record, frozen=True):
    """Successive parts of an object."""

    offset: int
    parts: list[Part]
    more: bool = False
    """Whether another row follows."""


class Uses(Record, frozen=True):
    """How many objects have a layout, where it is not one."""

    count: int


class Completed(Record, frozen=True):
    """What was answered to the completion of an upload, for those who ask again for the same parts."""

    key: str
    parts: str  # a digest of their numbers and tags
    answer: bytes  # JSON


def bucket_key(name: str) -> Key:
    """The bucket's row; names are global."""
    return ("s3", "bucket", name)


def object_key(bucket: Bucket, key: str) -> Key:
    """The current version."""
    return ("s3", "object", bucket.id, key)


def older_key(bucket: Bucket, key: str, sequence: int) -> Key:
    """A noncurrent version or delete marker; newer ones sort first."""
    return ("s3", "older", bucket.id, key, -sequence)


def null_key(bucket: Bucket, key: str) -> Key:
    """Where the noncurrent null version is."""
    return ("s3", "null", bucket.id, key)


def upload_key(bucket: Bucket, key: str, upload_id: str) -> Key:
    """A multipart upload."""
    return ("s3", "upload", bucket.id, key, upload_id)


def part_key(upload_id: str, number: int) -> Key:
    """One of its parts."""
    return ("s3", "part", upload_id, number)


def find_bucket(tx: Tx, name: str) -> Bucket | None:
    """The bucket, whoever owns it."""
    return tx.get(Bucket, bucket_key(name))
