"""What SQS stores, and under which keys.

| key | record | read by |
|---|---|---|
| `sqs`, account, region, `queue`, name | Queue | every operation; ListQueues by prefix |
| `sqs`, account, region, `source`, DLQ name, name | DeadLetterSource | ListDeadLetterSourceQueues |
| `sqs`, account, region, `move`, queue name, started, id | MoveTask | ListMessageMoveTasks, the mover |
| `sqs-data`, `~deleted`, account, region, name | Tombstone | CreateQueue within 60 seconds |
| `sqs-data`, id, generation, `head` | Head | every send, receive and delete |
| ..., `m`, sequence | Message | standard: first receive (a scan behind the head's cursor), expiry |
| ..., `d`, sequence | Message | standard: sent with a delay |
| ..., `b`, sequence | Body | the text of a large message, read when it is handed out |
| ..., `f`, visible at, sequence | Flight | standard: what is due again (a scan up to now) |
| ..., `v`, sequence | Moved | standard: where a Flight went that has moved since its first receive |
| ..., `k`, group, sequence | Parked | standard: passed over for quieter message groups |
| ..., `g`, group, sequence | Message | FIFO: the messages of a group in order |
| ..., `h`, group, sequence | Flight | FIFO: received or delayed ones |
| ..., `r`, available at, sequence | Ready | FIFO: groups by when their first message is available |
| `sqs-data`, id, `dedup`, scope, id | Sent | FIFO: deduplication; kept through a purge |
| `sqs-data`, id, `attempt`, id | Attempt | FIFO: ReceiveRequestAttemptId |

Rows of messages begin with the queue's own random id instead of account and region: it is known only
through the queue's row, and the shorter keys are written several times a message. A purge starts a new
generation, and the older one's rows are collected later, so that it takes no longer for a million messages.

A message that nobody has received yet is one row, body included; a large body has a row of its own, so that
looking for messages never reads megabytes. Receiving adds a row of a few bytes and leaves the body alone: it
is written once.
"""

from __future__ import annotations

from ballroom.kernel import Key, Record
from ballroom.kernel.keys import Packed, pack
from ballroom.services.sqs.message_attributes import Attributes

_END = 1 << 62
"""Larger than any sequence or time."""


class Queue(Record, frozen=True):
    """A queue. `attributes` holds what was set explicitly, in AWS's names and texts, normalised."""

    account: str
    region: str
    name: str
    id: str
    generation: int
    created_ms: int
    modified_ms: int
    attributes: dict[str, str]
    tags: dict[str, str]
    purged_ms: int = 0


class Tombstone(Record, frozen=True):
    """A queue of this name has been deleted."""

    deleted_ms: int


class DeadLetterSource(Record, frozen=True):
    """The queue that names this dead-letter queue in its redrive policy."""

    account: str
    region: str
    name: str


class Head(Record, frozen=True):
    """A queue's counters. Written with every message, but a group commit keeps only the last."""

    last: int = 0
    """The sequence of the newest message."""
    cursor: int = 0
    """Standard: every message up to here has been received or parked; those behind never were."""
    total: int = 0
    """Messages in the queue: visible, delayed and in flight."""
    parked: int = 0


class Body(Record, frozen=True):
    """The body of a large message."""

    text: str


class Message(Record, frozen=True):
    """A message as it was sent. Never rewritten."""

    sequence: int
    id: str
    body: str
    """Empty here if it is large."""
    md5: str
    sent_ms: int
    sender: str
    attributes: Attributes | None = None
    trace: str | None = None
    group: str | None = None
    dedup: str | None = None
    count: int = 0
    """Receives before it came to this queue, for one that was moved to a dead-letter queue."""
    first_ms: int = 0
    source: str | None = None
    """The ARN of the queue that a dead-letter message comes from."""
    large: bool = False
    """The body is a Body."""


class Flight(Record, frozen=True):
    """Where a message stands that was received, or sent with a delay. Times in milliseconds."""

    sequence: int
    visible_ms: int
    count: int
    received_ms: int
    first_ms: int
    group: str | None = None
    delayed: bool = False
    """Standard: the body is under `d`."""
    moved: bool = False
    """Standard: there is a Moved row, since `visible_ms` is not the one of the first receive."""
    waiting: bool = False
    """Not received yet: this is the delay it was sent with."""
    large: bool = False
    """The message's body is a Body."""


class Moved(Record, frozen=True):
    """The present `visible_ms` of a Flight."""

    visible_ms: int


class Parked(Record, frozen=True):
    """A message that waits until the noisy group it belongs to has its turn."""

    sequence: int
    group: str


class Ready(Record, frozen=True):
    """A group of a FIFO queue that has messages; the first of them, and when it is available."""

    group: str
    available_ms: int
    sequence: int


class Sent(Record, frozen=True):
    """A deduplication id and the message it was accepted for."""

    sent_ms: int
    message_id: str
    sequence: int


