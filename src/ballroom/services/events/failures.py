"""What a target's refusal means: whether trying again may help, and its code in the dead-letter queue.

Source: EventBridge User Guide, "Using dead-letter queues to process undelivered events" (error codes).
"""

from __future__ import annotations

from ballroom.kernel import ServiceError

_GONE = ("NotFound", "DoesNotExist", "NonExistent", "NoSuch")
_DENIED = ("AccessDenied", "NotAuthorized", "Unauthorized")
_BUSY = ("Throttl", "TooManyRequests", "LimitExceeded", "QuotaExceeded", "SlowDown")


class TargetFailed(ServiceError):
    """A target outside answered that it failed, or not at all."""

    shape = "TargetFailed"
    status = 500

    def __init__(self, code: str, text: str, *, retriable: bool = True) -> None:
        super().__init__(f"{code}: {text}")
        self.code, self.retriable = code, retriable


def is_retriable(error: ServiceError) -> bool:
    """Whether the same may succeed later."""
    if isinstance(error, TargetFailed):
        return error.retriable
    shape = error.shape
    if any(part in shape for part in _BUSY):
        return True
    return error.status is not None and error.status >= 500 and shape != "NotImplemented"


def code_of(error: ServiceError) -> str:
    """AWS's code for a dead-letter queue."""
    if isinstance(error, TargetFailed):
        return error.code
    shape = error.shape
    for parts, code in ((_GONE, "NO_RESOURCE"), (_DENIED, "NO_PERMISSIONS"), (_BUSY, "THROTTLING")):
        if any(part in shape for part in parts):
            return code
    if error.status is not None and error.status >= 500:
        return "INTERNAL_ERROR"
    return "INVALID_PARAMETER"
