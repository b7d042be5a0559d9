"""How many invocations may run at once: counted in memory, limited as AWS does.

A function with reserved concurrency has that much and no more; the others share what is left of the
account's. The counts are of this process and begin at nothing, since no invocation outlives it.

Source: Developer Guide, "Understanding Lambda function scaling".
"""

from __future__ import annotations

from collections import Counter

from ballroom.kernel import Kernel, Tx
from ballroom.services.lambda_.errors import TooManyRequests
from ballroom.services.lambda_.names import FunctionName
from ballroom.services.lambda_.resources import Function

ACCOUNT_LIMIT = 1000
UNRESERVED_MINIMUM = 100

Place = tuple[str, str]  # account, region


class InFlight:
    """The invocations under way."""

    def __init__(self, kernel: Kernel) -> None:
        self.by_function: Counter[tuple[str, str, str]] = Counter()
        self.unreserved: Counter[Place] = Counter()
        self.by_place: Counter[Place] = Counter()


class Slot:
    """One invocation's place; give it back with `release`."""

    __slots__ = ("_at", "_flight", "_reserved", "_taken")

    def __init__(self, flight: InFlight, at: FunctionName, reserved: bool) -> None:
        self._flight, self._at, self._reserved, self._taken = flight, at, reserved, True
        flight.by_function[at.account, at.region, at.name] += 1
        flight.by_place[at.account, at.region] += 1
        if not reserved:
            flight.unreserved[at.account, at.region] += 1

    def release(self) -> None:
        """The invocation has ended. Releasing twice is harmless."""
        if not self._taken:
            return
        self._taken = False
        flight, at = self._flight, self._at
        flight.by_function[at.account, at.region, at.name] -= 1
        flight.by_place[at.account, at.region] -= 1
        if not self._reserved:
            flight.unreserved[at.account, at.region] -= 1


def take_slot(tx: Tx, at: FunctionName, function: Function) -> Slot:
    """A place for one more invocation.

    Raises:
        TooManyRequests: the function's reservation, or the account's rest, is used up.
    """
    flight = tx.kernel.state(InFlight)
    reserved = function.reserved_concurrency
    if reserved is not None:
        if flight.by_function[at.account, at.region, at.name] >= reserved:
            raise TooManyRequests(Reason="ReservedFunctionConcurrentInvocationLimitExceeded")
        return Slot(flight, at, True)
    if flight.unreserved[at.account, at.region] >= _unreserved_limit(tx, flight, at):
        raise TooManyRequests(Reason="ConcurrentInvocationLimitExceeded")
    return Slot(flight, at, False)


def reserved_by_others(tx: Tx, name: str) -> int:
    """What the account has set aside for functions other than `name`."""
    rows = tx.scan_prefix(Function, ("lambda", tx.account, tx.region, "function"))
    return sum(f.reserved_concurrency or 0 for f in rows if f.name != name)


def _unreserved_limit(tx: Tx, flight: InFlight, at: FunctionName) -> int:
    """Looked up only when it could matter: reservations can take at most 900 of 1,000."""
    if flight.unreserved[at.account, at.region] < UNRESERVED_MINIMUM:
        return UNRESERVED_MINIMUM
    rows = tx.scan_prefix(Function, ("lambda", at.account, at.region, "function"))
    return ACCOUNT_LIMIT - sum(f.reserved_concurrency or 0 for f in rows)
