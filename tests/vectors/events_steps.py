"""What the recorded tests of EventBridge asked, asked again; `test_events` compares the answers."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from tests.cloud import Cloud

ACCOUNT = "111111111111"
SECOND = "222222222222"
PATTERN: dict[str, Any] = {
    "source": ["core.update-account-command"],
    "detail-type": ["core.update-account-command"],
    "detail": {"command": ["update-account"]},
}
DETAIL = {"command": "update-account", "payload": {"acc_id": "0a787ecb-4015", "sf_id": "baz"}}
class Events:
    """EventBridge of the recorded account: `events("Operation", ...)`, `events.error("Operation", ...)`."""

    def __init__(self, cloud: Cloud, account: str = ACCOUNT, region: str = "us-east-1") -> None:
        self.cloud, self.me = cloud, cloud.caller(account=account, region=region)

    def elsewhere(self, account: str, region: str) -> Events:
        return Events(self.cloud, account, region)

    def __call__(self, operation: str, **request: Any) -> dict[str, Any]:
        return self.cloud.call("events", operation, self.me, **request)

    def error(self, operation: str, **request: Any) -> Any:
        return self.cloud.error("events", operation, self.me, **request)

    def bus(self, kind: str) -> str:
        if kind == "default":
            return "default"
        self("CreateEventBus", Name="bus")
        return "bus"

    def bus_arn(self, name: str) -> str:
        return f"arn:aws:events:{self.me.region}:{self.me.account}:event-bus/{name}"

    def rule(self, name: str = "rule", bus: str = "default", pattern: Any = PATTERN, **more: Any) -> str:
        answer = self("PutRule", Name=name, EventBusName=bus, EventPattern=json.dumps(pattern), **more)
        return str(answer["RuleArn"])

    def target(self, rule: str, *targets: dict[str, Any], bus: str = "default") -> dict[str, Any]:
        specs = [{"Id": f"target{n}", **target} for n, target in enumerate(targets)]
        return self("PutTargets", Rule=rule, EventBusName=bus, Targets=specs)

    def queue(self, name: str = "q") -> str:
        self.cloud.call("sqs", "CreateQueue", self.me, QueueName=name)
        return f"arn:aws:sqs:{self.me.region}:{self.me.account}:{name}"

    def messages(self, arn: str) -> list[dict[str, Any]]:
        name = arn.rpartition(":")[2]
        url = self.cloud.call("sqs", "GetQueueUrl", self.me, QueueName=name)["QueueUrl"]
        answer = self.cloud.call("sqs", "ReceiveMessage", self.me, QueueUrl=url, MaxNumberOfMessages=10)
        return [plain(message) for message in answer.get("Messages", [])]

    def put(self, detail: Any = DETAIL, **more: Any) -> dict[str, Any]:
        return self("PutEvents", Entries=[entry(detail, **more)])


def entry(detail: Any = DETAIL, **more: Any) -> dict[str, Any]:
    made = {
        "Source": PATTERN["source"][0], "DetailType": PATTERN["source"][0], "Detail": json.dumps(detail), **more
    }  # fmt: skip
    return {name: value for name, value in made.items() if value is not None}


def plain(message: dict[str, Any]) -> dict[str, Any]:
    """A message as the recordings show it: its body parsed where that is an object, times as words."""
    body = json.loads(message["Body"])
    if isinstance(body, str):
        body = message["Body"]
    text = json.dumps({**message, "Body": body})
    return json.loads(re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", "date", text))  # type: ignore[no-any-return]


Steps = Callable[..., dict[str, Any]]
STEPS: dict[str, Steps] = {}


def steps(function: Steps) -> Steps:
    STEPS[function.__name__] = function
    return function


# -- PutEvents -----------------------------------------------------------------------------------------


@steps
def test_put_events_without_source(events: Events) -> dict[str, Any]:
    return {"put-events": events.put(Source=None)}


@steps
def test_put_event_without_detail_type(events: Events) -> dict[str, Any]:
    return {"put-events": events.put(DetailType=None)}


@steps
def test_put_event_without_detail(events: Events) -> dict[str, Any]:
    return {"put-events": events.put(Detail=None)}


@steps
def test_put_event_malformed_detail(events: Events, detail: str) -> dict[str, Any]:
    malformed = {
        "STRING": "Some string", "ARRAY": '["a", "b"]', "MALFORMED_JSON": '{"a": ', "SERIALIZED_STRING": '"x"',
    }  # fmt: skip
    return {"put-events": events.put(Detail=malformed[detail])}


@steps
def test_put_event_with_too_big_detail(events: Events) -> dict[str, Any]:
    return {"put-events-too-big-detail-error": events.error("PutEvents", Entries=[entry({"a": "x" * (1 << 20)})])}


@steps
def test_put_events_exceed_limit_ten_entries(events: Events, kind: str) -> dict[str, Any]:
    entries = [entry(EventBusName=events.bus(kind))] * 11
    return {"put-events-exceed-limit-error": events.error("PutEvents", Entries=entries)}


@steps
def test_put_events_with_target_delivery_failure(events: Events) -> dict[str, Any]:
    events.rule()
    events.target("rule", {"Arn": f"arn:aws:sqs:us-east-1:{ACCOUNT}:gone"})
    return {"put-events-response": events.put()}


# -- buses ---------------------------------------------------------------------------------------------


@steps
def test_delete_default_event_bus(events: Events) -> dict[str, Any]:
    return {"delete-default-event-bus-error": events.error("DeleteEventBus", Name="default")}


@steps
def test_list_event_buses_with_prefix(events: Events) -> dict[str, Any]:
    events("CreateEventBus", Name="unique-prefix-bus")
    events("CreateEventBus", Name="other")
    return {
        "list-event-buses-prefix-complete-name": events("ListEventBuses", NamePrefix="unique-prefix-bus"),
        "list-event-buses-prefix": events("ListEventBuses", NamePrefix="unique-prefix"),
    }


@steps
def test_put_permission_non_existing_event_bus(events: Events) -> dict[str, Any]:
    return {
        "remove-permission-non-existing-sid-error": events.error(
            "PutPermission", EventBusName="bus", Action="events:PutEvents", Principal="*", StatementId="s"
        )
    }


@steps
def test_remove_permission(events: Events, kind: str) -> dict[str, Any]:
    bus = events.bus(kind)
    for n in range(2):
        events(
            "PutPermission", EventBusName=bus, Action="events:PutEvents", Principal=SECOND, StatementId=f"s{n}"
        )  # fmt: skip
    return {
        "remove-permission": events("RemovePermission", EventBusName=bus, StatementId="s0"),
        "describe-event-bus-remove-permission": events("DescribeEventBus", Name=bus),
        "remove-permission-all": events("RemovePermission", EventBusName=bus, RemoveAllPermissions=True),
        "describe-event-bus-remove-permission-all": events("DescribeEventBus", Name=bus),
    }


@steps
def test_remove_permission_non_existing_sid(events: Events, parameters: str) -> dict[str, Any]:
    with_policy, _, kind = parameters.partition("-")
    bus = events.bus(kind)
    if with_policy == "True":
        events("PutPermission", EventBusName=bus, Action="events:PutEvents", Principal=SECOND, StatementId="s")
    wrong = events.error("RemovePermission", EventBusName=bus, StatementId="another")
    return {"remove-permission-non-existing-sid-error": wrong}


@steps
def test_put_events_to_default_eventbus_for_custom_eventbus(events: Events) -> dict[str, Any]:
    created = events("CreateEventBus", Name="bus")
    first = events.rule("first", pattern={"source": ["aws.s3"]})
    second = events.rule("second", "bus", {"source": ["aws.s3"]})
    queue = events.queue()
    on = {"Arn": created["EventBusArn"], "RoleArn": f"arn:aws:iam::{ACCOUNT}:role/r"}
    answers = {
        "create-custom-event-bus": created,
        "create-rule-1": {"RuleArn": first},
        "create-rule-2": {"RuleArn": second},
        "put-target-1": events.target("first", on),
        "put-target-2": events.target("second", {"Arn": queue}, bus="bus"),
    }
    detail = {
        "version": "0", "bucket": {"name": "b"},
        "object": {
            "key": "k", "size": 4, "etag": "8d777f385d3dfec8815d20f7496026dc", "sequencer": "object-sequencer"
        },
        "request-id": "request-id", "requester": "r", "source-ip-address": "127.0.0.1", "reason": "PutObject",
    }  # fmt: skip
    emitted = {
        "Source": "aws.s3", "DetailType": "Object Created", "Detail": lambda: detail, "Resources": ["arn:aws:s3:::b"]
    }  # fmt: skip
    events("EmitEvents", Entries=[emitted])
    return {**answers, "get-events": {"Messages": events.messages(queue)}}


# -- rules and targets ---------------------------------------------------------------------------------


@steps
def test_list_rule_with_limit(events: Events) -> dict[str, Any]:
    events("CreateEventBus", Name="bus")
    for n in range(6):
        events.rule(f"rule-{n}", "bus")
    first = events("ListRules", EventBusName="bus", NamePrefix="rule", Limit=3)
    rest = events("ListRules", EventBusName="bus", NamePrefix="rule", NextToken=first["NextToken"])
    return {"list-rules-limit": first, "list-rules-limit-next-token": rest}


@steps
def test_describe_nonexistent_rule(events: Events) -> dict[str, Any]:
    return {"describe-not-existing-rule-error": events.error("DescribeRule", Name="rule")}


@steps
def test_delete_rule_with_targets(events: Events) -> dict[str, Any]:
    events.rule()
    events.target("rule", {"Arn": events.queue()})
    return {"delete-rule-with-targets-error": events.error("DeleteRule", Name="rule")}


@steps
def test_update_rule_with_targets(events: Events) -> dict[str, Any]:
    events.rule()
    events.target("rule", {"Arn": events.queue()})
    before = events("ListTargetsByRule", Rule="rule")
    updated = {"RuleArn": events.rule(pattern={"source": ["another"]})}
    after = events("ListTargetsByRule", Rule="rule")
    return {"list-targets": before, "update-rule": updated, "list-targets-after-update": after}


@steps
def test_list_rule_names_by_target_with_limit(events: Events, kind: str) -> dict[str, Any]:
    bus, queue = events.bus(kind), events.queue()
    for n in range(5):
        events.rule(f"rule{n}", bus)
        events.target(f"rule{n}", {"Arn": queue}, bus=bus)
    pages: dict[str, Any] = {}
    token: dict[str, Any] = {}
    for name in ("first_page", "second_page", "third_page"):
        page = events("ListRuleNamesByTarget", TargetArn=queue, EventBusName=bus, Limit=2, **token)
        pages[name], token = page, {"NextToken": page.get("NextToken")}
    return pages


@steps
def test_put_list_remove_target(events: Events, kind: str) -> dict[str, Any]:
    bus = events.bus(kind)
    events.rule(bus=bus)
    put = events.target("rule", {"Arn": events.queue()}, bus=bus)
    listed = events("ListTargetsByRule", Rule="rule", EventBusName=bus)
    removed = events("RemoveTargets", Rule="rule", EventBusName=bus, Ids=["target0"])
    after = events("ListTargetsByRule", Rule="rule", EventBusName=bus)
    return {"put-target": put, "list-targets": listed, "remove-target": removed, "list-targets-after-delete": after}


@steps
def test_add_exceed_fife_targets_per_rule(events: Events) -> dict[str, Any]:
    events.rule()
    targets = [{"Id": f"t{n}", "Arn": events.queue(f"q{n}")} for n in range(6)]
    return {"put-targets-client-error": events.error("PutTargets", Rule="rule", Targets=targets)}


@steps
def test_list_target_by_rule_limit(events: Events) -> dict[str, Any]:
    events.rule()
    queue = events.queue()
    events.target("rule", *[{"Arn": queue} for _ in range(5)])
    first = events("ListTargetsByRule", Rule="rule", Limit=3)
    rest = events("ListTargetsByRule", Rule="rule", NextToken=first["NextToken"])
    return {"list-targets-limit": first, "list-targets-limit-next-token": rest}


@steps
def test_put_target_id_validation(events: Events) -> dict[str, Any]:
    events.rule()
    queue = events.queue()

    def wrong(name: str) -> Any:
        return events.error("PutTargets", Rule="rule", Targets=[{"Id": name, "Arn": queue}])

    return {
        "put-targets-invalid-id-error": wrong("!@#$@!#$"),
        "put-targets-length-error": wrong("second-" + "x" * 64),
    }


def _twice(events: Events, *calls: tuple[str, str, str]) -> None:
    """Each call: the rule, the target's id and its path; all targets are one queue."""
    queue = events.queue()
    for rule, target_id, path in calls:
        events.rule(rule)
        target = {"Id": target_id, "Arn": queue, "InputPath": path}
        events("PutTargets", Rule=rule, Targets=[target])


