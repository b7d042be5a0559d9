"""What is done with a receipt handle: delete the message, or change for how long it is hidden."""

from __future__ import annotations

from functools import partial

from ballroom.kernel import Request, Response, Tx, operation
from ballroom.services.sqs import fifo, standard
from ballroom.services.sqs.batches import each, entries_of
from ballroom.services.sqs.errors import InvalidParameterValue, MissingParameter, SqsError
from ballroom.services.sqs.live import LiveQueue, load_queue
from ballroom.services.sqs.queue_attributes import MAX_VISIBILITY_S
from ballroom.services.sqs.receipts import Receipt, from_handle
from ballroom.services.sqs.resources import Flight


@operation("DeleteMessage")
def delete_message(tx: Tx, request: Request) -> Response:
    """Delete a received message; deleting one that has gone succeeds.

    In a standard queue the handle of any receive will do, also once the message is visible again. In a
    FIFO queue it must be the last one's, before its visibility timeout ends.

    Raises:
        ReceiptHandleIsInvalid: it never was a handle of this queue.
        InvalidParameterValue: it has expired (FIFO).

    Source: SQS API Reference, DeleteMessage; recorded answers.
    """
    _delete(tx, load_queue(tx, request["QueueUrl"]), request["ReceiptHandle"])
    return {}


@operation("DeleteMessageBatch")
def delete_message_batch(tx: Tx, request: Request) -> Response:
    """Delete up to ten messages; each succeeds or fails by itself.

    Source: SQS API Reference, DeleteMessageBatch.
    """
    live = load_queue(tx, request["QueueUrl"])
    entries = entries_of(request, "DeleteMessageBatchRequestEntry")

    def do(entry: Request) -> Response:
        _delete(tx, live, entry["ReceiptHandle"])
        return {}

    return each(tx, entries, do)


@operation("ChangeMessageVisibility")
def change_message_visibility(tx: Tx, request: Request) -> Response:
    """Hide a received message for another time, counted from now; 0 makes it visible at once.

    Raises:
        ReceiptHandleIsInvalid: it never was a handle of this queue.
        InvalidParameterValue: the time is out of range or beyond 12 hours since the receive, or the
            message has gone.

    Source: SQS API Reference, ChangeMessageVisibility; Developer Guide, "Amazon SQS visibility timeout".
    """
    live = load_queue(tx, request["QueueUrl"])
    _change(tx, live, request["ReceiptHandle"], request["VisibilityTimeout"])
    return {}


@operation("ChangeMessageVisibilityBatch")
def change_message_visibility_batch(tx: Tx, request: Request) -> Response:
    """Change the visibility of up to ten messages; each succeeds or fails by itself.

    Source: SQS API Reference, ChangeMessageVisibilityBatch.
    """
    live = load_queue(tx, request["QueueUrl"])
    entries = entries_of(request, "ChangeMessageVisibilityBatchRequestEntry")

    def do(entry: Request) -> Response:
        if entry.get("VisibilityTimeout") is None:
            raise MissingParameter("VisibilityTimeout")
        _change(tx, live, entry["ReceiptHandle"], entry["VisibilityTimeout"])
        return {}

    return each(tx, entries, do)


def _delete(tx: Tx, live: LiveQueue, handle: str) -> None:
    if not handle:
        raise MissingParameter("ReceiptHandle")
    receipt = from_handle(handle, live.record.id)
    tx.after_commit(partial(tx.kernel.metrics.add, live.metrics["NumberOfMessagesDeleted"]))
    if live.meaning.fifo:
        flight = _find_in_group(tx, live, receipt, handle)
        if flight is not None:
            fifo.remove(tx, live, flight)
        return
    flight = standard.find(tx, live, receipt)
    if flight is not None:
        standard.remove(tx, live, flight)


def _change(tx: Tx, live: LiveQueue, handle: str, seconds: int) -> None:
    if not handle:
        raise MissingParameter("ReceiptHandle")
    if not 0 <= seconds <= MAX_VISIBILITY_S:
        raise InvalidParameterValue.because(
            seconds, "VisibilityTimeout", f"Must be >= 0 and <= {MAX_VISIBILITY_S}, if provided."
        )
    receipt = from_handle(handle, live.record.id)
    fifo_queue = live.meaning.fifo
    flight = _find_in_group(tx, live, receipt, handle) if fifo_queue else standard.find(tx, live, receipt)
    if flight is None:
        raise InvalidParameterValue.because(
            handle, "ReceiptHandle", "Message does not exist or is not available for visibility timeout change."
        )
    if tx.now_ms - flight.received_ms + 1000 * seconds > 1000 * MAX_VISIBILITY_S:
        raise InvalidParameterValue.because(
            seconds, "VisibilityTimeout",
            f"Total VisibilityTimeout for the message is beyond the limit [{MAX_VISIBILITY_S} seconds]",
        )
    mechanism = fifo if fifo_queue else standard
    mechanism.change_visibility(tx, live, flight, 1000 * seconds)


def _find_in_group(tx: Tx, live: LiveQueue, receipt: Receipt, handle: str) -> Flight | None:
    """Where the message of a FIFO receipt stands; None if it is gone.

    Raises:
        InvalidParameterValue: the receipt has expired.
    """
    if receipt.generation != live.record.generation or receipt.group is None:
        return None
    flight = fifo.find(tx, live, receipt.group, receipt.sequence)
    if flight is None:
        return None
    if flight.waiting or flight.count != receipt.count or flight.visible_ms <= tx.now_ms:
        raise _expired(handle)
    return flight


def _expired(handle: str) -> SqsError:
    return InvalidParameterValue.because(handle, "ReceiptHandle", "The receipt handle has expired.")
