"""Durable timers: rows `(due, kind, subject)` written in the commit of the state that they wake.

Memory holds only when the next one is due. Firing removes the row and runs the handler in one
transaction; a handler that fails is tried again later with back-off, and logged.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from ballroom.kernel.clock import Handle
from ballroom.kernel.errors import Throttled, Unavailable
from ballroom.kernel.keys import Key, pack, unpack
from ballroom.kernel.registry import registry

if TYPE_CHECKING:
    from ballroom.kernel.kernel import Kernel
    from ballroom.kernel.tx import Tx

log = logging.getLogger("ballroom.timers")

SPACES = ("~timer", "~chore")
AT_ONCE = 64
"""About 5 ms: requests are answered between."""
RETRY_AFTER_MS = 60_000
STORE_RETRY_MS = 1_000


def add(tx: Tx, due_ms: int, kind: str, subject: tuple[str | int, ...], housekeeping: bool) -> None:
    """See `Tx.wake_at`."""
    if kind not in registry.timers:
        raise ValueError(f"no handler is registered for timers of kind {kind}")
    space = SPACES[housekeeping]
    tx._shard.write(pack((space, due_ms, kind, *subject)), b"\x01", None)
    agenda = tx.kernel.agendas[housekeeping]
    if agenda.next_ms is None or due_ms < agenda.next_ms:
        tx.after_commit(lambda: agenda.expect(due_ms))


def remove(tx: Tx, due_ms: int, kind: str, subject: tuple[str | int, ...], housekeeping: bool) -> None:
    """See `Tx.cancel_wake`."""
    tx._shard.write(pack((SPACES[housekeeping], due_ms, kind, *subject)), None, None)


class Agenda:
    """Fires the timers of one space (ordinary, or housekeeping)."""

    def __init__(self, kernel: Kernel, *, housekeeping: bool) -> None:
        self._kernel = kernel
        self._space = SPACES[housekeeping]
        self._pulls = not housekeeping
        self.next_ms: int | None = None
        self._handle: Handle | None = None

    def rebuild(self) -> None:
        """Read from the store when the next timer is due."""
        self._kernel.clock.cancel(self._handle)
        self.next_ms, self._handle = None, None
        self._look()

    def expect(self, due_ms: int) -> None:
        """A timer has been added."""
        if self.next_ms is None or due_ms < self.next_ms:
            self._kernel.clock.cancel(self._handle)
            self.next_ms = due_ms
            self._handle = self._kernel.clock.at(due_ms, self._fire, pulls=self._pulls)

    def _look(self) -> None:
        rows = self._kernel.shard.scan(pack((self._space,)), pack((self._space,)) + b"\xff", 1)
        if rows:
            due = unpack(rows[0].key)[1]
            assert isinstance(due, int)
            self.expect(due)

    def _fire(self) -> None:
        self.next_ms, self._handle = None, None
        kernel = self._kernel
        now = kernel.clock.now_ms()
        rows = kernel.shard.scan(pack((self._space,)), pack((self._space, now + 1)), AT_ONCE)
        for row in rows:
            _, due, kind, *subject = unpack(row.key)
            try:
                kernel.transact(_run, (self._space, due, kind, *subject))
            except (Throttled, Unavailable):
                self.expect(now + STORE_RETRY_MS)
                return
            except Exception:
                log.exception("timer %s %s failed; it is tried again in a minute", kind, subject)
                kernel.transact(_postpone, (self._space, due, kind, *subject))
        self._look()


def _run(tx: Tx, key: Key) -> None:
    tx._shard.write(pack(key), None, None)
    handler = registry.timers.get(str(key[2]))
    if handler is None:
        log.error("no handler is registered for timers of kind %s; it is dropped", key[2])
        return
    handler(tx, *key[3:])


def _postpone(tx: Tx, key: Key) -> None:
    tx._shard.write(pack(key), None, None)
    tx._shard.write(pack((key[0], tx.now_ms + RETRY_AFTER_MS, *key[2:])), b"\x01", None)


__all__ = ["Agenda", "add", "remove"]
