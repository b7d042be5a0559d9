"""For other services: requests that go out through API destinations and connections."""

from __future__ import annotations

from ballroom.kernel import Context, Request, Response, ServiceError, operation
from ballroom.kernel.arn import find_arn
from ballroom.kernel.outbound import OutboundResponse
from ballroom.services.events.calling import Outgoing, load_destination, send_to, send_with_connection
from ballroom.services.events.errors import ResourceNotFound
from ballroom.services.events.failures import TargetFailed
from ballroom.services.events.names import BusName
from ballroom.services.events.resources import Connection, key


class DestinationFailed(ServiceError):
    """The address did not answer, or answered that it failed."""

    shape = "ApiDestinationFailed"
    status = 502


@operation("InvokeApiDestination", internal=True)
async def invoke_api_destination(ctx: Context, request: Request) -> Response:
    """Send `Body` (bytes) to the API destination `ApiDestinationArn`, with `HttpParameters` filled in already.

    Answers {Status, Headers, Body}.

    Raises:
        DestinationFailed: no answer, or one that is no success.
    """
    arn = find_arn(request["ApiDestinationArn"])
    if arn is None:
        raise DestinationFailed(f"{request['ApiDestinationArn']} is no ARN")
    at = BusName(arn.account, arn.region, "")
    try:
        destination, connection = ctx.transact(load_destination, at, arn.resource)
        answer = await send_to(ctx, at, destination, connection, request["Body"], request["HttpParameters"])
    except TargetFailed as failed:
        raise DestinationFailed(str(failed)) from failed
    if not 200 <= answer.status < 300:
        raise DestinationFailed(f"the API destination answered {answer.status}")
    return _told(answer)


@operation("SendWithConnection", internal=True)
async def send(ctx: Context, request: Request) -> Response:
    """Send an HTTP request with a connection's authorisation and parameters.

    `ConnectionArn`, `Method`, `Url`, `Query` and `Headers` (objects of texts), `Body` (bytes). Answers
    {Status, Headers, Body}, whatever the status.

    Raises:
        ResourceNotFound: there is no such connection.
        DestinationFailed: there was no answer.
    """
    arn = find_arn(request["ConnectionArn"])
    name = arn.resource.split("/")[1] if arn is not None and arn.resource.count("/") else ""
    at = BusName(arn.account, arn.region, "") if arn is not None else BusName("", "", "")
    connection = ctx.transact(lambda tx: tx.get(Connection, key(at, "connection", name)))
    if not isinstance(connection, Connection):
        raise ResourceNotFound(f"Connection {request['ConnectionArn']} does not exist.")
    headers = {name.lower(): value for name, value in request.get("Headers", {}).items()}
    outgoing = Outgoing(
        request["Method"], request["Url"], request.get("Query", {}), headers, request.get("Body", b"")
    )
    try:
        return _told(await send_with_connection(ctx, at, connection, outgoing))
    except TargetFailed as failed:
        raise DestinationFailed(str(failed)) from failed


def _told(answer: OutboundResponse) -> Response:
    return {"Status": answer.status, "Headers": dict(answer.headers), "Body": answer.body}
