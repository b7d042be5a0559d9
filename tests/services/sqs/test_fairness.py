from __future__ import annotations

from tests.cloud import Cloud
from tests.services.sqs.helpers import a_queue, bodies, counts, delete, receive, send


def a_noisy_queue(cloud: Cloud, backlog: int) -> tuple[str, list[dict[str, object]]]:
    """A queue whose group `noisy` has thirty messages in flight and a backlog."""
    url = a_queue(cloud, VisibilityTimeout=3600)
    for n in range(30 + backlog):
        send(cloud, url, f"noisy {n}", MessageGroupId="noisy")
    taken: list[dict[str, object]] = []
    while len(taken) < 30:
        taken += receive(cloud, url)
    return url, taken


def test_quiet_groups_come_before_the_backlog_of_a_noisy_one(cloud: Cloud) -> None:
    url, _ = a_noisy_queue(cloud, backlog=100)
    for group in ("a", "b", None):
        send(cloud, url, f"quiet {group}", **({"MessageGroupId": group} if group else {}))
    assert bodies(receive(cloud, url, 3)) == ["quiet a", "quiet b", "quiet None"]
    assert bodies(receive(cloud, url, 2)) == ["noisy 30", "noisy 31"]
    send(cloud, url, "quiet again", MessageGroupId="a")
    assert bodies(receive(cloud, url, 2)) == ["quiet again", "noisy 32"]


def test_a_group_is_quiet_again_when_its_messages_in_flight_are_done(cloud: Cloud) -> None:
    url, taken = a_noisy_queue(cloud, backlog=5)
    send(cloud, url, "quiet", MessageGroupId="a")
    assert bodies(receive(cloud, url, 1)) == ["quiet"]
    for message in taken:
        delete(cloud, url, message)
    send(cloud, url, "later", MessageGroupId="b")
    assert bodies(receive(cloud, url)) == [*(f"noisy {n}" for n in range(30, 35)), "later"]


def test_of_two_noisy_groups_the_one_with_fewer_in_flight_comes_first(cloud: Cloud) -> None:
    url = a_queue(cloud, VisibilityTimeout=3600)
    for group, count in (("loud", 40), ("louder", 50)):
        for n in range(count):
            send(cloud, url, f"{group} {n}", MessageGroupId=group)
        for _ in range(count // 10):
            receive(cloud, url)
    send(cloud, url, "louder more", MessageGroupId="louder")
    send(cloud, url, "loud more", MessageGroupId="loud")
    assert bodies(receive(cloud, url)) == ["loud more", "louder more"]


def test_returned_messages_of_a_noisy_group_wait_for_the_quiet_ones(cloud: Cloud) -> None:
    url, taken = a_noisy_queue(cloud, backlog=10)
    back = receive(cloud, url, 1, VisibilityTimeout=1)
    cloud.clock.advance(seconds=1)
    send(cloud, url, "quiet", MessageGroupId="a")
    assert bodies(receive(cloud, url, 2)) == ["quiet", *bodies(back)]
    assert len(taken) == 30


def test_nothing_is_lost_or_doubled_by_passing_over(cloud: Cloud) -> None:
    url, taken = a_noisy_queue(cloud, backlog=200)
    for n in range(20):
        send(cloud, url, f"quiet {n}", MessageGroupId=f"g{n % 3}")
    seen = bodies(taken)  # type: ignore[arg-type]
    while messages := receive(cloud, url):
        seen += bodies(messages)
    assert sorted(seen) == sorted([*(f"noisy {n}" for n in range(230)), *(f"quiet {n}" for n in range(20))])
    assert counts(cloud, url) == (0, 250, 0)


def test_a_passed_over_message_expires(cloud: Cloud) -> None:
    url, _ = a_noisy_queue(cloud, backlog=10)
    cloud.sqs("SetQueueAttributes", QueueUrl=url, Attributes={"MessageRetentionPeriod": "60"})
    send(cloud, url, "quiet", MessageGroupId="a")
    assert bodies(receive(cloud, url, 1)) == ["quiet"]
    cloud.clock.advance(seconds=60)
    assert counts(cloud, url) == (0, 0, 0)
    assert receive(cloud, url) == []