@steps
def test_put_multiple_targets_with_same_id_single_rule(events: Events) -> dict[str, Any]:
    _twice(events, ("rule", "target-id", "$.detail"), ("rule", "target-id", "$.notexisting"))
    return {"list-targets": events("ListTargetsByRule", Rule="rule")}


@steps
def test_put_multiple_targets_with_same_id_across_different_rules(events: Events) -> dict[str, Any]:
    _twice(events, ("one", "target-id", "$.detail"), ("two", "target-id", "$.notexisting"))
    return _of_both(events)


@steps
def test_put_multiple_targets_with_same_arn_single_rule(events: Events) -> dict[str, Any]:
    _twice(events, ("rule", "target-id-one", "$.detail"), ("rule", "target-id-two", "$.doesnotexist"))
    return {"list-targets": events("ListTargetsByRule", Rule="rule")}


@steps
def test_put_multiple_targets_with_same_arn_across_different_rules(events: Events) -> dict[str, Any]:
    _twice(events, ("one", "target-id", "$.detail"), ("two", "target-id", "$.doesnotexist"))
    return _of_both(events)


def _of_both(events: Events) -> dict[str, Any]:
    listed = {rule: events("ListTargetsByRule", Rule=rule) for rule in ("one", "two")}
    return {"list-targets-rule-one": listed["one"], "list-targets-rule-two": listed["two"]}


