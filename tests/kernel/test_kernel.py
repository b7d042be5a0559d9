"""Transactions, calls, timers and deliveries, on a real kernel."""

from __future__ import annotations

import asyncio
import gc
from typing import Any

import pytest

from ballroom.kernel import (
    Caller,
    Context,
    Delivery,
    GiveUp,
    Record,
    RetryAt,
    RetryPolicy,
    ServiceError,
    Tx,
    Waiting,
    on_delivery,
    on_exhausted,
    on_timer,
    operation,
)
from tests.cloud import Cloud


class Note(Record, frozen=True):
    text: str


class Broken(ServiceError):
    shape = "Broken"
    text = "It is broken."


JOURNAL: list[tuple[Any, ...]] = []
DAY_MS = 86_400_000


@pytest.fixture(autouse=True)
def _empty_journal() -> None:
    JOURNAL.clear()


@operation("Write", service="probe", internal=True)
def write(tx: Tx, request: dict[str, Any]) -> dict[str, Any]:
    tx.put(("probe", request["Key"]), Note(request["Text"]))
    if request.get("Fail"):
        raise Broken
    return {"Key": request["Key"]}


@operation("WriteAndTell", service="probe", internal=True)
def write_and_tell(tx: Tx, request: dict[str, Any]) -> dict[str, Any]:
    tx.after_commit(lambda: JOURNAL.append(("written", tx.now_ms)))
    tx.when_durable(lambda: JOURNAL.append(("durable", tx.now_ms)))
    return write(tx, request)


@operation("WaitAndFail", service="probe", internal=True)
async def wait_and_fail(ctx: Context, request: dict[str, Any]) -> dict[str, Any]:
    raise Broken


@operation("WriteBoth", service="probe", internal=True)
def write_both(tx: Tx, request: dict[str, Any]) -> dict[str, Any]:
    tx.put(("probe", "own"), Note("own"))
    try:
        tx.call("probe", "Write", {"Key": "joined", "Text": "t", "Fail": request["Fail"]})
    except Broken:
        return {"Caught": True}
    return {}


@operation("WaitFor", service="probe", internal=True)
def wait_for(tx: Tx, request: dict[str, Any]) -> dict[str, Any] | Waiting:
    found = tx.get(Note, ("probe", "awaited"))
    if found:
        return {"Text": found.text}

    async def go_on(ctx: Context) -> dict[str, Any]:
        await ctx.sleep_until(ctx.clock.now_ms() + request["Ms"])
        return ctx.transact(lambda tx: {"Found": tx.get(Note, ("probe", "awaited")) is not None})

    return Waiting(go_on)


@on_timer("probe.wake")
def wake(tx: Tx, name: str) -> None:
    JOURNAL.append(("woke", name, tx.now_ms))
    if name == "bad" and not tx.get(Note, ("probe", "mended")):
        raise RuntimeError("a bug")
    tx.put(("probe", name), Note("woken"))


@on_delivery("probe.deliver", concurrency=2)
async def deliver(ctx: Context, delivery: Delivery) -> None:
    JOURNAL.append(("attempt", delivery.payload, delivery.attempt, ctx.clock.now_ms()))
    match delivery.payload:
        case b"fails":
            raise Broken
        case b"hopeless":
            raise GiveUp("no use")
        case b"later" if ctx.clock.now_ms() < delivery.created_ms + 5000:
            raise RetryAt(delivery.created_ms + 5000)
        case b"effect":
            ctx.transact(lambda tx: (tx.put(("probe", "effect"), Note("done")), delivery.complete(tx)))
        case _:
            await asyncio.sleep(0)


@on_exhausted("probe.deliver")
def bury(tx: Tx, delivery: Delivery, reason: str) -> None:
    JOURNAL.append(("buried", delivery.payload, reason, tx.now_ms))
    tx.put(("probe", "dead"), Note(reason))


def note(cloud: Cloud, name: str) -> str | None:
    found = cloud.kernel.read(Note, ("probe", name))
    return found.text if found else None


def deliver_to_probe(cloud: Cloud, payload: bytes, **options: Any) -> None:
    policy = options.pop("policy", RetryPolicy())
    cloud.transact(lambda tx: tx.deliver("probe.deliver", payload, policy=policy, **options))


# -- transactions and calls ------------------------------------------------------------------------------


def test_a_handler_that_raises_leaves_no_writes(cloud: Cloud) -> None:
    assert cloud.error("probe", "Write", Key="k", Text="t", Fail=True).shape == "Broken"
    assert note(cloud, "k") is None


def test_a_joined_call_that_fails_is_undone_and_the_caller_goes_on(cloud: Cloud) -> None:
    assert cloud.probe("WriteBoth", Fail=True) == {"Caught": True}
    assert (note(cloud, "own"), note(cloud, "joined")) == ("own", None)
    assert cloud.probe("WriteBoth", Fail=False) == {}
    assert note(cloud, "joined") == "t"


