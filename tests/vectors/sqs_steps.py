"""What the recorded tests of SQS did, told by their names and answers."""

from __future__ import annotations

import itertools
import json
from base64 import b64encode
from collections.abc import Callable
from typing import Any

from ballroom.testing import BallroomServer
from tests.vectors.sqs_clients import Client

Answers = dict[str, Any]
_numbers = itertools.count()
TRACE = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"


class Steps:
    """A client with short words for what the tests do often."""

    def __init__(self, server: BallroomServer, client: Client, in_json: Client, in_query: Client) -> None:
        self.server, self.client = server, client
        self.in_json, self.in_query = in_json, in_query

    def __call__(self, operation: str, /, **given: Any) -> Answers:
        return self.client(operation, **given)

    def name(self, suffix: str = "") -> str:
        return f"queue-{next(_numbers)}{suffix}"

    def queue(self, name: str | None = None, **attributes: str) -> str:
        given = {"Attributes": attributes} if attributes else {}
        answer = self("CreateQueue", QueueName=name or self.name(), **given)
        url: str = answer["QueueUrl"]
        return url

    def fifo(self, **attributes: str) -> str:
        return self.queue(self.name(".fifo"), FifoQueue="true", **attributes)

    def send(self, url: str, body: str, **more: Any) -> Answers:
        return self("SendMessage", QueueUrl=url, MessageBody=body, **more)

    def receive(self, url: str, **more: Any) -> Answers:
        return self("ReceiveMessage", QueueUrl=url, **more)

    def delete(self, url: str, received: Answers) -> None:
        for message in received["Messages"]:
            self("DeleteMessage", QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])

    def told(self, url: str, *names: str) -> Answers:
        return self("GetQueueAttributes", QueueUrl=url, AttributeNames=list(names or ("All",)))

    def arn(self, url: str) -> str:
        return f"arn:aws:sqs:us-east-1:111111111111:{url.rpartition('/')[2]}"

    def pass_time(self, seconds: float) -> None:
        self.server.clock.advance(seconds=seconds)


def text(value: str) -> dict[str, str]:
    return {"DataType": "String", "StringValue": value}


def send_empty_message(s: Steps, _: str) -> Answers:
    return {"send_empty_message": s.send(s.queue(), "")}


def max_number_of_messages(s: Steps, _: str) -> Answers:
    return {"send_max_number_of_messages": s.receive(s.queue(), MaxNumberOfMessages=11)}


def wait_time_seconds(s: Steps, _: str) -> Answers:
    url = s.queue()
    answers = {
        "recieve_message_error_too_large": s.receive(url, WaitTimeSeconds=21),
        "recieve_message_error_too_small": s.receive(url, WaitTimeSeconds=-1),
    }
    s.send(url, "message")
    answers["empty_short_poll_by_default_resp"] = s.receive(url)
    s.send(url, "message")
    answers["empty_short_poll_explicit_resp"] = s.receive(url, WaitTimeSeconds=0)
    return answers


def tag_untag(s: Steps, _: str) -> Answers:
    url = s.queue()
    s("TagQueue", QueueUrl=url, Tags={"tag1": "value1", "tag2": "value2", "tag3": ""})
    answers = {"get-tag-1": s("ListQueueTags", QueueUrl=url)}
    s("UntagQueue", QueueUrl=url, TagKeys=["tag1", "tag3"])
    answers["get-tag-2"] = s("ListQueueTags", QueueUrl=url)
    s("UntagQueue", QueueUrl=url, TagKeys=["tag2"])
    return {**answers, "get-tag-after-untag": s("ListQueueTags", QueueUrl=url)}


def different_attributes(s: Steps, _: str) -> Answers:
    name = s.name(".fifo")
    s.queue(name, FifoQueue="true", ContentBasedDeduplication="true")
    given = {"FifoQueue": "true", "ContentBasedDeduplication": "false"}
    return {"queue-already-exists": s("CreateQueue", QueueName=name, Attributes=given)}


