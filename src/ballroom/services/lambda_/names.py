"""How a function is named: plain name, partial ARN, full ARN, each with or without a qualifier.

Pure: knows neither the store nor requests. What the names point at is loaded in `resources`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from ballroom.kernel.arn import make_arn
from ballroom.services.lambda_.errors import InvalidFields, InvalidParameterValue, ResourceNotFound

LATEST = "$LATEST"

_NAME = re.compile(
    r"(?:arn:(?P<partition>aws[a-zA-Z-]*):lambda:)?"
    r"(?:(?P<region>(?:eusc-)?[a-z]{2}(?:(?:-gov)|(?:-iso(?:[a-z]?)))?-[a-z]+-\d{1}):)?"
    r"(?:(?P<account>\d{12}):)?(?:function:)?"
    r"(?P<name>[a-zA-Z0-9-_\.]+)(?::(?P<qualifier>\$LATEST(?:\.PUBLISHED)?|[$a-zA-Z0-9-_]+))?"
)
_VERSION = re.compile(r"[0-9]+")


@dataclass(frozen=True, slots=True)
class FunctionName:
    """A function in its account and region, with the qualifier that was asked for, if any."""

    account: str
    region: str
    name: str
    qualifier: str | None = None

    @property
    def arn(self) -> str:
        """The function's ARN without qualifier."""
        return make_arn("lambda", self.region, self.account, f"function:{self.name}")

    @property
    def qualified_arn(self) -> str:
        """The ARN with the qualifier that was asked for; without one, the plain ARN."""
        return self.arn if self.qualifier is None else f"{self.arn}:{self.qualifier}"

    def at(self, qualifier: str | None) -> FunctionName:
        """The same function under another qualifier."""
        return FunctionName(self.account, self.region, self.name, qualifier)


def parse_name(text: str, *, account: str, region: str, qualifier: str | None = None) -> FunctionName:
    """Reads any form of a function's name, in the caller's account and region.

    Raises:
        InvalidParameterValue: the name carries another qualifier than the one given beside it.
        ResourceNotFound: the name is an ARN of another region.

    Source: Lambda API Reference, GetFunction, "FunctionName"; recorded answers.
    """
    match = _NAME.fullmatch(text)
    if match is None:  # the model's pattern let it pass, so only a name of ours can come here
        raise ResourceNotFound(f"Function not found: {text}")
    within = match["qualifier"]
    if within is not None and qualifier is not None and within != qualifier:
        raise InvalidParameterValue(
            "The derived qualifier from the function name does not match the specified qualifier."
        )
    if match["region"] is not None and match["region"] != region:
        raise ResourceNotFound(
            f"Functions from '{match['region']}' are not reachable in this region ('{region}')"
        )
    return FunctionName(match["account"] or account, region, match["name"], within or qualifier)


def parse_arn(arn: str) -> FunctionName | None:
    """The function that a full ARN names, wherever it is; None when it is no function's ARN."""
    match = _NAME.fullmatch(arn)
    if match is None or None in (match["partition"], match["region"], match["account"]):
        return None
    if arn.count(":") < 6 or arn.split(":")[5] != "function":
        return None
    return FunctionName(match["account"], match["region"], match["name"], match["qualifier"])


def check_new_name(name: str) -> None:
    """A new function's name has at most 64 characters.

    The model allows 140, for the ARN forms; AWS answers this one with its own code.
    """
    if len(name) > 64:
        raise InvalidFields(
            f"1 validation error detected: Value '{name}' at 'functionName' failed to satisfy constraint: "
            "Member must have length less than or equal to 64"
        )


def is_version(qualifier: str) -> bool:
    """True for a published version's number."""
    return _VERSION.fullmatch(qualifier) is not None


def is_alias(qualifier: str) -> bool:
    """True for what can only be an alias."""
    return not is_version(qualifier) and not qualifier.startswith("$")
