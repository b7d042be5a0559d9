"""Temporary credentials: issued, noted, and removed some time after they have expired.

They expire by real time, whatever the product's clock says: clients renew them by their own clocks.
"""

from __future__ import annotations

from typing import Any

from ballroom.kernel import Credential, Tx, on_timer
from ballroom.kernel.credentials import issue, real_now_ms, revoke

from .resources import Session, session_key

_TOKEN_START = "IQoJb3JpZ2luX2Vj"  # how AWS's tokens begin
_DAY_MS = 24 * 3600 * 1000


def issue_session(
    tx: Tx, *, user_id: str, duration_s: int, session: Session, token_size: int = 0
) -> dict[str, Any]:
    """A new temporary credential for the session's principal, as STS's answers show it.

    `token_size` is the least length of its token.
    """
    key_id = "ASIA" + tx.ids.secret_upper(16)
    secret, token = tx.ids.secret(40), (_TOKEN_START + tx.ids.secret(240)).ljust(token_size, "A")
    expires_ms = (real_now_ms() // 1000 + duration_s) * 1000
    issue(tx, key_id, Credential(secret, session.account, session.arn, user_id, token, expires_ms))
    noted = Session(
        session.account, session.arn, expires_ms, session.policy, session.policy_arns, session.tags,
        session.transitive, session.source_identity,
    )
    tx.put(session_key(key_id), noted)
    tx.wake_at(tx.now_ms + duration_s * 1000 + _DAY_MS, "sts.expiry", key_id, housekeeping=True)
    return {
        "AccessKeyId": key_id, "SecretAccessKey": secret, "SessionToken": token, "Expiration": expires_ms,
    }


@on_timer("sts.expiry")
def remove_expired(tx: Tx, key_id: str) -> None:
    """Remove a credential a day after it has expired; until then its users are told that it has.

    Harmless if late or repeated: a credential that is not long expired in real time is left alone.
    """
    session = tx.get(Session, session_key(key_id))
    if session is None:
        return
    if session.expires_ms + _DAY_MS > real_now_ms():
        tx.wake_at(tx.now_ms + _DAY_MS, "sts.expiry", key_id, housekeeping=True)
        return
    revoke(tx, key_id)
    tx.delete(session_key(key_id))
