"""Everything a Ballroom can be told at start."""

from __future__ import annotations

from pathlib import Path

import msgspec


class Settings(msgspec.Struct, kw_only=True):
    """Settings of one Ballroom; `ballroom.cli` fills them from flags, environment and file."""

    host: str = "127.0.0.1"
    port: int = 4566
    public_url: str | None = None
    """What appears in queue URLs, function URLs and outputs; `http://localhost:<port>` if unset."""
    data_dir: Path | None = None
    """None keeps everything in memory."""
    region: str = "us-east-1"
    account: str = "000000000000"
    clock: str = "real"
    """`real` or `virtual` (may be frozen, advanced and skipped)."""
    seed: int | None = None
    auth: str | None = None
    """`open`, `soft` or `enforce`; None: open on loopback, enforce beyond."""
    tls_cert: Path | None = None
    tls_key: Path | None = None
    allowed_origins: list[str] = []
    allowed_hosts: list[str] = []
    max_body_bytes: int = 64 << 20
    drain_s: float = 10.0
    log_level: str = "info"
    overlay_bytes: int = 64 << 20
    overlay_age_s: float = 3.0
    cache_entries: int = 8192
    """Decoded records kept at hand."""
    isolation: str = "auto"
    local_code: bool | None = None
    """Whether functions may use a local directory in place; None: only when bound to loopback."""
    quotas: dict[str, int] = {}
    """AWS's quotas that are to be others here, by name (`events.rules-per-bus`); services list theirs."""
    private_addresses: bool = False
    """Whether requests that applications order (API destinations) may go to loopback and private addresses."""
    store_vfs: str | None = None
    """Fault injection in tests."""

    @property
    def base_url(self) -> str:
        """The public URL without a trailing slash."""
        if self.public_url:
            return self.public_url.rstrip("/")
        scheme = "https" if self.tls_cert else "http"
        return f"{scheme}://localhost:{self.port}"

    @property
    def loopback(self) -> bool:
        """Whether only this machine can reach the server."""
        return self.host in ("127.0.0.1", "::1", "localhost")

    @property
    def local_code_allowed(self) -> bool:
        """Whether a function's code may be a directory of this machine, used in place."""
        return self.loopback if self.local_code is None else self.local_code
