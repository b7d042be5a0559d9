"""How long do execution environments take: cold, warm, in a burst, at each isolation level?

    python -m benchmarks.runtime [--rounds 30]

In process, without HTTP (see `benchmarks/lambda_.py` for the way through the server). The levels are run
interleaved, a round of each in turn; figures are medians in milliseconds with the fastest beside them. Cold
starts come in two kinds: `spare`, a process forked ahead of need was there, and `on demand`, it was not.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import tempfile
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path

from ballroom.runtime import FunctionSpec, Invocation, Runtime, RuntimeSettings

CODE = {
    "echo": "def handler(event, context): return event\n",
    "boto3 client": "import boto3\nclient = boto3.client('sqs')\ndef handler(event, context): return event\n",
}
LEVELS = ("process", "confined", "isolated")
BURST = 50


@dataclass
class Bench:
    level: str
    spare: bool
    runtime: Runtime
    folder: Path
    times: dict[str, list[float]] = field(default_factory=dict)
    number: int = 0

    def spec(self, code: str, key: str) -> FunctionSpec:
        return FunctionSpec(
            key=key,
            runtime="python3.11",
            handler="main.handler",
            code_dir=self.folder / code.replace(" ", "-"),
            function_name="bench",
            env={
                "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
                "AWS_ACCESS_KEY_ID": "bench",
                "AWS_SECRET_ACCESS_KEY": "bench",
            },
        )

    async def invoke(self, spec: FunctionSpec) -> float:
        began = time.perf_counter()
        result = await self.runtime.invoke(spec, Invocation(str(uuid.uuid4()), b'{"a":1}'))
        took = (time.perf_counter() - began) * 1000
        assert result.function_error is None, result.payload
        assert result.payload == b'{"a": 1}', result.payload
        return took

    async def round(self) -> None:
        for code in CODE:
            self.number += 1
            spec = self.spec(code, f"{code} {self.number}")
            await asyncio.sleep(0.1)  # for the spare
            self.times.setdefault(f"cold {code}", []).append(await self.invoke(spec))
            self.times.setdefault("warm", []).extend([await self.invoke(spec) for _ in range(50)])
            self.runtime.forget(spec.key)

    async def burst(self) -> None:
        self.number += 1
        spec = self.spec("boto3 client", f"burst {self.number}")
        began = time.perf_counter()
        await asyncio.gather(*(self.invoke(spec) for _ in range(BURST)))
        self.times.setdefault(f"burst of {BURST}", []).append((time.perf_counter() - began) * 1000)
        self.runtime.forget(spec.key)


async def main(rounds: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        for code, text in CODE.items():
            place = Path(folder) / code.replace(" ", "-")
            place.mkdir()
            (place / "main.py").write_text(text)
        benches = []
        for level in LEVELS:
            for spare in (True, False):
                settings = RuntimeSettings(isolation=level, spare_idle_s=60 if spare else 0)
                work_dir = Path(folder) / f"work-{level}-{spare}"
                runtime = Runtime(work_dir=work_dir, on_log=lambda batch: None, settings=settings)
                await runtime.start()
                bench = Bench(level, spare, runtime, Path(folder))
                await runtime.prepare(bench.spec("echo", "prepare"))
                await bench.round()  # warms up
                bench.times.clear()
                benches.append(bench)
        for _ in range(rounds):
            for bench in benches:
                await bench.round()
        for _ in range(max(3, rounds // 6)):
            for bench in benches:
                await bench.burst()
        print(f"{os.cpu_count()} CPUs, load {os.getloadavg()[0]:.1f}; median (fastest) in ms")
        for bench in benches:
            kind = "spare" if bench.spare else "on demand"
            figures = "   ".join(
                f"{name} {statistics.median(times):.2f} ({min(times):.2f})"
                for name, times in bench.times.items()
            )
            print(f"{bench.level:9} {kind:9}  {figures}")
            await bench.runtime.stop()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=30)
    asyncio.run(main(parser.parse_args().rounds))
