"""Message move tasks: start, cancel, list."""

from __future__ import annotations

from typing import NoReturn

import msgspec

from ballroom.kernel import Request, Response, Tx, operation
from ballroom.services.sqs import moves
from ballroom.services.sqs.errors import InvalidParameterValue, ResourceNotFound
from ballroom.services.sqs.live import LiveQueue, find_queue
from ballroom.services.sqs.names import find_queue_arn
from ballroom.services.sqs.resources import DeadLetterSource, MoveTask, move_key, sources_prefix

_MOST = 10


@operation("StartMessageMoveTask")
def start_message_move_task(tx: Tx, request: Request) -> Response:
    """Begin to move the visible messages of a dead-letter queue back, or to another queue.

    Raises:
        ResourceNotFound: the source or the destination does not exist.
        InvalidParameterValue: the source is no dead-letter queue, a task runs already, or the rate is off.

    Source: SQS API Reference, StartMessageMoveTask; recorded answers.
    """
    source = _load(tx, request["SourceArn"], "SourceArn")
    record = source.record
    rate = request.get("MaxNumberOfMessagesPerSecond")
    if rate is not None and not 1 <= rate <= moves.MAX_RATE:
        raise InvalidParameterValue.because(
            rate, "MaxNumberOfMessagesPerSecond", f"Must be between 1 and {moves.MAX_RATE}, if provided."
        )
    if not tx.scan_prefix(
        DeadLetterSource, sources_prefix(record.account, record.region, record.name), limit=1
    ):
        raise InvalidParameterValue("Source queue must be configured as a Dead Letter Queue.")
    destination = request.get("DestinationArn")
    if destination is not None:
        target = _load(tx, destination, "DestinationArn")
        if target is source:
            raise InvalidParameterValue("Source queue arn and destination queue arn cannot be the same.")
        if target.meaning.fifo is not source.meaning.fifo:
            raise InvalidParameterValue("Source and destination queues must be of the same type.")
    if any(task.status == "RUNNING" for task in moves.tasks_of(tx, source, 1)):
        raise InvalidParameterValue(
            "There is already a task running. Only one active task is allowed for a source queue arn "
            "at a given time."
        )
    task = MoveTask(
        tx.ids.uuid(), record.account, record.region, record.name, record.id, destination, rate,
        tx.now_ms, source.counts(tx)[0],
    )
    moves.start(tx, task)
    return {"TaskHandle": moves.to_task_handle(task)}


@operation("CancelMessageMoveTask")
def cancel_message_move_task(tx: Tx, request: Request) -> Response:
    """Stop a running task; what has been moved stays moved.

    Raises:
        ResourceNotFound: the task or its source does not exist.
        InvalidParameterValue: the handle is none, or the task does not run.

    Source: SQS API Reference, CancelMessageMoveTask; recorded answers.
    """
    task_id, source_arn = moves.from_task_handle(request["TaskHandle"])
    source = _load(tx, source_arn, "SourceArn")
    task = next((t for t in moves.tasks_of(tx, source, _MOST) if t.id == task_id), None)
    if task is None:
        raise ResourceNotFound("Task does not exist.")
    if task.status != "RUNNING":
        raise InvalidParameterValue("Only active tasks can be cancelled.")
    tx.put(move_key(task), msgspec.structs.replace(task, status="CANCELLED"))
    return {"ApproximateNumberOfMessagesMoved": task.moved}


@operation("ListMessageMoveTasks")
def list_message_move_tasks(tx: Tx, request: Request) -> Response:
    """The newest tasks of a source queue, newest first.

    Source: SQS API Reference, ListMessageMoveTasks.
    """
    source = _load(tx, request["SourceArn"], "SourceArn")
    limit = request.get("MaxResults", 1)
    if not 1 <= limit <= _MOST:
        raise InvalidParameterValue.because(limit, "MaxResults", f"Must be between 1 and {_MOST}, if provided.")
    tasks = moves.tasks_of(tx, source, limit)
    return {"Results": [moves.to_wire(task) for task in tasks]} if tasks else {}


def _load(tx: Tx, arn: str, parameter: str) -> LiveQueue:
    address = find_queue_arn(arn)
    if address is None:
        raise InvalidParameterValue(
            f"You must use this format to specify the {parameter}: "
            "arn:<partition>:<service>:<region>:<account-id>:<resource-id>"
        )
    live = find_queue(tx, *address)
    if live is None:
        _refuse(parameter)
    return live


def _refuse(parameter: str) -> NoReturn:
    raise ResourceNotFound(f"The resource that you specified for the {parameter} parameter doesn't exist.")
