"""How an invocation ended, as Invoke, deliveries, URLs and pollers see it."""

from __future__ import annotations

import msgspec


class Outcome(msgspec.Struct, frozen=True):
    """The function answered, or failed by itself; failures of ours are exceptions."""

    payload: bytes
    executed_version: str
    function_error: str | None = None  # "Unhandled" or "Handled"
    log_tail: bytes = b""
    timed_out: bool = False
