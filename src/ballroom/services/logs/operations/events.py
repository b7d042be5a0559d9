"""Putting, reading and searching events."""

from __future__ import annotations

from ballroom.kernel import Request, Response, Tx, Waiting, operation
from ballroom.services.logs import ingest
from ballroom.services.logs.errors import InvalidNextToken, InvalidParameter
from ballroom.services.logs.operations.groups import add_group
from ballroom.services.logs.operations.streams import add_stream, upload_token
from ballroom.services.logs.paging import read_token
from ballroom.services.logs.patterns import InvalidPattern, Pattern, compile_pattern
from ballroom.services.logs.reading import MOST_EVENTS, StreamRead
from ballroom.services.logs.reading import read_token as read_position
from ballroom.services.logs.resources import (
    LogGroup,
    LogStream,
    Recent,
    find_group,
    key,
    load_group,
    load_identified,
    load_stream,
    oldest_ms,
)
from ballroom.services.logs.searching import BACKWARDS, Search, Triple
from ballroom.services.logs.slices import run

_BACKWARDS_SINCE_MS = 1_704_067_200_000


@operation("PutLogEvents")
def put_log_events(tx: Tx, request: Request) -> Response:
    """Store a batch; what is too old, expired or too new is left out, and the answer says so.

    Sequence tokens are accepted and ignored, as AWS does since 2023.

    Raises:
        InvalidParameter: the batch is too large, too long, or out of order.

    Source: CloudWatch Logs API Reference, PutLogEvents.
    """
    group = load_group(tx, request["logGroupName"])
    stream = load_stream(tx, group, request["logStreamName"])
    events = request["logEvents"]
    size = ingest.check_batch(events)
    accepted = ingest.accept(events, group, tx.now_ms)
    if accepted.events:
        if accepted.rejected:
            size = ingest.check_batch(accepted.events)
        stream = ingest.append(tx, group, stream, accepted.events, size)
    answer: Response = {"nextSequenceToken": upload_token(stream)}
    if accepted.rejected:
        answer["rejectedLogEventsInfo"] = accepted.rejected
    return answer


@operation("Append", internal=True)
def append(tx: Tx, request: Request) -> Response:
    """Store events of a service of ours, in order of time, in a group and stream made if missing.

    For callers in this process (functions' output): no limits on the batch, one transaction, nothing
    rejected. Takes logGroupName, logStreamName, logEvents ([{timestamp, message}]); answers nothing.
    """
    events = request["logEvents"]
    if not events:
        return {}
    group = find_group(tx, request["logGroupName"]) or add_group(tx, request["logGroupName"])
    name = request["logStreamName"]
    stream = tx.get(LogStream, key(tx, "stream", group.number, name)) or add_stream(tx, group, name)
    size = sum(
        len(e["message"]) if e["message"].isascii() else len(e["message"].encode("utf-8", "surrogatepass"))
        for e in events
    )
    ingest.append(tx, group, stream, events, size + ingest.EVENT_OVERHEAD * len(events))
    return {}


@operation("GetLogEvents")
def get_log_events(tx: Tx, request: Request) -> Response | Waiting:
    """Events of one stream, the newest unless asked from the head; tokens stay the same at either end.

    Source: CloudWatch Logs API Reference, GetLogEvents.
    """
    group = load_identified(tx, request)
    stream = load_stream(tx, group, request["logStreamName"])
    forwards, start = request.get("startFromHead", False), None
    if "nextToken" in request:
        forwards, start = read_position(request["nextToken"])
    read = StreamRead(
        group.number, stream.number, forwards, request.get("limit", MOST_EVENTS),
        max(request.get("startTime", 0), oldest_ms(group, tx.now_ms)), request.get("endTime"), start,
    )
    return run(tx, read)


@operation("FilterLogEvents")
def filter_log_events(tx: Tx, request: Request) -> Response | Waiting:
    """Events of a group's streams by time, the latest first if asked, as streams and a pattern select them.

    Raises:
        InvalidParameter: names and a prefix of streams, times the wrong way round, or no pattern.

    Source: CloudWatch Logs API Reference, FilterLogEvents.
    """
    group = load_identified(tx, request)
    if "logStreamNames" in request and "logStreamNamePrefix" in request:
        raise InvalidParameter(
            "Only one of logStreamNames and logStreamNamePrefix may be specified."
        )
    low, high = request.get("startTime", 0), request.get("endTime")
    if high is not None and low > high:
        raise InvalidParameter("End time must be greater than start time.")
    pattern = request.get("filterPattern", "").strip()
    matches = None
    if pattern:
        matches = compiled(pattern, "Invalid filter pattern").matches
    low = max(low, oldest_ms(group, tx.now_ms))
    forwards, after = request.get("startFromHead", True), None
    if "nextToken" in request:
        forwards, after = _read_place(request["nextToken"])
    if not forwards and "startTime" in request and request["startTime"] < _BACKWARDS_SINCE_MS:
        raise InvalidParameter("startFromHead can be false only for a startTime on or after 2024-01-01.")
    if high is not None:
        high += 1  # unlike GetLogEvents', this end is part of the time asked for
    passed = after[0] if after is not None and forwards else 0
    streams = _streams(tx, group, request, max(low, passed))
    if high is not None:
        streams = [stream for stream in streams if stream.first_ms < high]
    limit = request.get("limit", MOST_EVENTS)
    return run(tx, Search(group.number, streams, matches, limit, low, high, after, forwards))


def compiled(pattern: str, general: str) -> Pattern:
    """A compiled filter pattern.

    Raises:
        InvalidParameter: with AWS's text, or `general` where it has no better one.
    """
    try:
        return compile_pattern(pattern)
    except InvalidPattern as invalid:
        raise InvalidParameter(str(invalid) or general) from None


def _streams(tx: Tx, group: LogGroup, request: Request, low_ms: int) -> list[LogStream]:
    """The streams asked for that hold events at or after a time: an index finds them, not a scan.

    Following a group with ten thousand old streams so costs what its few busy ones cost.
    """
    if "logStreamNames" in request:
        named = [load_stream(tx, group, name) for name in dict.fromkeys(request["logStreamNames"])]
        return [stream for stream in named if stream.last_ms >= low_ms]
    prefix = request.get("logStreamNamePrefix", "")
    recent = tx.scan(Recent, key(tx, "recent", group.number, low_ms), key(tx, "recent", group.number + 1))
    return [load_stream(tx, group, row.name) for row in recent if row.name.startswith(prefix)]


def _read_place(token: str) -> tuple[bool, Triple]:
    """Whether a search goes on forwards, and behind which event."""
    parts = read_token(token)
    forwards = parts[3:] != (BACKWARDS,)
    place = parts if forwards else parts[:3]
    if len(place) != 3 or not all(isinstance(part, int) and part >= 0 for part in place):
        raise InvalidNextToken()
    return forwards, place  # type: ignore[return-value]  # checked above: three integers
