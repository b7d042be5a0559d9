"""A connection's authorisation: what may be shown of it, and what is sealed.

Source: EventBridge User Guide, "Connections for API targets"; recorded answers of DescribeConnection.
"""

from __future__ import annotations

from typing import Any

import orjson

from ballroom.kernel import Tx
from ballroom.kernel.sealing import Seal
from ballroom.services.events.errors import ValidationException

Parameters = dict[str, Any]
_NEEDED = {
    "BASIC": "BasicAuthParameters",
    "OAUTH_CLIENT_CREDENTIALS": "OAuthParameters",
    "API_KEY": "ApiKeyAuthParameters",
}
_LISTS = ("HeaderParameters", "QueryStringParameters", "BodyParameters")


def needed(kind: str) -> str:
    """The member that holds the parameters of a kind of authorisation."""
    return _NEEDED[kind]


def check_kind(kind: str, given: Parameters) -> None:
    """Refuses parameters that do not belong to the kind of authorisation.

    Raises:
        ValidationException: the kind's own parameters are missing.
    """
    if given.get(_NEEDED[kind]) is None:
        raise ValidationException(f"Parameter {_NEEDED[kind]} must be specified for authorization type {kind}.")


def shown_parameters(given: Parameters) -> Parameters:
    """The parameters as DescribeConnection answers them: without what is secret."""
    shown: Parameters = {}
    if (basic := given.get("BasicAuthParameters")) is not None:
        shown["BasicAuthParameters"] = {"Username": basic["Username"]}
    if (api_key := given.get("ApiKeyAuthParameters")) is not None:
        shown["ApiKeyAuthParameters"] = {"ApiKeyName": api_key["ApiKeyName"]}
    if (oauth := given.get("OAuthParameters")) is not None:
        shown["OAuthParameters"] = {
            "ClientParameters": {"ClientID": oauth["ClientParameters"]["ClientID"]},
            "AuthorizationEndpoint": oauth["AuthorizationEndpoint"],
            "HttpMethod": oauth["HttpMethod"],
        }
        if oauth.get("OAuthHttpParameters") is not None:
            shown["OAuthParameters"]["OAuthHttpParameters"] = _without_values(oauth["OAuthHttpParameters"])
    if given.get("InvocationHttpParameters") is not None:
        shown["InvocationHttpParameters"] = _without_values(given["InvocationHttpParameters"])
    return shown


def _without_values(http: Parameters) -> Parameters:
    return {
        kind: [
            {k: v for k, v in parameter.items() if k != "Value" or not parameter.get("IsValueSecret")}
            for parameter in http[kind]
        ]
        for kind in _LISTS
        if http.get(kind) is not None
    }


def merged(before: Parameters, given: Parameters) -> Parameters:
    """The parameters after an update: members that are given replace, also inside the kinds' own."""
    after = dict(before)
    for name, value in given.items():
        known = after.get(name)
        if isinstance(value, dict) and isinstance(known, dict) and name != "InvocationHttpParameters":
            after[name] = merged(known, value)
        else:
            after[name] = value
    return after


def seal(tx: Tx, arn: str, given: Parameters) -> bytes:
    """All parameters, sealed for the connection."""
    return Seal.of(tx.kernel).close(orjson.dumps(given), arn)


def unseal(tx: Tx, arn: str, sealed: bytes) -> Parameters:
    """The parameters again.

    Raises:
        Unreadable: sealed with another data directory's key.
    """
    parameters: Parameters = orjson.loads(Seal.of(tx.kernel).open(sealed, arn)) if sealed else {}
    return parameters
