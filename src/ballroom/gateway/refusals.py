"""Refusals that are no operation's own: who you are, what you asked for, how much you sent, how the disk is.

AWS names the same refusal differently in each family of protocols; the table is here, so that nobody
else needs to know.
"""

from __future__ import annotations

from typing import Any

from ballroom.kernel.errors import ServiceError, Throttled, Unavailable

JSON, REST_JSON, QUERY, S3 = "json", "rest-json", "query", "s3"
"""Families of protocols that share names and statuses."""

_FAMILIES = {
    "json": JSON, "smithy-rpc-v2-cbor": JSON, "rest-json": REST_JSON,
    "rest-xml": QUERY, "query": QUERY, "ec2": QUERY,
}  # fmt: skip

# refusal: family -> (code, status)
_CODES: dict[str, dict[str, tuple[str, int]]] = {
    "missing": {
        JSON: ("MissingAuthenticationTokenException", 400),
        REST_JSON: ("MissingAuthenticationTokenException", 403),
        QUERY: ("MissingAuthenticationToken", 403), S3: ("AccessDenied", 403),
    },
    "unknown key": {
        JSON: ("UnrecognizedClientException", 400), REST_JSON: ("UnrecognizedClientException", 403),
        QUERY: ("InvalidClientTokenId", 403), S3: ("InvalidAccessKeyId", 403),
    },
    "wrong token": {
        JSON: ("UnrecognizedClientException", 400), REST_JSON: ("UnrecognizedClientException", 403),
        QUERY: ("InvalidClientTokenId", 403), S3: ("InvalidToken", 400),
    },
    "expired token": {
        JSON: ("ExpiredTokenException", 400), REST_JSON: ("ExpiredTokenException", 403),
        QUERY: ("ExpiredToken", 403), S3: ("ExpiredToken", 400),
    },
    "mismatch": {
        JSON: ("InvalidSignatureException", 400), REST_JSON: ("InvalidSignatureException", 403),
        QUERY: ("SignatureDoesNotMatch", 403), S3: ("SignatureDoesNotMatch", 403),
    },
    "incomplete": {
        JSON: ("IncompleteSignatureException", 400), REST_JSON: ("IncompleteSignatureException", 403),
        QUERY: ("IncompleteSignature", 400), S3: ("AuthorizationHeaderMalformed", 400),
    },
    "undated": {S3: ("AccessDenied", 403)},
    "incomplete link": {
        JSON: ("IncompleteSignatureException", 400), REST_JSON: ("IncompleteSignatureException", 403),
        QUERY: ("IncompleteSignature", 400), S3: ("AuthorizationQueryParametersError", 400),
    },
    "incomplete older link": {S3: ("AccessDenied", 403)},
    "unsupported": {
        JSON: ("IncompleteSignatureException", 400), REST_JSON: ("IncompleteSignatureException", 403),
        QUERY: ("IncompleteSignature", 400), S3: ("InvalidRequest", 400),
    },
    "skewed": {
        JSON: ("InvalidSignatureException", 400), REST_JSON: ("InvalidSignatureException", 403),
        QUERY: ("SignatureDoesNotMatch", 403), S3: ("RequestTimeTooSkewed", 403),
    },
    "expired request": {
        JSON: ("InvalidSignatureException", 400), REST_JSON: ("InvalidSignatureException", 403),
        QUERY: ("SignatureDoesNotMatch", 403), S3: ("AccessDenied", 403),
    },
    "unsigned headers": {
        JSON: ("InvalidSignatureException", 400), REST_JSON: ("InvalidSignatureException", 403),
        QUERY: ("SignatureDoesNotMatch", 403), S3: ("AccessDenied", 403),
    },
    "unknown operation": {
        JSON: ("UnknownOperationException", 400), REST_JSON: ("UnknownOperationException", 404),
        QUERY: ("InvalidAction", 400), S3: ("MethodNotAllowed", 405),
    },
    "too large": {
        JSON: ("RequestEntityTooLargeException", 413), REST_JSON: ("RequestEntityTooLargeException", 413),
        QUERY: ("RequestEntityTooLarge", 413), S3: ("EntityTooLarge", 400),
    },
    "malformed": {
        JSON: ("MalformedHttpRequestException", 400), REST_JSON: ("MalformedHttpRequestException", 400),
        QUERY: ("MalformedHttpRequestException", 400), S3: ("BadRequest", 400),
    },
    "head too large": {
        JSON: ("RequestHeaderFieldsTooLarge", 431), REST_JSON: ("RequestHeaderFieldsTooLarge", 431),
        QUERY: ("RequestHeaderFieldsTooLarge", 431), S3: ("RequestHeaderSectionTooLarge", 400),
    },
    "timed out": {
        JSON: ("RequestTimeoutException", 408), REST_JSON: ("RequestTimeoutException", 408),
        QUERY: ("RequestTimeoutException", 408), S3: ("RequestTimeout", 400),
    },
    "throttled": {
        JSON: ("ThrottlingException", 400), REST_JSON: ("ThrottlingException", 400),
        QUERY: ("ThrottlingException", 400), S3: ("SlowDown", 503),
    },
    "unavailable": {
        JSON: ("ServiceUnavailableException", 503), REST_JSON: ("ServiceUnavailableException", 503),
        QUERY: ("ServiceUnavailable", 503), S3: ("ServiceUnavailable", 503),
    },
    "not implemented": {
        JSON: ("NotImplemented", 501), REST_JSON: ("NotImplemented", 501),
        QUERY: ("NotImplemented", 501), S3: ("NotImplemented", 501),
    },
}  # fmt: skip

