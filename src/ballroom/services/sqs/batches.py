"""Batches: the rules all of them share, and one answer for each entry.

Source: SQS API Reference, SendMessageBatch, DeleteMessageBatch, ChangeMessageVisibilityBatch.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ballroom.services.sqs.errors import (
    BatchEntryIdsNotDistinct,
    EmptyBatchRequest,
    InvalidBatchEntryId,
    SqsError,
    TooManyEntriesInBatchRequest,
)

if TYPE_CHECKING:
    from ballroom.kernel import Request, Response, Tx

MAX_ENTRIES = 10
_ID = re.compile(r"[A-Za-z0-9_-]{1,80}", re.ASCII)


def entries_of(request: Request, kind: str) -> list[dict[str, Any]]:
    """The entries of a batch, once their number and ids are known to be right.

    Raises:
        EmptyBatchRequest, TooManyEntriesInBatchRequest, InvalidBatchEntryId, BatchEntryIdsNotDistinct.
    """
    entries: list[dict[str, Any]] = request["Entries"]
    if not entries:
        raise EmptyBatchRequest(kind)
    if len(entries) > MAX_ENTRIES:
        raise TooManyEntriesInBatchRequest(len(entries))
    seen: set[str] = set()
    for entry in entries:
        entry_id = entry["Id"]
        if not _ID.fullmatch(entry_id):
            raise InvalidBatchEntryId
        if entry_id in seen:
            raise BatchEntryIdsNotDistinct(entry_id)
        seen.add(entry_id)
    return entries


def each(tx: Tx, entries: list[dict[str, Any]], do: Callable[[dict[str, Any]], Response]) -> Response:
    """Carry out every entry; one that fails leaves nothing behind and is told under `Failed`."""
    successful: list[Response] = []
    failed: list[Response] = []
    for entry in entries:
        try:
            with tx.savepoint():
                successful.append({"Id": entry["Id"], **do(entry)})
        except SqsError as error:
            failed.append({
                "Id": entry["Id"], "SenderFault": error.fault == "Sender", "Code": error.entry_code,
                "Message": error.text,
            })
    answer: Response = {}
    if successful:
        answer["Successful"] = successful
    if failed:
        answer["Failed"] = failed
    return answer
