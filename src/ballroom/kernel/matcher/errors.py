"""What is wrong with a pattern, in AWS's words."""

from __future__ import annotations

Pointer = tuple[str | int, ...]


class InvalidPattern(Exception):
    """The pattern breaks its language.

    `str()` is what AWS answers, place included; `reason` is the sentence alone.
    """

    def __init__(self, message: str, reason: str) -> None:
        super().__init__(message)
        self.reason = reason


class Fault(Exception):
    """What a compiler step found, and where: the reader of the text turns it into an `InvalidPattern`.

    `pointer` names the value by keys and indexes from the root; `at` says which of its tokens the
    reader stood on: its first ("start"), the whole value ("end"), or None for an error without a place.
    `times` is how often AWS repeats the place.
    """

    def __init__(self, reason: str, pointer: Pointer, *, at: str | None = "start", times: int = 1) -> None:
        super().__init__(reason)
        self.reason = reason
        self.pointer = pointer
        self.at = at
        self.times = times
