"""What do invocations cost: warm, cold, in a burst, and fed from a queue?

    python -m benchmarks.lambda_ [--rounds 300] [--messages 5000]

A server of its own on a temporary data directory; latencies are told beside the bare HTTP round trip of
the same run (GetCallerIdentity), CPU is the server process's own.
"""

from __future__ import annotations

import argparse
import http.client
import io
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import boto3
from botocore.config import Config

ROLE = "arn:aws:iam::000000000000:role/bench"
ECHO = "def handler(event, context):\n    return event\n"
WITH_CLIENT = "import boto3\ns3 = boto3.client('s3')\n" + ECHO


def package(source: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("index.py", source)
    return buffer.getvalue()


@contextmanager
def server() -> Iterator[tuple[int, int]]:
    """A Ballroom on a free port: (port, pid)."""
    folder = tempfile.mkdtemp(prefix="ballroom-bench-")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [str(Path(sys.executable).parent / "ballroom"), "serve", "--port", str(port), "--data", folder]
    process = subprocess.Popen([*command, "--log-level", "warning"], stdout=subprocess.DEVNULL)
    try:
        for _ in range(200):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        yield port, process.pid
    finally:
        process.terminate()
        process.wait()
        shutil.rmtree(folder, ignore_errors=True)


def cpu_s(pid: int) -> float:
    with open(f"/proc/{pid}/stat") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


SIGNED = (
    "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/{}/aws4_request, SignedHeaders=host, "
    "Signature=" + "0" * 64
)


class Raw:
    """Requests without an SDK, so that the client costs little."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port)
        self._connection.connect()
        self._connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def identity(self) -> None:
        body = b"Action=GetCallerIdentity&Version=2011-06-15"
        self._post("/", body, "sts", "application/x-www-form-urlencoded")

    def invoke(self, name: str, payload: bytes = b'{"n":1}') -> bytes:
        path = f"/2015-03-31/functions/{name}/invocations"
        return self._post(path, payload, "lambda", "application/json")

    def _post(self, path: str, body: bytes, service: str, kind: str) -> bytes:
        headers = {"content-type": kind, "authorization": SIGNED.format(service)}
        self._connection.request("POST", path, body, headers)
        answer = self._connection.getresponse()
        data = answer.read()
        assert answer.status == 200, data
        return data


def timed(fn: object, *args: object) -> float:
    started = time.perf_counter()
    fn(*args)  # type: ignore[operator]
    return 1000 * (time.perf_counter() - started)


def p50(samples: list[float]) -> float:
    return statistics.median(samples)


def p99(samples: list[float]) -> float:
    return sorted(samples)[int(len(samples) * 0.99)]


def warm(port: int, pid: int, rounds: int) -> None:
    raw = Raw(port)
    for _ in range(20):
        raw.identity()
        assert json.loads(raw.invoke("echo")) == {"n": 1}
    bare, invoked = [], []
    for _ in range(rounds):  # interleaved
        bare.append(timed(raw.identity))
        invoked.append(timed(raw.invoke, "echo"))
    before = cpu_s(pid)
    for _ in range(rounds):
        raw.invoke("echo")
    cost = 1e6 * (cpu_s(pid) - before) / rounds
    print(
        f"warm invoke: p50 {p50(invoked):.2f} ms, p99 {p99(invoked):.2f} ms; bare round trip "
        f"{p50(bare):.2f} ms; "
        f"p50 over bare {p50(invoked) - p50(bare):.2f} ms (at most 1.5); server CPU {cost:.0f} us"
    )


def cold(port: int, client: object, functions: int) -> None:
    raw, samples = Raw(port), []
    for n in range(functions):
        make(client, f"cold{n}", WITH_CLIENT)
        time.sleep(0.1)
        samples.append(timed(raw.invoke, f"cold{n}"))
    first, rest = samples[0], samples[1:]
    print(
        f"cold invoke, module-level boto3 client: p50 {p50(rest):.1f} ms (at most 25), "
        f"slowest {max(rest):.1f} ms; the very first {first:.0f} ms"
    )


def burst(port: int, client: object, size: int = 50) -> None:
    make(client, "burst", ECHO)
    raws = [Raw(port) for _ in range(size)]
    threads = [threading.Thread(target=raw.invoke, args=("burst",)) for raw in raws]
    started = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    took = time.perf_counter() - started
    print(f"burst of {size} on a cold function: all answered after {took:.2f} s (at most 1)")


def queue(sqs: object, client: object, pid: int, messages: int) -> None:
    url = sqs.create_queue(QueueName="feed")["QueueUrl"]  # type: ignore[attr-defined]
    for start in range(0, messages, 10):
        entries = [{"Id": str(n), "MessageBody": f"m{start + n}"} for n in range(10)]
        sqs.send_message_batch(QueueUrl=url, Entries=entries)  # type: ignore[attr-defined]
    before, started = cpu_s(pid), time.perf_counter()
    client.create_event_source_mapping(  # type: ignore[attr-defined]
        FunctionName="echo", EventSourceArn="arn:aws:sqs:us-east-1:000000000000:feed", BatchSize=10
    )
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    while True:
        left = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]  # type: ignore[attr-defined]
        if not any(int(left[name]) for name in names):
            break
        time.sleep(0.02)
    took = time.perf_counter() - started
    cost = 1e6 * (cpu_s(pid) - before) / messages
    print(
        f"{messages} messages through a mapping (batch 10, echo) into deletion: {messages / took:.0f} a second "
        f"(at least 1,000); server CPU {cost:.0f} us each"
    )


def make(client: object, name: str, source: str) -> None:
    client.create_function(  # type: ignore[attr-defined]
        FunctionName=name,
        Runtime="python3.12",
        Role=ROLE,
        Handler="index.handler",
        Code={"ZipFile": package(source)},
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=500)
    parser.add_argument("--messages", type=int, default=5000)
    options = parser.parse_args()
    with server() as (port, pid):
        keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "us-east-1"}
        config = Config(retries={"total_max_attempts": 1})
        endpoint = f"http://127.0.0.1:{port}"
        client = boto3.client("lambda", endpoint_url=endpoint, config=config, **keys)
        sqs = boto3.client("sqs", endpoint_url=endpoint, config=config, **keys)
        make(client, "echo", ECHO)
        cold(port, client, 15)
        warm(port, pid, options.rounds)
        burst(port, client)
        queue(sqs, client, pid, options.messages)


if __name__ == "__main__":
    main()
