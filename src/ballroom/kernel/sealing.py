"""Secrets at rest: sealed with a key that does not lie in the store.

AES-256-GCM, with what the secret belongs to as associated data, so that a sealed secret moved to another
row does not open. The key is a file of the data directory that only its owner may read; a copy of the
store alone tells nothing. Backups hold both, as their page says.
"""

from __future__ import annotations

import os
import secrets  # noqa: TID251 - keys and nonces are never seeded
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ballroom.kernel.kernel import Kernel

KEY_FILE = "seal-key"
_KEY_BYTES = 32
_NONCE_BYTES = 12


class Unreadable(Exception):
    """Sealed with another key, for something else, or damaged."""


class Seal:
    """Seals and opens; one a kernel."""

    def __init__(self, kernel: Kernel) -> None:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # 20 ms: by the first secret only

        folder = kernel.settings.data_dir
        self._cipher = AESGCM(_load_key(folder / KEY_FILE) if folder else secrets.token_bytes(_KEY_BYTES))

    @staticmethod
    def of(kernel: Kernel) -> Seal:
        """The kernel's."""
        found = kernel.seal
        if found is None:
            found = kernel.seal = Seal(kernel)
        return found

    def close(self, secret: bytes, owner: str) -> bytes:
        """The sealed form of a secret that belongs to `owner` (an ARN)."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, secret, owner.encode())

    def open(self, sealed: bytes, owner: str) -> bytes:
        """The secret.

        Raises:
            Unreadable: it was not sealed here for this owner.
        """
        from cryptography.exceptions import InvalidTag

        try:
            return self._cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], owner.encode())
        except (InvalidTag, ValueError) as error:
            text = f"what is sealed for {owner} cannot be opened with this data directory's key"
            raise Unreadable(text) from error


def _load_key(path: Path) -> bytes:
    """The key, made on first use and on disk before anything is sealed with it."""
    try:
        key = path.read_bytes()
    except FileNotFoundError:
        key = secrets.token_bytes(_KEY_BYTES)
        draft = path.with_suffix(".new")
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(key)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    if len(key) != _KEY_BYTES:
        raise Unreadable(f"{path} holds no key")
    return key
