"""Canonical user ids: how S3 names accounts in owners and grants. Pure.

Source: S3 User Guide, "Access control list (ACL) overview", "Who is a grantee?".
"""

from __future__ import annotations

import hashlib
from functools import lru_cache


@lru_cache(1024)
def canonical_id(account: str) -> str:
    """The canonical user id of an account: 64 hexadecimal digits, always the same."""
    return hashlib.sha256(f"canonical user of {account}".encode()).hexdigest()


def owner(account: str) -> dict[str, str]:
    """An account as the Owner of something."""
    return {"ID": canonical_id(account)}
