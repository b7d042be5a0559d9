"""Map runs: describe, list, update."""

from __future__ import annotations

from msgspec.structs import replace

from ballroom.kernel import Request, Response, Tx, operation

from ..arns import machine_arn, parse_execution
from ..engine.map_children import pump
from ..engine.running import Running
from ..errors import Invalid
from ..map_runs import MapRun, MapRunOf, find_map_run, load_map_run, map_run_key, runs_of_key
from ..paging import page_of
from ..resources import load_execution


@operation("DescribeMapRun")
def describe_map_run(tx: Tx, request: Request) -> Response:
    """What a map run is and how far it has come.

    Source: API Reference, DescribeMapRun.
    """
    run = load_map_run(tx, request["mapRunArn"])
    pending = max(0, run.total - run.next_item)
    unstarted = 0 if run.batched else pending
    described: Response = {
        "mapRunArn": run.arn, "executionArn": run.execution_arn, "status": run.status,
        "startDate": run.started_ms, "maxConcurrency": run.limit,
        "toleratedFailurePercentage": run.tolerated_percentage, "toleratedFailureCount": run.tolerated_count,
        "itemCounts": {
            "pending": pending, "running": run.running_items, "succeeded": run.succeeded_items,
            "failed": run.failed_items, "timedOut": run.timed_out_items, "aborted": run.aborted_items,
            "total": run.total, "resultsWritten": run.written_items,
            "failuresNotRedrivable": run.stuck_items, "pendingRedrive": run.redo_items,
        },
        "executionCounts": {
            "pending": unstarted, "running": run.running, "succeeded": run.succeeded, "failed": run.failed,
            "timedOut": run.timed_out, "aborted": run.aborted, "total": run.children + unstarted,
            "resultsWritten": run.written, "failuresNotRedrivable": run.stuck, "pendingRedrive": run.redo,
        },
        "redriveCount": run.redrives,
    }  # fmt: skip
    if run.redriven_ms:
        described["redriveDate"] = run.redriven_ms
    if run.stopped_ms:
        described["stopDate"] = run.stopped_ms
    return described


@operation("ListMapRuns")
def list_map_runs(tx: Tx, request: Request) -> Response:
    """The map runs of an execution.

    Source: API Reference, ListMapRuns.
    """
    ref = parse_execution(request["executionArn"])
    record = load_execution(tx, ref)
    rows, token = page_of(tx, MapRunOf, runs_of_key(record.number, 0, 0)[:-2], request, 100)
    runs = [run for row in rows if (run := find_map_run(tx, row.arn)) is not None]
    response: Response = {"mapRuns": [_listed(ref.account, ref.region, run) for run in runs]}
    if token:
        response["nextToken"] = token
    return response


def _listed(account: str, region: str, run: MapRun) -> Response:
    machine = run.arn.split(":")[6]
    shown: Response = {
        "executionArn": run.execution_arn, "mapRunArn": run.arn,
        "stateMachineArn": machine_arn(region, account, machine), "startDate": run.started_ms,
    }  # fmt: skip
    if run.stopped_ms:
        shown["stopDate"] = run.stopped_ms
    return shown


@operation("UpdateMapRun")
def update_map_run(tx: Tx, request: Request) -> Response:
    """Change how many children run at once, and how many failures are tolerated, while it runs.

    Source: API Reference, UpdateMapRun.
    """
    run = load_map_run(tx, request["mapRunArn"])
    if not any(
        name in request for name in ("maxConcurrency", "toleratedFailurePercentage", "toleratedFailureCount")
    ):
        raise Invalid(
            "At least one of maxConcurrency, toleratedFailurePercentage or toleratedFailureCount is required"
        )
    if run.status != "RUNNING":
        raise Invalid(f"Map Run is {run.status} and cannot be updated: '{run.arn}'")
    tx.put(
        map_run_key(run.arn),
        replace(
            run,
            limit=request.get("maxConcurrency", run.limit),
            tolerated_percentage=request.get("toleratedFailurePercentage", run.tolerated_percentage),
            tolerated_count=request.get("toleratedFailureCount", run.tolerated_count),
        ),
    )
    tx.kernel.state(Running).drive(tx, lambda session: pump(session, run.arn))
    return {}
