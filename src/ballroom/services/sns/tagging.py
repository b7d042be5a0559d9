"""Tags: their rules.

Source: SNS API Reference, TagResource.
"""

from __future__ import annotations

from ballroom.services.sns.errors import InvalidParameter, TagLimitExceeded

_LIMIT = 50


def read(given: list[dict[str, str]], *, by_service: bool) -> dict[str, str]:
    """Tags as they are stored. Only a service may set keys that begin with `aws:` (a stack's own tags).

    Raises:
        InvalidParameter: a key is repeated or reserved.
        TagLimitExceeded: there are too many.
    """
    tags = {tag["Key"]: tag["Value"] for tag in given}
    if len(tags) != len(given):
        raise InvalidParameter.of("Duplicated keys are not allowed.")
    if not by_service and any(key.lower().startswith("aws:") for key in tags):
        raise InvalidParameter.of("Tag keys that begin with aws: are reserved")
    check_number(tags)
    return tags


def check_number(tags: dict[str, str]) -> None:
    """Refuse more than fifty.

    Raises:
        TagLimitExceeded: there are more.
    """
    if len(tags) > _LIMIT:
        raise TagLimitExceeded()
