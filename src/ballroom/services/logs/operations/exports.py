"""Export tasks: refused once their bucket is known to exist; no task is ever there."""

from __future__ import annotations

from ballroom.kernel import Context, NotImplementedHere, Request, Response, ServiceError, Tx, operation
from ballroom.services.logs.errors import InvalidParameter, ResourceNotFound
from ballroom.services.logs.resources import load_group


@operation("CreateExportTask")
async def create_export_task(ctx: Context, request: Request) -> Response:
    """Refuse: nothing exports events to buckets. What AWS would find wrong first is told first.

    Raises:
        InvalidParameter: the bucket does not exist.
        NotImplementedHere: otherwise.

    Source: CloudWatch Logs API Reference, CreateExportTask; recorded case.
    """
    ctx.transact(load_group, request["logGroupName"])
    try:
        await ctx.call("s3", "HeadBucket", {"Bucket": request["destination"]})
    except NotImplementedHere:
        raise
    except ServiceError:
        raise InvalidParameter(
            "The given bucket does not exist. Please make sure the bucket is valid."
        ) from None
    raise NotImplementedHere("Ballroom does not implement logs:CreateExportTask.")


@operation("DescribeExportTasks")
def describe_export_tasks(tx: Tx, request: Request) -> Response:
    """The export tasks: none.

    Source: CloudWatch Logs API Reference, DescribeExportTasks.
    """
    return {"exportTasks": []}


@operation("CancelExportTask")
def cancel_export_task(tx: Tx, request: Request) -> Response:
    """Refuse, as no task is there.

    Source: CloudWatch Logs API Reference, CancelExportTask; recorded case.
    """
    raise ResourceNotFound("The specified export task does not exist.")