def fifo_attributes_of_a_standard_queue(s: Steps, _: str) -> Answers:
    given = {
        "fifo-queue": ("FifoQueue", "false"),
        "content-based-deduplication": ("ContentBasedDeduplication", "false"),
        "deduplication-scope": ("DeduplicationScope", "queue"),
        "throughput-limit": ("FifoThroughputLimit", "perQueue"),
    }
    return {
        f"invalid-attribute-{key}": s("CreateQueue", QueueName=s.name(), Attributes={name: value})
        for key, (name, value) in given.items()
    }


def invalid_deduplication_id(s: Steps, which: str) -> Answers:
    dedup = {"empty": "", "too_long": "a" * 129, "spaces": "group 123"}[which]
    answer = s.send(s.fifo(), "x", MessageGroupId="g", MessageDeduplicationId=dedup)
    return {"error-response": answer}


def create_and_update(s: Steps, _: str) -> Answers:
    url = s.queue(MessageRetentionPeriod="604800", ReceiveMessageWaitTimeSeconds="10", VisibilityTimeout="20")
    before = s.told(url)
    change = {"MaximumMessageSize": "2048", "VisibilityTimeout": "69", "DelaySeconds": "420"}
    s("SetQueueAttributes", QueueUrl=url, Attributes=change)
    return {"get_queue_attributes": before, "get_updated_queue_attributes": s.told(url)}


def change_after_expiration(s: Steps, _: str) -> Answers:
    url = s.queue()
    s.send(url, "x")
    message = s.receive(url, VisibilityTimeout=1)["Messages"][0]
    s.pass_time(2)
    answer = s(
        "ChangeMessageVisibility",
        QueueUrl=url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=2,
    )  # fmt: skip
    return {"visibility_timeout_expired": answer}


def empty_group(s: Steps, _: str) -> Answers:
    url = s.fifo(ContentBasedDeduplication="true")
    s.send(url, "Message 1", MessageGroupId="g")
    first = s.receive(url, VisibilityTimeout=10)
    s.delete(url, first)
    empty = s.receive(url)
    s.send(url, "Message 2", MessageGroupId="g")
    return {
        "inital-fifo-receive": first,
        "empty-fifo-receive": empty,
        "final-fifo-receive": s.receive(url),
    }


def group_visibility(s: Steps, visible: str) -> Answers:
    count = int(visible.partition("-")[0])
    url = s.fifo(ContentBasedDeduplication="true", VisibilityTimeout="2")
    for body in ("foo", "bar", "baz"):
        s.send(url, body, MessageGroupId="g")
    received = s.receive(url, MaxNumberOfMessages=10)
    for message in received["Messages"][count:]:
        handle = message["ReceiptHandle"]
        s("ChangeMessageVisibility", QueueUrl=url, ReceiptHandle=handle, VisibilityTimeout=20)
    s.pass_time(3)
    later = s.receive(url, MaxNumberOfMessages=10)
    return {"receive_all_messages": received, "some-messages-invisible": later}


def fifo_delay(s: Steps, _: str) -> Answers:
    url = s.fifo(ContentBasedDeduplication="true")
    return {"send_message": s.send(url, "x", MessageGroupId="g", DelaySeconds=2)}


def deduplication_strategy(s: Steps, _: str) -> Answers:
    url = s.fifo(ContentBasedDeduplication="true")
    before = s.told(url)
    s("SetQueueAttributes", QueueUrl=url, Attributes={"ContentBasedDeduplication": "false"})
    return {"before-update": before, "after-update": s.told(url)}


def too_many_entries(s: Steps, _: str) -> Answers:
    entries = [{"Id": f"message{n}", "MessageBody": "x"} for n in range(20)]
    answer = s("SendMessageBatch", QueueUrl=s.queue(), Entries=entries)
    return {"test_too_many_entries_in_batch_request": answer}


def batch_message_size(s: Steps, _: str) -> Answers:
    # the recording has made the ids placeholders: they look like UUIDs
    url = s.queue(MaximumMessageSize="1024")
    entries = [
        {"Id": "5a8dd2a4-0000-4000-8000-000000000001", "MessageBody": "a" * 1025},
        {"Id": "5a8dd2a4-0000-4000-8000-000000000002", "MessageBody": "a" * 1024},
    ]
    return {"send-message-batch-result": s("SendMessageBatch", QueueUrl=url, Entries=entries)}