# -- inputs --------------------------------------------------------------------------------------------

NESTED_PATHS = {
    "userId": "$.detail.payload.acc_id", "payload": "$.detail.payload", "listsingle": "$.detail.listsingle",
    "listmulti": "$.detail.listmulti", "systemstring": "$.detail.systemstring", "valid": "$.detail.valid",
}  # fmt: skip


def sent(events: Events, detail: Any = DETAIL, **target: Any) -> list[dict[str, Any]]:
    queue = events.queue()
    events.rule()
    events.target("rule", {"Arn": queue, **target})
    events.put(detail)
    return events.messages(queue)


@steps
def test_put_event_input_path_and_input_transformer(events: Events) -> dict[str, Any]:
    events.rule()
    both = {
        "Id": "t", "Arn": events.queue(), "InputPath": "$.detail",
        "InputTransformer": {"InputPathsMap": {"a": "$.detail"}, "InputTemplate": "<a>"},
    }  # fmt: skip
    return {"duplicated-input-operations-error": events.error("PutTargets", Rule="rule", Targets=[both])}


@steps
def test_put_events_with_input_path(events: Events) -> dict[str, Any]:
    return {"message": sent(events, InputPath="$.detail")}


@steps
def test_put_events_with_input_path_nested(events: Events, which: str) -> dict[str, Any]:
    nested = {"acc_id": "0a787ecb-4015", "payload": {"message": "baz", "id": "123"}}
    detail = DETAIL if which == "event_detail0" else {"command": "update-account", "payload": nested}
    return {"message": sent(events, detail, InputPath="$.detail.payload")}


