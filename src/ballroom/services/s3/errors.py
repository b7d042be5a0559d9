"""S3's errors, with AWS's texts.

Source: S3 API Reference, "Error responses", list of error codes.
"""

from __future__ import annotations

from email.utils import formatdate
from typing import TYPE_CHECKING, Any

from ballroom.kernel import ServiceError

if TYPE_CHECKING:
    from ballroom.services.s3.resources import ObjectVersion


class S3Error(ServiceError):
    """An error of S3's own."""

    status = 400


class NoSuchBucket(S3Error):
    """There is no bucket of that name."""

    shape, status = "NoSuchBucket", 404
    text = "The specified bucket does not exist"


class NoSuchKey(S3Error):
    """The bucket holds nothing under that key."""

    shape, status = "NoSuchKey", 404
    text = "The specified key does not exist."

    @classmethod
    def under(cls, key: str, marker: ObjectVersion | None) -> NoSuchKey:
        """The error for a key whose current version is a delete marker, if there is one."""
        error = cls(Key=key)
        if marker is not None:
            error.headers = [("x-amz-delete-marker", "true"), ("x-amz-version-id", marker.version_id)]
        return error


class NoSuchVersion(S3Error):
    """The key has no such version."""

    shape, status = "NoSuchVersion", 404
    text = "The specified version does not exist."


class NoSuchUpload(S3Error):
    """The multipart upload was completed or aborted, or never begun."""

    shape, status = "NoSuchUpload", 404
    text = (
        "The specified upload does not exist. The upload ID may be invalid, or the upload may have been "
        "aborted or completed."
    )


class BucketAlreadyOwnedByYou(S3Error):
    """The caller owns a bucket of that name."""

    shape, status = "BucketAlreadyOwnedByYou", 409
    text = "Your previous request to create the named bucket succeeded and you already own it."


class BucketAlreadyExists(S3Error):
    """Somebody else owns a bucket of that name."""

    shape, status = "BucketAlreadyExists", 409
    text = (
        "The requested bucket name is not available. The bucket namespace is shared by all users of the "
        "system. Please select a different name and try again."
    )


class BucketNotEmpty(S3Error):
    """The bucket holds objects."""

    shape, status = "BucketNotEmpty", 409
    text = "The bucket you tried to delete is not empty"


class PermanentRedirect(S3Error):
    """The bucket is in another region than the request was signed for."""

    shape, status = "PermanentRedirect", 301
    text = (
        "The bucket you are attempting to access must be addressed using the specified endpoint. "
        "Please send all future requests to this endpoint."
    )

    @classmethod
    def to(cls, name: str, region: str) -> PermanentRedirect:
        """The error that tells where the bucket is; SDKs that follow it sign again."""
        error = cls(Endpoint=f"{name}.s3.{region}.amazonaws.com", Bucket=name)
        error.headers = [("x-amz-bucket-region", region)]
        return error


class InvalidBucketName(S3Error):
    """The name breaks the rules for bucket names."""

    shape = "InvalidBucketName"
    text = "The specified bucket is not valid."


class AccessDenied(S3Error):
    """The bucket belongs to another account."""

    shape, status = "AccessDenied", 403
    text = "Access Denied"


class InvalidArgument(S3Error):
    """One of the parameters makes no sense."""

    shape = "InvalidArgument"


class InvalidRange(S3Error):
    """The range lies outside the object."""

    shape, status = "InvalidRange", 416
    text = "The requested range is not satisfiable"


class PreconditionFailed(S3Error):
    """A condition of the request does not hold."""

    shape, status = "PreconditionFailed", 412
    text = "At least one of the pre-conditions you specified did not hold"


class NotModified(S3Error):
    """The object is as the caller knows it."""

    shape, status = "NotModified", 304
    text = "Not Modified"


class BadDigest(S3Error):
    """The content is not what its checksum says."""

    shape = "BadDigest"
    text = "The Content-MD5 you specified did not match what we received."


class InvalidDigest(S3Error):
    """Content-MD5 is no MD5."""

    shape = "InvalidDigest"
    text = "The Content-MD5 you specified was invalid."


class IncompleteBody(S3Error):
    """Fewer bytes came than were announced."""

    shape = "IncompleteBody"
    text = "You did not provide the number of bytes specified by the Content-Length HTTP header"


class Sha256Mismatch(S3Error):
    """The body's SHA-256 is not the one in `x-amz-content-sha256`."""

    shape = "XAmzContentSHA256Mismatch"
    text = "The provided 'x-amz-content-sha256' header does not match what was computed."


class RequestTimeout(S3Error):
    """The client fell silent, or went away, within its body."""

    shape = "RequestTimeout"
    text = (
        "Your socket connection to the server was not read from or written to within the timeout period. "
        "Idle connections will be closed."
    )


