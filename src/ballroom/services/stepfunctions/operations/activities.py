"""Activities: create, describe, list, delete, and workers that ask for tasks.

Source: Developer Guide, "Learn about Activities in Step Functions".
"""

from __future__ import annotations

import asyncio

from ballroom.kernel import Context, Request, Response, Tx, Waiting, operation

from ..activities import Name, Workers, arn_of, task_prefix
from ..arns import check_name, parse_activity
from ..engine import tasks
from ..engine.branch import TASK, read_path
from ..engine.ending import guarded
from ..engine.running import Running
from ..engine.session import Session
from ..errors import ActivityAlreadyExists, ActivityDoesNotExist
from ..paging import page_of
from ..resources import Activity, ActivityTask, activity_key
from ..settings import encryption_of, tags_of

POLL_MS = 60_000


@operation("CreateActivity")
def create_activity(tx: Tx, request: Request) -> Response:
    """Create an activity; one of that name that is there is answered again.

    Source: API Reference, CreateActivity.
    """
    check_name(request["name"])
    encryption, tags = encryption_of(request.get("encryptionConfiguration")), tags_of(request.get("tags"))
    name = (tx.account, tx.region, request["name"])
    found = tx.get(Activity, activity_key(*name))
    if found is None:
        found = Activity(request["name"], tx.now_ms, encryption, tags)
        tx.put(activity_key(*name), found)
    elif found.encryption != encryption:
        raise ActivityAlreadyExists(arn_of(name))
    return {"activityArn": arn_of(name), "creationDate": found.created_ms}


@operation("DescribeActivity")
def describe_activity(tx: Tx, request: Request) -> Response:
    """What an activity is.

    Source: API Reference, DescribeActivity.
    """
    found = _load(tx, request["activityArn"])
    described: Response = {
        "activityArn": request["activityArn"],
        "name": found.name,
        "creationDate": found.created_ms,
    }
    if found.encryption:
        described["encryptionConfiguration"] = found.encryption
    return described


def _load(tx: Tx, arn: str) -> Activity:
    found = tx.get(Activity, activity_key(*parse_activity(arn)))
    if found is None:
        raise ActivityDoesNotExist(arn)
    return found


@operation("ListActivities")
def list_activities(tx: Tx, request: Request) -> Response:
    """The activities of an account and region, by name.

    Source: API Reference, ListActivities.
    """
    prefix = activity_key(tx.account, tx.region, "")[:-1]
    found, token = page_of(tx, Activity, prefix, request, 100)
    response: Response = {
        "activities": [
            {"activityArn": arn_of((tx.account, tx.region, one.name)), "name": one.name,
             "creationDate": one.created_ms}
            for one in found
        ]
    }  # fmt: skip
    if token:
        response["nextToken"] = token
    return response


@operation("DeleteActivity")
def delete_activity(tx: Tx, request: Request) -> Response:
    """Delete an activity with its waiting tasks (they time out); harmless if repeated.

    Source: API Reference, DeleteActivity.
    """
    name = parse_activity(request["activityArn"])
    if tx.get(Activity, activity_key(*name)) is not None:
        tx.delete(activity_key(*name))
        for key, _ in tx.scan_prefix_items(ActivityTask, task_prefix(name)):
            tx.delete(key)
    return {}


@operation("GetActivityTask")
def get_activity_task(tx: Tx, request: Request) -> Response | Waiting:
    """The next task of an activity; waits up to 60 seconds, then answers without one.

    Source: API Reference, GetActivityTask.
    """
    name = parse_activity(request["activityArn"])
    _load(tx, request["activityArn"])
    worker = request.get("workerName")
    task = _take(tx, name, worker)
    if task is not None:
        return _answer(task)

    async def wait(ctx: Context) -> Response:
        return await _poll(ctx, name, worker)

    return Waiting(wait)


def _answer(task: ActivityTask) -> Response:
    return {"taskToken": task.token, "input": task.input}


async def _poll(ctx: Context, name: Name, worker: str | None) -> Response:
    workers, end_ms = ctx.kernel.state(Workers), ctx.clock.now_ms() + POLL_MS
    while ctx.clock.now_ms() < end_ms:
        told = workers.wait(name)
        late = ctx.clock.at(end_ms, lambda told=told: None if told.done() else told.set_result(None))  # type: ignore[misc]
        try:
            await told
        except asyncio.CancelledError:
            workers.leave(name, told)
            raise
        finally:
            ctx.clock.cancel(late)
            workers.leave(name, told)
        task = ctx.transact(_take, name, worker)
        if task is not None:
            return _answer(task)
    return {}


def _take(tx: Tx, name: Name, worker: str | None) -> ActivityTask | None:
    """The first task that still waits, handed to a worker; those that do not are dropped."""
    running = tx.kernel.state(Running)
    for key, task in tx.scan_prefix_items(ActivityTask, task_prefix(name), limit=100):
        tx.delete(key)
        live = running.at_hand(tx, task.number)
        branch = running.branch_at(tx, live, read_path(task.path)) if live is not None else None
        if branch is None or branch.position.status != TASK or branch.position.token != task.token:
            continue

        def work(session: Session, task: ActivityTask = task) -> None:
            found = session.find_branch(task.number, read_path(task.path), task.attempt)
            if found is None:
                return
            with guarded(found.live):
                tasks.started(found, worker)

        running.drive(tx, work)
        return task
    return None