@steps
def test_put_events_with_input_path_multiple_targets(events: Events) -> dict[str, Any]:
    first, second = events.queue("one"), events.queue("two")
    events.rule()
    events.target("rule", {"Arn": first, "InputPath": "$.detail"}, {"Arn": second})
    events.put()
    return {"message-queue-1": events.messages(first), "message-queue-2": events.messages(second)}


@steps
def test_put_events_with_input_transformer_input_template_string(events: Events, template: str) -> dict[str, Any]:
    paths = {"detail-type": "$.detail-type", "timestamp": "$.time", "command": "$.detail.command"}
    first, second = events.queue("one"), events.queue("two")
    events.rule("all")
    events.rule("some", pattern={"detail": {"command": ["update-account"]}})
    transform = {"InputPathsMap": paths, "InputTemplate": template}
    events.target("all", {"Arn": first, "InputTransformer": transform})
    missing = {**transform, "InputPathsMap": {**paths, "command": "$.detail.notexisting"}}
    events.target("some", {"Arn": second, "InputTransformer": missing})
    events.put()
    return {
        "custom-variables-match-all": events.messages(first),
        "custom-variables-not-match-all": events.messages(second),
    }


@steps
def test_put_events_with_input_transformer_missing_keys(events: Events) -> dict[str, Any]:
    events.rule()
    transform = {"InputPathsMap": {"notinuse": "$.detail"}, "InputTemplate": '"<notdefinedkey>"'}
    target = {"Id": "t", "Arn": events.queue(), "InputTransformer": transform}
    return {"missing-key-exception-error": events.error("PutTargets", Rule="rule", Targets=[target])}


