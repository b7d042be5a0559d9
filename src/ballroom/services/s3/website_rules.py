"""Website configurations: checked, and what they make of a path or an error. Pure.

Source: S3 User Guide, "Hosting a static website using Amazon S3", "(Optional) Configuring a webpage
redirect"; S3 API Reference, PutBucketWebsite.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from ballroom.services.s3.errors import InvalidArgument, MalformedXml, S3Error, named

MOST_RULES = 50


def check(configuration: dict[str, Any]) -> None:
    """Refuses what S3 would not take."""
    everything = configuration.get("RedirectAllRequestsTo")
    index = configuration.get("IndexDocument")
    if everything is not None:
        if len(configuration) > 1:
            raise InvalidArgument(
                "RedirectAllRequestsTo cannot be provided in conjunction with other Routing Rules.",
                ArgumentName="RedirectAllRequestsTo", ArgumentValue="not null",
            )  # fmt: skip
        if not everything.get("HostName"):
            raise MalformedXml()
        _check_protocol(everything)
        return
    if index is None:
        raise InvalidArgument(
            "A value for IndexDocument Suffix must be provided if RedirectAllRequestsTo is empty",
            ArgumentName="IndexDocument", ArgumentValue="null",
        )  # fmt: skip
    suffix = index.get("Suffix")
    if not suffix or "/" in suffix:
        raise InvalidArgument(
            "The IndexDocument Suffix is not well formed",
            ArgumentName="IndexDocument", ArgumentValue=suffix or "",
        )  # fmt: skip
    error = configuration.get("ErrorDocument")
    if error is not None and not error.get("Key"):
        raise InvalidArgument(
            "The ErrorDocument Key is not well formed", ArgumentName="ErrorDocument", ArgumentValue=""
        )
    rules = configuration.get("RoutingRules")
    if rules is not None:
        if not rules:
            raise MalformedXml()
        if len(rules) > MOST_RULES:
            raise named(
                "InvalidRequest", f"{len(rules)} routing rules provided, the number of routing rules in a "
                f"website configuration is limited to {MOST_RULES}.",
            )  # fmt: skip
        for rule in rules:
            _check_rule(rule)


def _check_protocol(redirect: dict[str, Any]) -> None:
    if redirect.get("Protocol") not in (None, "http", "https"):
        raise named(
            "InvalidRequest",
            "Invalid protocol, protocol can be http or https. If not defined the protocol will be selected "
            "automatically.",
        )


def _check_rule(rule: dict[str, Any]) -> None:
    redirect = rule.get("Redirect")
    if not redirect:
        raise MalformedXml()
    _check_protocol(redirect)
    if "ReplaceKeyPrefixWith" in redirect and "ReplaceKeyWith" in redirect:
        raise named("InvalidRequest", "You can only define ReplaceKeyPrefix or ReplaceKey but not both.")
    condition = rule.get("Condition")
    if condition is not None:
        if not condition:
            raise named(
                "InvalidRequest",
                "Condition cannot be empty. To redirect all requests without a condition, the condition "
                "element shouldn't be present.",
            )
        code = condition.get("HttpErrorCodeReturnedEquals")
        if code is not None and not _in(code, 400, 600):
            raise named(
                "InvalidRequest",
                f"The provided HTTP error code ({code}) is not valid. Valid codes are 4XX or 5XX.",
            )
    code = redirect.get("HttpRedirectCode")
    if code is not None and (not _in(code, 300, 400) or code == "300"):
        raise named(
            "InvalidRequest",
            f"The provided HTTP redirect code ({code}) is not valid. Valid codes are 3XX except 300.",
        )


def _in(text: str, low: int, high: int) -> bool:
    return text.isascii() and text.isdigit() and len(text) == 3 and low <= int(text) < high


def key_of(configuration: dict[str, Any], path: str) -> str:
    """The key that a (decoded) path without its first slash asks for."""
    if not path or path.endswith("/"):
        return path + str(configuration["IndexDocument"]["Suffix"])
    return path


def rule_for(configuration: dict[str, Any], path: str, status: int | None) -> dict[str, Any] | None:
    """The first routing rule for a path, or for the error that reading it gave.

    Before reading (`status` None) only rules without an error code count.
    """
    for rule in configuration.get("RoutingRules") or ():
        condition = rule.get("Condition") or {}
        code = condition.get("HttpErrorCodeReturnedEquals")
        if code != (None if status is None else str(status)):
            continue
        if path.startswith(condition.get("KeyPrefixEquals", "")):
            return dict(rule)
    return None


def location(rule: dict[str, Any], path: str, *, scheme: str, host: str) -> tuple[int, str]:
    """Status and Location of a routing rule's redirect."""
    redirect, condition = rule["Redirect"], rule.get("Condition") or {}
    if "ReplaceKeyWith" in redirect:
        path = redirect["ReplaceKeyWith"]
    elif "ReplaceKeyPrefixWith" in redirect:
        path = redirect["ReplaceKeyPrefixWith"] + path[len(condition.get("KeyPrefixEquals", "")) :]
    status = int(redirect.get("HttpRedirectCode", "301"))
    return status, _url(redirect.get("Protocol", scheme), redirect.get("HostName", host), path)


def everywhere(configuration: dict[str, Any], path: str, *, scheme: str) -> str | None:
    """Where all requests are sent, if they are."""
    target = configuration.get("RedirectAllRequestsTo")
    if target is None:
        return None
    return _url(target.get("Protocol", scheme), target["HostName"], path)


def _url(scheme: str, host: str, path: str) -> str:
    return f"{scheme}://{host}/{quote(path, safe='/~!$&()*+,;=:@')}"


def check_redirect_location(location: str) -> None:
    """Refuses what cannot be the `x-amz-website-redirect-location` of an object."""
    if not location.startswith(("/", "http://", "https://")):
        raise _bad_location(
            "The website redirect location must have a prefix of 'http://' or 'https://' or '/'."
        )
    if len(location.encode()) > 2048:
        raise _bad_location("The length of website redirect location cannot exceed 2,048 characters.")


def _bad_location(text: str) -> S3Error:
    return named("InvalidRedirectLocation", text)
