"""Cross-origin resource sharing: which rule answers a browser, and with which headers. Pure.

Source: S3 User Guide, "Using cross-origin resource sharing (CORS)"; S3 API Reference, PutBucketCors;
recorded answers.
"""

from __future__ import annotations

import re
from typing import Any

from ballroom.kernel.policy import matches
from ballroom.services.s3.errors import MalformedXml, S3Error, named

_UNSAFE = re.compile(r"[\x00-\x1f\x7f]")
_TEXTS = ("AllowedOrigins", "AllowedHeaders", "ExposeHeaders")
METHODS = ("GET", "PUT", "HEAD", "POST", "DELETE")
MOST_RULES = 100
VARY = "Origin, Access-Control-Request-Headers, Access-Control-Request-Method"
NO_ORIGIN = "Insufficient information. Origin request header needed."
DISABLED = "CORSResponse: CORS is not enabled for this bucket."
NO_BUCKET = "CORSResponse: Bucket not found"
NOT_ALLOWED = (
    "CORSResponse: This CORS request is not allowed. This is usually because the evalution of Origin, request "
    "method / Access-Control-Request-Method or Access-Control-Request-Headers are not whitelisted by the "
    "resource's CORS spec."
)


def check(configuration: dict[str, Any]) -> None:
    """Refuses rules that S3 would not take."""
    rules = configuration.get("CORSRules")
    if not rules or len(rules) > MOST_RULES:
        raise MalformedXml()
    for rule in rules:
        if not rule.get("AllowedMethods") or not rule.get("AllowedOrigins"):
            raise MalformedXml()
        for method in rule["AllowedMethods"]:
            if method not in METHODS:
                raise _invalid(f"Found unsupported HTTP method in CORS config. Unsupported method is {method}")
        for origin in rule["AllowedOrigins"]:
            if origin.count("*") > 1:
                raise _invalid(f'AllowedOrigin "{origin}" can not have more than one wildcard.')
        for header in rule.get("AllowedHeaders") or ():
            if header.count("*") > 1:
                raise _invalid(f'AllowedHeader "{header}" can not have more than one wildcard.')
        if any(_UNSAFE.search(text) for member in _TEXTS for text in rule.get(member) or ()):
            raise MalformedXml()  # they go into headers
        for header in rule.get("ExposeHeaders") or ():
            if "*" in header:
                raise _invalid(
                    f'ExposeHeader "{header}" contains wildcard. We currently do not support wildcard for '
                    "ExposeHeader."
                )
        if len(rule.get("ID", "")) > 255:
            raise MalformedXml()


def _invalid(text: str) -> S3Error:
    return named("InvalidRequest", text)


def find_rule(
    rules: list[dict[str, Any]], origin: str, method: str, headers: list[str]
) -> dict[str, Any] | None:
    """The first rule that allows the origin to use the method with these (lower-case) headers."""
    for rule in rules:
        if (
            method in rule["AllowedMethods"]
            and any(_is_origin(pattern, origin) for pattern in rule["AllowedOrigins"])
            and all(_allowed(rule, header) for header in headers)
        ):
            return rule
    return None


def _is_origin(pattern: str, origin: str) -> bool:
    return matches(pattern, origin) if "?" not in pattern else pattern == origin


def _allowed(rule: dict[str, Any], header: str) -> bool:
    return any(matches(pattern.lower(), header) for pattern in rule.get("AllowedHeaders") or ())


def answer_headers(rule: dict[str, Any], origin: str, asked: list[str]) -> list[tuple[str, str]]:
    """The headers that let the browser go on; `asked` are those of a preflight."""
    everybody = "*" in rule["AllowedOrigins"]
    headers = [
        ("Access-Control-Allow-Origin", "*" if everybody else origin),
        ("Access-Control-Allow-Methods", ", ".join(rule["AllowedMethods"])),
    ]
    if asked:
        headers.append(("Access-Control-Allow-Headers", ", ".join(asked)))
    if rule.get("ExposeHeaders"):
        headers.append(("Access-Control-Expose-Headers", ", ".join(rule["ExposeHeaders"])))
    if rule.get("MaxAgeSeconds") is not None:
        headers.append(("Access-Control-Max-Age", str(rule["MaxAgeSeconds"])))
    if not everybody:
        headers.append(("Access-Control-Allow-Credentials", "true"))
    headers.append(("Vary", VARY))
    return headers


def names_of(header: str | None) -> list[str]:
    """The names in Access-Control-Request-Headers, in lower case."""
    return [name.strip().lower() for name in (header or "").split(",") if name.strip()]