_TEXTS = {
    "missing": {S3: "Access Denied", "": "Request is missing Authentication Token"},
    "unknown key": {
        S3: "The AWS Access Key Id you provided does not exist in our records.",
        "": "The security token included in the request is invalid.",
    },
    "wrong token": {
        S3: "The provided token is malformed or otherwise invalid.",
        "": "The security token included in the request is invalid.",
    },
    "expired token": {
        S3: "The provided token has expired.",
        "": "The security token included in the request is expired",
    },
    "mismatch": {
        S3: "The request signature we calculated does not match the signature you provided. "
        "Check your key and signing method.",
        "": "The request signature we calculated does not match the signature you provided. Check your AWS "
        "Secret Access Key and signing method. Consult the service documentation for details.",
    },
    "undated": {S3: "AWS authentication requires a valid Date or x-amz-date header"},
    "incomplete link": {
        S3: "Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, "
        "X-Amz-Signature, X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters.",
        "": "",
    },
    "incomplete older link": {
        S3: "Query-string authentication requires the Signature, Expires and AWSAccessKeyId parameters"
    },
    "skewed": {S3: "The difference between the request time and the current time is too large.", "": ""},
    "expired request": {S3: "Request has expired", "": ""},
    "unsigned headers": {
        S3: "There were headers present in the request which were not signed",
        "": "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.",
    },
    "malformed": {S3: "An error occurred when parsing the HTTP request."},
    "head too large": {S3: "Your request header section exceeds the maximum allowed size."},
    "timed out": {
        S3: "Your socket connection to the server was not read from or written to within the timeout period. "
        "Idle connections will be closed.",
    },
    "not implemented": {S3: "A header you provided implies functionality that is not implemented"},
}
_OF_CONNECTION = {
    "BadRequest": "malformed", "NotImplemented": "not implemented", "RequestTimeout": "timed out",
    "RequestHeaderFieldsTooLarge": "head too large",
}  # fmt: skip
"""The HTTP server's own refusals, where families have names for them."""


def family_of(service: str, protocol: str) -> str:
    """Whose names a service's refusals use."""
    return S3 if service in ("s3", "s3control") else _FAMILIES[protocol]


def in_family(error: ServiceError, family: str) -> ServiceError:
    """The store's refusals as a family of protocols names them; any other error as it is.

    Source: Amazon S3 API Reference, "Error responses" (SlowDown); IAM API Reference, "Common Errors".
    """
    if isinstance(error, Throttled):
        return refusal("throttled", family, "Please reduce your request rate." if family == S3 else error.text)
    if isinstance(error, Unavailable):
        return refusal("unavailable", family, error.text)
    return error


def of_connection(family: str, status: int, code: str, text: str) -> ServiceError:
    """A refusal of the HTTP server's own as a family of protocols names it.

    Source: Amazon S3 API Reference, "Error responses"; IAM API Reference, "Common Errors".
    """
    kind = _OF_CONNECTION.get(code)
    if kind is None:
        return ServiceError.of(code, text, status=status)
    return refusal(kind, family, None if family == S3 else text)


def refusal(kind: str, family: str, text: str | None = None, **fields: Any) -> ServiceError:
    """The error that AWS answers for `kind` in a family of protocols."""
    code, status = _CODES[kind][family]
    if text is None:
        texts = _TEXTS[kind]
        text = texts.get(family) or texts[""]
    fault = "Receiver" if status >= 500 else "Sender"
    return ServiceError.of(code, text, status=status, fault=fault, **fields)
