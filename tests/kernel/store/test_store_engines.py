"""The engines keep the contract."""

from collections.abc import Iterator
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp

import pytest

from ballroom.kernel.store.engine import NO_LIMIT, Engine
from ballroom.kernel.store.memory import MemoryEngine
from ballroom.kernel.store.sqlite import SqliteEngine
from tests.kernel.store.store_contract import END, EngineContract, model_of


class TestMemory(EngineContract):
    @pytest.fixture
    def engine(self) -> Iterator[Engine]:
        engine = MemoryEngine()
        yield engine
        engine.close()

    def test_thousands_of_keys_stay_in_order_as_they_come_and_go(self, engine: Engine) -> None:
        numbers = [i * 7919 % 10_007 for i in range(10_007)]  # every number below the prime, shuffled
        engine.apply([(n.to_bytes(2, "big"), b"") for n in numbers], 1, 0)
        engine.apply([(n.to_bytes(2, "big"), None) for n in numbers if n % 3], 2, 0)
        engine.apply([(n.to_bytes(2, "big"), None) for n in range(3000, 6000)], 3, 0)
        left = [n for n in range(10_007) if n % 3 == 0 and not 3000 <= n < 6000]
        up = [int.from_bytes(key, "big") for key, _ in engine.scan(b"", END, NO_LIMIT, False)]
        down = [int.from_bytes(key, "big") for key, _ in engine.scan(b"", END, NO_LIMIT, True)]
        assert up == left
        assert down == left[::-1]


class TestSqlite(EngineContract):
    @pytest.fixture
    def engine(self, tmp_path: Path) -> Iterator[Engine]:
        engine = SqliteEngine(tmp_path / "store.sqlite")
        yield engine
        engine.close()

    def test_everything_is_there_after_reopening(self, engine: Engine, tmp_path: Path) -> None:
        epoch = engine.claim()
        engine.apply([(b"a", b"1")], 9, epoch)
        engine.close()
        again = SqliteEngine(tmp_path / "store.sqlite")
        assert (again.get(b"a"), again.last_sequence, again.claim()) == (b"1", 9, epoch + 1)
        again.close()


FOLDER = Path(mkdtemp(prefix="ballroom-model-"))


def teardown_module() -> None:
    rmtree(FOLDER)


def _fresh() -> Engine:
    return SqliteEngine(Path(mkdtemp(dir=FOLDER)) / "store.sqlite")


def _reopened(engine: Engine) -> Engine:
    path = Path(str(engine.statistics()["path"]))
    engine.close()
    return SqliteEngine(path)


TestMemoryModel = model_of(MemoryEngine, lambda engine: engine)
TestSqliteModel = model_of(_fresh, _reopened)
