"""Activities: tasks that wait for workers, who ask for them.

A task is a row; workers that wait are told when the commit that brings one succeeds. A task that has timed
out or whose execution has ended is dropped when a worker comes to it.

Source: Developer Guide, "Learn about Activities in Step Functions".
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING

from ballroom.kernel import Kernel, Tx

from .arns import activity_arn, parse_activity
from .errors import StatesRefusal
from .language.machine import StatesError
from .resources import Activity, ActivityTask, activity_key

if TYPE_CHECKING:
    from .engine.branch import Branch

Name = tuple[str, str, str]


class Workers:
    """Workers that wait, by activity; derived memory."""

    def __init__(self, kernel: Kernel) -> None:
        self._waiting: dict[Name, deque[asyncio.Future[None]]] = {}

    def wait(self, name: Name) -> asyncio.Future[None]:
        """Done when a task may be there."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(name, deque()).append(future)
        return future

    def leave(self, name: Name, future: asyncio.Future[None]) -> None:
        """A worker waits no more."""
        waiting = self._waiting.get(name)
        if waiting is not None and future in waiting:
            waiting.remove(future)
            if not waiting:
                del self._waiting[name]

    def tell(self, name: Name) -> None:
        """A task has come: wake one worker."""
        waiting = self._waiting.get(name)
        while waiting:
            future = waiting.popleft()
            if not future.done():
                future.set_result(None)
                return


def task_prefix(name: Name) -> tuple[str, str, str, str]:
    """Where an activity's tasks are stored, in order of scheduling."""
    return ("states-activity-task", *name)


def check_exists(tx: Tx, arn: str) -> None:
    """Refuse a task for an activity that does not exist.

    Raises:
        StatesError: there is none. Source: recorded case test_activity_task_on_deleted.
    """
    try:
        found = tx.get(Activity, activity_key(*parse_activity(arn)))
    except StatesRefusal:
        found = None
    if found is None:
        raise StatesError("States.Runtime", f"The activity {arn} does not exist.")


def schedule(branch: Branch, arn: str, text: str) -> None:
    """Leave a task for the activity's workers."""
    live, position = branch.live, branch.position
    tx = live.session.tx
    name = parse_activity(arn)
    from .engine.branch import path_text

    live.effects = True
    row = ActivityTask(live.number, path_text(branch.path), position.attempt, position.token, text)
    tx.put((*task_prefix(name), tx.now_ms, live.number, *branch.path), row)
    tx.after_commit(lambda: tx.kernel.state(Workers).tell(name))


def arn_of(name: Name) -> str:
    """An activity's ARN."""
    account, region, text = name
    return activity_arn(region, account, text)
