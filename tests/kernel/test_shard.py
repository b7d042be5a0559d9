"""The shard: what transactions see, and when what they did may leave."""

from __future__ import annotations

import asyncio
import random
import threading
import time
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ballroom.kernel.errors import Throttled, Unavailable
from ballroom.kernel.store.engine import NO_LIMIT, EngineFailed, EngineFull, Write
from ballroom.kernel.store.memory import MemoryEngine
from ballroom.kernel.store.shard import Shard
from ballroom.kernel.store.sqlite import SqliteEngine


class SlowEngine(MemoryEngine):
    """Commits only when told to; may fail."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = threading.Semaphore(0)
        self.failure: Exception | None = None
        self.scanned = 0
        self._begun = threading.Event()

    async def begun(self) -> None:
        """Return once the first commit is under way."""
        assert await asyncio.to_thread(self._begun.wait, 20)

    @property
    def has_begun(self) -> bool:
        return self._begun.is_set()

    def apply(self, writes: Sequence[Write], sequence: int, epoch: int) -> None:
        self._begun.set()
        assert self.gate.acquire(timeout=20)
        if self.failure is not None:
            raise self.failure
        super().apply(writes, sequence, epoch)

    def scan(self, low: bytes, high: bytes, limit: int, reverse: bool) -> list[tuple[bytes, bytes]]:
        rows = super().scan(low, high, limit, reverse)
        self.scanned += len(rows)
        return rows


def run(body: Callable[[SlowEngine, Shard], Coroutine[Any, Any, None]], **options: Any) -> None:
    async def main() -> None:
        engine = SlowEngine()
        shard = Shard(engine, asyncio.get_running_loop(), **options)
        try:
            await body(engine, shard)
        finally:
            engine.gate.release(1000)
            await shard.close()

    asyncio.run(main())


def put(shard: Shard, *keys: bytes, value: bytes = b"v") -> int:
    shard.begin()
    for key in keys:
        shard.write(key, value, None)
    return shard.end()


def keys(shard: Shard, limit: int | None = None, reverse: bool = False) -> list[bytes]:
    shard.begin()
    return [row.key for row in shard.scan(b"", b"\xff", limit, reverse)]


def test_a_write_is_visible_at_once_and_durable_later() -> None:
    async def body(engine: SlowEngine, shard: Shard) -> None:
        sequence = put(shard, b"a")
        row = shard.get(b"a")
        assert row is not None
        assert row.stored == b"v"
        assert engine.get(b"a") is None
        waiting = asyncio.ensure_future(shard.wait(sequence))
        done, _ = await asyncio.wait([waiting], timeout=0.02)
        assert not done
        engine.gate.release()
        await asyncio.wait_for(waiting, 5)
        assert engine.get(b"a") == b"v"

    run(body)


def test_whoever_reads_a_pending_write_waits_for_it_absences_included() -> None:
    async def body(engine: SlowEngine, shard: Shard) -> None:
        first = put(shard, b"a")
        engine.gate.release()
        await shard.wait(first)
        shard.begin()
        shard.write(b"a", None, None)
        removed = shard.end()
        for read in (lambda: shard.get(b"a"), lambda: shard.scan(b"", b"\xff", None)):
            shard.begin()
            assert not read()
            assert shard.end() == removed
        shard.begin()
        shard.get(b"other")
        assert shard.end() == 0, "what no pending write touched may leave at once"

    run(body)


def test_undoing_leaves_what_was_there() -> None:
    async def body(engine: SlowEngine, shard: Shard) -> None:
        put(shard, b"a", b"b")
        shard.begin()
        shard.write(b"a", None, None)
        shard.write(b"c", b"new", None)
        mark = shard.mark()
        shard.write(b"b", b"changed", None)
        shard.undo_to(mark)
        assert keys_in_transaction(shard) == [b"b", b"c"]
        shard.undo_to(0)
        assert keys_in_transaction(shard) == [b"a", b"b"]
        shard.end()
        found = shard.get(b"b")
        assert found is not None
        assert found.stored == b"v"

    run(body)


def keys_in_transaction(shard: Shard) -> list[bytes]:
    return [row.key for row in shard.scan(b"", b"\xff", None)]


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.lists(st.tuples(st.integers(0, 12), st.booleans(), st.booleans()), max_size=40),
    st.integers(1, 5),
)
def test_scans_merge_pending_and_committed_rows_in_order(
    steps: list[tuple[int, bool, bool]], limit: int
) -> None:
    async def body(engine: SlowEngine, shard: Shard) -> None:
        model: dict[bytes, bytes] = {}
        for n, (number, delete, flush) in enumerate(steps):
            key, value = b"k%02d" % number, b"%d" % n
            shard.begin()
            shard.write(key, None if delete else value, None)
            sequence = shard.end()
            if delete:
                model.pop(key, None)
            else:
                model[key] = value
            if flush:
                engine.gate.release(len(steps) + 1)
                await shard.wait(sequence)
            expected = sorted(model.items())
            shard.begin()
            assert [(r.key, r.stored) for r in shard.scan(b"", b"\xff", None)] == expected
            assert [r.key for r in shard.scan(b"", b"\xff", limit)] == [k for k, _ in expected[:limit]]
            assert [r.key for r in shard.scan(b"", b"\xff", limit, True)] == [
                k for k, _ in expected[::-1][:limit]
            ]
            assert [r.key for r in shard.scan(b"k03", b"k09", None)] == [
                k for k, _ in expected if b"k03" <= k < b"k09"
            ]

    run(body)


def test_scans_from_the_head_stay_flat_over_rows_deleted_but_not_committed() -> None:
    async def body(engine: SlowEngine, shard: Shard) -> None:
        count = 20_000
        engine.gate.release()
        await shard.wait(put(shard, *(b"%06d" % i for i in range(count))))
        engine.scanned = 0
        # all but the last few are taken from the head, one by one, while the disk stands still
        for i in range(count - 5):
            shard.begin()
            assert shard.scan(b"", b"\xff", 1)[0].key == b"%06d" % i
            shard.write(b"%06d" % i, None, None)
            shard.end()
        assert engine.scanned < 60 * count, "each scan looks at a bounded number of rows"
        assert keys(shard) == [b"%06d" % i for i in range(count - 5, count)]
        put(shard, b"000000")
        assert keys(shard, limit=1) == [b"000000"], "a range found empty is no longer so"

    run(body)


def test_one_commit_serves_everybody_who_came_meanwhile() -> None:
    async def body(engine: SlowEngine, shard: Shard) -> None:
        put(shard, b"first")
        await engine.begun()
        for n in range(100):
            put(shard, b"%d" % n)
        engine.gate.release(1000)
        await shard.flush()
        assert (shard.commits, shard.flushes) == (101, 2)

    run(body)


def test_a_batch_grows_while_each_turn_of_the_loop_adds_to_it(monkeypatch: pytest.MonkeyPatch) -> None:
    async def body(engine: SlowEngine, shard: Shard) -> None:
        engine.gate.release(1000)
        for n in range(50):
            put(shard, b"%d" % n)
            await asyncio.sleep(0)
        await shard.flush()
        assert (shard.commits, shard.flushes) == (50, 1)

    monkeypatch.setattr("ballroom.kernel.store.shard.GATHER_S", 60.0)
    run(body)


@pytest.mark.parametrize(("limit", "value"), [("GATHER_S", 0.0), ("GATHER_BYTES", 2000)])
def test_no_batch_grows_without_end(limit: str, value: float, monkeypatch: pytest.MonkeyPatch) -> None:
    async def body(engine: SlowEngine, shard: Shard) -> None:
        for n in range(20_000):
            put(shard, b"%d" % n, value=b"v" * 500)
            time.sleep(0.0002)  # noqa: ASYNC251 - the writer's thread gets its turn, the loop none
            await asyncio.sleep(0)
            if engine.has_begun:
                return
        pytest.fail("the batch was never closed")

    monkeypatch.setattr("ballroom.kernel.store.shard.GATHER_S", 60.0)
    monkeypatch.setattr(f"ballroom.kernel.store.shard.{limit}", value)
    run(body)


def test_a_full_disk_refuses_what_waited_forgets_it_and_recovers() -> None:
    rebuilt = []

    async def body(engine: SlowEngine, shard: Shard) -> None:
        engine.gate.release()
        await shard.wait(put(shard, b"kept"))
        engine.failure = EngineFull("disk full")
        lost = put(shard, b"lost")
        engine.gate.release()
        with pytest.raises(Unavailable, match="No space left"):
            await shard.wait(lost)
        assert keys(shard) == [b"kept"], "reads go on, without what was lost"
        assert rebuilt == [1]
        with pytest.raises(Unavailable):
            put(shard, b"too soon")
        shard.undo_to(0)
        engine.failure = None
        shard._full_until = 0.0
        engine.gate.release()
        await shard.wait(put(shard, b"again"))
        assert keys(shard) == [b"again", b"kept"]
        with pytest.raises(Unavailable):
            await shard.wait(lost)

    run(body, on_rebuild=lambda: rebuilt.append(1))


def test_after_a_failed_fsync_nothing_is_ever_acknowledged() -> None:
    async def body(engine: SlowEngine, shard: Shard) -> None:
        engine.failure = EngineFailed("fsync failed")
        lost = put(shard, b"lost")
        engine.gate.release()
        with pytest.raises(Unavailable):
            await shard.wait(lost)
        engine.failure = None
        with pytest.raises(Unavailable, match="restarted"):
            put(shard, b"more")
        assert keys(shard) == []

    run(body)


def test_too_much_waiting_for_the_disk_is_refused_as_throttling() -> None:
    async def body(engine: SlowEngine, shard: Shard) -> None:
        put(shard, b"first")
        await engine.begun()
        put(shard, b"big", value=b"x" * 2000)
        with pytest.raises(Throttled):
            put(shard, b"more")
        shard.undo_to(0)
        engine.gate.release(10)
        await shard.flush()
        put(shard, b"more")

    run(body, overlay_bytes=1000)


def test_a_batch_that_cannot_even_be_handed_over_is_lost_and_said_to_be() -> None:
    async def body(engine: SlowEngine, shard: Shard) -> None:
        def prepare() -> None:
            raise EngineFailed("a bad sector")

        engine.prepare = prepare  # type: ignore[method-assign]
        with pytest.raises(Unavailable):
            await asyncio.wait_for(shard.wait(put(shard, b"a")), 5)
        assert shard.get(b"a") is None

    run(body)


@pytest.mark.parametrize("seed", range(2))
def test_every_read_of_a_store_on_disk_is_what_a_dictionary_would_say(seed: int, tmp_path: Path) -> None:
    """Reads come at all moments of commits and checkpoints; the log starts over beside them."""
    asyncio.run(_compare_with_a_dictionary(random.Random(seed), tmp_path / "store.sqlite"))


async def _compare_with_a_dictionary(chance: random.Random, path: Path) -> None:
    shard = Shard(SqliteEngine(path), asyncio.get_running_loop())
    model: dict[bytes, bytes] = {}
    longest = 0
    for _ in range(700):
        before = dict(model)
        _check_some_reads(chance, shard, model)
        shard.begin()
        _write_some(chance, shard, model)
        _check_some_reads(chance, shard, model)
        if chance.random() < 0.1:
            shard.undo_to(0)
            model = before
        shard.end()
        for _ in range(chance.randrange(4)):
            await asyncio.sleep(0)
            _check_some_reads(chance, shard, model)
        if chance.random() < 0.3:
            await shard.flush()
        longest = max(longest, shard.engine.statistics()["log_bytes"])
    assert shard.engine.statistics()["checkpoints"] > 1
    assert longest < 32 << 20
    await shard.close()
    engine = SqliteEngine(path)
    assert dict(engine.scan(b"", b"\xff", NO_LIMIT, False)) == model
    engine.close()


def _some_key(chance: random.Random) -> bytes:
    return b"%04d" % chance.randrange(2000)


def _write_some(chance: random.Random, shard: Shard, model: dict[bytes, bytes]) -> None:
    if chance.random() < 0.15:  # a run of deletions: what scans remember as empty
        first = chance.randrange(2000)
        for number in range(first, first + chance.randrange(300)):
            shard.write(b"%04d" % number, None, None)
            model.pop(b"%04d" % number, None)
        return
    for _ in range(chance.randrange(30)):
        key, value = _some_key(chance), chance.randbytes(chance.choice([10, 200, 3000]))
        shard.write(key, value, None)
        model[key] = value


def _check_some_reads(chance: random.Random, shard: Shard, model: dict[bytes, bytes]) -> None:
    for _ in range(chance.randrange(4)):
        key, other = _some_key(chance), _some_key(chance)
        row = shard.get(key)
        assert (None if row is None else row.stored) == model.get(key)
        low, high = (b"", b"\xff") if chance.random() < 0.05 else (min(key, other), max(key, other))
        reverse, limit = chance.random() < 0.5, chance.choice([None, 1, 3, 20, 300])
        expected = sorted(((k, v) for k, v in model.items() if low <= k < high), reverse=reverse)[:limit]
        assert [(row.key, row.stored) for row in shard.scan(low, high, limit, reverse)] == expected
