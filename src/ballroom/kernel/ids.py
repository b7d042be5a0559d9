"""Ids and chance: the only place in the product that draws random numbers.

Seeded, every id and choice repeats (forks, fault sweeps, tests). Unseeded, secrets come from the
operating system and ordinary ids from a generator that the operating system has seeded: an id is not a
secret, and `os.urandom` costs a system call for each.
"""

from __future__ import annotations

import random
import secrets
import string

_UPPER_DIGITS = string.ascii_uppercase + string.digits
_LOWER_DIGITS = string.ascii_lowercase + string.digits
_LETTERS_DIGITS = string.ascii_letters + string.digits
_POOL_UUIDS = 64
"""Drawn at once: one large draw costs less than 64 small ones."""
_POOL_DIGITS = 32 * _POOL_UUIDS
_RANDOM_BITS = int("ffffffffffff0fff3fffffffffffffff" * _POOL_UUIDS, 16)
_FIXED_BITS = int("00000000000040008000000000000000" * _POOL_UUIDS, 16)
"""What every version 4 UUID has in common: its version and variant."""


class Ids:
    """A source of ids, seedable."""

    def __init__(self, seed: int | None = None) -> None:
        self.seeded = seed is not None
        self._random = random.Random(seed if seed is not None else secrets.randbits(256))
        self._bits = self._random.getrandbits
        self._pool, self._at = "", _POOL_DIGITS
        self._second, self._second_text = -1, ""

    def uuid(self) -> str:
        """A version 4 UUID."""
        at = self._at
        if at == _POOL_DIGITS:
            drawn = self._bits(4 * _POOL_DIGITS) & _RANDOM_BITS | _FIXED_BITS
            self._pool, at = f"{drawn:0{_POOL_DIGITS}x}", 0
        self._at = at + 32
        h = self._pool[at : at + 32]
        return f"{h[:8]}-{h[8:12]}-{h[12:16]}-{h[16:20]}-{h[20:]}"

    def hex(self, digits: int) -> str:
        """Lower-case hexadecimal digits."""
        return f"{self._bits(4 * digits):0{digits}x}"

    def upper(self, length: int) -> str:
        """Capital letters and digits, as in CloudFormation's generated names."""
        return "".join(self._random.choices(_UPPER_DIGITS, k=length))

    def lower(self, length: int) -> str:
        """Small letters and digits, as in function URL ids."""
        return "".join(self._random.choices(_LOWER_DIGITS, k=length))

    def secret(self, length: int) -> str:
        """Letters and digits nobody can guess (access keys, tokens)."""
        if self.seeded:
            return "".join(self._random.choices(_LETTERS_DIGITS, k=length))
        return "".join(secrets.choice(_LETTERS_DIGITS) for _ in range(length))

    def secret_upper(self, length: int) -> str:
        """Capital letters and the digits 2 to 7 (base32), as in access key ids."""
        alphabet = string.ascii_uppercase + "234567"
        if self.seeded:
            return "".join(self._random.choices(alphabet, k=length))
        return "".join(secrets.choice(alphabet) for _ in range(length))

    def trace_root(self, now_ms: int) -> str:
        """The root of a new X-Ray trace: `1-<epoch seconds, hex>-<24 hex digits>`."""
        second = now_ms // 1000
        if second != self._second:
            self._second, self._second_text = second, f"1-{second:08x}-"
        return f"{self._second_text}{self._bits(96):024x}"

    def uniform(self, low: float, high: float) -> float:
        """A number between `low` and `high` (jitter)."""
        return self._random.uniform(low, high)

    def below(self, n: int) -> int:
        """A whole number from 0 to n - 1."""
        return self._random.randrange(n)
