"""What S3 says to a request that is none of its operations: which methods there are, or what is wrong with it.

Source: S3 API Reference, "Error responses" (MethodNotAllowed, PreconditionFailed); what S3 answers.
"""

from __future__ import annotations

from collections.abc import Mapping

from ballroom.gateway.refusals import S3, refusal
from ballroom.gateway.rest import RestIndex
from ballroom.kernel.errors import ServiceError

_METHODS = ("HEAD", "DELETE", "POST", "GET", "PUT")
"""In the order in which S3's Allow names them."""
_NO_FORM = "Bucket POST must be of the enclosure-type multipart/form-data"


def is_half_a_part(operation: str, query: str) -> bool:
    """Whether an object is asked for or written as if it were an upload, or a part of none."""
    if operation in ("PutObject", "CopyObject"):
        return "uploadId=" in query or "partNumber=" in query
    return operation == "HeadObject" and "uploadId=" in query


def no_operation(
    index: RestIndex, method: str, path: str, query: str, headers: Mapping[str, str]
) -> ServiceError:
    """The error for a request that names none; `path` begins with the bucket."""
    bucket, _, key = path.lstrip("/").partition("/")
    names = {pair.partition("=")[0] for pair in query.split("&")}
    if key and method == "PUT" and "partNumber" in names:
        text = "This operation does not accept partNumber without uploadId"
        argument = {"ArgumentName": "partNumber", "ArgumentValue": "partNumber"}
        return ServiceError.of("InvalidArgument", text, status=400, **argument)
    whole = bool(bucket) and not key and not index.names_subresource(path, query)
    if whole and method == "POST":
        text = "At least one of the pre-conditions you specified did not hold"
        return ServiceError.of("PreconditionFailed", text, status=412, Condition=_NO_FORM)
    kind = "OBJECT" if key else "BUCKET" if bucket else "SERVICE"
    if key and "uploadId" in names:
        kind = "UPLOAD"
    text = "The specified method is not allowed against this resource."
    error = refusal("unknown operation", S3, text, Method=method, ResourceType=kind)
    allowed = [
        one
        for one in _METHODS
        if (whole and one == "POST")
        or ((found := index.match(one, path, query, headers)) and not is_half_a_part(found, query))
    ]
    if allowed:
        error.headers = [("allow", ", ".join(allowed))]
    return error
