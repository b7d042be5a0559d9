from __future__ import annotations

import asyncio

import pytest
from tests.cloud import Cloud
from tests.services.sqs.helpers import a_queue, arn, bodies, delete, hide, receive, redrive, send

from ballroom.services.sqs.polling import Pollers


def poll(cloud: Cloud, url: str, wait_s: int = 20, **more: object) -> asyncio.Task[dict[str, object]]:
    return cloud.start("sqs", "ReceiveMessage", QueueUrl=url, WaitTimeSeconds=wait_s, **more)


def answer(cloud: Cloud, task: asyncio.Task[dict[str, object]]) -> list[str]:
    async def wait() -> dict[str, object]:
        return await task

    return bodies(cloud.run(wait()).get("Messages", []))  # type: ignore[arg-type]


def waiting(cloud: Cloud) -> int:
    return sum(len(pollers) for pollers in Pollers.every(cloud.kernel))


def test_a_long_poll_is_answered_by_a_message(cloud: Cloud) -> None:
    url = a_queue(cloud)
    task = poll(cloud, url)
    cloud.clock.advance(seconds=19)
    assert not task.done()
    send(cloud, url, "hi")
    assert answer(cloud, task) == ["hi"]


def test_a_long_poll_ends_empty_after_its_time(cloud: Cloud) -> None:
    task = poll(cloud, a_queue(cloud), 5)
    cloud.clock.advance(ms=4_999)
    assert not task.done()
    cloud.clock.advance(ms=1)
    assert answer(cloud, task) == []
    assert waiting(cloud) == 0


def test_the_queue_may_say_how_long_to_wait(cloud: Cloud) -> None:
    url = a_queue(cloud, ReceiveMessageWaitTimeSeconds=3)
    task = cloud.start("sqs", "ReceiveMessage", QueueUrl=url)
    cloud.clock.advance(seconds=2)
    assert not task.done()
    cloud.clock.advance(seconds=1)
    assert answer(cloud, task) == []
    assert receive(cloud, url, WaitTimeSeconds=0) == []


def test_each_message_wakes_one_poller(cloud: Cloud) -> None:
    url = a_queue(cloud)
    tasks = [poll(cloud, url) for _ in range(3)]
    send(cloud, url, "a")
    send(cloud, url, "b")
    cloud.clock.settle()
    assert [task.done() for task in tasks] == [True, True, False]
    assert [answer(cloud, task) for task in tasks[:2]] == [["a"], ["b"]]
    assert waiting(cloud) == 1


def test_a_batch_wakes_as_many_pollers_as_there_are_messages(cloud: Cloud) -> None:
    url = a_queue(cloud)
    tasks = [poll(cloud, url) for _ in range(3)]
    entries = [{"Id": str(n), "MessageBody": str(n)} for n in range(3)]
    cloud.sqs("SendMessageBatch", QueueUrl=url, Entries=entries)
    assert sorted(body for task in tasks for body in answer(cloud, task)) == ["0", "1", "2"]


@pytest.mark.parametrize("delayed", [True, False])
def test_a_poller_is_woken_when_a_hidden_message_becomes_visible(cloud: Cloud, delayed: bool) -> None:
    url = a_queue(cloud, VisibilityTimeout=7)
    if delayed:
        send(cloud, url, "hi", DelaySeconds=7)
    else:
        send(cloud, url, "hi")
        receive(cloud, url)
    task = poll(cloud, url)
    cloud.clock.advance(ms=6_999)
    assert not task.done()
    cloud.clock.advance(ms=1)
    assert answer(cloud, task) == ["hi"]


def test_a_poller_is_woken_by_a_message_delayed_after_it_began_to_wait(cloud: Cloud) -> None:
    url = a_queue(cloud)
    task = poll(cloud, url)
    send(cloud, url, "hi", DelaySeconds=4)
    cloud.clock.advance(seconds=4)
    assert answer(cloud, task) == ["hi"]


def test_a_poller_is_woken_when_a_message_is_given_back(cloud: Cloud) -> None:
    url = a_queue(cloud, holding=["hi"])
    message = receive(cloud, url)[0]
    task = poll(cloud, url)
    hide(cloud, url, message, 0)
    assert answer(cloud, task) == ["hi"]


def test_a_poller_of_a_fifo_queue_is_woken_when_its_group_is_free(cloud: Cloud) -> None:
    url = a_queue(cloud, "q.fifo", holding=["1", "2"])
    message = receive(cloud, url, 1)[0]
    task = poll(cloud, url)
    cloud.clock.settle()
    assert not task.done()
    delete(cloud, url, message)
    assert answer(cloud, task) == ["2"]