def test_an_operation_that_ballroom_lacks_is_refused_by_name(cloud: Cloud) -> None:
    error = cloud.error("kinesis", "PutRecord")
    assert (error.status, error.text) == (501, "Ballroom does not implement kinesis:PutRecord.")


def test_an_operation_may_wait_without_holding_anybody_up(cloud: Cloud) -> None:
    waiting = cloud.start("probe", "WaitFor", Ms=1000)
    cloud.probe("Write", Key="awaited", Text="here")
    cloud.clock.advance(seconds=1)
    assert cloud.run(waiting_result(waiting)) == {"Found": True}
    assert cloud.probe("WaitFor", Ms=1000) == {"Text": "here"}


async def waiting_result(task: asyncio.Task[Any]) -> Any:
    return await task


@pytest.mark.parametrize(
    ("name", "input"),
    [("WriteAndTell", {}), ("WriteAndTell", {"Fail": True}), ("WaitAndFail", {}), ("Unknown", {})],
)
def test_no_request_leaves_its_memory_to_the_garbage_collector(
    cloud: Cloud, name: str, input: dict[str, Any]
) -> None:
    async def ask(times: int) -> None:
        answered = asyncio.Semaphore(0)
        caller = cloud.kernel.system_caller()
        for _ in range(times):
            request = {"Key": "k", "Text": "t", **input}
            cloud.kernel.submit("probe", name, request, caller, lambda answer: answered.release())
        for _ in range(times):
            await answered.acquire()

    cloud.run(ask(1))
    gc.collect()
    gc.disable()
    try:
        cloud.run(ask(100))
        assert gc.collect() < 50
    finally:
        gc.enable()


def test_a_bug_in_a_handler_answers_internal_failure_without_details(
    cloud: Cloud, caplog: pytest.LogCaptureFixture
) -> None:
    error = cloud.error("probe", "Write")  # KeyError
    assert (error.shape, error.status) == ("InternalFailure", 500)
    assert "KeyError" not in error.text
    assert "KeyError" in caplog.text


def test_every_call_leaves_a_span_with_its_cause(cloud: Cloud) -> None:
    caller = cloud.caller(request_id="the-request")
    cloud.call("probe", "WriteBoth", caller, Fail=True)
    outer, inner = list(cloud.kernel.trace.spans(limit=2))
    assert (outer.id, outer.operation, outer.outcome) == ("the-request", "WriteBoth", "ok")
    assert (inner.parent, inner.operation, inner.outcome) == ("the-request", "Write", "Broken")


# -- timers ----------------------------------------------------------------------------------------------


def test_a_timer_fires_exactly_when_it_is_due(cloud: Cloud) -> None:
    due = cloud.clock.now_ms + 30 * DAY_MS
    cloud.transact(lambda tx: tx.wake_at(due, "probe.wake", "a"))
    cloud.clock.advance(ms=30 * DAY_MS - 1)
    assert JOURNAL == []
    cloud.clock.advance(ms=1)
    assert [("woke", "a", due)] == JOURNAL
    assert note(cloud, "a") == "woken"


def test_a_timer_of_a_failed_transaction_never_fires(cloud: Cloud) -> None:
    def fail(tx: Tx) -> None:
        tx.wake_at(tx.now_ms + 10, "probe.wake", "a")
        raise Broken

    with pytest.raises(Broken):
        cloud.transact(fail)
    cloud.clock.advance(seconds=1)
    assert JOURNAL == []


def test_a_cancelled_timer_never_fires(cloud: Cloud) -> None:
    due = cloud.clock.now_ms + 10
    cloud.transact(lambda tx: tx.wake_at(due, "probe.wake", "a"))
    cloud.transact(lambda tx: tx.cancel_wake(due, "probe.wake", "a"))
    cloud.clock.advance(seconds=1)
    assert JOURNAL == []


def test_a_timer_survives_a_restart_and_fires_if_its_time_has_passed(durable_cloud: Cloud) -> None:
    cloud = durable_cloud
    cloud.transact(lambda tx: tx.wake_at(tx.now_ms + 10, "probe.wake", "a"))
    before = cloud.clock.now_ms
    cloud.reopen()
    assert cloud.clock.now_ms >= before
    cloud.clock.advance(seconds=1)
    assert note(cloud, "a") == "woken"


def test_a_virtual_clock_goes_on_where_it_stood_though_nothing_else_was_written(durable_cloud: Cloud) -> None:
    durable_cloud.clock.advance(days=400)
    before = durable_cloud.clock.now_ms
    assert durable_cloud.reopen().clock.now_ms == before


def test_a_timer_that_fails_is_tried_again_and_holds_up_no_other(cloud: Cloud) -> None:
    cloud.transact(lambda tx: tx.wake_at(tx.now_ms, "probe.wake", "bad"))
    cloud.transact(lambda tx: tx.wake_at(tx.now_ms, "probe.wake", "good"))
    cloud.clock.advance(ms=1)
    assert (note(cloud, "bad"), note(cloud, "good")) == (None, "woken")
    cloud.probe("Write", Key="mended", Text="")
    cloud.clock.advance(minutes=2)
    assert note(cloud, "bad") == "woken"


