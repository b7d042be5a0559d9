"""What a function says about the items of its batch: `{"batchItemFailures": [{"itemIdentifier": ...}]}`.

Pure.

Source: Lambda Developer Guide, "Reporting batch item failures"; recorded answers.
"""

from __future__ import annotations

import orjson


def reported_failures(payload: bytes, sent: set[str]) -> set[str] | None:
    """The ids that the function reports as failed; None when its answer breaks the format: all failed.

    An empty or null answer, an empty object and an empty list mean success. An entry without an identifier,
    or with one that was not sent, breaks the format.
    """
    try:
        answer = orjson.loads(payload or b"null")
    except orjson.JSONDecodeError:
        return None
    if answer in (None, "", {}, []):
        return set()
    if not isinstance(answer, dict):
        return None
    failures = answer.get("batchItemFailures")
    if failures is None:
        return set()
    if not isinstance(failures, list):
        return None
    failed = set()
    for failure in failures:
        identifier = failure.get("itemIdentifier") if isinstance(failure, dict) else None
        if not identifier or identifier not in sent:
            return None
        failed.add(identifier)
    return failed
