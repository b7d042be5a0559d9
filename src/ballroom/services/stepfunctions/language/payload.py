"""How large a payload may be: 256 KiB of JSON in UTF-8.

Source: Developer Guide, "Quotas"; texts recorded.
"""

from __future__ import annotations

from ballroom.services.stepfunctions.language.intrinsics import dump
from ballroom.services.stepfunctions.language.machine import Json, StatesError

MAX_PAYLOAD_BYTES = 262_144


def payload_bytes(value: Json) -> int:
    """The size of a value as JSON."""
    return len(dump(value).encode("utf-8", "surrogatepass"))


def check_payload(value: Json, state_or_task: str, what: str = "result") -> None:
    """Refuse a value that is too large.

    `state_or_task`: what AWS's text names (a bare function's ARN, an integration's service, a state).

    Raises:
        StatesError: States.DataLimitExceeded.
    """
    if payload_bytes(value) > MAX_PAYLOAD_BYTES:
        raise StatesError(
            "States.DataLimitExceeded",
            f"The state/task '{state_or_task}' returned a {what} with a size exceeding the maximum number of "
            "bytes service limit.",
            located=False,
        )
