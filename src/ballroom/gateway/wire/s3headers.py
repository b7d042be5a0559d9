"""Headers that S3 treats in its own way: some it refuses though the models do not know them, some it forgives.
So it does with URLs.

Source: S3 API Reference, GetObject and HeadObject ("Encryption request headers ... you'll get an HTTP 400 Bad
Request error"), UploadPart; RFC 9110, 13.1.3 and 13.1.4 (a date that is none is ignored); what S3 answers.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from ballroom.gateway.wire.rest import ParameterRefused, RefusedHeader
from ballroom.kernel.errors import ServiceError

_ENCRYPTION = "x-amz-server-side-encryption"
_CHECKSUM = "x-amz-checksum-*"
"""Those of algorithms that there are have names in the models."""


def _invalid(text: str, name: str, value: str) -> ServiceError:
    argument = {"ArgumentName": name, "ArgumentValue": value[:256]}
    return ServiceError.of("InvalidArgument", text, status=400, **argument)


def _not_here(name: str, value: str) -> ServiceError:
    return _invalid(f"{name} header is not supported for this operation.", name, value)


def _no_metadata(name: str, value: str) -> ServiceError:
    return _invalid("Metadata cannot be specified in this context.", name, value)


def _no_algorithm(name: str, value: str) -> ServiceError:
    text = "The algorithm type you specified in x-amz-checksum- header is invalid."
    return ServiceError.of("InvalidRequest", text, status=400)


REFUSED: Mapping[str, Mapping[str, RefusedHeader]] = {
    "GetObject": {_ENCRYPTION: _not_here},
    "HeadObject": {_ENCRYPTION: _not_here},
    "PutObject": {_CHECKSUM: _no_algorithm},
    "UploadPart": {_ENCRYPTION: _not_here, "x-amz-meta-*": _no_metadata, _CHECKSUM: _no_algorithm},
}
"""By operation and header; a name that ends in `*` stands for all that begin so."""

ADDED: Mapping[str, Mapping[str, str]] = {
    "GetObject": {"if-range": "IfRange"},
    "HeadObject": {"if-range": "IfRange"},
}
"""Headers that the models lack, and the members that they become."""

IGNORED_IF_WRONG = frozenset({"if-modified-since", "if-unmodified-since", "x-amz-max-parts"})
"""Headers that, if they cannot be read, are as good as absent."""

_OVERRIDES = frozenset(
    f"response-{name}"
    for name in (
        "cache-control", "content-disposition", "content-encoding", "content-language", "content-type",
        "expires",
    )
)  # fmt: skip
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")


def is_escaped(text: str) -> bool:
    """Whether all percent signs of a URL begin an escape: S3 takes no other URL."""
    return "%" not in text or _BAD_ESCAPE.search(text) is None


def check_overrides(query: str) -> None:
    """Refuses a reader who wants to set another header of the answer than those that can be.

    Raises:
        InvalidArgument.
    """
    for pair in query.split("&"):
        name, _, value = pair.partition("=")
        if name.startswith("response-") and name not in _OVERRIDES:
            raise _invalid(
                f"{name} is not in the set of overridable response headers. Please refer to the S3 API "
                "documentation for a complete list of overridable response headers.",
                name, value,
            )  # fmt: skip


def wrong(refused: ParameterRefused) -> ServiceError | None:
    """S3's words for a value that cannot be read, where they are not its usual ones."""
    name, value = refused.member.wire_name, refused.given[:256]
    if name == "x-amz-object-lock-retain-until-date":
        return _invalid("The retain until date must be provided in ISO 8601 format", name, value)
    if name == "x-amz-mp-object-size":
        return ServiceError.of("InvalidRequest", f"Value for {name} header is invalid: '{value}'", status=400)
    return None
