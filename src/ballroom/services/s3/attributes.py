"""What an object version carries besides its bytes and headers: tags, grants, locks.

Stored with each version and copied from the upload that made it. Whoever evaluates them owns this module.
"""

from __future__ import annotations

import msgspec


class Attributes(msgspec.Struct, frozen=True, array_like=True):
    """Tags, the access control list and the object lock of one version."""

    tags: dict[str, str] = msgspec.field(default_factory=dict)
    acl: bytes = b""
    """The access control policy as JSON; empty: private to the owner."""
    lock_mode: str = ""
    retain_until_ms: int = 0
    legal_hold: bool = False
    website_redirect: str = ""
    hold_told: bool = False
    """Whether a legal hold was ever put on it, or said to be off: answers tell only then."""


NONE = Attributes()
"""What most objects have."""
