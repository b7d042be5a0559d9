"""What is told with an object's bytes: its headers, the user's metadata, the storage class. Pure.

Source: S3 API Reference, PutObject; User Guide, "Working with object metadata", "Storage classes".
"""

from __future__ import annotations

from typing import Any

from ballroom.kernel.errors import NotImplementedHere
from ballroom.services.s3 import encoded_words
from ballroom.services.s3.errors import InvalidRequest, InvalidStorageClass, MetadataTooLarge, http_date
from ballroom.services.s3.resources import Headers

FIELDS = (
    "CacheControl", "ContentDisposition", "ContentEncoding", "ContentLanguage", "ContentType", "Expires",
)  # fmt: skip
METADATA_LIMIT = 2048
STORAGE_CLASSES = frozenset({
    "STANDARD", "REDUCED_REDUNDANCY", "STANDARD_IA", "ONEZONE_IA", "INTELLIGENT_TIERING", "GLACIER",
    "DEEP_ARCHIVE", "GLACIER_IR",
})  # fmt: skip
ARCHIVED = frozenset({"GLACIER", "DEEP_ARCHIVE"})
_OVERRIDES = {
    "ResponseCacheControl": "CacheControl",
    "ResponseContentDisposition": "ContentDisposition",
    "ResponseContentEncoding": "ContentEncoding",
    "ResponseContentLanguage": "ContentLanguage",
    "ResponseContentType": "ContentType",
    "ResponseExpires": "Expires",
}
_NONE = Headers()


def check_anonymous(request: dict[str, Any]) -> None:
    """Only who signs chooses the headers of an answer: a public object is what its owner made it.

    Raises:
        InvalidRequest: the request names some.

    Source: S3 API Reference, GetObject, "Overriding response header values through the request".
    """
    if not request.keys().isdisjoint(_OVERRIDES):
        raise InvalidRequest("Request specific response headers cannot be used for anonymous GET requests.")


def headers_of(request: dict[str, Any]) -> Headers:
    """The headers and metadata that a request gives its object.

    Raises:
        MetadataTooLarge: names and values of the metadata have more than 2 KB.
    """
    if "WriteOffsetBytes" in request:
        raise NotImplementedHere(
            "Ballroom does not append to objects: WriteOffsetBytes is for directory buckets"
        )
    fields = {name: str(request[name]) for name in FIELDS if name in request}
    if "aws-chunked" in fields.get("ContentEncoding", ""):
        _forget_chunks(fields)
    given = request.get("Metadata")
    if not given:
        return Headers(fields) if fields else _NONE
    metadata = {name.lower(): encoded_words.decoded(value) for name, value in given.items()}
    size = sum(len(name.encode()) + len(value.encode()) for name, value in metadata.items())
    if size > METADATA_LIMIT:
        raise MetadataTooLarge(Size=str(size), MaxSizeAllowed=str(METADATA_LIMIT))
    return Headers(fields, metadata)


def _forget_chunks(fields: dict[str, str]) -> None:
    """`aws-chunked` says how the body came, nothing of the object.

    Source: S3 API Reference, "Signature calculations ... transferring a payload in multiple chunks".
    """
    codings = [name.strip() for name in fields.pop("ContentEncoding").split(",")]
    if kept := [name for name in codings if name != "aws-chunked"]:
        fields["ContentEncoding"] = ",".join(kept)


def storage_class_of(request: dict[str, Any]) -> str:
    """The storage class that a request names.

    Raises:
        InvalidStorageClass: S3 has none of that name for buckets in a region.
    """
    name: str = request.get("StorageClass", "STANDARD")
    if name not in STORAGE_CLASSES:
        raise InvalidStorageClass(StorageClassRequested=name)
    return name


def tell(headers: Headers, request: dict[str, Any], response: dict[str, Any]) -> None:
    """Add headers and metadata to the answer of a read; the request may override some."""
    response["ContentType"] = "binary/octet-stream"
    response.update(headers.fields)
    if headers.metadata:
        response["Metadata"] = {name: encoded_words.encoded(value) for name, value in headers.metadata.items()}
    for asked, member in _OVERRIDES.items():
        if asked in request:
            response[member] = request[asked]
    if "ResponseExpires" in request:
        response["Expires"] = http_date(request["ResponseExpires"])
