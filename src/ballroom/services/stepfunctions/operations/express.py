"""StartSyncExecution: an Express execution, and its result in the answer."""

from __future__ import annotations

from ballroom.kernel import Context, Request, Response, Tx, Waiting, operation

from ..arns import machine_arn
from ..engine.execution import Live
from ..errors import StateMachineTypeNotSupported
from ..starting import checked_input, start_express, target_of

_BILLED_MS = 100
_BILLED_MB = 64


@operation("StartSyncExecution")
def start_sync_execution(tx: Tx, request: Request) -> Response | Waiting:
    """Run an Express execution to its end and answer with what came of it.

    Raises:
        StateMachineTypeNotSupported: the state machine is a Standard one.

    Source: API Reference, StartSyncExecution.
    """
    target = target_of(tx, request["stateMachineArn"])
    if target.machine.type != "EXPRESS":
        raise StateMachineTypeNotSupported
    input = checked_input(request.get("input"))
    live = start_express(tx, target, request.get("name"), input, request.get("traceHeader", ""))
    with_data = request.get("includedData") != "METADATA_ONLY"
    if live.ended:
        return _answer(live, with_data)
    end = live.held.wait()

    async def wait(ctx: Context) -> Response:
        return _answer(await end, with_data)

    return Waiting(wait)


def _answer(live: Live, with_data: bool) -> Response:
    record, ref = live.record, live.ref
    took = record.stopped_ms - record.started_ms
    answer: Response = {
        "executionArn": live.arn, "stateMachineArn": machine_arn(ref.region, ref.account, ref.machine),
        "name": record.name, "startDate": record.started_ms, "stopDate": record.stopped_ms,
        "status": record.status, "inputDetails": {"included": with_data},
        "outputDetails": {"included": with_data},
        "billingDetails": {
            "billedMemoryUsedInMB": _BILLED_MB,
            "billedDurationInMilliseconds": max(_BILLED_MS, -(-took // _BILLED_MS) * _BILLED_MS),
        },
    }  # fmt: skip
    if with_data:
        answer["input"] = record.input
        if record.output is not None:
            answer["output"] = record.output
    for name, value in (
        ("error", record.error),
        ("cause", record.cause),
        ("traceHeader", record.trace or None),
    ):
        if value is not None:
            answer[name] = value
    return answer
