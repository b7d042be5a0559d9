"""The items of a map run: read from S3 by a delivery, stored in pages, handed out one by one."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec.structs import replace

from ballroom.kernel import Context, Delivery, RetryPolicy, Tx, on_delivery

from ..item_reader import ReaderFailed, read
from ..map_runs import (
    ItemsPage,
    find_map_run,
    items_page_key,
    map_run_key,
)
from .map_children import pump
from .map_ends import caller_of_run, drive, fail_run


class Reading(msgspec.Struct, array_like=True, frozen=True):
    """What the delivery that reads items carries."""

    arn: str
    action: str
    parameters: dict[str, Any]
    config: dict[str, Any]
    most: int | None


_POLICY = RetryPolicy(maximum_attempts=None, back_off_ms=(1_000, 5_000, 30_000))
_encode = msgspec.msgpack.Encoder().encode
_decode_reading = msgspec.msgpack.Decoder(Reading).decode


def read_later(tx: Tx, reading: Reading) -> None:
    """Leave the reading to a delivery of this commit."""
    tx.deliver("states.map-read", _encode(reading), policy=_POLICY, subject=reading.arn)


@on_delivery("states.map-read", concurrency=16)
async def read_items(ctx: Context, delivery: Delivery) -> None:
    """Read the items of a map run; again from the start if it was interrupted."""
    reading = _decode_reading(delivery.payload)
    run = ctx.transact(find_map_run, reading.arn)
    if run is None or run.status != "RUNNING" or not run.reading:
        return
    total = 0
    try:
        caller = ctx.transact(caller_of_run, run)
        reader = ctx.kernel.context(caller)
        async for items in read(reader, reading.action, reading.parameters, reading.config, reading.most):
            ctx.transact(_store_items, run.id, total, items)
            total += len(items)
            await ctx.durable()
    except ReaderFailed as failed:
        cause = str(failed)
        ctx.transact(_read_failed, delivery, reading.arn, cause)
        return

    def go(tx: Tx) -> None:
        delivery.complete(tx)
        now = find_map_run(tx, reading.arn)
        if now is None or now.status != "RUNNING":
            return
        tx.put(map_run_key(now.arn), replace(now, total=total, reading=False))
        drive(tx, lambda session: pump(session, now.arn))

    ctx.transact(go)


def _store_items(tx: Tx, id: int, first: int, items: list[Any]) -> None:
    tx.put(items_page_key(id, first), ItemsPage(items))


def _read_failed(tx: Tx, delivery: Delivery, arn: str, cause: str) -> None:
    delivery.complete(tx)
    drive(tx, lambda session: fail_run(session, arn, "States.ItemReaderFailed", cause))
