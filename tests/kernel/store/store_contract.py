"""What every storage engine must do, whatever it stores on. Subclass `EngineContract` with a fixture."""

import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from ballroom.kernel.store.engine import NO_LIMIT, Engine, EngineFailed, EpochLost

END = b"\xff" * 9


class EngineContract:
    """Subclasses give `engine`, a new and empty one, closed afterwards."""

    @pytest.fixture
    def engine(self) -> Iterator[Engine]:
        raise NotImplementedError

    @pytest.fixture
    def eager_threads(self) -> Iterator[None]:
        """Threads take turns so often that a missing lock shows."""
        usual = sys.getswitchinterval()
        sys.setswitchinterval(1e-6)
        yield
        sys.setswitchinterval(usual)

    def test_a_new_store_is_empty(self, engine: Engine) -> None:
        assert engine.last_sequence == 0
        assert engine.get(b"") is None
        assert engine.scan(b"", END, NO_LIMIT, False) == []

    def test_a_batch_is_there_once_it_is_applied(self, engine: Engine) -> None:
        engine.apply([(b"a", b"1"), (b"b", b"2")], 1, 0)
        engine.apply([(b"a", None), (b"b", b"3"), (b"c", b"")], 2, 0)
        assert [engine.get(key) for key in (b"a", b"b", b"c")] == [None, b"3", b""]
        assert engine.last_sequence == 2

    def test_the_last_write_of_a_key_wins(self, engine: Engine) -> None:
        engine.apply([(b"a", b"1"), (b"b", b"1"), (b"a", None), (b"b", None), (b"b", b"2")], 1, 0)
        assert engine.scan(b"", END, NO_LIMIT, False) == [(b"b", b"2")]

    def test_deleting_what_is_not_there_is_harmless(self, engine: Engine) -> None:
        engine.apply([(b"a", None)], 1, 0)
        assert engine.get(b"a") is None

    def test_an_empty_batch_moves_the_sequence(self, engine: Engine) -> None:
        engine.apply([], 7, 0)
        assert engine.last_sequence == 7

    def test_keys_are_ordered_as_bytes(self, engine: Engine) -> None:
        keys = [b"", b"\0", b"\0\0", b"\0a", b"A", b"a", b"a\0", b"a\xff", b"aa", b"\x7f", b"\x80", b"\xff"]
        engine.apply([(key, key) for key in reversed(keys)], 1, 0)
        assert [key for key, _ in engine.scan(b"", END, NO_LIMIT, False)] == sorted(keys)
        assert [key for key, _ in engine.scan(b"", END, NO_LIMIT, True)] == sorted(keys, reverse=True)

    @pytest.mark.parametrize(
        ("low", "high", "limit", "reverse", "expected"),
        [
            (b"b", b"d", NO_LIMIT, False, b"bc"),
            (b"b", b"d", NO_LIMIT, True, b"cb"),
            (b"a", b"z", 2, False, b"ab"),
            (b"a", b"z", 2, True, b"ed"),
            (b"aa", b"cc", NO_LIMIT, False, b"bc"),
            (b"a", b"z", 0, False, b""),
            (b"d", b"b", NO_LIMIT, False, b""),
            (b"c", b"c", NO_LIMIT, True, b""),
        ],
    )
    def test_a_scan_takes_its_low_end_and_leaves_its_high_end(
        self, engine: Engine, low: bytes, high: bytes, limit: int, reverse: bool, expected: bytes
    ) -> None:
        engine.apply([(bytes([key]), b"v") for key in b"abcde"], 1, 0)
        assert b"".join(key for key, _ in engine.scan(low, high, limit, reverse)) == expected

    def test_a_megabyte_comes_back_whole(self, engine: Engine) -> None:
        value = bytes(range(256)) * 4096
        engine.apply([(b"large", value), (b"k" * 3000, b"v")], 1, 0)
        assert engine.get(b"large") == value
        assert engine.scan(b"k", b"l", NO_LIMIT, False) == [(b"k" * 3000, b"v")]

    def test_a_batch_of_many_megabytes_is_one_batch(self, engine: Engine) -> None:
        large = [(b"%02d" % i, bytes([i]) * 1_000_000) for i in range(12)]
        with pytest.raises(EpochLost):
            engine.apply(large, 1, 99)
        assert engine.scan(b"", END, NO_LIMIT, False) == []
        engine.apply(large, 1, 0)
        assert engine.scan(b"", END, NO_LIMIT, False) == large

    def test_a_sequence_that_has_passed_is_refused(self, engine: Engine) -> None:
        engine.apply([(b"a", b"1")], 5, 0)
        with pytest.raises(ValueError, match="batch 5 comes after batch 5"):
            engine.apply([(b"a", b"2")], 5, 0)
        assert engine.get(b"a") == b"1"

    def test_an_owner_loses_its_epoch_to_the_next_one(self, engine: Engine) -> None:
        first = engine.claim()
        engine.apply([(b"a", b"1")], 1, first)
        second = engine.claim()
        with pytest.raises(EpochLost):
            engine.apply([(b"a", b"2"), (b"b", b"2")], 2, first)
        assert engine.scan(b"", END, NO_LIMIT, False) == [(b"a", b"1")]
        assert engine.last_sequence == 1
        engine.apply([(b"a", b"3")], 2, second)
        assert engine.get(b"a") == b"3"

    def test_a_closed_store_takes_no_batch(self, engine: Engine) -> None:
        engine.close()
        engine.close()
        with pytest.raises(EngineFailed, match="closed"):
            engine.apply([(b"a", b"1")], 1, 0)

    @pytest.mark.usefixtures("eager_threads")
    def test_a_scan_is_a_snapshot_while_another_thread_writes(self, engine: Engine) -> None:
        keys = [bytes([65 + i]) for i in range(20)]
        with ThreadPoolExecutor(1) as writer:
            done = writer.submit(write_generations, engine, keys, 100)
            while not done.done():
                rows = engine.scan(b"", END, NO_LIMIT, False)
                assert len({value for _, value in rows}) <= 1
                assert len(rows) in (0, len(keys))
            done.result()

    @pytest.mark.usefixtures("eager_threads")
    def test_a_fork_is_a_snapshot_while_another_thread_writes(self, engine: Engine, tmp_path: Path) -> None:
        keys = [i.to_bytes(2, "big") for i in range(500)]
        with ThreadPoolExecutor(1) as writer:
            done = writer.submit(write_generations, engine, keys, 40)
            forks = [engine.fork(tmp_path / f"fork-{i}" if i % 2 else None) for i in range(6)]
            done.result()
        for fork in forks:
            rows = fork.scan(b"", END, NO_LIMIT, False)
            assert {value for _, value in rows} <= {b"%06d" % fork.last_sequence * 100}
            fork.close()

    @pytest.mark.parametrize("on_disk", [False, True])
    def test_a_fork_and_its_origin_go_separate_ways(
        self, engine: Engine, tmp_path: Path, on_disk: bool
    ) -> None:
        epoch = engine.claim()
        engine.apply([(b"a", b"1"), (b"b", b"1")], 3, epoch)
        fork = engine.fork(tmp_path / "fork" if on_disk else None)
        engine.apply([(b"a", b"2")], 4, epoch)
        fork.apply([(b"b", None)], 4, fork.claim())
        assert engine.scan(b"", END, NO_LIMIT, False) == [(b"a", b"2"), (b"b", b"1")]
        assert fork.scan(b"", END, NO_LIMIT, False) == [(b"a", b"1")]
        assert fork.last_sequence == 4
        fork.close()

    def test_a_fork_overwrites_nothing(self, engine: Engine, tmp_path: Path) -> None:
        (tmp_path / "precious").write_text("mine")
        with pytest.raises(FileExistsError):
            engine.fork(tmp_path / "precious")
        assert (tmp_path / "precious").read_text() == "mine"

    def test_statistics_count_the_batches(self, engine: Engine) -> None:
        engine.apply([(b"a", b"1")], 1, 0)
        engine.apply([(b"a", b"2")], 2, 0)
        assert engine.statistics()["commits"] == 2
        assert engine.statistics()["sequence"] == 2


