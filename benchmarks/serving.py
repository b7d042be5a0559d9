"""The whole server under load: CPU per request, latency over the bare round trip, throughput, memory.

Each case checks its answers. CPU is the server process's; latencies are compared with a bare health
request in the same run, since machines differ and are noisy.
"""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from benchmarks.load import Client, Figures, Target, Work, drive

ECHO = "def handler(event, context):\n    return event\n"
COLD = "import boto3\ns3 = boto3.client('s3')\ndef handler(event, context):\n    return event\n"


@contextmanager
def server(data: Path, *flags: str) -> Iterator[Target]:
    """A server on a data directory, and a key that it has issued: signatures are verified."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "BALLROOM_"))}
    process = subprocess.Popen(
        [sys.executable, "-m", "ballroom.cli", "serve", "--data", str(data), "--port", "0",
         "--log-level", "warning", *flags],
        stdout=subprocess.PIPE, text=True, env=environment,
    )  # fmt: skip
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        target = Target(line.split()[4], process.pid)
        iam = client(target, "iam")
        with suppress(iam.exceptions.EntityAlreadyExistsException):
            iam.create_user(UserName="bench")
        key = iam.create_access_key(UserName="bench")["AccessKey"]
        target.key, target.secret = key["AccessKeyId"], key["SecretAccessKey"]
        yield target
    finally:
        process.terminate()
        process.wait(60)
        process.stdout.close()


def client(target: Target, service: str) -> Any:
    return boto3.client(
        service, endpoint_url=target.endpoint, region_name="us-east-1",
        aws_access_key_id=target.key, aws_secret_access_key=target.secret,
        config=Config(retries={"total_max_attempts": 1}, max_pool_connections=64, read_timeout=120),
    )  # fmt: skip


def must(answer: tuple[int, bytes]) -> bytes:
    assert answer[0] == 200, answer
    return answer[1]


class Report:
    """Lines of the table."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str, str]] = []

    def add(self, what: str, measured: str, goal: str) -> None:
        self.lines.append((what, measured, goal))
        print(f"{what:<62} {measured:<34} {goal}", flush=True)


def run(seconds: float = 3.0) -> Report:
    """Everything, one case after the other."""
    report = Report()
    with tempfile.TemporaryDirectory() as folder, server(Path(folder) / "data") as target:
        report.add("idle memory of the server", f"{target.rss_mb():.0f} MB", "at most 60 MB")
        asyncio.run(_requests(target, report, seconds, Path(folder)))
        asyncio.run(_functions(target, report, seconds))
        _queue_to_function(target, report)
    start_up(report)
    virtual_month(report)
    return report


def show(figures: Figures) -> str:
    return f"{figures.cpu_us:.0f} µs CPU, {figures.rate:.0f}/s, p50 {figures.p50_ms:.2f} ms"


