"""Credentials issued here: written by IAM and STS, found by the gateway for each signed request.

They live in the store under the access key id alone, since a request names nothing else before its
signature is checked. Reading goes through a memory that commits keep current: about 0.1 µs when warm.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from ballroom.kernel.keys import Key
from ballroom.kernel.records import Record

if TYPE_CHECKING:
    from ballroom.kernel.kernel import Kernel
    from ballroom.kernel.tx import Tx

_REMEMBERED = 10_000


class Credential(Record, frozen=True):
    """What a signature is checked against, and who has made the request if it is right."""

    secret: str
    account: str
    arn: str
    user_id: str
    session_token: str = ""
    """Empty: a long-term key, whose requests carry no token."""
    expires_ms: int = 0
    """In real time, whatever the product's clock says; 0: never."""
    active: bool = True
    """Keys can be switched off without being deleted."""


class Use(Record, frozen=True):
    """When, where and for what a key was last used."""

    at_ms: int
    region: str
    service: str


def credential_key(access_key_id: str) -> Key:
    """One row for each key issued here."""
    return ("~credential", access_key_id)


class Credentials:
    """The credentials of one Ballroom (`kernel.credentials`)."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self._known: dict[str, Credential | None] = {}
        self._held: dict[str, Credential] = {}
        self._uses: dict[str, Use] = {}

    def find(self, access_key_id: str) -> Credential | None:
        """The credential issued here under that id, also if it has expired or is switched off."""
        try:
            return self._known[access_key_id]
        except KeyError:
            pass
        found = self._held.get(access_key_id) or self._kernel.read(Credential, credential_key(access_key_id))
        if len(self._known) >= _REMEMBERED:
            self._known.clear()
        self._known[access_key_id] = found
        return found

    def hold(self, access_key_id: str, credential: Credential) -> None:
        """Accept a key from memory, until it is dropped or the process ends: those of function environments."""
        self._held[access_key_id] = credential
        self.forget(access_key_id)

    def drop(self, access_key_id: str) -> None:
        """Accept a held key no more."""
        self._held.pop(access_key_id, None)
        self.forget(access_key_id)

    def rebuild(self) -> None:
        """A commit failed: read everything anew."""
        self._known.clear()

    def forget(self, access_key_id: str) -> None:
        """Read the credential anew next time."""
        self._known.pop(access_key_id, None)

    def note_use(self, access_key_id: str, use: Use) -> None:
        """Remember that a long-term key was used; in memory only, a row for each request would be dear."""
        self._uses[access_key_id] = use

    def last_use(self, access_key_id: str) -> Use | None:
        """When the key was last used since the server started."""
        return self._uses.get(access_key_id)


def issue(tx: Tx, access_key_id: str, credential: Credential) -> None:
    """Store a credential, or replace it; usable as soon as the transaction has succeeded."""
    tx.put(credential_key(access_key_id), credential)
    credentials = tx.kernel.credentials
    tx.after_commit(lambda: credentials.forget(access_key_id))


def revoke(tx: Tx, access_key_id: str) -> None:
    """Remove a credential: signatures made with it are those of an unknown key from now on."""
    tx.delete(credential_key(access_key_id))
    credentials = tx.kernel.credentials
    tx.after_commit(lambda: credentials.forget(access_key_id))


def real_now_ms() -> int:
    """The real time, which decides when credentials expire: clients sign and renew by their own clocks."""
    return time.time_ns() // 1_000_000  # noqa: TID251 - expiry faces the client's clock, not the product's
