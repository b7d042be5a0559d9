"""How a replay goes on: a part of the archived events in each transaction, by one durable delivery.

Each event arrives on its bus once more, with the name of the replay; archives leave it alone. The
place where the replay stands is written in the commit of the effects, so after a crash it goes on exactly
there.

Source: EventBridge User Guide, "Replaying archived events".
"""

from __future__ import annotations

import msgspec
import orjson

from ballroom.kernel import Context, Delivery, RetryPolicy, Tx, exponential, on_delivery, on_timer
from ballroom.services.events.live import Buses
from ballroom.services.events.names import BusName, parse_bus_arn
from ballroom.services.events.resources import ArchivedEvent, Replay, key
from ballroom.services.events.routing import Budget, accept

_AT_ONCE = 20
_POLICY = RetryPolicy(maximum_attempts=None, back_off_ms=exponential(1_000, 2, 60_000))
_KEPT_MS = 90 * 86_400_000
"""AWS keeps a replay's description for 90 days after its end."""


class Run(msgspec.Struct, array_like=True, frozen=True):
    """What the delivery of a replay carries."""

    account: str
    region: str
    name: str
    archive_id: str
    run: int

    @property
    def at(self) -> BusName:
        """Its account and region."""
        return BusName(self.account, self.region, "")


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Run).decode


def begin(tx: Tx, replay: Replay, archive_id: str) -> None:
    """Let a replay run."""
    run = Run(tx.account, tx.region, replay.name, archive_id, replay.run)
    tx.deliver("events.replay", _encode(run), policy=_POLICY, subject=replay.archive_arn)


@on_delivery("events.replay", concurrency=10)
async def go_on(ctx: Context, delivery: Delivery) -> None:
    """The replay to its end, part after part; other work runs in between."""
    run = _decode(delivery.payload)
    while ctx.transact(_part, run, delivery):
        await ctx.durable()


def _part(tx: Tx, run: Run, delivery: Delivery) -> bool:
    """Replay some events; whether there may be more."""
    at = run.at
    row = key(at, "replay", run.name)
    replay = tx.get(Replay, row)
    if replay is None or replay.run != run.run or replay.state not in ("STARTING", "RUNNING", "CANCELLING"):
        delivery.complete(tx)
        return False
    bus = Buses.of(tx.kernel).find(tx, parse_bus_arn(replay.destination))
    events: list[ArchivedEvent] = []
    if replay.state != "CANCELLING" and bus is not None:
        low = (replay.start_ms,) if replay.last_ms is None else (replay.last_ms, replay.last_id + "\0")
        events = tx.scan(
            ArchivedEvent, key(at, "archived", run.archive_id, *low),
            key(at, "archived", run.archive_id, replay.end_ms), limit=_AT_ONCE,
        )  # fmt: skip
    only = frozenset(replay.filters) or None
    budget = Budget()
    for archived in events:
        assert bus is not None
        event = orjson.loads(archived.event)
        event["replay-name"] = replay.name
        accept(tx, bus, event, trace=None, budget=budget, only=only)
    if events:
        replay = msgspec.structs.replace(
            replay, state="RUNNING", last_ms=events[-1].at_ms, last_id=events[-1].id
        )
        tx.put(row, replay)
    if len(events) == _AT_ONCE:
        return True
    state = "CANCELLED" if replay.state == "CANCELLING" else "COMPLETED" if bus is not None else "FAILED"
    reason = "" if bus is not None else "The event bus does not exist."
    tx.put(row, msgspec.structs.replace(replay, state=state, ended_ms=tx.now_ms, reason=reason))
    gone = (at.account, at.region, run.name, run.run)
    tx.wake_at(tx.now_ms + _KEPT_MS, "events.replay-gone", *gone, housekeeping=True)
    delivery.complete(tx)
    return False


@on_timer("events.replay-gone")
def forget(tx: Tx, account: str, region: str, name: str, run: int) -> None:
    """The description of an old replay goes. Harmless if repeated: a newer one of the name stays."""
    row = key(BusName(account, region, ""), "replay", name)
    replay = tx.get(Replay, row)
    if replay is not None and replay.run == run:
        tx.delete(row)