@steps
def test_input_transformer_nested_keys_replacement(events: Events, template: str) -> dict[str, Any]:
    detail = {**DETAIL, "listsingle": ["HIGH"], "listmulti": ["ACTIVE", "INACTIVE"], "valid": True}
    paths = {name: path for name, path in NESTED_PATHS.items() if f"<{name}>" in template}
    transform = {"InputPathsMap": paths, "InputTemplate": template}
    return {"input-transformed-messages": sent(events, detail, InputTransformer=transform)}


# -- tags, archives, replays, schedules, connections -----------------------------------------------------


def tagged(events: Events, parameters: str, **more: Any) -> str:
    kind, _, bus = parameters.replace("event_bus-event_bus", "bus-").replace("rule-event_bus", "rule-").partition("-")
    name = "default" if bus.strip("-_") == "default" else "bus"
    if name == "bus":
        events("CreateEventBus", Name="bus", **(more if kind == "bus" else {}))
    if kind == "bus":
        return events.bus_arn(name)
    return events.rule(bus=name, **more)


TAGS = [{"Key": "tag1", "Value": "value1"}, {"Key": "tag2", "Value": "value2"}]


@steps
def tests_tag_untag_resource(events: Events, parameters: str) -> dict[str, Any]:
    arn = tagged(events, parameters)
    return {
        "tag_resource": events("TagResource", ResourceARN=arn, Tags=TAGS),
        "list_tags_for_resource": events("ListTagsForResource", ResourceARN=arn),
        "untag_resource": events("UntagResource", ResourceARN=arn, TagKeys=["tag2"]),
        "list_tags_for_untagged_resource": events("ListTagsForResource", ResourceARN=arn),
        "untag_resource_not_existing_tag": events("UntagResource", ResourceARN=arn, TagKeys=["tag2"]),
    }


@steps
def test_recreate_tagged_resource_without_tags(events: Events, parameters: str) -> dict[str, Any]:
    arn = tagged(events, parameters)
    events("TagResource", ResourceARN=arn, Tags=TAGS[:1])
    if "rule" in parameters:
        bus = "default" if "default" in parameters else "bus"
        events("DeleteRule", Name="rule", EventBusName=bus)
        events.rule(bus=bus)
    elif "default" not in parameters:
        events("DeleteEventBus", Name="bus")
        events("CreateEventBus", Name="bus")
    return {"list_tags_for_resource": events("ListTagsForResource", ResourceARN=arn)}


@steps
def test_put_rule_with_tags(events: Events) -> dict[str, Any]:
    arn = events.rule(Tags=TAGS)
    return {
        "put_rule_with_tags": {"RuleArn": arn},
        "list_tags_for_rule": events("ListTagsForResource", ResourceARN=arn),
    }


