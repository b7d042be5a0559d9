"""What beginning a task gives: a result, a failure, or nothing yet."""

from __future__ import annotations

from typing import Any, Final


class Done:
    """A task's result. `final`: nothing is waited for, whatever the pattern."""

    __slots__ = ("final", "result", "text")

    def __init__(self, result: Any, text: str | None = None, *, final: bool = False) -> None:
        self.result, self.text, self.final = result, text, final


class _Pending:
    """See PENDING."""


PENDING: Final = _Pending()
"""Somebody will tell: a delivery, a worker, a callback, a nested execution."""

Outcome = Done | _Pending


class TaskFailure(Exception):
    """A task has failed: AWS's error name and cause."""

    def __init__(self, error: str | None, cause: str | None) -> None:
        super().__init__(error, cause)
        self.error, self.cause = error, cause
