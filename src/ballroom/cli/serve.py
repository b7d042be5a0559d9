"""`ballroom serve`: become the server, in the foreground, until SIGTERM or Ctrl-C."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
import time
from pathlib import Path

from ballroom.cli.output import fail
from ballroom.kernel.errors import AlreadyRefused
from ballroom.kernel.settings import Settings
from ballroom.server import Ballroom, new_event_loop

SECOND_SIGNAL_EXIT = 130


def serve(settings: Settings, *, log_file: Path | None = None) -> None:
    """Serve until told to stop; one line on standard output when ready.

    The first signal drains for `settings.drain_s` at most, a second ends the process at once (nothing
    acknowledged is lost by that).
    """
    configure_logging(settings.log_level, log_file)
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        try:
            runner.run(_serve(settings))
        except AlreadyRefused as refused:
            fail(str(refused))


async def _serve(settings: Settings) -> None:
    ballroom = Ballroom(settings)
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()

    def stop() -> None:
        if stopping.is_set():
            os._exit(SECOND_SIGNAL_EXIT)
        stopping.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        try:
            loop.add_signal_handler(number, stop)
        except NotImplementedError:  # Windows' loops know no signal handlers
            signal.signal(number, lambda *_: loop.call_soon_threadsafe(stop))
    await ballroom.start()
    where = "in memory" if settings.data_dir is None else str(settings.data_dir)
    scheme = "https" if settings.tls_cert else "http"
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    print(f"Ballroom is ready at {scheme}://{host}:{settings.port} (data: {where})", flush=True)
    if not settings.loopback:
        print(
            "Reachable beyond this machine: every valid key is an administrator, since policies are not "
            "evaluated yet.",
            file=sys.stderr,
            flush=True,
        )
    try:
        await stopping.wait()
    finally:
        await ballroom.stop()


class _Formatter(logging.Formatter):
    """`2026-01-31T12:00:00.000Z info ballroom.gateway request=... message`."""

    converter = staticmethod(time.gmtime)  # type: ignore[assignment]

    def format(self, record: logging.LogRecord) -> str:
        stamp = f"{self.formatTime(record, '%Y-%m-%dT%H:%M:%S')}.{int(record.msecs):03d}Z"
        line = f"{stamp} {record.levelname.lower()} {record.name} {record.getMessage()}"
        if record.exc_info:
            line += "\n" + self.formatException(record.exc_info)
        return line


def configure_logging(level: str, file: Path | None = None) -> None:
    """The server's own log: to a file, or to standard error."""
    handler: logging.Handler = logging.FileHandler(file) if file else logging.StreamHandler()
    handler.setFormatter(_Formatter())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
