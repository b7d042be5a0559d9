"""What browsers are told about a bucket: its CORS rules, applied to preflights and to actual requests.

Source: S3 User Guide, "Using cross-origin resource sharing (CORS)"; recorded answers.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote

from ballroom.kernel import CrossOrigin, Tx, cross_origin
from ballroom.services.s3 import cors
from ballroom.services.s3.errors import S3Error, named
from ballroom.services.s3.resources import find_bucket
from ballroom.services.s3.settings_store import find_setting

NAME = "cors"


@cross_origin("s3")
def headers_for(tx: Tx, asked: CrossOrigin) -> list[tuple[str, str]]:
    """The headers that let a page go on; none where no rule matches an actual request.

    Raises:
        S3Error: a preflight that no rule allows.
    """
    bucket, _, key = unquote(asked.path).lstrip("/").partition("/")
    if not asked.preflight:
        rule = _rule(tx, bucket, asked.origin, asked.method, [])
        return [] if rule is None else cors.answer_headers(rule, asked.origin, [])
    if not asked.origin:
        raise named("BadRequest", cors.NO_ORIGIN)
    wanted = asked.request_method
    rules = _rules(tx, bucket)
    if rules is None:
        text = cors.DISABLED if find_bucket(tx, bucket) is not None else cors.NO_BUCKET
        raise _forbidden(text, wanted or "OPTIONS", "BUCKET")
    if not wanted:
        raise named("BadRequest", "Invalid Access-Control-Request-Method: null")
    headers = cors.names_of(asked.request_headers)
    rule = cors.find_rule(rules, asked.origin, wanted, headers)
    if rule is None:
        raise _forbidden(cors.NOT_ALLOWED, wanted, "OBJECT" if key else "BUCKET")
    return cors.answer_headers(rule, asked.origin, headers)


def _rule(tx: Tx, bucket: str, origin: str, method: str, headers: list[str]) -> dict[str, Any] | None:
    rules = _rules(tx, bucket)
    return None if rules is None else cors.find_rule(rules, origin, method, headers)


def _rules(tx: Tx, name: str) -> list[dict[str, Any]] | None:
    bucket = find_bucket(tx, name)
    found = find_setting(tx, bucket, NAME) if bucket is not None else None
    return None if found is None else found["CORSRules"]


def _forbidden(text: str, method: str, kind: str) -> S3Error:
    return named("AccessForbidden", text, status=403, Method=method, ResourceType=kind)
