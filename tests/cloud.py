"""A Ballroom in the test's own process, without sockets: services on a real kernel in memory.

The clock is virtual, so nothing sleeps; calls go through the same validation as the wire's.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, TypeVar

from ballroom.kernel import Caller, Context, Kernel, ServiceError, Settings
from ballroom.kernel.store.blob_files import FileBlobs
from ballroom.kernel.store.blobs import MemoryBlobs
from ballroom.kernel.store.memory import MemoryEngine
from ballroom.kernel.store.sqlite import SqliteEngine
from ballroom.services import load_services

T = TypeVar("T")


ACCOUNT = "000000000000"
REGION = "us-east-1"


class CloudClock:
    """Moves the virtual clock of a `Cloud`."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud

    @property
    def now_ms(self) -> int:
        return self._cloud.kernel.clock.now_ms()

    def advance(
        self, *, ms: int = 0, seconds: float = 0, minutes: float = 0, hours: float = 0, days: float = 0
    ) -> None:
        total = ms + round(1000 * (seconds + 60 * (minutes + 60 * (hours + 24 * days))))
        self._cloud.run(self._cloud.kernel.clock.advance(total))

    def settle(self) -> None:
        """Wait until nothing is under way."""
        self._cloud.run(self._cloud.kernel.clock.settle())


class Cloud:
    """Call operations as a client would; `cloud.sqs("SendMessage", QueueUrl=..., MessageBody=...)`."""

    def __init__(self, data_dir: Path | None = None, **settings: Any) -> None:
        load_services()
        self._data_dir, self._settings = data_dir, settings
        self.loop = asyncio.new_event_loop()
        self.clock = CloudClock(self)
        self._open()

    def _open(self) -> None:
        self.kernel = self.run(self._start())

    async def _start(self) -> Kernel:
        settings = Settings(
            **{
                "clock": "virtual",
                "data_dir": self._data_dir,
                "cache_entries": 0,  # so that every read decodes what was written
                "public_url": "http://localhost:4566",
                **self._settings,
            }
        )
        if self._data_dir is None:
            kernel = Kernel(settings, MemoryEngine(), MemoryBlobs(), self.loop)
        else:
            engine = SqliteEngine(self._data_dir / "store.sqlite", vfs=settings.store_vfs)
            kernel = Kernel(settings, engine, FileBlobs(self._data_dir / "blobs"), self.loop)
        kernel.start()
        return kernel

    def run(self, work: Coroutine[Any, Any, T], timeout_s: float = 60) -> T:
        return self.loop.run_until_complete(asyncio.wait_for(work, timeout_s))

    def caller(self, account: str = ACCOUNT, region: str = REGION, **more: Any) -> Caller:
        fields: dict[str, Any] = {
            "arn": f"arn:aws:iam::{account}:root",
            "user_id": account,
            "access_key_id": "test",
            "request_id": self.kernel.ids.uuid(),
            **more,
        }
        return Caller(account=account, region=region, **fields)

    def call(
        self, service: str, operation: str, caller: Caller | None = None, /, **input: Any
    ) -> dict[str, Any]:
        return self.run(self.kernel.call(service, operation, input, caller or self.caller()))

    def start(
        self, service: str, operation: str, caller: Caller | None = None, /, **input: Any
    ) -> asyncio.Task[Any]:
        """Begin a call that waits; `cloud.run(task)` takes its answer."""

        async def begin() -> asyncio.Task[Any]:
            task = asyncio.ensure_future(self.kernel.call(service, operation, input, caller or self.caller()))
            await asyncio.sleep(0)
            return task

        return self.run(begin())

    def error(
        self, service: str, operation: str, caller: Caller | None = None, /, **input: Any
    ) -> ServiceError:
        """The error that a call answers; fails if it answers none."""
        try:
            answer = self.call(service, operation, caller, **input)
        except ServiceError as error:
            return error
        raise AssertionError(f"{service}:{operation} answered {answer}")

    def transact(self, fn: Callable[..., T], *args: Any) -> T:
        return self.kernel.transact(fn, *args)

    def context(self) -> Context:
        return self.kernel.context(self.caller())

    def __getattr__(self, service: str) -> Callable[..., dict[str, Any]]:
        if service.startswith("_"):
            raise AttributeError(service)

        def call(operation: str, caller: Caller | None = None, /, **input: Any) -> dict[str, Any]:
            return self.call(service.rstrip("_"), operation, caller, **input)

        return call

    def reopen(self) -> Cloud:
        """Stop and start again on the same data directory."""
        assert self._data_dir is not None
        self.run(self.kernel.stop())
        self._open()
        return self

    def close(self) -> None:
        self.run(self.kernel.stop())
        self.run(self.loop.shutdown_default_executor())
        self.loop.close()