async def _requests(target: Target, report: Report, seconds: float, folder: Path) -> None:
    health = b"GET /_ballroom/health HTTP/1.1\r\nhost: localhost\r\n\r\n"
    url = client(target, "sqs").create_queue(QueueName="bench")["QueueUrl"]
    receive = target.json("ReceiveMessage", QueueUrl=url)
    anybody = Target(target.endpoint, target.pid)  # an unknown key, as on a laptop: nothing to verify

    def asking(who: Target) -> Work:
        identity = who.request(
            "sts",
            b"Action=GetCallerIdentity&Version=2011-06-15",
            content_type="application/x-www-form-urlencoded",
        )

        async def ask(c: Client) -> None:
            assert b"<Arn>" in must(await c.send(identity))

        return ask

    def sending(who: Target) -> Work:
        send = who.json("SendMessage", QueueUrl=url, MessageBody="x" * 1000)

        async def send_one(c: Client) -> None:
            must(await c.send(send))

        return send_one

    async def bare(c: Client) -> None:
        must(await c.send(health))

    async def chain(c: Client) -> None:
        await send_one(c)
        [message] = json.loads(must(await c.send(receive)))["Messages"]
        delete = anybody.json("DeleteMessage", QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        must(await c.send(delete))

    for key, who in (("", anybody), (", signature verified", target)):
        figures = await drive(target, asking(who), connections=16, seconds=seconds)
        report.add(f"GetCallerIdentity, 16 connections{key}", show(figures), "at most 45 µs")
        figures = await drive(target, sending(who), connections=64, seconds=seconds)
        report.add(f"SendMessage, 1 KB, durable, 64 connections{key}", show(figures), "at most 70 µs")
    send_one = sending(anybody)
    figures = await drive(target, chain, connections=64, seconds=seconds)
    report.add("send + receive + delete, durable, 64 connections", show(figures), "at most 220 µs")
    round_trip = await drive(target, bare, connections=1, seconds=1)
    lone = await drive(target, send_one, connections=1, seconds=1)
    fsync_ms = _fsync_ms(folder)
    over = lone.p50_ms - round_trip.p50_ms - fsync_ms
    report.add(
        "a lone durable SendMessage, over the bare round trip + fsync",
        f"{over:.2f} ms (fsync {fsync_ms:.2f}, bare {round_trip.p50_ms:.2f})",
        "at most 0.5 ms",
    )


def _fsync_ms(folder: Path) -> float:
    times = []
    with (folder / "probe").open("wb") as file:
        for _ in range(200):
            file.write(b"x" * 4096)
            file.flush()
            began = time.perf_counter()
            os.fdatasync(file.fileno())
            times.append(1000 * (time.perf_counter() - began))
    return statistics.median(times)


def _package(source: str) -> bytes:
    import io
    import zipfile

    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w") as archive:
        archive.writestr("app.py", source)
    return memory.getvalue()


def _create_function(target: Target, name: str, source: str) -> None:
    iam, functions = client(target, "iam"), client(target, "lambda")
    trust = {"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}]}  # fmt: skip
    with suppress(iam.exceptions.EntityAlreadyExistsException):
        iam.create_role(RoleName="bench", AssumeRolePolicyDocument=json.dumps(trust))
    functions.create_function(
        FunctionName=name, Runtime="python3.12", Handler="app.handler", MemorySize=256, Timeout=30,
        Role="arn:aws:iam::000000000000:role/bench", Code={"ZipFile": _package(source)},
    )  # fmt: skip
    functions.get_waiter("function_active_v2").wait(FunctionName=name)


async def _functions(target: Target, report: Report, seconds: float) -> None:
    _create_function(target, "echo", ECHO)
    invoke = target.request("lambda", b'{"n": 1}', path="/2015-03-31/functions/echo/invocations")

    async def call(c: Client) -> None:
        assert must(await c.send(invoke)) == b'{"n": 1}'

    async def bare(c: Client) -> None:
        must(await c.send(b"GET /_ballroom/health HTTP/1.1\r\nhost: localhost\r\n\r\n"))

    warm = await drive(target, call, connections=1, seconds=seconds)
    round_trip = await drive(target, bare, connections=1, seconds=1)
    report.add(
        "warm Invoke (echo), p50 over the bare round trip",
        f"{warm.p50_ms - round_trip.p50_ms:.2f} ms",
        "at most 1.5 ms",
    )
    times = []
    for number in range(15):
        name = f"cold-{number}"
        _create_function(target, name, COLD)
        request = target.request("lambda", b"{}", path=f"/2015-03-31/functions/{name}/invocations")
        loop = asyncio.get_running_loop()
        host, _, port = target.endpoint.removeprefix("http://").partition(":")
        _, one = await loop.create_connection(Client, host, int(port))
        began = time.perf_counter()
        must(await one.send(request))
        times.append(1000 * (time.perf_counter() - began))
        one.close()
    report.add(
        "cold Invoke, module-level boto3 client, p50 of 15",
        f"{statistics.median(times):.1f} ms ({min(times):.1f} to {max(times):.1f})",
        "at most 25 ms",
    )
    _create_function(target, "burst", ECHO)
    request = target.request("lambda", b'{"n": 1}', path="/2015-03-31/functions/burst/invocations")
    host, _, port = target.endpoint.removeprefix("http://").partition(":")
    loop = asyncio.get_running_loop()
    clients = [(await loop.create_connection(Client, host, int(port)))[1] for _ in range(50)]
    began = time.perf_counter()
    for answer in await asyncio.gather(*(c.send(request) for c in clients)):
        must(answer)
    report.add("a burst of 50 on a cold function", f"{time.perf_counter() - began:.2f} s", "at most 1 s")
    for c in clients:
        c.close()


def _queue_to_function(target: Target, report: Report, count: int = 1000) -> None:
    sqs = client(target, "sqs")
    url = sqs.create_queue(QueueName="source")["QueueUrl"]
    for start in range(0, count, 10):
        sqs.send_message_batch(
            QueueUrl=url, Entries=[{"Id": str(n), "MessageBody": str(n)} for n in range(start, start + 10)]
        )
    began = time.perf_counter()
    client(target, "lambda").create_event_source_mapping(
        FunctionName="echo", EventSourceArn="arn:aws:sqs:us-east-1:000000000000:source", BatchSize=10
    )
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    while time.perf_counter() - began < 60:
        left = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
        if not any(int(n) for n in left.values()):
            break
        time.sleep(0.01)
    taken = time.perf_counter() - began
    report.add(
        f"{count} messages through an event source mapping", f"{count / taken:.0f}/s", "at least 1,000/s"
    )


def start_up(report: Report, stored: int = 1_000_000) -> None:
    """From the start of the process to the first answer, with an empty store and with many messages."""
    from benchmarks.many_messages import fill

    with tempfile.TemporaryDirectory() as folder:
        for name, count in (("empty", 0), (f"{stored:,} messages", stored)):
            data = Path(folder) / name.split()[0].replace(",", "")
            if count:
                fill(data, count)
            times = []
            for _ in range(5):
                began = time.perf_counter()
                process = subprocess.Popen(
                    [sys.executable, "-m", "ballroom.cli", "serve", "--data", str(data), "--port", "0"],
                    stdout=subprocess.PIPE, text=True,
                )  # fmt: skip
                assert process.stdout is not None
                line = process.stdout.readline()
                client(Target(line.split()[4], process.pid), "sts").get_caller_identity()
                times.append(time.perf_counter() - began)
                rss = Target("", process.pid).rss_mb()
                process.terminate()
                process.wait(60)
                process.stdout.close()
            # the client's own import and set-up are in it; the first one pays most
            report.add(
                f"start to first answer, {name}",
                f"{statistics.median(times[1:]):.2f} s, {rss:.0f} MB",
                "at most 0.5 s",
            )


def virtual_month(report: Report) -> None:
    """10,000 delayed messages over 30 virtual days, each through a function of which one in ten fails."""
    from benchmarks.virtual_month import run as month

    seconds, messages = month()
    report.add(f"a virtual month: {messages:,} messages through a function", f"{seconds:.1f} s", "under 20 s")