def write_generations(engine: Engine, keys: list[bytes], generations: int) -> None:
    """Write all keys together, again and again, each time with the batch's own number."""
    for sequence in range(1, generations + 1):
        engine.apply([(key, b"%06d" % sequence * 100) for key in keys], sequence, 0)


keys = st.binary(max_size=3) | st.sampled_from([b"queue/1", b"queue/1/\0", b"queue/2", b"\xff\xff"])
values = st.binary(max_size=40) | st.just(b"x" * 5000)


def model_of(make: Callable[[], Engine], reopen: Callable[[Engine], Engine]) -> Any:
    """A test case that compares an engine with a dictionary, through random histories."""

    class Model(RuleBasedStateMachine):
        def __init__(self) -> None:
            super().__init__()
            self.engine = make()
            self.rows: dict[bytes, bytes] = {}
            self.sequence = self.epoch = 0

        @rule(writes=st.lists(st.tuples(keys, st.none() | values), max_size=12), skip=st.integers(1, 3))
        def apply(self, writes: list[tuple[bytes, bytes | None]], skip: int) -> None:
            self.sequence += skip
            self.engine.apply(writes, self.sequence, self.epoch)
            for key, value in writes:
                if value is None:
                    self.rows.pop(key, None)
                else:
                    self.rows[key] = value

        @rule()
        def claim(self) -> None:
            self.epoch = self.engine.claim()

        @precondition(lambda self: self.epoch > 0)
        @rule(key=keys)
        def write_as_an_earlier_owner(self, key: bytes) -> None:
            with pytest.raises(EpochLost):
                self.engine.apply([(key, b"late")], self.sequence + 1, self.epoch - 1)

        @rule()
        def a_fork_holds_the_same(self) -> None:
            fork = self.engine.fork(None)
            assert fork.scan(b"", END, NO_LIMIT, False) == sorted(self.rows.items())
            fork.close()

        @rule()
        def reopen(self) -> None:
            self.engine = reopen(self.engine)

        @rule(key=keys)
        def get(self, key: bytes) -> None:
            assert self.engine.get(key) == self.rows.get(key)

        @rule(low=keys, high=keys, limit=st.integers(NO_LIMIT, 5), reverse=st.booleans())
        def scan(self, low: bytes, high: bytes, limit: int, reverse: bool) -> None:
            inside = sorted(((k, v) for k, v in self.rows.items() if low <= k < high), reverse=reverse)
            expected = inside if limit == NO_LIMIT else inside[:limit]
            assert self.engine.scan(low, high, limit, reverse) == expected

        @invariant()
        def the_sequence_is_the_last_one(self) -> None:
            assert self.engine.last_sequence == self.sequence

        def teardown(self) -> None:
            self.engine.close()

    case = Model.TestCase
    case.settings = settings(
        max_examples=25, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
    )
    return case
