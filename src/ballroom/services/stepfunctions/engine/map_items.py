"""Reading a map run's items from S3, by a delivery: page by page into the store, before children start."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec.structs import replace

from ballroom.kernel import Context, Delivery, RetryPolicy, Tx, on_delivery

from ..item_formats import ReaderFailed
from ..item_reader import PAGE_ITEMS, read
from ..language.machine import MapState, Scope
from ..map_runs import (
    READING,
    WORKING,
    ItemsPage,
    MapRun,
    find_map_run,
    map_run_key,
    pack_items,
    store_items,
)
from . import map_children, map_results

POLICY = RetryPolicy(maximum_attempts=None, back_off_ms=(1_000, 5_000, 30_000))


class Reading(msgspec.Struct, array_like=True, frozen=True):
    """What the delivery that reads items carries."""

    arn: str
    action: str
    parameters: dict[str, Any]
    config: dict[str, Any]
    most: int | None


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Reading).decode


def reading_of(state: MapState, scope: Scope) -> Reading:
    """What is to be read.

    Raises:
        StatesError: an expression of the ItemReader fails.
    """
    reader = state.reader
    assert reader is not None
    parameters = dict(reader.parameters(scope) or {})
    owner = reader.bucket_owner(scope) if reader.bucket_owner is not None else None
    if owner is not None:
        parameters["ExpectedBucketOwner"] = owner
    return Reading("", reader.resource.action, parameters, reader.config, reader.max_items(scope))


def read_later(tx: Tx, run: MapRun, reading: Reading) -> None:
    """Read the items after this commit."""
    payload = _encode(replace(reading, arn=run.arn))
    tx.deliver("states.map-read", payload, policy=POLICY, subject=run.arn)


def store_all(tx: Tx, run: MapRun, items: list[Any]) -> MapRun:
    """Items that are at hand."""
    for first in range(0, len(items), PAGE_ITEMS):
        store_items(tx, run.id, first, pack_items(items[first : first + PAGE_ITEMS]))
    return replace(run, total=len(items), whole=True, phase=WORKING)


@on_delivery("states.map-read", concurrency=16)
async def read_items(ctx: Context, delivery: Delivery) -> None:
    """Read the items of a map run; again from the start if it was interrupted."""
    reading = _decode(delivery.payload)
    run = ctx.transact(find_map_run, reading.arn)
    if run is None or run.phase != READING:
        return
    total = 0
    caller = ctx.transact(map_results.caller_for, run)
    try:
        pages = read(
            ctx.kernel.context(caller), reading.action, reading.parameters, reading.config, reading.most
        )
        async for items in pages:
            if not ctx.transact(_store, reading.arn, total, _packed(items)):
                return
            total += len(items)
            await ctx.durable()
    except ReaderFailed as failed:
        ctx.transact(_failed, delivery, reading.arn, str(failed))
        return
    ctx.transact(_read, delivery, reading.arn, total)


def _packed(items: list[Any]) -> list[tuple[int, ItemsPage]]:
    try:
        return pack_items(items)
    except (OverflowError, RecursionError) as wrong:
        raise ReaderFailed(f"An item cannot be stored: {wrong}") from wrong


def _store(tx: Tx, arn: str, first: int, pages: list[tuple[int, ItemsPage]]) -> bool:
    run = find_map_run(tx, arn)
    if run is None or run.phase != READING:
        return False
    store_items(tx, run.id, first, pages)
    total = first + sum(count for count, _ in pages)
    tx.put(map_run_key(arn), replace(run, total=total))
    return True


def _read(tx: Tx, delivery: Delivery, arn: str, total: int) -> None:
    delivery.complete(tx)
    run = find_map_run(tx, arn)
    if run is None or run.phase != READING:
        return
    tx.put(map_run_key(arn), replace(run, total=total, whole=True, phase=WORKING))
    map_children.pump_later(tx, arn)


def _failed(tx: Tx, delivery: Delivery, arn: str, cause: str) -> None:
    from .running import Running

    delivery.complete(tx)
    run = find_map_run(tx, arn)
    if run is not None and run.phase == READING:
        tx.kernel.state(Running).drive(
            tx, lambda session: map_results.end(session, run, "FAILED", "States.ItemReaderFailed", cause)
        )