class InvalidRequest(S3Error):
    """The request contradicts itself, or the object."""

    shape = "InvalidRequest"


class InvalidTag(S3Error):
    """A tag breaks the rules for tags."""

    shape = "InvalidTag"


class InvalidBucketOwner(S3Error):
    """The expected owner is no account."""

    shape = "InvalidBucketOwnerAWSAccountID"


class InvalidStorageClass(S3Error):
    """There is no such storage class, or objects cannot be put into it."""

    shape = "InvalidStorageClass"
    text = "The storage class you specified is not valid"


class InvalidEncryption(S3Error):
    """There is no such encryption."""

    shape = "InvalidEncryptionAlgorithmError"
    text = "The Encryption request you specified is not valid. Supported value: AES256."


class InvalidObjectState(S3Error):
    """The object is archived: it cannot be read before it is restored."""

    shape, status = "InvalidObjectState", 403
    text = "The operation is not valid for the object's storage class"


class ObjectNotActive(S3Error):
    """The source of a copy is archived."""

    shape, status = "ObjectNotInActiveTierError", 403
    text = (
        "The source object of the COPY action is not in the active tier and is only stored in "
        "Amazon S3 Glacier."
    )


class NotArchived(S3Error):
    """Only archived objects are restored."""

    shape, status = "InvalidObjectState", 403
    text = "Restore is not allowed for the object's current storage class"


class EntityTooLarge(S3Error):
    """More than S3 takes in one piece."""

    shape = "EntityTooLarge"
    text = "Your proposed upload exceeds the maximum allowed size"


class MetadataTooLarge(S3Error):
    """User metadata has at most 2 KB."""

    shape = "MetadataTooLarge"
    text = "Your metadata headers exceed the maximum allowed metadata size"


class InvalidPartNumber(S3Error):
    """The object has fewer parts."""

    shape, status = "InvalidPartNumber", 416
    text = "The requested partnumber is not satisfiable"


class NotImplementedHeader(S3Error):
    """S3 itself does not implement what a header asks for."""

    shape, status = "NotImplemented", 501
    text = "A header you provided implies functionality that is not implemented"


class ConditionalConflict(S3Error):
    """A delete or another write came between."""

    shape, status = "ConditionalRequestConflict", 409
    text = "The conditional request cannot succeed due to a conflicting operation against this resource."


class InvalidPart(S3Error):
    """A part was not uploaded, or is another one."""

    shape = "InvalidPart"
    text = (
        "One or more of the specified parts could not be found.  The part may not have been uploaded, or the "
        "specified entity tag may not match the part's entity tag."
    )


class InvalidPartOrder(S3Error):
    """The parts are not named in ascending order."""

    shape = "InvalidPartOrder"
    text = "The list of parts was not in ascending order. Parts must be ordered by part number."


class EntityTooSmall(S3Error):
    """A part that is not the last has less than 5 MiB."""

    shape = "EntityTooSmall"
    text = "Your proposed upload is smaller than the minimum allowed size"


class MalformedXml(S3Error):
    """The body does not fit its schema."""

    shape = "MalformedXML"
    text = "The XML you provided was not well-formed or did not validate against our published schema"


class MalformedTrailer(S3Error):
    """What comes behind the body is not what was announced."""

    shape = "MalformedTrailerError"
    text = (
        "The request contained trailing data that was not well-formed or did not conform to our published "
        "schema."
    )


class KeyTooLong(S3Error):
    """A key has at most 1,024 bytes."""

    shape = "KeyTooLongError"
    text = "Your key is too long"


class MethodNotAllowed(S3Error):
    """A delete marker cannot be read."""

    shape, status = "MethodNotAllowed", 405
    text = "The specified method is not allowed against this resource."

    @classmethod
    def on_marker(cls, marker: ObjectVersion, method: str = "GET") -> MethodNotAllowed:
        """The error for reading a delete marker by its id."""
        error = cls(Method=method, ResourceType="DeleteMarker")
        error.headers = [
            ("allow", "DELETE"), ("x-amz-delete-marker", "true"), ("x-amz-version-id", marker.version_id),
            ("last-modified", http_date(marker.modified_ms)),
        ]  # fmt: skip
        return error


class IllegalLocation(S3Error):
    """A bucket is made in the region whose endpoint is asked."""

    shape = "IllegalLocationConstraintException"


def named(shape: str, text: str, *, status: int = 400, **fields: Any) -> S3Error:
    """An error of a single place, by its code."""
    error = S3Error(text, **fields)
    error.shape, error.status = shape, status
    return error


def not_configured(shape: str, text: str, bucket: str) -> S3Error:
    """The bucket has no such configuration."""
    return named(shape, text, status=404, BucketName=bucket)


def http_date(ms: int) -> str:
    """A time as HTTP headers have it."""
    return formatdate(ms / 1000, usegmt=True)
