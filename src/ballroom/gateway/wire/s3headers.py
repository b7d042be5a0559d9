"""Headers that some of S3's operations refuse, though their models do not even know them.

Source: S3 API Reference, GetObject and HeadObject ("Encryption request headers ... you'll get an HTTP 400 Bad
Request error"), UploadPart; what S3 answers.
"""

from __future__ import annotations

from collections.abc import Mapping

from ballroom.gateway.wire.rest import RefusedHeader
from ballroom.kernel.errors import ServiceError

_ENCRYPTION = "x-amz-server-side-encryption"
_CHECKSUM = "x-amz-checksum-*"
"""Those of algorithms that there are have names in the models."""


def _invalid(text: str, name: str, value: str) -> ServiceError:
    error = ServiceError(text, ArgumentName=name, ArgumentValue=value[:256])
    error.shape, error.status = "InvalidArgument", 400
    return error


def _not_here(name: str, value: str) -> ServiceError:
    return _invalid(f"{name} header is not supported for this operation.", name, value)


def _no_metadata(name: str, value: str) -> ServiceError:
    return _invalid("Metadata cannot be specified in this context.", name, value)


def _no_algorithm(name: str, value: str) -> ServiceError:
    error = ServiceError("The algorithm type you specified in x-amz-checksum- header is invalid.")
    error.shape, error.status = "InvalidRequest", 400
    return error


REFUSED: Mapping[str, Mapping[str, RefusedHeader]] = {
    "GetObject": {_ENCRYPTION: _not_here},
    "HeadObject": {_ENCRYPTION: _not_here},
    "PutObject": {_CHECKSUM: _no_algorithm},
    "UploadPart": {_ENCRYPTION: _not_here, "x-amz-meta-*": _no_metadata, _CHECKSUM: _no_algorithm},
}
"""By operation and header; a name that ends in `*` stands for all that begin so."""