@steps
def test_create_event_bus_with_tags(events: Events) -> dict[str, Any]:
    made = events("CreateEventBus", Name="bus", Tags=TAGS)
    listed = events("ListTagsForResource", ResourceARN=made["EventBusArn"])
    return {"create_event_bus_with_tags": made, "list_tags_for_event_bus": listed}


@steps
def test_list_tags_for_deleted_event_bus(events: Events) -> dict[str, Any]:
    arn = events("CreateEventBus", Name="bus", Tags=TAGS)["EventBusArn"]
    events("DeleteEventBus", Name="bus")
    return {"list_tags_for_deleted_rule_error": events.error("ListTagsForResource", ResourceARN=arn)}


def archive(events: Events, bus: str, **more: Any) -> dict[str, Any]:
    return events("CreateArchive", ArchiveName="archive", EventSourceArn=events.bus_arn(bus), RetentionDays=1, **more)


@steps
def test_create_list_describe_update_delete_archive(events: Events, kind: str) -> dict[str, Any]:
    bus = events.bus(kind)
    return {
        "create-archive": archive(
            events, bus, Description="description of the archive", EventPattern=json.dumps(PATTERN)
        ),
        "list-archives": events("ListArchives"),
        "describe-archive": events("DescribeArchive", ArchiveName="archive"),
        "update-archive": events("UpdateArchive", ArchiveName="archive", Description="another"),
        "delete-archive": events("DeleteArchive", ArchiveName="archive"),
    }


@steps
def test_list_archive_with_name_prefix(events: Events, kind: str) -> dict[str, Any]:
    archive(events, events.bus(kind))
    return {
        "list-archives-with-name-prefix": events("ListArchives", NamePrefix="arch"),
        "list-archives-with-full-name": events("ListArchives", NamePrefix="archive"),
        "list-archives-not-existing-archive": events("ListArchives", NamePrefix="doesnotexist"),
    }


@steps
def test_list_archive_with_source_arn(events: Events, kind: str) -> dict[str, Any]:
    bus = events.bus(kind)
    archive(events, bus)
    return {"list-archives-with-source-arn": events("ListArchives", EventSourceArn=events.bus_arn(bus))}


@steps
def test_list_archive_state_enabled(events: Events, kind: str) -> dict[str, Any]:
    archive(events, events.bus(kind))
    return {"list-archives-state-enabled": events("ListArchives", State="ENABLED")}


@steps
def test_create_archive_error_unknown_event_bus(events: Events) -> dict[str, Any]:
    wrong = events.error("CreateArchive", ArchiveName="archive", EventSourceArn=events.bus_arn("doesnotexist"))
    return {"create-archive-unknown-event-bus-error": wrong}


@steps
def test_describe_archive_error_unknown_archive(events: Events) -> dict[str, Any]:
    return {"describe-archive-unknown-archive-error": events.error("DescribeArchive", ArchiveName="archive")}


def replay(events: Events, name: str = "replay", archive_name: str = "archive", **more: Any) -> dict[str, Any]:
    now = events.cloud.clock.now_ms
    return {
        "ReplayName": name, "EventSourceArn": f"arn:aws:events:us-east-1:{ACCOUNT}:archive/{archive_name}",
        "EventStartTime": now - 60_000, "EventEndTime": now, "Destination": {"Arn": events.bus_arn("default")},
        **more,
    }  # fmt: skip


@steps
def test_list_replays_with_event_source_arn(events: Events) -> dict[str, Any]:
    arn = archive(events, "default")["ArchiveArn"]
    events("StartReplay", **replay(events))
    events.cloud.clock.settle()
    return {"list-replays-with-event-source-arn": events("ListReplays", EventSourceArn=arn)}


@steps
def test_list_replay_with_limit(events: Events) -> dict[str, Any]:
    archive(events, "default")
    for n in range(6):
        events("StartReplay", **replay(events, f"prefix-test-replay-{n}"))
    events.cloud.clock.settle()
    first = events("ListReplays", NamePrefix="prefix", Limit=3)
    rest = events("ListReplays", NamePrefix="prefix", NextToken=first["NextToken"])
    return {"list-replays-with-limit": first, "list-replays-with-limit-next-token": rest}