class Attempt(Record, frozen=True):
    """What a ReceiveRequestAttemptId has received: (group, sequence, count, visible at) of each message."""

    at_ms: int
    received: list[tuple[str, int, int, int]]


class MoveTask(Record, frozen=True):
    """A task that moves messages out of a dead-letter queue."""

    id: str
    account: str
    region: str
    source: str
    """The source queue's name."""
    source_id: str
    destination: str | None
    """The destination's ARN; None: where each message came from."""
    rate: int | None
    started_ms: int
    to_move: int
    moved: int = 0
    status: str = "RUNNING"
    reason: str | None = None


def queue_key(account: str, region: str, name: str) -> Key:
    """Names sort, so that ListQueues pages through a prefix."""
    return ("sqs", account, region, "queue", name)


def queues_range(account: str, region: str, prefix: str) -> tuple[Key, Key]:
    """The queues whose names begin with `prefix`."""
    return queue_key(account, region, prefix), queue_key(account, region, prefix + "\U0010ffff")


def tombstone_key(account: str, region: str, name: str) -> Key:
    """Looked up by name alone."""
    return ("sqs-data", "~deleted", account, region, name)


def sources_prefix(account: str, region: str, name: str) -> Key:
    """The queues whose redrive policy names this one."""
    return ("sqs", account, region, "source", name)


def move_prefix(account: str, region: str, name: str) -> Key:
    """The tasks of a source queue, oldest first."""
    return ("sqs", account, region, "move", name)


def move_key(task: MoveTask) -> Key:
    """Sorted by start, so that the newest ten are a reverse scan."""
    return (*move_prefix(task.account, task.region, task.source), task.started_ms, task.id)


class Keys:
    """The keys of one generation of one queue, their common fronts packed once."""

    __slots__ = ("_attempt", "_b", "_d", "_dedup", "_f", "_g", "_h", "_k", "_m", "_r", "_v", "head")

    def __init__(self, queue_id: str, generation: int) -> None:
        base = ("sqs-data", queue_id, generation)
        self.head: Key = (Packed(pack((*base, "head"))),)
        self._m, self._b, self._d, self._f, self._v, self._k, self._g, self._h, self._r = (
            Packed(pack((*base, kind))) for kind in "mbdfvkghr"
        )
        self._dedup = Packed(pack(("sqs-data", queue_id, "dedup")))
        self._attempt = Packed(pack(("sqs-data", queue_id, "attempt")))

    def message(self, sequence: int, delayed: bool) -> Key:
        """Standard: a message."""
        return self._d if delayed else self._m, sequence

    def body(self, sequence: int) -> Key:
        """The text of a large message."""
        return self._b, sequence

    def unreceived(self, cursor: int) -> tuple[Key, Key]:
        """Standard: the messages behind the cursor."""
        return (self._m, cursor + 1), (self._m, _END)

    def flight(self, visible_ms: int, sequence: int) -> Key:
        """Standard: sorted by when it is due again."""
        return self._f, visible_ms, sequence

    def due(self, now_ms: int) -> tuple[Key, Key]:
        """Standard: the flights that may be received (again)."""
        return (self._f, 0), (self._f, now_ms + 1)

    def hidden(self, now_ms: int) -> tuple[Key, Key]:
        """Standard: the flights that may not yet."""
        return (self._f, now_ms + 1), (self._f, _END)

    def moved(self, sequence: int) -> Key:
        """Standard: where a flight has gone."""
        return self._v, sequence

    def parked(self, *part: str | int) -> Key:
        """Standard: passed over, by group."""
        return self._k, *part

    def grouped(self, group: str, *sequence: int) -> Key:
        """FIFO: a message, or with no sequence the prefix of its group."""
        return self._g, group, *sequence

    def all_grouped(self) -> Key:
        """FIFO: the prefix of all messages."""
        return (self._g,)

    def group_flight(self, *part: str | int) -> Key:
        """FIFO: a received or delayed message, by group and sequence; with nothing the prefix of all."""
        return self._h, *part

    def ready(self, available_ms: int, sequence: int) -> Key:
        """FIFO: sorted by when the group's first message is available."""
        return self._r, available_ms, sequence

    def ready_range(self, now_ms: int) -> tuple[Key, Key]:
        """FIFO: the groups that have something available."""
        return (self._r, 0), (self._r, now_ms + 1)

    def dedup(self, scope: str, dedup_id: str) -> Key:
        """FIFO: by scope (a group, or empty for the queue)."""
        return self._dedup, scope, dedup_id

    def dedups(self) -> Key:
        """FIFO: the prefix of all deduplication ids."""
        return (self._dedup,)

    def attempt(self, *attempt_id: str) -> Key:
        """FIFO: by ReceiveRequestAttemptId."""
        return self._attempt, *attempt_id