# -- deliveries ------------------------------------------------------------------------------------------


def test_a_delivery_happens_once_and_leaves_nothing_behind(cloud: Cloud) -> None:
    deliver_to_probe(cloud, b"x")
    cloud.clock.settle()
    assert [j[:3] for j in JOURNAL] == [("attempt", b"x", 1)]
    assert cloud.kernel.shard.scan(b"\x02~delivery", b"\x02~delivery\xff", None) == []


def test_attempts_follow_the_back_off_and_end_in_the_dead_letter(cloud: Cloud) -> None:
    start = cloud.clock.now_ms
    deliver_to_probe(cloud, b"fails", policy=RetryPolicy(4, None, (1000, 60_000)))
    cloud.clock.advance(days=1)
    waits = [(j[2], j[3] - start) for j in JOURNAL]
    assert waits == [(1, 0), (2, 1000), (3, 61_000), (4, 121_000), ("retries", 121_000)]
    assert note(cloud, "dead") == "retries"


def test_a_delivery_that_grows_too_old_is_buried_for_its_age(cloud: Cloud) -> None:
    deliver_to_probe(cloud, b"fails", policy=RetryPolicy(None, 100_000, (60_000,)))
    cloud.clock.advance(days=1)
    assert [j[2] for j in JOURNAL] == [1, 2, "age"]


def test_giving_up_needs_no_further_attempt(cloud: Cloud) -> None:
    deliver_to_probe(cloud, b"hopeless")
    cloud.clock.advance(days=1)
    assert [j[2] for j in JOURNAL] == [1, "no use"]


def test_putting_off_counts_no_attempt(cloud: Cloud) -> None:
    deliver_to_probe(cloud, b"later", policy=RetryPolicy(1))
    cloud.clock.advance(seconds=10)
    assert [(j[2], j[3] - JOURNAL[0][3]) for j in JOURNAL] == [(1, 0), (1, 5000)]


def test_completing_in_a_transaction_commits_with_its_effects(durable_cloud: Cloud) -> None:
    deliver_to_probe(durable_cloud, b"effect")
    durable_cloud.clock.settle()
    durable_cloud.reopen().clock.settle()
    assert len(JOURNAL) == 1
    assert note(durable_cloud, "effect") == "done"


def test_a_lane_keeps_its_order_even_over_retries(cloud: Cloud) -> None:
    for payload in (b"1", b"fails", b"2"):
        deliver_to_probe(cloud, payload, lane="lane", policy=RetryPolicy(2, None, (1000,)))
    deliver_to_probe(cloud, b"other", lane="other")
    cloud.clock.advance(minutes=1)
    order = [j[1] for j in JOURNAL if j[0] == "attempt"]
    assert order.index(b"other") < order.index(b"2")
    assert [p for p in order if p != b"other"] == [b"1", b"fails", b"fails", b"2"]


def test_a_restart_takes_up_what_was_waiting(durable_cloud: Cloud) -> None:
    deliver_to_probe(durable_cloud, b"x", due_ms=durable_cloud.clock.now_ms + 60_000)
    deliver_to_probe(durable_cloud, b"lane", lane="l", due_ms=durable_cloud.clock.now_ms + 60_000)
    durable_cloud.reopen().clock.advance(minutes=2)
    assert sorted(j[1] for j in JOURNAL) == [b"lane", b"x"]


def test_more_deliveries_than_the_window_holds_are_all_made(cloud: Cloud) -> None:
    count = 5000

    def many(tx: Tx) -> None:
        for n in range(count):
            tx.deliver("probe.deliver", b"%d" % n, policy=RetryPolicy())

    cloud.transact(many)
    cloud.clock.settle()
    assert sorted(int(j[1]) for j in JOURNAL) == list(range(count))


def test_lineage_names_the_request_that_caused_a_delivery(cloud: Cloud) -> None:
    caller: Caller = cloud.caller(request_id="cause")
    cloud.kernel.transact(lambda tx: tx.deliver("probe.deliver", b"x", policy=RetryPolicy()), caller=caller)
    cloud.clock.settle()
    span = next(s for s in cloud.kernel.trace.spans() if s.operation == "probe.deliver")
    assert span.parent == "cause"


# -- metrics ---------------------------------------------------------------------------------------------


def test_counts_of_a_minute_become_one_row(cloud: Cloud) -> None:
    for value in (3.0, 5.0):
        cloud.kernel.metrics.count("000000000000", "us-east-1", "AWS/Probe", "Size", (("Name", "n"),), value)
    cloud.clock.advance(minutes=2)
    from ballroom.kernel.metrics import MetricMinute

    [row] = cloud.transact(lambda tx: tx.scan_prefix(MetricMinute, ("~metric",)))
    assert row.points == [
        ("000000000000", "us-east-1", "AWS/Probe", "Size", (("Name", "n"),), 2, 8.0, 3.0, 5.0)
    ]
