"""ReceiveRequestAttemptId: a receive of a FIFO queue that may be repeated with the same outcome.

Source: SQS API Reference, ReceiveMessage, ReceiveRequestAttemptId.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ballroom.services.sqs import fifo
from ballroom.services.sqs.bodies import whole
from ballroom.services.sqs.errors import InvalidParameterValue
from ballroom.services.sqs.live import LiveQueue
from ballroom.services.sqs.received import Received
from ballroom.services.sqs.resources import Attempt, Flight, Message

if TYPE_CHECKING:
    from ballroom.kernel import Tx

_ID = re.compile(r"[!-~]{1,128}", re.ASCII)
_PARAMETER = "ReceiveRequestAttemptId"


def check(live: LiveQueue, attempt_id: str) -> None:
    """Refuse an id that is malformed, or for a standard queue.

    Raises:
        InvalidParameterValue: see the text.
    """
    if not live.meaning.fifo:
        raise InvalidParameterValue.because(
            attempt_id, _PARAMETER, "The request include parameter that is not valid for this queue type."
        )
    if not _ID.fullmatch(attempt_id):
        raise InvalidParameterValue.because(
            attempt_id, _PARAMETER,
            f"{_PARAMETER} can only include alphanumeric and punctuation characters. 1 to 128 in length.",
        )


def replay(tx: Tx, live: LiveQueue, attempt_id: str, hide_ms: int) -> list[Received] | None:
    """The messages of the earlier attempt, hidden anew, with the same receipt handles.

    None if there was none within five minutes, or one of its messages has been deleted, changed or
    received again since.
    """
    attempt = tx.get(Attempt, live.keys.attempt(attempt_id))
    if attempt is None or tx.now_ms - attempt.at_ms >= fifo.DEDUP_WINDOW_MS:
        return None
    found: list[tuple[Message, Flight]] = []
    for group, sequence, count, visible_ms in attempt.received:
        message = tx.get(Message, live.keys.grouped(group, sequence))
        flight = fifo.find(tx, live, group, sequence)
        if (
            message is None or flight is None or flight.count != count
            or flight.visible_ms != visible_ms or visible_ms <= tx.now_ms
        ):
            return None
        found.append((whole(tx, live, message), flight))
    again = [
        Received(message, fifo.change_visibility(tx, live, flight, hide_ms)) for message, flight in found
    ]
    _store(tx, live, attempt_id, attempt.at_ms, again)
    return again


def remember(tx: Tx, live: LiveQueue, attempt_id: str, received: list[Received]) -> None:
    """Keep what an attempt received."""
    _store(tx, live, attempt_id, tx.now_ms, received)


def _store(tx: Tx, live: LiveQueue, attempt_id: str, at_ms: int, received: list[Received]) -> None:
    rows = [
        (r.message.group or "", r.flight.sequence, r.flight.count, r.flight.visible_ms) for r in received
    ]
    tx.put(live.keys.attempt(attempt_id), Attempt(at_ms, rows))
