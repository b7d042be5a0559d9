"""What do reads, commits, checkpoints, forks and opening cost in the store's engines?

    python -m benchmarks.store [--rows 1000000] [--folder DIR]

CPU times are those of the calling thread; commits are wall times, since they wait for the disk: compare
them with the bare fsync of the same run.
"""

import argparse
import os
import random
import resource
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import mkdtemp
from threading import Event, Thread

import apsw

from ballroom.kernel.store.engine import Engine
from ballroom.kernel.store.memory import MemoryEngine
from ballroom.kernel.store.sqlite import SqliteEngine

VALUE_BYTES = 250

OPEN = """
import sys, time
from pathlib import Path
from ballroom.kernel.store.sqlite import SqliteEngine
def rss(): return int(open("/proc/self/statm").read().split()[1]) * 4096 / 1e6
before = rss()
started = time.perf_counter()
engine = SqliteEngine(Path(sys.argv[1]))
engine.get(b"x")
opened = time.perf_counter() - started
for i in range(0, 200_000, 3):
    engine.get(b"row/" + i.to_bytes(8, "big"))
print(f"{1000 * opened:.1f} ms, {rss() - before:.1f} MB more after 67,000 lookups")
engine.close()
"""


class CountingVfs(apsw.VFS):
    """Counts fsyncs."""

    def __init__(self) -> None:
        self.syncs = 0
        self.name = "counting"
        super().__init__(self.name, "")

    def xOpen(self, name: object, flags: list[int]) -> apsw.VFSFile:  # noqa: N802 - SQLite's name
        vfs = self

        class File(apsw.VFSFile):
            def xSync(self, flags: int) -> None:  # noqa: N802
                vfs.syncs += 1
                super().xSync(flags)

        return File("", name, flags)  # type: ignore[arg-type]


def key(number: int) -> bytes:
    return b"row/" + number.to_bytes(8, "big")


def say(name: str, value: str) -> None:
    print(f"{name:<70} {value}", flush=True)


def cpu_us(call: Callable[[int], object], times: int) -> float:
    """CPU per call: the best of three runs, after one to warm up."""
    runs = []
    for _ in range(4):
        started = time.thread_time()
        for i in range(times):
            call(i)
        runs.append((time.thread_time() - started) / times * 1e6)
    return min(runs[1:])


def bare_fsync_ms(folder: Path) -> float:
    took = []
    with (folder / "bare").open("wb", buffering=0) as file:
        for _ in range(200):
            file.write(b"x" * 4096)
            started = time.perf_counter()
            os.fdatasync(file.fileno())
            took.append(time.perf_counter() - started)
    return statistics.median(took) * 1000


def fill(engine: Engine, rows: int) -> None:
    sequence = engine.last_sequence
    for start in range(0, rows, 10_000):
        sequence += 1
        batch = [(key(i), os.urandom(VALUE_BYTES)) for i in range(start, min(start + 10_000, rows))]
        engine.apply(batch, sequence, 0)


def reads(name: str, engine: Engine, rows: int) -> None:
    numbers = [random.randrange(rows) for _ in range(10_000)]
    say(f"{name}: get, CPU, random key", f"{cpu_us(lambda i: engine.get(key(numbers[i])), 10_000):.2f} µs")
    hot = [key(n) for n in numbers[:100]]
    say(f"{name}: get, CPU, one of 100 keys", f"{cpu_us(lambda i: engine.get(hot[i % 100]), 10_000):.2f} µs")
    say(f"{name}: get, CPU, absent key", f"{cpu_us(lambda i: engine.get(b'nothing'), 10_000):.2f} µs")
    for limit in (1, 10, 100):
        took = cpu_us(lambda i, limit=limit: engine.scan(hot[i % 100], b"s", limit, False), 1000)  # type: ignore[misc]
        say(f"{name}: scan of {limit}, CPU", f"{took:.2f} µs")