def batch_without_group(s: Steps, _: str) -> Answers:
    url = s.fifo(ContentBasedDeduplication="true")
    entries = [{"Id": f"message-{n}", "MessageBody": f"message{n}"} for n in range(2)]
    answer = s("SendMessageBatch", QueueUrl=url, Entries=entries)
    return {"test_missing_message_group_id_for_fifo_queue": answer}


def invalid_batch_id(s: Steps, entry_id: str) -> Answers:
    url = s.queue()
    s.send(url, "x")
    handle = s.receive(url)["Messages"][0]["ReceiptHandle"]
    entries = [{"Id": entry_id, "ReceiptHandle": handle}]
    return {"error_response": s("DeleteMessageBatch", QueueUrl=url, Entries=entries)}


def too_large_visibility_batch(s: Steps, _: str) -> Answers:
    entries = [{"Id": str(n), "ReceiptHandle": "x", "VisibilityTimeout": 1} for n in range(20)]
    return {"error_response": s("ChangeMessageVisibilityBatch", QueueUrl=s.queue(), Entries=entries)}


def dead_letter_attributes(s: Steps, _: str) -> Answers:
    dead = s.queue()
    policy = json.dumps({"deadLetterTargetArn": s.arn(dead), "maxReceiveCount": 1})
    url = s.queue(RedrivePolicy=policy)
    s.send(
        url, "message-1", MessageAttributes={"MyAttribute": text("foobar")},
        MessageSystemAttributes={"AWSTraceHeader": text(TRACE)},
    )  # fmt: skip
    s.send(url, "message-2")
    names = [
        "SentTimestamp",
        "ApproximateReceiveCount",
        "ApproximateFirstReceiveTimestamp",
        "AWSTraceHeader",
        "DeadLetterQueueSourceArn",
    ]
    asked = {"AttributeNames": names, "MessageAttributeNames": ["All"], "MaxNumberOfMessages": 10}
    first = s.receive(url, VisibilityTimeout=0, **asked)["Messages"]
    s.receive(url, **asked)
    return {
        "dlq-arn": s.arn(dead),
        "sourcen-arn": s.arn(url),
        "rec-pre-dlq": first,
        "dlq-messages": s.receive(dead, **asked)["Messages"],
    }


def unsupported_attribute(s: Steps, _: str) -> Answers:
    url = s.queue()
    return {
        f"invalid-attr-name-{n}": s("SetQueueAttributes", QueueUrl=url, Attributes={"FifoQueue": value})
        for n, value in ((1, "true"), (2, "false"))
    }


def deduplication_not_on_group(s: Steps, rest: str) -> Answers:
    content = rest == "True"
    url = s.fifo(**({"ContentBasedDeduplication": "true"} if content else {}))
    more = {} if content else {"MessageDeduplicationId": "d"}
    body = json.dumps({"foo": "bar"})
    s.send(url, body, MessageGroupId="g1", **more)
    first = s.receive(url)
    s.delete(url, first)
    s.send(url, body, MessageGroupId="g2", **more)
    return {"get-messages": first, "get-dedup-messages": s.receive(url)}


def fifo_needs_ids(s: Steps, _: str) -> Answers:
    url = s.fifo()
    message = {"QueueUrl": url, "MessageBody": "test"}
    no_dedup = {**message, "MessageGroupId": "test"}
    no_group = {**message, "MessageDeduplicationId": "test"}
    return {
        "invalid-parameter-value": s("SendMessage", **no_dedup),
        "missing-parameter": s("SendMessage", **no_group),
        "invalid-parameter-value-query": s.in_json("SendMessage", **no_dedup),
        "missing-parameter-query": s.in_json("SendMessage", **no_group),
    }


def _two_groups(s: Steps, url: str, bodies: tuple[str, str]) -> Answers:
    for body, group in zip(bodies, ("group-1", "group-2"), strict=True):
        s.send(url, body, MessageGroupId=group, MessageDeduplicationId="1")
    answers = {}
    for n in (1, 2):
        received = answers[f"same-dedup-different-grp-{n}"] = s.receive(url)
        s.delete(url, received)
    return answers


