"""Queue names, ARNs and URLs.

A URL is `{public url}/{account}/{name}`; requests may carry any host and scheme, since people move
between host names, containers and ports, and the older path forms `/queue/...` too.

Source: SQS Developer Guide, "Queue name and URL identifiers".
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from ballroom.kernel.arn import find_arn, make_arn
from ballroom.services.sqs.errors import InvalidAddress, InvalidParameterValue

_NAME = re.compile(r"[A-Za-z0-9_-]{1,80}", re.ASCII)
_FIFO_NAME = re.compile(r"[A-Za-z0-9_-]{1,75}\.fifo", re.ASCII)
_ACCOUNT = re.compile(r"[0-9]{12}", re.ASCII)
FIFO_SUFFIX = ".fifo"


def check_name(name: str, *, fifo: bool) -> None:
    """Refuse a name that no queue of this kind can have.

    Raises:
        InvalidParameterValue: see the text.
    """
    if fifo:
        if not _FIFO_NAME.fullmatch(name):
            raise InvalidParameterValue(
                "The name of a FIFO queue can only include alphanumeric characters, hyphens, or "
                "underscores, must end with .fifo suffix and be 1 to 80 in length."
            )
    elif not _NAME.fullmatch(name):
        raise InvalidParameterValue(
            "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length"
        )


def queue_arn(account: str, region: str, name: str) -> str:
    """The ARN of a queue."""
    return make_arn("sqs", region, account, name)


def queue_url(base_url: str, account: str, name: str) -> str:
    """The URL that is told to clients."""
    return f"{base_url}/{account}/{name}"


def parse_url(url: str) -> tuple[str, str]:
    """The account and the name in a queue URL.

    Raises:
        InvalidAddress: there are none.
    """
    try:
        parts = [part for part in urlsplit(url).path.split("/") if part]
    except ValueError:
        raise InvalidAddress(url) from None
    if len(parts) < 2 or not _ACCOUNT.fullmatch(parts[-2]):
        raise InvalidAddress(url)
    return parts[-2], parts[-1]


def find_queue_arn(text: str) -> tuple[str, str, str] | None:
    """Account, region and name of a queue's ARN; None if it is none."""
    arn = find_arn(text)
    if arn is None or arn.service != "sqs" or not arn.region or not arn.account:
        return None
    return arn.account, arn.region, arn.resource
