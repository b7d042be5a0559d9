"""Parts of an answer that are JSON already."""

from __future__ import annotations


class Encoded:
    """JSON bytes in an answer: the JSON protocols write them as they are.

    A service that stores what it answers (DynamoDB's items) copies bytes instead of decoding and encoding them.
    Its operation is registered with `plain`, which gives callers inside the process values of the model.
    """

    __slots__ = ("json",)

    def __init__(self, json: bytes) -> None:
        self.json = json
