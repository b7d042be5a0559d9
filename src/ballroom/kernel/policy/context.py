"""The condition keys that every request has: when, by whom, from where.

`aws:SecureTransport` is true for whoever calls from this machine or within Ballroom: nothing travels over
a network that TLS would have to protect, and a template that enforces TLS works without a certificate.

Source: IAM User Guide, "AWS global condition context keys".
"""

from __future__ import annotations

import ipaddress
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ballroom.kernel.tx import Tx


def global_keys(tx: Tx, owner: str) -> dict[str, tuple[str, ...]]:
    """Global condition keys in lower case; `owner` is the resource's account."""
    caller = tx.caller
    now = datetime.fromtimestamp(tx.now_ms / 1000, UTC)
    found: dict[str, tuple[str, ...]] = {
        "aws:currenttime": (now.strftime("%Y-%m-%dT%H:%M:%SZ"),),
        "aws:epochtime": (str(tx.now_ms // 1000),),
        "aws:securetransport": ("true" if _is_secure(tx) else "false",),
        "aws:requestedregion": (caller.region,),
        "aws:resourceaccount": (owner,),
    }
    if caller.remote:
        found["aws:sourceip"] = (caller.remote,)
    if caller.user_agent:
        found["aws:useragent"] = (caller.user_agent,)
    if caller.referer:
        found["aws:referer"] = (caller.referer,)
    if caller.anonymous:
        found["aws:principaltype"] = ("Anonymous",)
        return found
    found["aws:principalarn"] = (caller.arn,)
    found["aws:principalaccount"] = (caller.account,)
    found["aws:userid"] = (caller.user_id,)
    kind = caller.arn.partition("/")[0].rpartition(":")[2]
    found["aws:principaltype"] = ({"root": "Account", "user": "User"}.get(kind, "AssumedRole"),)
    if kind == "user":
        found["aws:username"] = (caller.arn.rpartition("/")[2],)
    return found


def _is_secure(tx: Tx) -> bool:
    remote = tx.caller.remote
    if not remote or tx.kernel.settings.base_url.startswith("https:"):
        return True
    try:
        return ipaddress.ip_address(remote).is_loopback
    except ValueError:
        return False