@steps
def test_start_replay_error_unknown_archive(events: Events) -> dict[str, Any]:
    return {"start-replay-unknown-archive-error": events.error("StartReplay", **replay(events))}


@steps
def test_start_replay_error_duplicate_name_same_archive(events: Events) -> dict[str, Any]:
    archive(events, "default")
    events("StartReplay", **replay(events))
    return {"start-replay-duplicate-error": events.error("StartReplay", **replay(events))}


@steps
def test_start_replay_error_duplicate_different_archive(events: Events) -> dict[str, Any]:
    archive(events, "default")
    events("CreateArchive", ArchiveName="second", EventSourceArn=events.bus_arn("default"))
    events("StartReplay", **replay(events))
    return {"start-replay-duplicate-error": events.error("StartReplay", **replay(events, archive_name="second"))}


@steps
def test_start_replay_error_invalid_end_time(events: Events, seconds: str) -> dict[str, Any]:
    archive(events, "default")
    start = events.cloud.clock.now_ms
    wrong = replay(events, EventStartTime=start, EventEndTime=start - 1000 * int(seconds))
    return {"start-replay-invalid-end-time-error": events.error("StartReplay", **wrong)}


@steps
def tests_put_rule_with_schedule_custom_event_bus(events: Events) -> dict[str, Any]:
    events("CreateEventBus", Name="bus")
    wrong = events.error("PutRule", Name="r", EventBusName="bus", ScheduleExpression="rate(1 minute)")
    return {"put-rule-with-custom-event-bus-error": wrong}


@steps
def tests_schedule_rate_custom_input_target_sqs(events: Events) -> dict[str, Any]:
    queue = events.queue()
    events("PutRule", Name="r", ScheduleExpression="rate(1 minute)")
    events.target("r", {"Arn": queue, "Input": '{"custom-value": "somecustominput"}'})
    events.cloud.clock.advance(minutes=1)
    return {"list-targets": events("ListTargetsByRule", Rule="r"), "messages": events.messages(queue)}


@steps
def test_create_connection(events: Events) -> dict[str, Any]:
    given = {
        "ApiKeyAuthParameters": {"ApiKeyName": "ApiKey", "ApiKeyValue": "secret"}, "InvocationHttpParameters": {}
    }  # fmt: skip
    made = events("CreateConnection", Name="c", AuthorizationType="API_KEY", AuthParameters=given)
    return {"create-connection": made, "describe-connection": events("DescribeConnection", Name="c")}


AUTHORIZATIONS = {
    "auth_params0": ("BASIC", {"BasicAuthParameters": {"Username": "user", "Password": "pass"}}),
    "auth_params1": ("API_KEY", {"ApiKeyAuthParameters": {"ApiKeyName": "ApiKey", "ApiKeyValue": "secret"}}),
    "auth_params2": (
        "OAUTH_CLIENT_CREDENTIALS",
        {
            "OAuthParameters": {
                "ClientParameters": {"ClientID": "client_id", "ClientSecret": "client_secret"},
                "AuthorizationEndpoint": "https://example.com/oauth", "HttpMethod": "POST",
            }
        },
    ),
}  # fmt: skip


@steps
def test_create_connection_with_auth(events: Events, which: str) -> dict[str, Any]:
    kind, given = AUTHORIZATIONS[which]
    made = events("CreateConnection", Name="c", AuthorizationType=kind, AuthParameters=given)
    return {"create-connection-auth": made, "describe-connection-auth": events("DescribeConnection", Name="c")}


@steps
def test_create_connection_invalid_parameters(events: Events) -> dict[str, Any]:
    _, given = AUTHORIZATIONS["auth_params0"]
    wrong = events.error(
        "CreateConnection", Name="c", AuthorizationType="INVALID_AUTH_TYPE", AuthParameters=given
    )  # fmt: skip
    return {"create-connection-invalid-auth-error": wrong}


# -- targets, buses, accounts and regions ----------------------------------------------------------------


