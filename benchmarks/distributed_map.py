"""What does a distributed Map over many S3 keys cost: time, CPU, and the server's memory at its height?

    python -m benchmarks.distributed_map [--keys 100000] [--kind EXPRESS]

The keys are put by this process, into a data directory that a server of its own then opens; so what is measured
is the Map alone: it lists the bucket, runs a child execution (one Pass state) for each key, and writes all results
to S3. The manifest's results are counted.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import tempfile
import time
from pathlib import Path

from ballroom.kernel import Caller, Kernel, Settings
from ballroom.kernel.store.blob_files import FileBlobs
from ballroom.kernel.store.directory import DataDirectory
from ballroom.kernel.store.sqlite import SqliteEngine
from ballroom.services import load_services
from benchmarks.serving import client, server
from benchmarks.stepfunctions import ROLE, mapped, put_keys

BUCKET = "bench-keys"


async def fill(folder: Path, keys: int) -> None:
    """A data directory with a bucket of so many keys."""
    load_services()
    loop = asyncio.get_running_loop()
    directory = DataDirectory(folder)
    engine, blobs = SqliteEngine(directory.store), FileBlobs(directory.blobs)
    kernel = Kernel(Settings(data_dir=folder), engine, blobs, loop)
    kernel.start()
    caller = Caller("000000000000", "us-east-1", ROLE, "u", "test", "r")
    await kernel.call("s3", "CreateBucket", {"Bucket": BUCKET}, caller)
    await put_keys(kernel, keys, caller)
    await kernel.stop()
    directory.close()


def peak_mb(process: int) -> float:
    """The most memory that a process has had (Linux)."""
    status = Path(f"/proc/{process}/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+)", status)[1]) / 1e3  # type: ignore[index]


def measure(folder: Path, keys: int, kind: str) -> None:
    """Run the Map in a server of its own."""
    machine = mapped(ProcessorConfig={"Mode": "DISTRIBUTED", "ExecutionType": kind})
    machine["States"]["M"] |= {
        "ItemReader": {"Resource": "arn:aws:states:::s3:listObjectsV2", "Parameters": {"Bucket": BUCKET}},
        "ResultWriter": {
            "Resource": "arn:aws:states:::s3:putObject",
            "Parameters": {"Bucket": BUCKET, "Prefix": "out"},
        },
    }
    with server(folder) as target:
        states, s3 = client(target, "stepfunctions"), client(target, "s3")
        arn = states.create_state_machine(name="m", definition=json.dumps(machine), roleArn=ROLE)[
            "stateMachineArn"
        ]
        before, cpu, began = peak_mb(target.pid), target.cpu_s(), time.perf_counter()
        execution = states.start_execution(stateMachineArn=arn)["executionArn"]
        while (found := states.describe_execution(executionArn=execution))["status"] == "RUNNING":
            time.sleep(0.2)
        cpu, took = target.cpu_s() - cpu, time.perf_counter() - began
        assert found["status"] == "SUCCEEDED", found
        key = json.loads(found["output"])["ResultWriterDetails"]["Key"]
        files = json.loads(s3.get_object(Bucket=BUCKET, Key=key)["Body"].read())["ResultFiles"]["SUCCEEDED"]
        bodies = (s3.get_object(Bucket=BUCKET, Key=file["Key"])["Body"].read() for file in files)
        written = sum(len(json.loads(body)) for body in bodies)
        assert written == keys, written
        print(
            f"distributed Map, {kind} children, {keys:,} keys: {took:.1f} s, {cpu:.1f} s of CPU "
            f"({1e6 * cpu / keys:.0f} us a child); the server's memory {before:.0f} MB before, "
            f"{peak_mb(target.pid):.0f} MB at its height"
        )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--keys", type=int, default=100_000)
    parser.add_argument("--kind", choices=("EXPRESS", "STANDARD"), default="EXPRESS")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="ballroom-bench-") as made:
        asyncio.run(fill(Path(made), given.keys))
        measure(Path(made), given.keys, given.kind)
