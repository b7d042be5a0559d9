"""Canonical user ids: how S3 names accounts in grants and owners. Pure.

An id is made from the account and can be read back, so that a grant to an account which does not exist
anywhere is told from a slip of the pen, as on AWS.

Source: AWS Account Management Reference, "Find the canonical user ID for your AWS account".
"""

from __future__ import annotations

import hashlib
import re
from functools import lru_cache

_ID = re.compile(r"[0-9a-f]{64}")
ANONYMOUS = "65a011a29cdf8ec533ec3d1ccaae921c"
"""The owner of what nobody in particular wrote. Source: S3 User Guide, "Who is a grantee?"."""
ANONYMOUS_OWNER = "anonymous"
"""In the place of an account, where that owner is stored."""


@lru_cache(4096)
def canonical_id(account: str) -> str:
    """64 hexadecimal digits; the anonymous user has an id of its own."""
    if account in ("", ANONYMOUS_OWNER):
        return ANONYMOUS
    digest = _digest(account)
    hidden = int(account) ^ int(digest[:10], 16)
    return f"{digest}{hidden:010x}"


@lru_cache(4096)
def account_of(identity: str) -> str | None:
    """The account with that canonical id; empty for the anonymous user, None for nobody's."""
    if identity == ANONYMOUS:
        return ""
    if _ID.fullmatch(identity) is None:
        return None
    account = f"{int(identity[54:], 16) ^ int(identity[:10], 16):012d}"
    return account if len(account) == 12 and _digest(account) == identity[:54] else None


def _digest(account: str) -> str:
    return hashlib.sha256(b"canonical user " + account.encode()).hexdigest()[:54]


def owner(account: str) -> dict[str, str]:
    """An account as the Owner of something."""
    return {"ID": canonical_id(account)}
