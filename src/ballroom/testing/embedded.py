"""A Ballroom in a thread of this process: real HTTP on a free port, for tests of any runner."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

from ballroom.kernel.settings import Settings
from ballroom.server import Ballroom, new_event_loop
from ballroom.testing.environment import aws_environment

T = TypeVar("T")


class TestClock:
    """Moves the product's time. Each method returns once the consequences have settled."""

    __test__ = False

    def __init__(self, server: BallroomServer) -> None:
        self._server = server

    @property
    def now_ms(self) -> int:
        """Milliseconds since the epoch."""
        return self._server.ballroom.kernel.clock.now_ms()

    def advance(
        self, *, days: float = 0, hours: float = 0, minutes: float = 0, seconds: float = 0, ms: int = 0
    ) -> int:
        """Go forward, stopping at each due moment on the way; the time it is then."""
        total = ms + round(1000 * (seconds + 60 * (minutes + 60 * (hours + 24 * days))))
        return self._server.run(self._server.ballroom.kernel.clock.advance(total))

    def settle(self) -> None:
        """Wait until nothing is under way."""
        self._server.run(self._server.ballroom.kernel.clock.settle())

    def freeze(self) -> None:
        """Stop time (it is frozen at first)."""
        self._server.do(lambda: self._server.ballroom.kernel.clock.freeze())

    def run_with_real_time(self) -> None:
        """Let time pass as it does outside, from where it stands."""
        self._server.do(lambda: self._server.ballroom.kernel.clock.freeze(False))

    def auto_skip(self, on: bool = True) -> None:
        """Jump to the next due moment whenever nothing is busy."""
        self._server.do(lambda: self._server.ballroom.kernel.clock.auto_skip(on))


class BallroomServer:
    """A context manager around a serving Ballroom.

    Without arguments: in memory, virtual clock, free port. Any field of `Settings` may be given, such as
    `data_dir=Path(...)` or `clock="real"`.
    """

    def __init__(self, **settings: Any) -> None:
        self.settings = Settings(**{"port": 0, "clock": "virtual", "log_level": "warning", **settings})
        self.clock = TestClock(self)
        self.ballroom: Ballroom
        self._loop: asyncio.AbstractEventLoop
        self._thread: threading.Thread | None = None
        self._failure: BaseException | None = None
        self._clients: dict[tuple[str, str], Any] = {}
        self._session: Any = None

    # -- life ----------------------------------------------------------------------------------------

    def start(self) -> BallroomServer:
        """Serve. Raises what `Ballroom.start` raises."""
        ready = threading.Event()
        self._thread = threading.Thread(target=self._serve, args=(ready,), name="ballroom", daemon=True)
        self._thread.start()
        ready.wait()
        if self._failure is not None:
            self._thread.join()
            raise self._failure
        return self

    def _serve(self, ready: threading.Event) -> None:
        self._loop = new_event_loop()
        asyncio.set_event_loop(self._loop)
        try:
            self.ballroom = Ballroom(self.settings)
            self._loop.run_until_complete(self.ballroom.start())
        except BaseException as failure:  # noqa: BLE001 - handed to the thread that asked
            self._failure = failure
            ready.set()
            self._loop.close()
            return
        ready.set()
        self._loop.run_forever()
        self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        self._loop.run_until_complete(self._loop.shutdown_default_executor())
        self._loop.close()

    def stop(self) -> None:
        """Stop serving. A second call does nothing."""
        if self._thread is None or self._failure is not None:
            return
        self.run(self.ballroom.stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._thread = None
        for client in self._clients.values():
            client.close()
        self._clients.clear()

    def __enter__(self) -> BallroomServer:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def run(self, work: Coroutine[Any, Any, T], timeout_s: float = 300) -> T:
        """Run a coroutine on the server's loop and wait for it."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout_s)

    def do(self, fn: Callable[[], T]) -> T:
        """Run a function on the server's loop and wait for it."""

        async def doing() -> T:
            return fn()

        return self.run(doing())

    # -- reaching it ---------------------------------------------------------------------------------

    @property
    def endpoint(self) -> str:
        """The endpoint URL."""
        scheme = "https" if self.settings.tls_cert else "http"
        return f"{scheme}://127.0.0.1:{self.settings.port}"

    @property
    def environment(self) -> dict[str, str]:
        """The environment variables that point AWS clients here."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": self.settings.region,
            "AWS_REGION": self.settings.region,
            "AWS_DISABLE_HOST_PREFIX_INJECTION": "true",
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def as_environment(self) -> AbstractContextManager[None]:
        """A context in which this process's AWS variables are `environment`, and no others."""
        return aws_environment(self.environment)

    def client(
        self, service: str, *, region: str | None = None, account: str | None = None, **more: Any
    ) -> Any:
        """A boto3 client of a service; made once for each region and account."""
        from botocore.config import Config

        from ballroom.cli.sessions import new_session

        name = (service, f"{region}/{account}/{sorted(more)}")
        if name not in self._clients:
            more.setdefault("config", Config(retries={"total_max_attempts": 1}, inject_host_prefix=False))
            if self._session is None:
                self._session = new_session()
            self._clients[name] = self._session.client(
                service,
                endpoint_url=self.endpoint,
                region_name=region or self.settings.region,
                aws_access_key_id=account or "test",
                aws_secret_access_key="test",
                **more,
            )
        return self._clients[name]

    def deploy(
        self,
        template: str | Path | dict[str, Any],
        *,
        stack: str = "test",
        parameters: dict[str, str] | None = None,
    ) -> dict[str, str]:
        """Deploy a SAM or CloudFormation template and wait; its outputs.

        `template` is a path to a template file or to a directory that holds one, or the template itself
        (text or dict). Local code is built as `ballroom up` builds it.

        Raises:
            ballroom.testing.DeployFailed: with the reason of the first resource that failed.
        """
        from ballroom.cli.connection import NOBODY, Connection
        from ballroom.cli.deploy import deploy

        connection = Connection(self.endpoint, self.settings.region, NOBODY)
        return deploy(connection, template, stack, parameters or {})

    def backup(self, destination: Path) -> dict[str, Any]:
        """Write an archive of the state at this moment."""
        return self.run(self.ballroom.back_up(destination))
