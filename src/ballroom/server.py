"""The composition root: settings in, a serving Ballroom out.

Puts the data directory, the store, the kernel, the services and the gateway together, and takes them
apart again in the opposite order.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import ssl
from pathlib import Path
from typing import Any

from ballroom.gateway.gateway import Gateway
from ballroom.gateway.pages import json_response, read_json
from ballroom.kernel.context import Context
from ballroom.kernel.errors import AlreadyRefused, ServiceError, ValidationFailed
from ballroom.kernel.http import HttpRequest, HttpResponse
from ballroom.kernel.kernel import Kernel
from ballroom.kernel.reset import reset
from ballroom.kernel.settings import Settings
from ballroom.kernel.store.backup import backup
from ballroom.kernel.store.blob_files import FileBlobs
from ballroom.kernel.store.blobs import Blobs, MemoryBlobs
from ballroom.kernel.store.directory import DataDirectory
from ballroom.kernel.store.engine import Engine, EngineError, EngineFull
from ballroom.kernel.store.memory import MemoryEngine
from ballroom.kernel.store.sqlite import SqliteEngine
from ballroom.services import load_services, postpone_services

log = logging.getLogger("ballroom.server")


def new_event_loop() -> asyncio.AbstractEventLoop:
    """The fastest event loop that this platform has."""
    try:
        import uvloop
    except ImportError:  # there is no uvloop for Windows
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()


def _why_not_listening(settings: Settings, error: OSError) -> str:
    where = f"{settings.host}, port {settings.port}"
    if error.errno == errno.EADDRINUSE:
        return f"{where} is taken by another program; choose another with --port."
    if error.errno in (errno.EACCES, errno.EPERM):
        return f"{where} may not be used: ports below 1024 need privileges; choose another with --port."
    return f"{where} cannot be listened on: {error.strerror or error}"


class Ballroom:
    """One server. `start` and `stop` run on the loop that serves it."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.directory: DataDirectory | None = None
        self.kernel: Kernel
        self.gateway: Gateway

    async def start(self) -> None:
        """Open the data directory and serve.

        Raises:
            AlreadyRefused: the directory is in use, or of a newer release; the address is taken; ...
        """
        settings = self.settings
        if not settings.loopback and settings.auth == "open":
            raise AlreadyRefused(
                "auth mode 'open' accepts anybody; it is refused on an address beyond loopback. "
                "Use --auth enforce."
            )
        if settings.data_dir is None:
            postpone_services()
        else:
            load_services()
        loop = asyncio.get_running_loop()
        try:
            engine, blobs = self._open()
            self.kernel = Kernel(settings, engine, blobs, loop)
            self.gateway = Gateway(self.kernel)
            self.gateway.pages.add("POST", "/_ballroom/backup", self._backup_page)
            self.gateway.pages.add("POST", "/_ballroom/reset", self._reset_page)
            try:
                await self.gateway.listen(settings.host, settings.port, self._tls())
            except OSError as error:
                raise AlreadyRefused(_why_not_listening(settings, error)) from error
            settings.port = self.gateway.port
            if settings.tls_cert is not None:
                port = await self.gateway.server.listen("127.0.0.1", 0)
                self.kernel.inside_url = f"http://127.0.0.1:{port}"
            self.kernel.start()
            await self.gateway.serve()
        except BaseException:
            if self.directory is not None:
                self.directory.close()
            raise

    def _open(self) -> tuple[Engine, Blobs]:
        path = self.settings.data_dir
        if path is None:
            return MemoryEngine(), MemoryBlobs()
        self.directory = DataDirectory(path)
        try:
            return self._open_store(self.directory), FileBlobs(self.directory.blobs)
        except (EngineError, OSError) as error:
            raise AlreadyRefused(f"the store cannot be opened: {error}.") from error

    def _open_store(self, directory: DataDirectory) -> Engine:
        """The store; on a full disk it is opened in the room that was reserved for that, and read."""
        directory.make_room()
        try:
            engine = SqliteEngine(directory.store, vfs=self.settings.store_vfs)
        except EngineFull:
            if not directory.give_up_reserve():
                raise
            return SqliteEngine(directory.store, vfs=self.settings.store_vfs)
        directory.keep_reserve()
        return engine

    def _tls(self) -> ssl.SSLContext | None:
        cert, key = self.settings.tls_cert, self.settings.tls_key
        if cert is None:
            return None
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        try:
            context.load_cert_chain(cert, key)
        except (OSError, ssl.SSLError) as error:
            raise AlreadyRefused(f"the TLS certificate {cert} cannot be used: {error}") from error
        return context

    async def stop(self) -> None:
        """Finish what is under way within the drain time, make everything durable, let go of the directory."""
        await self.gateway.stop(self.settings.drain_s)
        await self.kernel.stop()
        if self.directory is not None:
            self.directory.keep_reserve()
            self.directory.close()

    async def _backup_page(self, ctx: Context, http: HttpRequest) -> HttpResponse:
        """`{"path": "/absolute/file.tar.gz"}`: write an archive there, on this machine."""
        named = read_json(http).get("path")
        if not isinstance(named, str) or not Path(named).is_absolute():
            raise ValidationFailed("A backup needs the absolute path of a file that does not exist.")
        if not Path(named).parent.is_dir():
            raise ValidationFailed(f"{named} cannot be written: its folder is not there.")
        try:
            return json_response(await self.back_up(Path(named)))
        except (AlreadyRefused, EngineError) as error:
            raise ServiceError.of("BackupFailed", str(error), status=400) from error

    async def _reset_page(self, ctx: Context, http: HttpRequest) -> HttpResponse:
        """Delete everything."""
        return json_response({"deletedRows": await reset(ctx.kernel)})

    async def back_up(self, destination: Path) -> dict[str, Any]:
        """Write an archive of the state at this moment, while serving."""
        await self.kernel.shard.flush()
        manifest = await asyncio.to_thread(
            backup, self.directory, self.kernel.engine, self.kernel.blobs, destination
        )
        return {"path": str(destination), "sequence": manifest.sequence, "blobs": manifest.blobs}