def high_throughput(s: Steps, _: str) -> Answers:
    url = s.fifo(DeduplicationScope="messageGroup", FifoThroughputLimit="perMessageGroupId")
    return _two_groups(s, url, ("Test1", "Test2"))


def to_regular_throughput(s: Steps, _: str) -> Answers:
    url = s.fifo(DeduplicationScope="messageGroup", FifoThroughputLimit="perMessageGroupId")
    answers = _two_groups(s, url, ("Test1", "Test2"))
    change = {"DeduplicationScope": "queue", "FifoThroughputLimit": "perQueue"}
    s("SetQueueAttributes", QueueUrl=url, Attributes=change)
    told = s.told(url)
    s.send(url, "Test3", MessageGroupId="group-1", MessageDeduplicationId="1")
    s.send(url, "Test4", MessageGroupId="group-2", MessageDeduplicationId="1")
    answers |= {
        "set-to-regular-throughput": told,
        "same-dedup-different-grp-regular-throughput": s.receive(url, MaxNumberOfMessages=10),
    }
    return answers


def group_scope(s: Steps, _: str) -> Answers:
    return _two_groups(s, s.fifo(DeduplicationScope="messageGroup"), ("Test", "Test"))


def encryption(s: Steps, _: str) -> Answers:
    names = ("KmsMasterKeyId", "KmsDataKeyReusePeriodSeconds", "SqsManagedSseEnabled")
    url = s.queue(KmsMasterKeyId="testKeyId", KmsDataKeyReusePeriodSeconds="6000", SqsManagedSseEnabled="false")
    with_kms = s.told(url, *names)
    with_sqs = s.told(s.queue(SqsManagedSseEnabled="true"), *names)
    return {"sse_kms_attributes": with_kms, "sse_sqs_attributes": with_sqs}


def attribute_filters(s: Steps, _: str) -> Answers:
    url = s.queue(VisibilityTimeout="0")
    attributes = {"Help.Me": text("Me"), "Hello": text("There"), "General": text("Kenobi")}
    answers = {"send_message_response": s.send(url, "msg", MessageAttributes=attributes)}
    whole = {"empty_filter": [], "all_name": ["All"], "illegal_name_1": ["AWS."], "illegal_name_2": ["..foo"]}
    single = {
        "all_wildcard_asterisk": ["*"],
        "all_wildcard": [".*"],
        "only_non_existing_names": ["Foo", "Bar"],
        "only_existing": ["Hello", "General"],
        "existing_and_non_existing": ["Foo", "Hello"],
        "prefix_filter": ["Hel.*"],
    }
    for key, names in whole.items():
        answers[key] = s.receive(url, MessageAttributeNames=names)
    for key, names in single.items():
        answers[key] = s.receive(url, MessageAttributeNames=names)["Messages"][0]
    return answers


def system_attribute_filters(s: Steps, _: str) -> Answers:
    url = s.queue(VisibilityTimeout="0")
    s.send(url, "msg", MessageAttributes={"Foo": text("Bar")})
    every = {"MessageSystemAttributeNames": ["All"]}
    return {
        "all_attributes": s.receive(url, **every),
        "all_system_and_message_attributes": s.receive(url, **every, MessageAttributeNames=["All"]),
        "single_attribute": s.receive(url, MessageSystemAttributeNames=["SenderId"]),
        "multiple_attributes": s.receive(url, MessageSystemAttributeNames=["SenderId", "SequenceNumber"]),
    }


def both_attribute_names(s: Steps, _: str) -> Answers:
    url = s.queue(VisibilityTimeout="0")
    s.send(url, "msg")
    return {
        "same_values": s.receive(url, AttributeNames=["All"], MessageSystemAttributeNames=["All"]),
        "different_values": s.receive(url, AttributeNames=["All"], MessageSystemAttributeNames=["SenderId"]),
    }