def test_a_poller_of_a_dead_letter_queue_is_woken_by_a_dead_letter(cloud: Cloud) -> None:
    dead = a_queue(cloud, "dead")
    url = a_queue(cloud, RedrivePolicy=redrive("dead"), holding=["hi"])
    receive(cloud, url, VisibilityTimeout=0)
    task = poll(cloud, dead)
    receive(cloud, url)
    assert answer(cloud, task) == ["hi"]
    assert arn("dead")


def test_a_client_that_goes_away_leaves_its_message_to_the_next(cloud: Cloud) -> None:
    url = a_queue(cloud)
    answers: list[object] = []

    async def woken_and_gone() -> None:
        kernel, ask = cloud.kernel, {"QueueUrl": url, "WaitTimeSeconds": 20}
        leave = kernel.submit("sqs", "ReceiveMessage", ask, cloud.caller(), answers.append)
        kernel.submit("sqs", "ReceiveMessage", ask, cloud.caller(), answers.append)
        await asyncio.sleep(0)
        message = {"QueueUrl": url, "MessageBody": "hi"}
        kernel.submit("sqs", "SendMessage", message, cloud.caller(), lambda answer: None)
        assert leave is not None
        leave()  # the send has woken the first poller, which has not looked yet

    cloud.run(woken_and_gone())
    cloud.clock.settle()
    assert [bodies(answer["Messages"]) for answer in answers] == [["hi"]]  # type: ignore[index]


def test_cancelled_polls_leave_nothing_behind(cloud: Cloud) -> None:
    url = a_queue(cloud)
    tasks = [poll(cloud, url) for _ in range(50)]
    assert waiting(cloud) == 50

    async def leave() -> None:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0)

    cloud.run(leave())
    assert waiting(cloud) == 0
    send(cloud, url, "hi")
    assert bodies(receive(cloud, url)) == ["hi"]


def test_a_poll_of_a_deleted_queue_learns_it(cloud: Cloud) -> None:
    url = a_queue(cloud)
    task = poll(cloud, url)
    cloud.sqs("DeleteQueue", QueueUrl=url)
    with pytest.raises(Exception, match="does not exist"):
        answer(cloud, task)


def test_no_message_is_missed_between_looking_and_waiting(cloud: Cloud) -> None:
    url = a_queue(cloud)

    async def race() -> dict[str, object]:
        kernel, caller = cloud.kernel, cloud.caller()
        ask = {"QueueUrl": url, "WaitTimeSeconds": 20}
        task = asyncio.ensure_future(kernel.call("sqs", "ReceiveMessage", ask, caller))
        send_it = asyncio.ensure_future(
            kernel.call("sqs", "SendMessage", {"QueueUrl": url, "MessageBody": "hi"}, caller)
        )
        await send_it
        return await asyncio.wait_for(task, 5)

    assert cloud.run(race())["Messages"]


def test_a_service_that_polls_all_day_does_not_run_a_virtual_clock_away(cloud: Cloud) -> None:
    url = a_queue(cloud)
    begun = cloud.clock.now_ms
    cloud.kernel.clock.auto_skip(True)
    caller = cloud.caller(source="lambda.amazonaws.com")
    task = cloud.start("sqs", "ReceiveMessage", caller, QueueUrl=url, WaitTimeSeconds=20)

    async def idle() -> None:
        for _ in range(50):
            await asyncio.sleep(0)

    cloud.run(idle())
    assert cloud.clock.now_ms == begun
    send(cloud, url, "in a quarter of an hour", DelaySeconds=900)
    cloud.run(idle())
    # a message that somebody waits for does pull it
    assert cloud.clock.now_ms == begun + 20_000 or task.done()


def test_a_client_that_polls_lets_a_skipping_clock_jump(cloud: Cloud) -> None:
    url = a_queue(cloud)
    begun = cloud.clock.now_ms
    cloud.kernel.clock.auto_skip(True)
    assert receive(cloud, url, WaitTimeSeconds=20) == []
    assert cloud.clock.now_ms == begun + 20_000


def test_pollers_look_again_when_memory_has_been_rebuilt(cloud: Cloud) -> None:
    url = a_queue(cloud)
    task = poll(cloud, url)
    cloud.kernel.forget()  # what a commit that failed leads to
    cloud.clock.settle()
    assert not task.done()
    send(cloud, url, "hi")
    assert answer(cloud, task) == ["hi"]
