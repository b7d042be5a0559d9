"""How soon does a server answer, with an empty store and with a full one; what does it weigh idle; and how
soon is the test fixture ready?

    python -m benchmarks.startup [--messages 1000000] [--runs 7] [--folder DIR]

Each run is a process of its own. *First answer* is the time from starting `ballroom serve` to the answer of a
GetCallerIdentity; the interpreter's own start is printed beside it, measured in turn with it. The fixture is
measured after boto3 and pytest have been imported, as in a test run.
"""

from __future__ import annotations

import argparse
import http.client
import statistics
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.many_messages import fill

FIXTURE = """
import pytest, boto3, time
from ballroom.testing import plugin
def spent():
    return time.perf_counter(), time.process_time()
before = spent()
server = plugin._made()
server.start()
after = spent()
server.stop()
again = spent()
plugin._made().start()
last = spent()
print(*(1000 * x for x in (after[0] - before[0], after[1] - before[1], last[0] - again[0])))
"""
QUERY = b"Action=GetCallerIdentity&Version=2011-06-15"
FORM = {"content-type": "application/x-www-form-urlencoded"}


def first_answer(arguments: list[str]) -> tuple[float, float]:
    """Milliseconds to the first answer, and the resident megabytes once it is idle."""
    began = time.perf_counter()
    server = subprocess.Popen(
        [sys.executable, "-m", "ballroom.cli", "serve", "--port", "0", *arguments],
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert server.stdout is not None
        port = int(server.stdout.readline().split(" (")[0].rpartition(":")[2])
        connection = http.client.HTTPConnection("127.0.0.1", port)
        connection.request("POST", "/", QUERY, FORM)
        answer = connection.getresponse()
        body = answer.read()
        took = time.perf_counter() - began
        assert answer.status == 200, body
        connection.close()
        time.sleep(0.5)
        return 1000 * took, _resident_mb(server.pid)
    finally:
        server.terminate()
        server.wait()
        assert server.stdout is not None
        server.stdout.close()


def _resident_mb(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    return float("nan")


def bare_interpreter() -> float:
    """Milliseconds of a Python that does nothing."""
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", ""], check=True)
    return 1000 * (time.perf_counter() - began)


def say(name: str, values: list[float], unit: str) -> None:
    middle = statistics.median(values)
    print(f"{name:<58} {middle:8.1f} {unit}  ({min(values):.1f} to {max(values):.1f})", flush=True)


def main() -> None:
    """Run all of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--folder", type=Path, default=None)
    options = parser.parse_args()
    with TemporaryDirectory(prefix="startup-bench-", dir=options.folder) as folder:
        empty, full = Path(folder, "empty"), Path(folder, "full")
        fill(full, options.messages)
        kinds = {
            "in memory": ["--memory"],
            "empty store": ["--data", str(empty)],
            f"{options.messages:,} stored messages": ["--data", str(full)],
        }
        for arguments in kinds.values():  # byte-compile, make the directory
            first_answer(arguments)
        bare: list[float] = []
        found: dict[str, list[tuple[float, float]]] = {name: [] for name in kinds}
        fixture: list[list[float]] = []
        for _ in range(options.runs):
            bare.append(bare_interpreter())
            for name, arguments in kinds.items():
                found[name].append(first_answer(arguments))
            ran = subprocess.run([sys.executable, "-c", FIXTURE], capture_output=True, text=True, check=True)
            fixture.append([float(word) for word in ran.stdout.split()])
    say("bare interpreter", bare, "ms")
    for name, values in found.items():
        say(f"server to first answer, {name}", [took for took, _ in values], "ms")
        say(f"server idle, resident, {name}", [size for _, size in values], "MB")
    say("fixture, the first of a test run", [one[0] for one in fixture], "ms")
    say("fixture, the first of a test run, CPU", [one[1] for one in fixture], "ms")
    say("fixture, every further one", [one[2] for one in fixture], "ms")


if __name__ == "__main__":
    main()
