"""What happens to versions, as those who want to know are told."""

from __future__ import annotations

import msgspec


class Change(msgspec.Struct, frozen=True):
    """What happened to a version. `event` is S3's name without its prefix: `ObjectCreated:Put`."""

    event: str
    key: str
    version_id: str = ""
    etag: str = ""
    size: int = 0
    sequence: int = 0
    storage_class: str = ""
    """Restores: the archive's; transitions: the new one."""
    restored_until_ms: int = 0
