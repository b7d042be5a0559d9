"""`ballroom serve`: become the server, in the foreground, until SIGTERM or Ctrl-C."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
import sys
import threading
import time

from ballroom.cli.output import INTERRUPTED
from ballroom.cli.process import ready_line
from ballroom.kernel.settings import Settings
from ballroom.server import Ballroom, new_event_loop

SWITCH_INTERVAL_S = 0.0005
"""How long a thread may keep the interpreter while another waits. Beside a busy event loop the store's
writer asks for it several times a commit: with the default of 5 ms a commit of one row takes 5.8 ms there,
with this 0.9 ms, and the loop itself loses nothing that can be measured (benchmarks/store.py)."""

GC_THRESHOLD = 20_000
"""Containers made between two looks for cycles; the default of 700 means one for every few requests."""


def serve(settings: Settings, *, until_eof: bool = False) -> None:
    """Serve until told to stop; one line on standard output when ready.

    The first signal drains for `settings.drain_s` at most, a second ends the process at once (nothing
    acknowledged is lost by that). With `until_eof` the end of standard input is the first signal.

    Raises:
        AlreadyRefused: it cannot serve; says why.
    """
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    configure_logging(settings.log_level)
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        runner.run(_serve(settings, until_eof=until_eof))


async def _serve(settings: Settings, *, until_eof: bool) -> None:
    ballroom = Ballroom(settings)
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()

    def stop() -> None:
        if stopping.is_set():
            os._exit(INTERRUPTED)
        stopping.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        try:
            loop.add_signal_handler(number, stop)
        except NotImplementedError:  # Windows' loops know no signal handlers
            signal.signal(number, lambda *_: loop.call_soon_threadsafe(stop))
    if until_eof:
        watch = threading.Thread(target=_wait_for_eof, args=(loop, stopping), daemon=True, name="until eof")
        watch.start()
    await ballroom.start()
    gc.collect()
    gc.freeze()  # what is there now (code, models) lives as long as the server: never look at it again
    gc.set_threshold(GC_THRESHOLD, 20, 50)
    try:
        _announce(settings)
        await stopping.wait()
    finally:
        await ballroom.stop()


def _announce(settings: Settings) -> None:
    print(ready_line(settings), flush=True)
    if not settings.loopback:
        print(
            "Reachable beyond this machine: every valid key is an administrator, since policies are not "
            "evaluated yet.",
            file=sys.stderr,
            flush=True,
        )


def _wait_for_eof(loop: asyncio.AbstractEventLoop, stopping: asyncio.Event) -> None:
    try:
        while os.read(0, 4096):
            pass
    except OSError:  # no standard input at all: as good as ended
        logging.getLogger("ballroom").warning("there is no standard input to wait for")
    if not loop.is_closed():
        loop.call_soon_threadsafe(stopping.set)


class _Formatter(logging.Formatter):
    """`2026-01-31T12:00:00.000Z info ballroom.gateway request=... message`."""

    converter = staticmethod(time.gmtime)

    def format(self, record: logging.LogRecord) -> str:
        stamp = f"{self.formatTime(record, '%Y-%m-%dT%H:%M:%S')}.{int(record.msecs):03d}Z"
        line = f"{stamp} {record.levelname.lower()} {record.name} {record.getMessage()}"
        if record.exc_info:
            line += "\n" + self.formatException(record.exc_info)
        return line


def configure_logging(level: str) -> None:
    """The server's own log, to standard error: where it goes from there is its starter's choice."""
    handler = logging.StreamHandler()
    handler.setFormatter(_Formatter())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