def commits(name: str, engine: Engine, rows: int) -> None:
    for size in (1, 10, 100, 1000):
        times = max(20, min(1000, 20_000 // size))
        batches = [
            [(key(random.randrange(rows)), b"v" * VALUE_BYTES) for _ in range(size)] for _ in range(times)
        ]
        took = []
        cpu = time.thread_time()
        for batch in batches:
            started = time.perf_counter()
            engine.apply(batch, engine.last_sequence + 1, 0)
            took.append(time.perf_counter() - started)
        cpu = time.thread_time() - cpu
        p50, p99 = statistics.median(took), sorted(took)[int(times * 0.99)]
        say(
            f"{name}: commit of {size} rows, p50 / p99 / max",
            f"{p50 * 1e3:.2f} / {p99 * 1e3:.2f} / {max(took) * 1e3:.2f} ms, "
            f"{size * times / sum(took):,.0f} rows/s, CPU {cpu / times / size * 1e6:.1f} µs a row",
        )


def reads_under_writes(engine: Engine, rows: int) -> None:
    """Each commit empties the reader's page cache; what does that cost?"""
    stop = Event()

    def write() -> None:
        while not stop.is_set():
            engine.apply([(key(random.randrange(rows)), b"w" * VALUE_BYTES)], engine.last_sequence + 1, 0)

    writer = Thread(target=write)
    writer.start()
    hot = [key(random.randrange(rows)) for _ in range(100)]
    say("sqlite: get while commits go on, CPU", f"{cpu_us(lambda i: engine.get(hot[i % 100]), 5000):.2f} µs")
    stop.set()
    writer.join()


def commits_beside_a_busy_loop(engine: Engine, rows: int) -> None:
    """The writer waits for the interpreter lock whenever it comes back from SQLite."""
    usual = sys.getswitchinterval()
    for interval in (usual, 0.0005):
        sys.setswitchinterval(interval)
        for size in (1, 100):
            took: list[float] = []

            def write(size: int = size, took: list[float] = took) -> None:
                for _ in range(60):
                    batch = [(key(random.randrange(rows)), b"b" * VALUE_BYTES) for _ in range(size)]
                    started = time.perf_counter()
                    engine.apply(batch, engine.last_sequence + 1, 0)
                    took.append(time.perf_counter() - started)

            writer = Thread(target=write)
            writer.start()
            while writer.is_alive():
                sum(range(100))
            say(
                f"sqlite: commit of {size} beside a busy loop, switching at {1000 * interval} ms, p50 / max",
                f"{statistics.median(took) * 1e3:.2f} / {max(took) * 1e3:.2f} ms",
            )
    sys.setswitchinterval(usual)


def automatic_checkpoints(folder: Path, rows: int) -> None:
    """The slowest commits with SQLite's own checkpoint inside them, for comparison."""
    from ballroom.kernel.store import checkpoint

    engine = SqliteEngine(folder / "store.sqlite")
    checkpoint._START_PAGES = 1 << 40
    engine._writer.wal_autocheckpoint(2000)
    commits("sqlite, automatic checkpoint", engine, rows)
    engine.close()


def fsyncs(folder: Path) -> Iterator[tuple[str, str]]:
    vfs = CountingVfs()
    engine = SqliteEngine(folder / "counted.sqlite", vfs=vfs.name)
    engine.apply([(b"a", b"b")], 1, 0)
    before = vfs.syncs
    for sequence in range(2, 102):
        engine.apply([(key(sequence), b"v" * VALUE_BYTES)], sequence, 0)
    yield "sqlite: fsyncs for 100 commits", str(vfs.syncs - before)
    engine.close()


def main() -> None:
    """Run all of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--folder", type=Path, default=Path("."))
    options = parser.parse_args()
    random.seed(1)
    folder = Path(mkdtemp(prefix="store-bench-", dir=options.folder))
    rows = options.rows
    try:
        say("SQLite", apsw.sqlite_lib_version())
        say("bare fdatasync of 4 KB, p50", f"{bare_fsync_ms(folder):.2f} ms")
        engine = SqliteEngine(folder / "store.sqlite")
        started = time.perf_counter()
        fill(engine, rows)
        took = time.perf_counter() - started
        say(f"sqlite: filling {rows:,} rows of {VALUE_BYTES} bytes in order", f"{rows / took:,.0f} rows/s")
        reads("sqlite", engine, rows)
        reads_under_writes(engine, rows)
        commits("sqlite", engine, rows)
        commits_beside_a_busy_loop(engine, rows)
        say("sqlite: statistics", str({k: v for k, v in engine.statistics().items() if k != "path"}))
        started = time.perf_counter()
        engine.fork(folder / "fork.sqlite").close()
        say("sqlite: fork on disk", f"{time.perf_counter() - started:.2f} s")
        engine.close()
        automatic_checkpoints(folder, rows)
        for name, value in fsyncs(folder):
            say(name, value)
        child = [sys.executable, "-c", OPEN, str(folder / "store.sqlite")]
        opening = subprocess.run(child, check=True, capture_output=True, text=True)
        say(f"sqlite: opening {rows:,} rows", opening.stdout.strip())
        memory = MemoryEngine()
        fill(memory, rows // 10)
        reads("memory", memory, rows // 10)
        commits("memory", memory, rows // 10)
        say(
            "peak memory of this benchmark",
            f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB",
        )
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