@steps
def test_put_events_with_target_sqs_event_detail_match(events: Events) -> dict[str, Any]:
    queue = events.queue()
    events.rule(pattern={"detail": {"EventType": ["0", "1"]}})
    events.target("rule", {"Arn": queue, "InputPath": "$.detail"})
    events.put({"EventType": "3"})
    events.put({"EventType": "1"})
    return {"messages": events.messages(queue)}


@steps
def test_put_events_with_target_events(events: Events, which: str) -> dict[str, Any]:
    names = {"bus_combination0": ("default", "custom"), "bus_combination1": ("custom", "custom2")}
    source, target = names.get(which, ("custom", "default"))
    for name in {source, target} - {"default"}:
        events("CreateEventBus", Name=name)
    queue = events.queue()
    events.rule("first", source)
    events.target("first", {"Arn": events.bus_arn(target), "RoleArn": f"arn:aws:iam::{ACCOUNT}:role/r"}, bus=source)
    events.rule("second", target)
    events.target("second", {"Arn": queue}, bus=target)
    events.put(EventBusName=source)
    return {"messages": events.messages(queue)}


def _exists(events: Events, pattern: Any, *details: Any) -> list[dict[str, Any]]:
    queue = events.queue()
    events.rule(pattern={"source": PATTERN["source"], "detail": pattern})
    events.target("rule", {"Arn": queue})
    for detail in details:
        events.put(detail)
    return events.messages(queue)


@steps
def test_put_events_with_rule_pattern_anything_but(events: Events) -> dict[str, Any]:
    details = ({"command": command, "payload": "baz"} for command in ("display-message", None, "update-account"))
    return {"rule-anything-but": _exists(events, {"command": [{"anything-but": ["update-account"]}]}, *details)}


@steps
def test_put_events_with_rule_pattern_exists_true(events: Events) -> dict[str, Any]:
    found = _exists(events, {"key": [{"exists": True}]}, {"key": "value", "payload": "baz"}, {"no-key": "x"})
    return {"rule-exists-true": found}


@steps
def test_put_events_with_rule_pattern_exists_false(events: Events) -> dict[str, Any]:
    found = _exists(
        events, {"key": [{"exists": False}]}, {"key": "v"}, {"no-key": "no-value", "payload": "baz"}
    )  # fmt: skip
    return {"rule-exists-false": found}


@steps
def test_invalid_json_event_pattern(events: Events, pattern: str) -> dict[str, Any]:
    event = {
        "id": "1", "source": "s", "detail-type": "t", "account": "1", "region": "r", "time": "t", "resources": []
    }  # fmt: skip
    return {"invalid-pattern": events.error("TestEventPattern", EventPattern=pattern, Event=json.dumps(event))}


@steps
def test_event_bus_to_event_bus_cross_account_region(events: Events, parameters: str) -> dict[str, Any]:
    kind, _, where = parameters.partition("-")
    far = events.elsewhere(
        SECOND if "account" in where else ACCOUNT, "eu-central-1" if "region" in where else "us-east-1"
    )
    near_bus, far_bus = ("default", "default") if kind == "default" else ("near", "far")
    for here, bus in ((events, near_bus), (far, far_bus)):
        if bus != "default":
            here("CreateEventBus", Name=bus)
    near_queue, from_near, from_far = events.queue("near"), far.queue("from-near"), far.queue("from-far")
    events.rule("here", near_bus, {"source": ["source-primary"]})
    on = {"Arn": far.bus_arn(far_bus), "RoleArn": f"arn:aws:iam::{ACCOUNT}:role/r"}
    events.target("here", {"Arn": near_queue}, on, bus=near_bus)
    far.rule("first", far_bus, {"source": ["source-primary"]})
    far.target("first", {"Arn": from_near}, bus=far_bus)
    far.rule("second", far_bus, {"source": ["source-secondary"]})
    far.target("second", {"Arn": from_far}, bus=far_bus)
    events.put(Source="source-primary", EventBusName=near_bus)
    far.put(Source="source-secondary", EventBusName=far_bus)
    return {
        "messages_primary_queue_from_primary_event_bus": events.messages(near_queue),
        "messages_secondary_queue_from_primary_event_bus": far.messages(from_near),
        "messages_secondary_queue_from_secondary_event_bus": far.messages(from_far),
    }
