"""What EventBridge Pipes stores.

| key | record | read by |
| --- | --- | --- |
| ("pipes", account, region, "pipe", name) | Pipe | everything; lists are in the order of names |
| ("pipes-all", account, region, name) | PipePlace | what runs all pipes, at start |
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec.structs import replace

from ballroom.kernel import Kernel, Key, Record, Tx, on_timer, service_caller
from ballroom.kernel.arn import make_arn
from ballroom.sources.stream_poller import forget_place

from .errors import PipeNotFound

SETTLED = {"CREATING": "", "UPDATING": "", "STARTING": "RUNNING", "STOPPING": "STOPPED"}
"""Where a passing state leads; "": to the desired one."""
SETTLE = "pipes.settle"


class Pipe(Record, frozen=True):
    """A pipe: the settings of its request, and its states."""

    account: str
    region: str
    name: str
    settings: dict[str, Any]
    """Description, Source, SourceParameters, Enrichment, ..., as the requests have them."""
    desired_state: str
    state: str
    created_ms: int
    modified_ms: int
    tags: dict[str, str] = msgspec.field(default_factory=dict)

    @property
    def arn(self) -> str:
        """Its ARN."""
        return make_arn("pipes", self.region, self.account, f"pipe/{self.name}")


class PipePlace(Record, frozen=True):
    """Its key says all."""


def key(account: str, region: str, *parts: str) -> Key:
    """A key of an account and region."""
    return ("pipes", account, region, "pipe", *parts)


def find_pipe(tx: Tx, account: str, region: str, name: str) -> Pipe | None:
    """The pipe of that name, or None."""
    return tx.get(Pipe, key(account, region, name))


def load_pipe(tx: Tx, name: str) -> Pipe:
    """The caller's pipe of that name.

    Raises:
        PipeNotFound: there is none.
    """
    pipe = find_pipe(tx, tx.account, tx.region, name)
    if pipe is None:
        raise PipeNotFound(name)
    return pipe


def put_pipe(tx: Tx, pipe: Pipe) -> None:
    """Store a pipe; what runs it is told once it is committed, and a passing state is led to its end."""
    tx.put(key(pipe.account, pipe.region, pipe.name), pipe)
    tx.put(("pipes-all", pipe.account, pipe.region, pipe.name), PipePlace())
    if pipe.state in SETTLED or pipe.state == "DELETING":
        tx.wake_at(tx.now_ms, SETTLE, pipe.account, pipe.region, pipe.name)
    tx.after_commit(lambda: Changes.of(tx.kernel).tell((pipe.account, pipe.region, pipe.name)))


@on_timer(SETTLE)
def settle(tx: Tx, account: str, region: str, name: str) -> None:
    """A passing state ends. Harmless if repeated: a settled pipe is left alone."""
    tx.caller = service_caller(account, region, "pipes.amazonaws.com")
    pipe = find_pipe(tx, account, region, name)
    if pipe is None:
        return
    if pipe.state == "DELETING":
        forget_place(tx, f"pipe:{pipe.arn}:{pipe.created_ms}")
        tx.delete(key(account, region, name))
        tx.delete(("pipes-all", account, region, name))
        tx.after_commit(lambda: Changes.of(tx.kernel).tell((account, region, name)))
    elif pipe.state in SETTLED:
        put_pipe(tx, replace(pipe, state=SETTLED[pipe.state] or pipe.desired_state))


class Changes:
    """Tells what runs the pipes of changes; it listens from the start on."""

    def __init__(self, kernel: Kernel) -> None:
        self._listener: Any = None

    @classmethod
    def of(cls, kernel: Kernel) -> Changes:
        """Those of a kernel."""
        return kernel.state(cls)

    def listen(self, listener: Any) -> None:
        """`listener((account, region, name))` is called after every commit that changes a pipe."""
        self._listener = listener

    def tell(self, place: tuple[str, str, str]) -> None:
        """A pipe is new, changed or gone."""
        if self._listener is not None:
            self._listener(place)
