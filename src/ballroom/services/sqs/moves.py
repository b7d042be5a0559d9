"""Message move tasks: redriving what lies in a dead-letter queue, in slices, at a rate if asked for.

Source: SQS Developer Guide, "Configure a dead-letter queue redrive"; StartMessageMoveTask; recorded
answers (texts, failure reasons, which members a task shows).
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from typing import TYPE_CHECKING

import msgspec

from ballroom.kernel import on_timer
from ballroom.services.sqs import fifo, housekeeping, standard
from ballroom.services.sqs.errors import InvalidParameterValue, QueueDoesNotExist
from ballroom.services.sqs.live import LiveQueue, find_queue
from ballroom.services.sqs.names import find_queue_arn, queue_arn
from ballroom.services.sqs.received import Received
from ballroom.services.sqs.resources import Flight, Message, MoveTask, move_key, move_prefix

if TYPE_CHECKING:
    from ballroom.kernel import Response, Tx

MAX_RATE = 500
_SLICE = 50
_SHORTEST_TICK_MS = 100
replace = msgspec.structs.replace


class MoveFailed(Exception):
    """The task cannot go on; the reason in AWS's words."""


class _Handle(msgspec.Struct):
    taskId: str  # noqa: N815 - the names inside AWS's task handles
    sourceArn: str  # noqa: N815


def to_task_handle(task: MoveTask) -> str:
    """The text that names a task."""
    handle = _Handle(task.id, queue_arn(task.account, task.region, task.source))
    return b64encode(msgspec.json.encode(handle)).decode()


def from_task_handle(text: str) -> tuple[str, str]:
    """The task's id and its source's ARN.

    Raises:
        InvalidParameterValue: it is no task handle.
    """
    try:
        handle = msgspec.json.decode(b64decode(text, validate=True), type=_Handle)
    except (ValueError, msgspec.MsgspecError, RecursionError):
        raise InvalidParameterValue(f"Value {text} for parameter TaskHandle is invalid.") from None
    return handle.taskId, handle.sourceArn


def tasks_of(tx: Tx, live: LiveQueue, limit: int) -> list[MoveTask]:
    """The newest tasks of a source queue, newest first."""
    record = live.record
    return tx.scan_prefix(
        MoveTask, move_prefix(record.account, record.region, record.name), limit=limit, reverse=True
    )


def to_wire(task: MoveTask) -> Response:
    """A task as ListMessageMoveTasks tells it."""
    told: Response = {
        "Status": task.status,
        "SourceArn": queue_arn(task.account, task.region, task.source),
        "ApproximateNumberOfMessagesMoved": task.moved,
        "ApproximateNumberOfMessagesToMove": task.to_move,
        "StartedTimestamp": task.started_ms,
    }
    if task.status == "RUNNING":
        told["TaskHandle"] = to_task_handle(task)
    if task.destination is not None:
        told["DestinationArn"] = task.destination
    if task.rate is not None:
        told["MaxNumberOfMessagesPerSecond"] = task.rate
    if task.reason is not None:
        told["FailureReason"] = task.reason
    return told


def start(tx: Tx, task: MoveTask) -> None:
    """Store a new task and begin with it after this commit."""
    tx.put(move_key(task), task)
    _wake(tx, task, tx.now_ms)


def _wake(tx: Tx, task: MoveTask, due_ms: int) -> None:
    tx.wake_at(due_ms, "sqs.move", task.account, task.region, task.source, task.started_ms, task.id)


@on_timer("sqs.move")
def move_some(tx: Tx, account: str, region: str, source: str, started_ms: int, task_id: str) -> None:
    """Move one slice and come again. Harmless if repeated: it trusts only the stored task and queue."""
    task = tx.get(MoveTask, (*move_prefix(account, region, source), started_ms, task_id))
    if task is None or task.status != "RUNNING":
        return
    live = find_queue(tx, account, region, source)
    if live is None or live.record.id != task.source_id:
        tx.put(move_key(task), replace(task, status="FAILED", reason=QueueDoesNotExist.query_code))
        return
    tick_ms, count = _pace(task.rate)
    moved, status, reason = 0, "RUNNING", None
    while moved < count and status == "RUNNING":
        if task.moved + moved >= task.to_move:
            status = "COMPLETED"
            break
        try:
            with tx.savepoint():
                if not _move_one(tx, live, task):
                    status = "COMPLETED"
                    break
        except MoveFailed as failure:
            status, reason = "FAILED", str(failure)
            break
        moved += 1
    if task.moved + moved >= task.to_move and status == "RUNNING":
        status = "COMPLETED"
    tx.put(move_key(task), replace(task, moved=task.moved + moved, status=status, reason=reason))
    if status == "RUNNING":
        _wake(tx, task, tx.now_ms + tick_ms)


def _pace(rate: int | None) -> tuple[int, int]:
    """How long a tick is, and how many messages it moves."""
    if rate is None:
        return 0, _SLICE
    tick_ms = max(_SHORTEST_TICK_MS, 1000 // rate)
    return tick_ms, max(1, rate * tick_ms // 1000)


def _move_one(tx: Tx, live: LiveQueue, task: MoveTask) -> bool:
    """Move the next visible message; False if there is none.

    Raises:
        MoveFailed: its destination is unknown or gone.
    """
    mechanism = fifo if live.meaning.fifo else standard
    found: list[Received] = mechanism.take(tx, live, 1, 0, redrive=False)
    if not found:
        return False
    message, flight = found[0].message, found[0].flight
    target = _destination(tx, task, message)
    if target.meaning.fifo is not live.meaning.fifo:
        raise MoveFailed("InvalidDestinationType")
    _remove(tx, live, flight)
    # Source: Developer Guide: redriven messages are new messages with a new id and enqueue time
    fresh = replace(
        message, id=tx.ids.uuid(), sent_ms=tx.now_ms, count=0, first_ms=0, source=None, sequence=0
    )
    mechanism.add(tx, target, fresh, target.meaning.delay_ms)
    if target.retention_due_ms is None:
        housekeeping.expect_retention(tx, target, tx.now_ms + target.meaning.retention_ms)
    return True


def _remove(tx: Tx, live: LiveQueue, flight: Flight) -> None:
    if live.meaning.fifo:
        fifo.remove(tx, live, flight)
    else:
        standard.remove(tx, live, flight)


def _destination(tx: Tx, task: MoveTask, message: Message) -> LiveQueue:
    arn = task.destination or message.source
    if arn is None:
        raise MoveFailed("CouldNotDetermineMessageSource")
    address = find_queue_arn(arn)
    live = find_queue(tx, *address) if address else None
    if live is None:
        raise MoveFailed(QueueDoesNotExist.query_code)
    return live
