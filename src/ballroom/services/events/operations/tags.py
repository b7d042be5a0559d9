"""Tags of rules and buses."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from ballroom.kernel import Request, Response, Tx, operation
from ballroom.kernel.arn import find_arn
from ballroom.services.events.errors import ValidationException
from ballroom.services.events.live import Buses
from ballroom.services.events.names import DEFAULT, BusName
from ballroom.services.events.resources import key, load_bus, load_rule, put_bus
from ballroom.services.events.tagging import check_tags, read_tags, shown_tags

Change = Callable[[dict[str, str]], dict[str, str]]


def _resource(arn: str) -> tuple[BusName, str]:
    """The bus, and the rule or an empty name."""
    parsed = find_arn(arn)
    if parsed is not None and parsed.service == "events":
        kind, _, name = parsed.resource.partition("/")
        if kind == "event-bus":
            return BusName(parsed.account, parsed.region, name), ""
        if kind == "rule":
            bus, _, rule = name.rpartition("/")
            return BusName(parsed.account, parsed.region, bus or DEFAULT), rule
    raise ValidationException(
        "Parameter ResourceARN is not valid. Reason: Provided Arn is not in correct format."
    )


def _change(tx: Tx, arn: str, change: Change) -> None:
    at, name = _resource(arn)
    if not name:
        bus = load_bus(tx, at)
        put_bus(tx, at, bus, tags=change(dict(bus.tags)))
        return
    rule = load_rule(tx, at, name)
    changed = msgspec.structs.replace(rule, tags=change(dict(rule.tags)))
    tx.put(key(at, "rule", at.name, name), changed)
    live = Buses.of(tx.kernel).known(at)
    if live is not None:
        tx.after_commit(lambda: live.put_rule(changed))


@operation("TagResource")
def tag_resource(tx: Tx, request: Request) -> Response:
    """Give tags to a rule or a bus.

    Source: EventBridge API Reference, TagResource.
    """
    added = read_tags(request["Tags"], tx.caller.source)

    def add(tags: dict[str, str]) -> dict[str, str]:
        tags.update(added)
        check_tags(tags, "service")  # reserved keys that are there already may stay
        return tags

    _change(tx, request["ResourceARN"], add)
    return {}


@operation("UntagResource")
def untag_resource(tx: Tx, request: Request) -> Response:
    """Take tags away; those that are not there are ignored.

    Source: EventBridge API Reference, UntagResource.
    """
    gone = set(request["TagKeys"])
    _change(tx, request["ResourceARN"], lambda tags: {k: v for k, v in tags.items() if k not in gone})
    return {}


@operation("ListTagsForResource")
def list_tags_for_resource(tx: Tx, request: Request) -> Response:
    """The tags of a rule or a bus.

    Source: EventBridge API Reference, ListTagsForResource.
    """
    at, name = _resource(request["ResourceARN"])
    tags = load_rule(tx, at, name).tags if name else load_bus(tx, at).tags
    return {"Tags": shown_tags(tags)}
