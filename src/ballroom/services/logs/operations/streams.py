"""Log streams."""

from __future__ import annotations

from typing import Any

from ballroom.kernel import Request, Response, Tx, operation
from ballroom.kernel.tokens import make_token
from ballroom.services.logs.errors import InvalidNextToken, InvalidParameter, ResourceAlreadyExists
from ballroom.services.logs.paging import DEFAULT_LIMIT, page, read_token
from ballroom.services.logs.resources import (
    LogGroup,
    LogStream,
    Recent,
    group_arn,
    key,
    load_group,
    load_identified,
    load_stream,
    next_number,
)
from ballroom.services.logs.sweeping import drop_stream


def add_stream(tx: Tx, group: LogGroup, name: str) -> LogStream:
    """Store a new, empty stream of that name."""
    stream = LogStream(name, next_number(tx), tx.now_ms)
    tx.put(key(tx, "stream", group.number, name), stream)
    return stream


@operation("CreateLogStream")
def create_log_stream(tx: Tx, request: Request) -> Response:
    """Create an empty stream.

    Raises:
        ResourceAlreadyExists: the group has one of that name.

    Source: CloudWatch Logs API Reference, CreateLogStream.
    """
    group = load_group(tx, request["logGroupName"])
    name = request["logStreamName"]
    if tx.get(LogStream, key(tx, "stream", group.number, name)) is not None:
        raise ResourceAlreadyExists("The specified log stream already exists")
    add_stream(tx, group, name)
    return {}


@operation("DeleteLogStream")
def delete_log_stream(tx: Tx, request: Request) -> Response:
    """Delete a stream with its events.

    Source: CloudWatch Logs API Reference, DeleteLogStream.
    """
    group = load_group(tx, request["logGroupName"])
    drop_stream(tx, group.number, load_stream(tx, group, request["logStreamName"]))
    return {}


def upload_token(stream: LogStream) -> str:
    """The token that AWS still hands out and nobody needs any more."""
    return f"49{stream.number:024d}{stream.sequence:030d}"


def _show(tx: Tx, group: LogGroup, stream: LogStream) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "logStreamName": stream.name, "creationTime": stream.created_ms,
        "arn": f"{group_arn(tx, group.name)}:log-stream:{stream.name}",
        "storedBytes": 0,  # AWS reports zero for streams since 2019
    }
    if stream.first_ms >= 0:
        shown["firstEventTimestamp"] = stream.first_ms
        shown["lastEventTimestamp"] = stream.last_ms
    if stream.ingested_ms >= 0:
        shown["lastIngestionTime"] = stream.ingested_ms
        shown["uploadSequenceToken"] = upload_token(stream)
    return shown


@operation("DescribeLogStreams")
def describe_log_streams(tx: Tx, request: Request) -> Response:
    """A group's streams by name, or by their last event.

    Raises:
        InvalidParameter: ordered by last event with a prefix.

    Source: CloudWatch Logs API Reference, DescribeLogStreams.
    """
    group = load_identified(tx, request)
    prefix = request.get("logStreamNamePrefix", "")
    if request.get("orderBy") == "LastEventTime":
        if prefix:
            raise InvalidParameter("Cannot order by LastEventTime with a logStreamNamePrefix.")
        return _by_last_event(tx, request, group)
    if request.get("descending", False):
        return _descending(tx, request, group, prefix)
    return page(
        tx, request, "logStreams", LogStream, key(tx, "stream", group.number),
        lambda stream: _show(tx, group, stream), begins=prefix,
    )


def _descending(tx: Tx, request: Request, group: LogGroup, prefix: str) -> Response:
    limit = request.get("limit", DEFAULT_LIMIT)
    low = key(tx, "stream", group.number, prefix)
    # no character sorts behind this one, so it ends the range of a prefix
    high = key(tx, "stream", group.number, prefix + "\U0010ffff")
    if "nextToken" in request:
        high = min(high, (*key(tx, "stream", group.number), *read_token(request["nextToken"])))
    streams = tx.scan(LogStream, low, high, limit=limit + 1, reverse=True)
    answer: Response = {"logStreams": [_show(tx, group, stream) for stream in streams[:limit]]}
    if len(streams) > limit:
        answer["nextToken"] = make_token((streams[limit - 1].name,))
    return answer


def _by_last_event(tx: Tx, request: Request, group: LogGroup) -> Response:
    """Streams without events come before all others, as if their last event were long ago."""
    limit, descending = request.get("limit", DEFAULT_LIMIT), request.get("descending", False)
    prefix = key(tx, "recent", group.number)
    after: tuple[str | int | bytes, ...] | None = None
    empty_after: str | None = None
    if "nextToken" in request:
        parts = read_token(request["nextToken"])
        if len(parts) != 2:
            raise InvalidNextToken()
        if parts[0] == -1:
            empty_after = str(parts[1])
        else:
            after = (*prefix, *parts)
    shown: list[tuple[int, LogStream]] = []
    if descending and empty_after is None:
        shown += _recent(tx, group, after, limit + 1, reverse=True)
    if not descending and after is None:
        shown += _empty(tx, group, empty_after, limit + 1)
    if len(shown) <= limit and not descending:
        shown += _recent(tx, group, after, limit + 1 - len(shown), reverse=False)
    if len(shown) <= limit and descending:
        shown += _empty(tx, group, empty_after, limit + 1 - len(shown))
    answer: Response = {"logStreams": [_show(tx, group, stream) for _, stream in shown[:limit]]}
    if len(shown) > limit:
        last_ms, stream = shown[limit - 1]
        answer["nextToken"] = make_token((last_ms, stream.name))
    return answer


def _recent(
    tx: Tx, group: LogGroup, after: tuple[str | int | bytes, ...] | None, limit: int, *, reverse: bool
) -> list[tuple[int, LogStream]]:
    rows = tx.scan_prefix(Recent, key(tx, "recent", group.number), after=after, limit=limit, reverse=reverse)
    streams = [load_stream(tx, group, row.name) for row in rows]
    return [(stream.last_ms, stream) for stream in streams]


def _empty(tx: Tx, group: LogGroup, after: str | None, limit: int) -> list[tuple[int, LogStream]]:
    prefix = key(tx, "stream", group.number)
    found: list[tuple[int, LogStream]] = []
    last = (*prefix, after) if after is not None else None
    while len(found) < limit:
        streams = tx.scan_prefix(LogStream, prefix, after=last, limit=200)
        found += [(-1, stream) for stream in streams if stream.last_ms < 0]
        if len(streams) < 200:
            break
        last = (*prefix, streams[-1].name)
    return found[:limit]
