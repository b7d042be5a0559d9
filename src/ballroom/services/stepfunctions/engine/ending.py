"""How executions end: succeeded, failed, timed out, aborted.

Source: Step Functions API Reference, HistoryEvent; recorded histories.
"""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from .execution import Live, Unfit
from .journal import MOST_EVENTS, NUMBER, HistoryFull

_SUCCEEDED, _FAILED = NUMBER["ExecutionSucceeded"], NUMBER["ExecutionFailed"]
_TIMED_OUT, _ABORTED = NUMBER["ExecutionTimedOut"], NUMBER["ExecutionAborted"]


def _error_details(error: str | None, cause: str | None) -> dict[str, Any]:
    details = {}
    if error is not None:
        details["error"] = error
    if cause is not None:
        details["cause"] = cause
    return details


def _end(live: Live, status: str, **fields: Any) -> None:
    if status != "SUCCEEDED" and not live.express:
        _keep_picture(live)
    live.ended = True
    live.record = replace(live.record, status=status, stopped_ms=live.session.now_ms, **fields)
    live.session.ended(live)


def _keep_picture(live: Live) -> None:
    from .redriving import Redrivable, picture_of, redrivable_key

    root = live.picture or picture_of(live.root)
    live.session.tx.put(redrivable_key(live.number), Redrivable(root, live.journal.next_id))


def succeed(live: Live, output: object, text: str) -> None:
    """The root has come to its end."""
    live.journal.add_last(_SUCCEEDED, live.root.position.previous, live.session.now_ms, {"output": text})
    live.output = output
    _end(live, "SUCCEEDED", output=text)


def fail(live: Live, error: str | None, cause: str | None) -> None:
    """The root has failed, or the execution cannot go on."""
    details = _error_details(error, cause)
    live.journal.add_last(_FAILED, live.root.position.previous, live.session.now_ms, details)
    _end(live, "FAILED", error=error, cause=cause)


def time_out(live: Live) -> None:
    """The state machine's TimeoutSeconds are over. DescribeExecution tells no error; the history does."""
    details = {"error": "States.Timeout"}
    live.journal.add_last(_TIMED_OUT, live.root.position.previous, live.session.now_ms, details)
    _end(live, "TIMED_OUT", error="States.Timeout" if live.express else None)


def stop(live: Live, error: str | None, cause: str | None) -> None:
    """Abort an execution wherever it stands."""
    put_out(live)
    abort(live, error, cause)


def put_out(live: Live) -> None:
    """End all branches; how they stood is remembered."""
    from .groups import abort_branch
    from .redriving import picture_of

    if not live.express:
        live.picture = picture_of(live.root)
    abort_branch(live.root, tell=False)


def abort(live: Live, error: str | None, cause: str | None) -> None:
    """StopExecution."""
    details = _error_details(error, cause)
    live.journal.add_last(_ABORTED, live.root.position.previous, live.session.now_ms, details)
    _end(live, "ABORTED", error=error, cause=cause)


class guarded:  # noqa: N801 - reads as a statement: `with guarded(live)`
    """What an execution cannot survive ends it: a history without room, a value that cannot be stored.

    Nothing inside may be half done elsewhere: all branches end with it.
    """

    __slots__ = ("_live",)

    def __init__(self, live: Live) -> None:
        self._live = live

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: object) -> bool:
        if kind is None:
            return False
        if kind is HistoryFull:
            cause = f"The execution reached the maximum number of history events ({MOST_EVENTS})."
        elif kind is Unfit:
            cause = str(error)
        elif kind is RecursionError:
            cause = "The data is nested too deep."
        else:
            return False
        live = self._live
        if not live.ended:
            put_out(live)
            fail(live, "States.Runtime", cause)
        return True
