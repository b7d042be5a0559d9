"""What S3 stores, under which keys, and how it is loaded.

| key                                  | record        | read by                                          |
|--------------------------------------|---------------|--------------------------------------------------|
| "s3", "bucket", name                 | Bucket        | every operation: names are global                |
| "s3", "owned", account, name         | Owned         | ListBuckets                                      |
| "s3", "setting", bucket id, name     | Setting       | the settings' operations                         |
| "s3", "object", bucket id, key       | ObjectVersion | the current version: reads, lists in key order   |
| "s3", "older", bucket id, key, n     | ObjectVersion | noncurrent versions; n rises with time           |
| "s3", "body", body id                | Body          | content too small to be a file                   |
| "s3", "upload", bucket id, upload id | Upload        | multipart uploads under way                      |
| "s3", "part", upload id, n           | Part          | their parts                                      |

A content is a list of pieces, blobs or one small body: a multipart upload is completed without copying.
"""

from __future__ import annotations

import msgspec

from ballroom.kernel import BlobRef, Key, Record, Tx
from ballroom.services.s3.errors import AccessDenied, NoSuchBucket

NULL = "null"
"""The id of versions made while the bucket keeps none."""


class Bucket(Record, frozen=True):
    """A bucket. Its id is never used again, so what a deleted one left is never seen."""

    name: str
    id: str
    account: str
    region: str
    created_ms: int
    versioning: str = ""  # "", "Enabled" or "Suspended"


class Owned(Record, frozen=True):
    """Marks that an account owns a bucket."""

    name: str


class Setting(Record, frozen=True):
    """A bucket's setting as it was put: JSON of its members."""

    value: bytes


class Body(Record, frozen=True):
    """A small content."""

    data: bytes


class Content(Record, frozen=True):
    """The bytes of an object or part: a small body, or pieces one after the other."""

    size: int
    body_id: str = ""
    pieces: list[BlobRef] = msgspec.field(default_factory=list)


class Headers(Record, frozen=True):
    """What is told with the bytes. `fields` holds output members such as ContentType."""

    fields: dict[str, str] = msgspec.field(default_factory=dict)
    metadata: dict[str, str] = msgspec.field(default_factory=dict)
    checksums: dict[str, str] = msgspec.field(default_factory=dict)


class ObjectVersion(Record, frozen=True):
    """One version of an object, or the marker of its deletion."""

    key: str
    version_id: str
    sequence: int
    modified_ms: int
    etag: str  # without quotes; empty: a delete marker
    content: Content
    headers: Headers = Headers()
    parts: int = 0  # of a multipart upload

    @property
    def is_marker(self) -> bool:
        """Whether this version says that the object is gone."""
        return not self.etag


class Upload(Record, frozen=True):
    """A multipart upload under way."""

    id: str
    key: str
    started_ms: int
    headers: Headers


class Part(Record, frozen=True):
    """One part of it."""

    number: int
    etag: str
    modified_ms: int
    content: Content


class Sequence(Record, frozen=True):
    """Orders the versions of a bucket."""

    last: int


def bucket_key(name: str) -> Key:
    """The bucket's row; names are global."""
    return ("s3", "bucket", name)


def object_key(bucket: Bucket, key: str) -> Key:
    """The current version."""
    return ("s3", "object", bucket.id, key)


def older_key(bucket: Bucket, version: ObjectVersion) -> Key:
    """A noncurrent version."""
    return ("s3", "older", bucket.id, version.key, version.sequence)


def load_bucket(tx: Tx, name: str) -> Bucket:
    """The bucket, if it is the caller's.

    Raises:
        NoSuchBucket: there is none.
        AccessDenied: it is another account's, and bucket policies are not evaluated yet.
    """
    bucket = tx.get(Bucket, bucket_key(name))
    if bucket is None:
        raise NoSuchBucket(BucketName=name)
    if bucket.account != tx.account:
        raise AccessDenied()
    return bucket


def next_sequence(tx: Tx, bucket: Bucket) -> int:
    """Rises with each version in the bucket."""
    row = ("s3", "sequence", bucket.id)
    last = tx.get(Sequence, row)
    number = (last.last if last is not None else 0) + 1
    tx.put(row, Sequence(number))
    return number
