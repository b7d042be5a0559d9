"""kill -9: what was acknowledged is there afterwards, whole, however often it happens."""

import random
import subprocess
import sys
from pathlib import Path

from ballroom.kernel.store.engine import NO_LIMIT
from ballroom.kernel.store.sqlite import SqliteEngine
from tests.kernel.store.store_contract import END

WRITE = """
import sys
from pathlib import Path
from ballroom.kernel.store import checkpoint
from ballroom.kernel.store.sqlite import SqliteEngine
checkpoint._START_PAGES = 200
engine = SqliteEngine(Path(sys.argv[1]))
epoch = engine.claim()
sequence = engine.last_sequence
print(sequence, flush=True)
while True:
    sequence += 1
    rows = [(b"%08d/%02d" % (sequence % 500, i), b"%08d" % sequence * 100) for i in range(10)]
    engine.apply([*rows, (b"%08d/00" % ((sequence - 100) % 500), None)], sequence, epoch)
    print(sequence, flush=True)
"""
KILLS = 6


def test_every_acknowledged_batch_survives_kill_9(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"
    chance = random.Random(1)
    acknowledged = 0
    for _ in range(KILLS):
        started, acknowledged = write_until_killed(path, chance.randrange(1, 400))
        assert started >= 0
        engine = SqliteEngine(path)
        assert engine.last_sequence >= acknowledged
        assert rows_of(engine) == rows_after(engine.last_sequence)
        acknowledged = engine.last_sequence
        engine.close()
    assert acknowledged > KILLS


def write_until_killed(path: Path, lines: int) -> tuple[int, int]:
    """Let another process write; kill it after some acknowledgements. Returns the first and the last."""
    process = subprocess.Popen([sys.executable, "-c", WRITE, str(path)], stdout=subprocess.PIPE)
    assert process.stdout is not None
    first = last = int(process.stdout.readline())
    for _ in range(lines):
        last = int(process.stdout.readline())
    process.kill()
    for line in process.stdout:  # acknowledged before it died
        if line.endswith(b"\n"):
            last = int(line)
    process.wait()
    process.stdout.close()
    return first, last


def rows_of(engine: SqliteEngine) -> dict[bytes, bytes]:
    return dict(engine.scan(b"", END, NO_LIMIT, False))


def rows_after(last: int) -> dict[bytes, bytes]:
    """What the batches up to `last` leave: the writer's loop, without the store."""
    rows: dict[bytes, bytes] = {}
    for sequence in range(1, last + 1):
        for i in range(10):
            rows[b"%08d/%02d" % (sequence % 500, i)] = b"%08d" % sequence * 100
        rows.pop(b"%08d/00" % ((sequence - 100) % 500), None)
    return rows
