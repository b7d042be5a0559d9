"""The log of one environment: collects events, hands them on in batches, keeps an invocation's tail."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable

from ballroom.runtime.output import OutputParser
from ballroom.runtime.platform_lines import PlatformLines
from ballroom.runtime.spec import FunctionSpec, LogBatch, OnLog

TAIL_BYTES = 4096
_FLUSH_AFTER_S = 0.1
_FLUSH_EVENTS = 1000
_FLOOD_EVENTS = 500  # in one read: then the process waits a little, and others get their turn


class Journal:
    """Everything goes to `on_log`; what one invocation prints beyond `limit_bytes` is counted and dropped."""

    def __init__(
        self, spec: FunctionSpec, stream: str, on_log: OnLog, now_ms: Callable[[], int], limit_bytes: int
    ) -> None:
        self.stream = stream
        self._spec = spec
        self._on_log = on_log
        self._now_ms = now_ms
        self._limit = limit_bytes
        self._platform = PlatformLines(spec)
        self._parser = OutputParser()
        self._events: list[tuple[int, str]] = []
        self._tail: deque[str] = deque()
        self._tail_bytes = 0
        self._printed = 0
        self._dropped = 0
        self._timer: asyncio.TimerHandle | None = None

    def begin(self) -> None:
        """A new invocation: its tail starts here."""
        self._tail.clear()
        self._tail_bytes = 0
        self._printed = 0

    def printed(self, data: bytes) -> bool:
        """Take output of the process. False: it prints so much that it should wait a little."""
        self._printed += len(data)
        events = self._parser.feed(data)
        if self._printed > self._limit:
            self._dropped += len(events)
            return False
        self.add(events)
        return len(events) < _FLOOD_EVENTS

    def add(self, texts: Iterable[str]) -> None:
        """Append events."""
        now = self._now_ms()
        for text in texts:
            self._events.append((now, text))
            self._tail.append(text)
            self._tail_bytes += len(text) + 1
            while self._tail_bytes - len(self._tail[0]) > TAIL_BYTES:
                self._tail_bytes -= len(self._tail.popleft()) + 1
        if len(self._events) >= _FLUSH_EVENTS:
            self.flush()
        elif self._events and self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(_FLUSH_AFTER_S, self.flush)

    def output_ended(self) -> None:
        """The invocation is over: an unfinished line is an event now."""
        self.add(self._parser.flush())
        if self._dropped:
            self.add(self._platform.dropped(self._now_ms(), self._dropped))
            self._dropped = 0

    def flush(self) -> None:
        """Hand on what has been collected."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._events:
            events, self._events = self._events, []
            self._on_log(LogBatch(self._spec, self.stream, events))

    def tail(self) -> bytes:
        """The last 4 KB since `begin`."""
        return "".join(f"{text}\n" for text in self._tail).encode()[-TAIL_BYTES:]
