"""An execution environment: a log stream, credentials, a /tmp, and one runtime process at a time in it.

The process may end (crash, time limit, memory): the environment stays and gets another one with the next
invocation, its /tmp as it was. Source: recorded case `test_lambda_invoke_timed_out_environment_reuse`.
"""

from __future__ import annotations

import asyncio
import shutil
import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

from ballroom.runtime import failures
from ballroom.runtime.failures import Outcome
from ballroom.runtime.journal import Journal
from ballroom.runtime.platform_lines import PlatformLines, Report, billed_ms
from ballroom.runtime.process import RuntimeProcess
from ballroom.runtime.spec import FunctionSpec, Invocation, InvokeResult
from ballroom.runtime.worker import frames

INIT_LIMIT_S = 10.0
"""Source: Lambda Developer Guide, "Lambda execution environment lifecycle", Init phase."""

_GONE, _LATE = -1, -2
Event = tuple[int, dict[str, Any], bytes]


class Environment:
    """Made and owned by the pool; runs one invocation at a time."""

    def __init__(
        self,
        spec: FunctionSpec,
        environment_id: str,
        journal: Journal,
        folder: Path,
        launch: Callable[[Environment], Awaitable[RuntimeProcess]],
        now_ms: Callable[[], int],
        on_end: Callable[[str], None],
    ) -> None:
        self.spec = spec
        self.id = environment_id
        self.folder = folder
        self.journal = journal
        self.credentials: Mapping[str, str] = {}
        self.last_used = time.monotonic()
        self.invocations = 0
        self.stale = False
        """To be retired instead of reused."""
        self._launch = launch
        self._now_ms = now_ms
        self._on_end = on_end
        self._loop = asyncio.get_running_loop()
        self._platform = PlatformLines(spec)
        self._process: RuntimeProcess | None = None
        self._initialised = False
        self._events: deque[Event] = deque()
        self._waiter: asyncio.Future[None] | None = None
        self._peak_kb = 0
        self._out_of_memory = False

    @property
    def pid(self) -> int:
        """Of the runtime process; 0 while there is none."""
        return self._process.pid if self._process is not None else 0

    async def invoke(self, invocation: Invocation, initialised: Callable[[], None]) -> InvokeResult:
        """Run one invocation to its end. `initialised` is called when the environment needs no CPU to start.

        Raises:
            RuntimeUnavailable: no process could be started; nothing of the function ran.
        """
        spec, journal, request_id = self.spec, self.journal, invocation.request_id
        timeout_ms = min(spec.timeout_ms, invocation.timeout_ms or spec.timeout_ms)
        self.invocations += 1
        journal.begin()
        outcome: Outcome | None = None
        init_ms: float | None = None
        if self._process is None and not self._initialised:
            init_ms, outcome = await self._init_phase(request_id)
        started = time.perf_counter()
        deadline = self._loop.time() + timeout_ms / 1000
        journal.add(self._platform.start(self._now_ms(), request_id))
        try:
            if outcome is None:
                outcome = await self._invoke_phase(invocation, deadline, timeout_ms, initialised)
        finally:
            initialised()
        duration_ms = (time.perf_counter() - started) * 1000
        if outcome.status == "timeout":
            duration_ms = float(timeout_ms)
        self._close_books(invocation, outcome, duration_ms, init_ms, timeout_ms)
        self.last_used = time.monotonic()
        return InvokeResult(
            payload=outcome.payload,
            function_error=None if outcome.status == "success" else "Unhandled",
            error_type=outcome.error_type,
            status=outcome.status,
            duration_ms=duration_ms,
            billed_ms=billed_ms(duration_ms, init_ms),
            init_ms=init_ms,
            max_memory_mb=self._peak_mb(),
            log_stream=journal.stream,
            environment_id=self.id,
            log_tail=journal.tail(),
            content_type=outcome.content_type,
        )

    def enforce_memory(self) -> None:
        """Kill a process that has outgrown its function's memory."""
        process = self._process
        if process is not None and process.memory_kb() > self.spec.memory_mb * 1024:
            self._note_peak(process.peak_memory_kb())
            self._out_of_memory = True
            process.kill()

    def discard(self) -> None:
        """End the process and remove what the environment left on disk."""
        if self._process is not None:
            process, self._process = self._process, None
            process.abandon()
        self.journal.output_ended()
        self.journal.flush()
        self._on_end(self.id)
        try:
            self.folder.rmdir()
        except OSError:  # something is in its /tmp, perhaps gigabytes: not on the loop
            self._loop.run_in_executor(None, lambda: shutil.rmtree(self.folder, ignore_errors=True))

    async def _init_phase(self, request_id: str) -> tuple[float, Outcome | None]:
        """Initialise, outside the invocation's time limit. With an outcome when there is nothing to invoke."""
        self.journal.add(self._platform.init_start(self._now_ms()))
        started = time.perf_counter()
        kind, header, body = await self._start_process(self._loop.time() + INIT_LIMIT_S)
        init_ms = (time.perf_counter() - started) * 1000
        if kind == frames.READY:
            self._initialised = True
            return init_ms, None
        self._drain()
        if kind == _LATE:
            await self._kill()
            self._initialised = True  # the next attempt is part of the invocation, within its time limit
            self.journal.add(self._platform.init_report(self._now_ms(), init_ms, "init", "timeout", None))
            return init_ms, None
        outcome = self._failure(request_id, kind, header, body)
        await self._kill()
        if outcome.crashed:
            self.journal.add(self._platform.fault(request_id, outcome.crashed, outcome.error_type or ""))
        self.journal.add(
            self._platform.init_report(self._now_ms(), init_ms, "init", "error", outcome.error_type)
        )
        return init_ms, outcome

    async def _invoke_phase(
        self, invocation: Invocation, deadline: float, timeout_ms: int, initialised: Callable[[], None]
    ) -> Outcome:
        request_id = invocation.request_id
        if self._process is None:
            kind, header, body = await self._start_process(deadline)
            if kind != frames.READY:
                return await self._ended(request_id, kind, header, body, timeout_ms)
        initialised()
        remaining_ms = max(0, round((deadline - self._loop.time()) * 1000))
        message: dict[str, Any] = {
            "id": request_id,
            "arn": invocation.arn or self.spec.arn,
            "deadline_ms": int(time.time() * 1000) + remaining_ms,
        }
        if invocation.trace:
            message["trace"] = invocation.trace
        if invocation.client_context:
            message["client_context"] = invocation.client_context
        if invocation.cognito_identity:
            message["cognito_identity"] = invocation.cognito_identity
        if self._process is not None:
            self._process.send(frames.INVOKE, message, invocation.payload)
        while True:
            kind, header, body = await self._event(deadline)
            if kind in (frames.RESULT, frames.ERROR) and header.get("id") != request_id:
                continue  # not an answer to this invocation
            if kind == frames.RESULT:
                return Outcome(body, content_type=header.get("type") or "application/json")
            return await self._ended(request_id, kind, header, body, timeout_ms)

    async def _ended(
        self, request_id: str, kind: int, header: dict[str, Any], body: bytes, timeout_ms: int
    ) -> Outcome:
        if kind == _LATE:
            if self._process is not None:
                self._note_peak(self._process.peak_memory_kb())
            self._drain()
            await self._kill()
            return failures.timed_out(request_id, timeout_ms)
        outcome = self._failure(request_id, kind, header, body)
        if kind != frames.ERROR:
            self._drain()
            await self._kill()
        return outcome

    def _failure(self, request_id: str, kind: int, header: dict[str, Any], body: bytes) -> Outcome:
        if "text" in header:
            return failures.invalid(request_id, header["type"], header["text"])
        if kind in (frames.ERROR, frames.INIT_ERROR):
            return failures.reported(body, header.get("type"))
        if self._out_of_memory:
            return failures.out_of_memory(request_id)
        return failures.exited(request_id, header.get("status"))

    def _close_books(
        self,
        invocation: Invocation,
        outcome: Outcome,
        duration_ms: float,
        init_ms: float | None,
        timeout_ms: int,
    ) -> None:
        """Everything the process printed is in the pipe before its answer: take it, then END and REPORT."""
        request_id = invocation.request_id
        self._drain()
        if not self._peak_kb and self._process is not None:  # a runtime that does not say
            self._note_peak(self._process.peak_memory_kb())
        self.journal.output_ended()
        now = self._now_ms()
        if outcome.status == "timeout":
            self.journal.add(self._platform.timed_out(now, request_id, timeout_ms))
        if outcome.crashed:
            self.journal.add(self._platform.fault(request_id, outcome.crashed, outcome.error_type or ""))
        fatal = outcome.status == "timeout" or outcome.crashed is not None or self._process is None
        status = outcome.status if fatal or self.spec.log_format.upper() == "JSON" else "success"
        report = Report(request_id, duration_ms, init_ms, self._peak_mb(), status, outcome.error_type)
        self.journal.add(self._platform.end(now, report))
        self.journal.flush()

    async def _start_process(self, deadline: float) -> Event:
        """Have a process started and wait for its first word."""
        self._events.clear()
        self._out_of_memory = False
        self._peak_kb = 0
        self._process = await self._launch(self)
        return await self._event(deadline)

    def on_frame(self, kind: int, header: dict[str, Any], body: bytes) -> None:
        """The process says something."""
        rss_kb = header.get("rss_kb")
        if isinstance(rss_kb, int):
            self._note_peak(rss_kb)
        self._events.append((kind, header, body))
        self._wake()

    def on_gone(self, status: int | None) -> None:
        """The process has ended."""
        self._process = None
        self._events.append((_GONE, {"status": status}, b""))
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def _event(self, deadline: float) -> Event:
        while not self._events:
            if self._loop.time() >= deadline:
                return _LATE, {}, b""
            self._waiter = self._loop.create_future()
            timer = self._loop.call_at(deadline, self._wake)
            try:
                await self._waiter
            finally:
                timer.cancel()
                self._waiter = None
        return self._events.popleft()

    def _drain(self) -> None:
        if self._process is not None:
            self._process.drain_output()

    async def _kill(self) -> None:
        """End the process and wait until it is gone, so that nothing of it runs beside its successor."""
        process = self._process
        if process is None:
            return
        process.kill()
        until = self._loop.time() + 2.0
        while self._process is process and self._loop.time() < until:
            self._events.clear()
            await self._event(until)
        if self._process is process:
            process.abandon()
            self._process = None
        self._events.clear()

    def _note_peak(self, kb: int) -> None:
        self._peak_kb = max(self._peak_kb, kb)

    def _peak_mb(self) -> int:
        return min(max(1, -(-self._peak_kb // 1024)), self.spec.memory_mb)