def permissions(s: Steps, _: str) -> Answers:
    url = s.queue()
    one, two = "crossaccountpermission", "crossaccountpermission2"

    def add(label: str, *accounts: str) -> Answers:
        given = {"Label": label, "AWSAccountIds": list(accounts), "Actions": ["ReceiveMessage"]}
        return s("AddPermission", QueueUrl=url, **given)

    def remove(label: str) -> Answers:
        return s("RemovePermission", QueueUrl=url, Label=label)

    key = "get-queue-policy-attribute"
    answers = {"add-permission-response": add(one, "668614515564", "111111111111")}
    answers[key] = s.told(url, "Policy")
    answers["remove-permission-response"] = remove(one)
    answers[f"{key}-after-removal"] = s.told(url, "Policy")
    add(one, "111111111111")
    answers[f"{key}-first-account-same-label"] = s.told(url, "Policy")
    answers[f"{key}-second-account-same-label"] = add(one, "668614515564")
    add(two, "111111111111")
    answers[f"{key}-second-account-different-label"] = s.told(url, "Policy")
    remove(one)
    answers[f"{key}-delete-first-permission"] = s.told(url, "Policy")
    remove(two)
    answers[f"{key}-delete-second-permission"] = s.told(url, "Policy")
    answers[f"{key}-delete-non-existent-label"] = remove(two)
    return answers


def non_existent_queue(s: Steps, _: str) -> Answers:
    url = s.queue()
    missing = url + "-missing"
    return {
        "queue-does-not-exist": s("GetQueueUrl", QueueName="missing"),
        "queue-does-not-exist-url": s.told(missing),
        "queue-does-not-exist-query": s.in_query("GetQueueUrl", QueueName="missing"),
    }


def fair_queue(s: Steps, _: str) -> Answers:
    url = s.queue()
    return {
        "send_message": s.send(url, "message", MessageGroupId="test"),
        "get-message-with-deduplication-id": s.receive(url, AttributeNames=["All"]),
    }


def json_on_queue_url(s: Steps, _: str) -> Answers:
    return {"receive-json-on-queue-url": s.receive(s.queue())}


# -- move tasks ------------------------------------------------------------------------------------------


def _bury(s: Steps, count: int) -> tuple[str, str]:
    """A queue, and its dead-letter queue that holds messages."""
    dead = s.queue()
    policy = json.dumps({"deadLetterTargetArn": s.arn(dead), "maxReceiveCount": 1})
    url = s.queue(RedrivePolicy=policy)
    for n in range(count):
        s.send(url, str(n))
    for _ in range(2 * count):
        s.receive(url, VisibilityTimeout=0)
    return url, dead


def _handle(task_id: str, source: str) -> str:
    return b64encode(json.dumps({"taskId": task_id, "sourceArn": source}).encode()).decode()


def cancel_invalid_source(s: Steps, _: str) -> Answers:
    handle = _handle("10f6d72a-0000-4000-8000-000000000000", s.arn("x/missing"))
    return {"error": s("CancelMessageMoveTask", TaskHandle=handle)}


def cancel_invalid_task(s: Steps, _: str) -> Answers:
    handle = _handle("10f6d72a-0000-4000-8000-000000000000", s.arn(s.queue()))
    return {"error": s("CancelMessageMoveTask", TaskHandle=handle)}


def basic_move(s: Steps, _: str) -> Answers:
    _, dead = _bury(s, 2)
    given = {"SourceArn": s.arn(dead), "DestinationArn": s.arn(s.queue())}
    started = s("StartMessageMoveTask", **given)
    s.pass_time(1)
    listed = s("ListMessageMoveTasks", SourceArn=s.arn(dead))
    return {"start-message-move-task-response": started, "list-message-move-task-response": listed}


def default_move(s: Steps, _: str) -> Answers:
    url, dead = _bury(s, 2)
    started = s("StartMessageMoveTask", SourceArn=s.arn(dead))
    s.pass_time(1)
    return {
        "source-arn": s.arn(dead),
        "original-source": s.arn(url),
        "start-message-move-task-response": started,
        "list-message-move-task-response": s("ListMessageMoveTasks", SourceArn=s.arn(dead)),
    }


