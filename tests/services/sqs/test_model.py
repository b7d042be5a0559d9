"""Random histories against a model of a few lines: nothing lost, doubled, early, late or out of order."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from tests.cloud import Cloud
from tests.services.sqs.helpers import a_queue, counts, delete, receive, redrive

from ballroom.kernel import ServiceError

RETENTION_MS = 250_000  # less than the five minutes of deduplication
RECEIVES = 3
GROUPS = st.lists(st.sampled_from("abc"), min_size=1, max_size=4)


class Sent:
    """A message in the model."""

    def __init__(self, body: str, group: str, now: int, visible: int) -> None:
        self.body, self.group, self.sent, self.visible = body, group, now, visible
        self.waiting = visible > now
        self.count = 0
        self.handles: list[str] = []


class QueueMachine(RuleBasedStateMachine):
    """What standard and FIFO queues have in common."""

    name = "q"
    dead_name = "dead"

    @initialize()
    def begin(self) -> None:
        self.cloud = Cloud()
        self.dead_url = a_queue(self.cloud, self.dead_name, MessageRetentionPeriod=1_209_600)
        self.url = a_queue(
            self.cloud,
            self.name,
            VisibilityTimeout=10,
            MessageRetentionPeriod=RETENTION_MS // 1000,
            RedrivePolicy=redrive(self.dead_name, RECEIVES),
        )
        self.live: list[Sent] = []
        self.number = 0
        self.purged = 0
        for _ in range(6):
            self.send_one(0, "a")

    def teardown(self) -> None:
        if hasattr(self, "cloud"):
            self.cloud.close()

    @property
    def now(self) -> int:
        return self.cloud.clock.now_ms

    def drop_expired(self) -> None:
        self.live = [m for m in self.live if self.now - m.sent < RETENTION_MS]

    def call(self, operation: str, **given: Any) -> dict[str, Any]:
        return self.cloud.sqs(operation, QueueUrl=self.url, **given)

    def succeeds(self, operation: str, **given: Any) -> bool:
        """Whether it does, rather than being told that the receipt handle has expired."""
        try:
            self.call(operation, **given)
        except ServiceError as error:
            if "The receipt handle has expired." in error.text:
                return False
            raise
        return True

    def buried(self) -> list[str]:
        """What has come to the dead-letter queue, which is emptied."""
        bodies = []
        while messages := receive(self.cloud, self.dead_url):
            for message in messages:
                bodies.append(message["Body"])
                delete(self.cloud, self.dead_url, message)
        return bodies

    def next_body(self) -> str:
        self.number += 1
        return str(self.number)

    @rule(ms=st.sampled_from([1, 999, 1000, 5000, 10_000, 12_001]))
    def time_passes(self, ms: int) -> None:
        self.cloud.clock.advance(ms=ms)
        self.drop_expired()

    @rule()
    def memory_is_rebuilt_from_the_store(self) -> None:
        self.cloud.kernel.forget()

    @rule()
    @precondition(lambda self: len(self.live) > 12 and self.now - self.purged >= 60_000)
    def purge(self) -> None:
        self.purged = self.now
        self.call("PurgeQueue")
        self.live = []

    @rule(data=st.data(), seconds=st.sampled_from([0, 0, 1, 5, 20]))
    @precondition(lambda self: any(m.handles for m in self.live))
    def hide(self, data: st.DataObject, seconds: int) -> None:
        message = data.draw(st.sampled_from([m for m in self.live if m.handles]))
        handle = data.draw(st.sampled_from(message.handles))
        given = {"ReceiptHandle": handle, "VisibilityTimeout": seconds}
        usable = self.may_use(message, handle)
        assert self.succeeds("ChangeMessageVisibility", **given) is usable
        if usable:
            message.visible = self.now + 1000 * seconds

    @rule(data=st.data())
    @precondition(lambda self: any(m.handles for m in self.live))
    def delete(self, data: st.DataObject) -> None:
        message = data.draw(st.sampled_from([m for m in self.live if m.handles]))
        handle = data.draw(st.sampled_from(message.handles))
        usable = self.may_use(message, handle)
        assert self.succeeds("DeleteMessage", ReceiptHandle=handle) is usable
        if usable:
            self.live.remove(message)

    @rule(limit=st.integers(1, 10), seconds=st.sampled_from([0, 0, 1, 5, 10, 20]))
    def receive(self, limit: int, seconds: int) -> None:
        answer = self.call("ReceiveMessage", MaxNumberOfMessages=limit, VisibilityTimeout=seconds)
        got = answer.get("Messages", [])
        expected = self.expect(limit, got)
        assert [message["Body"] for message in got] == [m.body for m in expected]
        for message, m in zip(got, expected, strict=True):
            m.count += 1
            m.waiting = False
            m.visible = self.now + 1000 * seconds
            m.handles.append(message["ReceiptHandle"])

    @invariant()
    def counts_are_true(self) -> None:
        if not hasattr(self, "cloud"):
            return
        hidden = [m for m in self.live if m.visible > self.now]
        delayed = sum(m.waiting for m in hidden)
        expected = (len(self.live) - len(hidden), len(hidden) - delayed, delayed)
        assert counts(self.cloud, self.url) == expected

    def send_one(self, delay: int, group: str) -> None:
        raise NotImplementedError

    def is_dead(self, message: Sent) -> bool:
        return message.count >= RECEIVES

    def may_use(self, message: Sent, handle: str) -> bool:
        raise NotImplementedError

    def expect(self, limit: int, got: list[dict[str, Any]]) -> list[Sent]:
        raise NotImplementedError


class StandardMachine(QueueMachine):
    """A standard queue gives what is visible, in any order, and all of it if there is room."""

    @rule(delay=st.sampled_from([0, 0, 1, 7, 15]), groups=GROUPS)
    def send(self, delay: int, groups: list[str]) -> None:
        for group in groups:
            self.send_one(delay, group)

    def send_one(self, delay: int, group: str) -> None:
        body = self.next_body()
        self.call("SendMessage", MessageBody=body, DelaySeconds=delay, MessageGroupId=group)
        self.live.append(Sent(body, group, self.now, self.now + 1000 * delay))

    def may_use(self, message: Sent, handle: str) -> bool:
        return True

    def expect(self, limit: int, got: list[dict[str, Any]]) -> list[Sent]:
        visible = {m.body: m for m in self.live if m.visible <= self.now}
        chosen = [visible.pop(message["Body"]) for message in got]
        assert not any(self.is_dead(m) for m in chosen)
        # those that the receive met on its way went to the dead-letter queue
        for body in self.buried():
            m = visible.pop(body)
            assert self.is_dead(m)
            self.live.remove(m)
        assert len(chosen) == limit or not visible
        return chosen


class FifoMachine(QueueMachine):
    """A FIFO queue gives each group's messages in order, up to the first in flight."""

    name = "q.fifo"
    dead_name = "dead.fifo"

    @rule(groups=GROUPS)
    def send(self, groups: list[str]) -> None:
        for group in groups:
            self.send_one(0, group)

    def send_one(self, delay: int, group: str) -> None:
        body = self.next_body()
        self.call("SendMessage", MessageBody=body, MessageGroupId=group)
        self.live.append(Sent(body, group, self.now, self.now))

    @rule()
    @precondition(lambda self: self.live)
    def send_again(self) -> None:
        # within five minutes of the first, which the retention period ensures
        self.call("SendMessage", MessageBody=self.live[-1].body, MessageGroupId="d")

    def may_use(self, message: Sent, handle: str) -> bool:
        return handle == message.handles[-1] and message.visible > self.now

    def expect(self, limit: int, got: list[dict[str, Any]]) -> list[Sent]:
        chosen: list[Sent] = []
        buried = set(self.buried())
        missed = False
        order = list(dict.fromkeys(self.group_of(message["Body"]) for message in got))
        rest = [g for g in dict.fromkeys(m.group for m in self.live) if g not in order]
        for group in (*order, *rest):
            for m in [m for m in self.live if m.group == group]:
                if m.visible > self.now:
                    break
                if m.body in buried:
                    assert self.is_dead(m)
                    buried.remove(m.body)
                    self.live.remove(m)
                elif self.is_dead(m) or len(chosen) == limit:
                    missed = True
                    break
                else:
                    chosen.append(m)
        assert not buried
        assert len(chosen) == limit or not missed
        return chosen

    def group_of(self, body: str) -> str:
        return next(m.group for m in self.live if m.body == body)


_SETTINGS = settings(
    max_examples=60, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
)
TestStandard = StandardMachine.TestCase
TestStandard.settings = _SETTINGS
TestFifo = FifoMachine.TestCase
TestFifo.settings = _SETTINGS
