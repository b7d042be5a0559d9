"""Reports from outside: wait conditions and custom resources are told of success at a URL of their own.

The token in the URL cannot be guessed and is all the authority that is needed, as with AWS's presigned URLs.
"""

from __future__ import annotations

import json
from typing import Any

from ballroom.kernel import (
    Context,
    HttpRequest,
    HttpResponse,
    Request,
    Response,
    Tx,
    operation,
    page,
    service_caller,
)

from .engine.drive import wake
from .resources import SignalPlace, replace, uuid_of

LIMIT = 4096
REPORTS = 1000


@page("PUT", "/_ballroom/cloudformation/*")
async def take_report(ctx: Context, http: HttpRequest) -> HttpResponse:
    """Take a report: `{"Status": "SUCCESS" | "FAILURE", ...}`, at most 4 KB."""
    token = http.path.rsplit("/", 1)[-1]
    if len(http.body) > LIMIT:
        return HttpResponse(413, [], b"Response object is too long.")
    try:
        report = json.loads(http.body)
    except (ValueError, RecursionError):
        return HttpResponse(400, [], b"The report is not JSON.")
    if not isinstance(report, dict):
        return HttpResponse(400, [], b"The report is not a JSON object.")
    known = ctx.transact(_store, token, report)
    await ctx.durable()
    return HttpResponse(200 if known else 404)


def _store(tx: Tx, token: str, report: dict[str, Any]) -> bool:
    place = tx.get(SignalPlace, ("cfn", "signal", token))
    if place is None:
        return False
    if len(place.reports) < REPORTS:
        text = json.dumps(report)
        tx.put(("cfn", "signal", token), replace(place, reports=[*place.reports, text]))
    tx.caller = service_caller(place.account, place.region, "cloudformation.amazonaws.com")
    wake(tx, uuid_of(place.stack_id))
    return True


@operation("ReadReports", internal=True)
def read_reports(tx: Tx, request: Request) -> Response:
    """What was reported to a handle's URL."""
    place = tx.get(SignalPlace, ("cfn", "signal", str(request["Url"]).rsplit("/", 1)[-1]))
    if place is None or place.account != tx.account or place.region != tx.region:
        return {"Reports": []}
    return {"Reports": [json.loads(text) for text in place.reports]}