def move_with_limit(s: Steps, _: str) -> Answers:
    _, dead = _bury(s, 2)
    given = {"SourceArn": s.arn(dead), "MaxNumberOfMessagesPerSecond": 1}
    return {"start-message-move-task-response": s("StartMessageMoveTask", **given)}


def destination_goes(s: Steps, _: str) -> Answers:
    _, dead = _bury(s, 10)
    target = s.queue()
    s(
        "StartMessageMoveTask",
        SourceArn=s.arn(dead), DestinationArn=s.arn(target), MaxNumberOfMessagesPerSecond=1,
    )  # fmt: skip
    s.pass_time(2.5)
    s("DeleteQueue", QueueUrl=target)
    s.pass_time(5)
    return {"list": s("ListMessageMoveTasks", SourceArn=s.arn(dead))}


def two_moves(s: Steps, _: str) -> Answers:
    _, dead = _bury(s, 5)
    given = {"SourceArn": s.arn(dead), "MaxNumberOfMessagesPerSecond": 1}
    s("StartMessageMoveTask", **given)
    return {"error": s("StartMessageMoveTask", **given)}


STEPS: dict[str, Callable[[Steps, str], Answers]] = {
    "test_send_empty_message": send_empty_message,
    "test_send_receive_max_number_of_messages": max_number_of_messages,
    "test_send_receive_wait_time_seconds": wait_time_seconds,
    "test_tag_untag_queue": tag_untag,
    "test_create_fifo_queue_with_different_attributes_raises_error": different_attributes,
    "test_create_standard_queue_with_fifo_attribute_raises_error": fifo_attributes_of_a_standard_queue,
    "test_message_deduplication_id_invalid": invalid_deduplication_id,
    "test_create_and_update_queue_attributes": create_and_update,
    "test_change_message_visibility_after_visibility_timeout_expiration": change_after_expiration,
    "test_fifo_empty_message_groups_added_back_to_queue": empty_group,
    "test_fifo_group_visibility_extends_with_change_message_visibility": group_visibility,
    "test_fifo_queue_send_message_with_delay_seconds_fails": fifo_delay,
    "test_fifo_set_content_based_deduplication_strategy": deduplication_strategy,
    "test_too_many_entries_in_batch_request": too_many_entries,
    "test_send_batch_message_size": batch_message_size,
    "test_send_batch_missing_message_group_id_for_fifo_queue": batch_without_group,
    "test_delete_message_batch_invalid_msg_id": invalid_batch_id,
    "test_change_message_visibility_batch_with_too_large_batch": too_large_visibility_batch,
    "test_dead_letter_queue_message_attributes": dead_letter_attributes,
    "test_set_unsupported_attribute_standard": unsupported_attribute,
    "test_fifo_deduplication_not_on_message_group_id": deduplication_not_on_group,
    "test_posting_to_fifo_requires_deduplicationid_group_id": fifo_needs_ids,
    "test_fifo_high_throughput_ordering": high_throughput,
    "test_fifo_change_to_regular_throughput_after_creation": to_regular_throughput,
    "test_sqs_fifo_message_group_scope_no_throughput_setting": group_scope,
    "test_sse_queue_attributes": encryption,
    "test_receive_message_message_attribute_names_filters": attribute_filters,
    "test_receive_message_message_system_attribute_names_filters": system_attribute_filters,
    "test_message_system_attribute_names_with_attribute_names": both_attribute_names,
    "test_sqs_permission_lifecycle": permissions,
    "test_non_existent_queue": non_existent_queue,
    "test_fair_queue_with_message_group_id": fair_queue,
    "test_send_message_via_queue_url_with_json_protocol": json_on_queue_url,
    "test_cancel_with_invalid_source_arn_in_task_handle": cancel_invalid_source,
    "test_cancel_with_invalid_task_id_in_task_handle": cancel_invalid_task,
    "test_basic_move_task_workflow": basic_move,
    "test_move_task_workflow_with_default_destination": default_move,
    "test_move_task_with_throughput_limit": move_with_limit,
    "test_move_task_delete_destination_queue_while_running": destination_goes,
    "test_start_multiple_move_tasks": two_moves,
}
