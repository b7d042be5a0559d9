"""What else a table has: expiry, tags, a resource policy, contributor insights."""

from __future__ import annotations

from collections.abc import Callable

from msgspec.structs import replace

from ballroom.kernel import Request, Response, Tx, operation
from ballroom.services.dynamodb.errors import Invalid, PolicyNotFound, ResourceNotFound
from ballroom.services.dynamodb.live import LiveTable, check_built, find_table, load_table, save_table
from ballroom.services.dynamodb.names import is_table_arn
from ballroom.services.dynamodb.resources import Table, TimeToLive, tables_prefix
from ballroom.services.dynamodb.table_settings import (
    Policy,
    check_tag_count,
    policy_key,
    put_policy,
    take_tags,
)

TTL_CHANGED: list[Callable[[Tx, LiveTable, LiveTable], None]] = []
"""Functions `fn(tx, before, after)` told after a table's expiry was switched, in the same transaction."""


# -- expiry ------------------------------------------------------------------------------------------


@operation("UpdateTimeToLive")
def update_time_to_live(tx: Tx, request: Request) -> Response:
    """Let items expire by an attribute that holds seconds since 1970, or stop that.

    Raises:
        Invalid: it is so already, or another attribute is in use.

    Source: DynamoDB API Reference, UpdateTimeToLive.
    """
    live = load_table(tx, request["TableName"], named=True)
    check_built(live)
    asked = request["TimeToLiveSpecification"]
    name, enabled = asked["AttributeName"], asked["Enabled"]
    present = live.record.ttl
    active = present is not None and present.enabled
    if active == enabled:
        if enabled and present is not None and present.attribute != name:
            raise Invalid(f"TimeToLive is active on a different AttributeName: current AttributeName is "
                          f"{present.attribute}")  # fmt: skip
        raise Invalid(f"TimeToLive is already {'enabled' if enabled else 'disabled'}")
    if active and present is not None and present.attribute != name:
        raise Invalid(f"TimeToLive is active on a different AttributeName: current AttributeName is "
                      f"{present.attribute}")  # fmt: skip
    changed = save_table(tx, replace(live.record, ttl=TimeToLive(name, enabled, tx.now_ms)))
    for observer in TTL_CHANGED:
        observer(tx, live, changed)
    return {"TimeToLiveSpecification": {"AttributeName": name, "Enabled": enabled}}


@operation("DescribeTimeToLive")
def describe_time_to_live(tx: Tx, request: Request) -> Response:
    """Whether items expire, and by which attribute.

    Source: DynamoDB API Reference, DescribeTimeToLive.
    """
    ttl = load_table(tx, request["TableName"], named=True).record.ttl
    if ttl is None or not ttl.enabled:
        return {"TimeToLiveDescription": {"TimeToLiveStatus": "DISABLED"}}
    return {"TimeToLiveDescription": {"TimeToLiveStatus": "ENABLED", "AttributeName": ttl.attribute}}


# -- tags --------------------------------------------------------------------------------------------


def _tagged(tx: Tx, arn: str) -> LiveTable:
    if not is_table_arn(arn):
        raise Invalid(f"Invalid TableArn: Invalid ResourceArn provided as input {arn}")
    found = find_table(tx, arn)
    if found is None:
        raise ResourceNotFound(f"Requested resource not found: ResourcArn: {arn} not found")
    return found


@operation("TagResource")
def tag_resource(tx: Tx, request: Request) -> Response:
    """Add or replace tags of a table.

    Source: DynamoDB API Reference, TagResource.
    """
    tags = take_tags(request["Tags"])
    if not tags:
        raise Invalid("Atleast one Tag needs to be provided as Input.")
    live = _tagged(tx, request["ResourceArn"])
    after = {**live.record.tags, **tags}
    check_tag_count(after)
    save_table(tx, replace(live.record, tags=after))
    return {}


@operation("UntagResource")
def untag_resource(tx: Tx, request: Request) -> Response:
    """Remove tags of a table.

    Source: DynamoDB API Reference, UntagResource.
    """
    gone = set(request["TagKeys"])
    if not gone:
        raise Invalid("Atleast one Tag Key needs to be provided as Input.")
    live = _tagged(tx, request["ResourceArn"])
    save_table(tx, replace(live.record, tags={k: v for k, v in live.record.tags.items() if k not in gone}))
    return {}


@operation("ListTagsOfResource")
def list_tags_of_resource(tx: Tx, request: Request) -> Response:
    """The tags of a table, in one page.

    Source: DynamoDB API Reference, ListTagsOfResource.
    """
    live = _tagged(tx, request["ResourceArn"])
    return {"Tags": [{"Key": key, "Value": value} for key, value in live.record.tags.items()]}


# -- resource policies -------------------------------------------------------------------------------


def _with_policy(tx: Tx, arn: str) -> str:
    table, _, rest = arn.partition("/stream/")
    live = find_table(tx, table)
    if live is None or (rest and (live.record.stream is None or live.record.stream.label != rest)):
        raise ResourceNotFound(f"Requested resource not found: {arn}")
    return arn


@operation("PutResourcePolicy")
def put_resource_policy(tx: Tx, request: Request) -> Response:
    """Store the policy of a table or stream; it is not evaluated yet.

    Source: DynamoDB API Reference, PutResourcePolicy.
    """
    arn = _with_policy(tx, request["ResourceArn"])
    _check_revision(tx, arn, request.get("ExpectedRevisionId"))
    return {"RevisionId": put_policy(tx, arn, request["Policy"])}


@operation("GetResourcePolicy")
def get_resource_policy(tx: Tx, request: Request) -> Response:
    """The policy of a table or stream.

    Source: DynamoDB API Reference, GetResourcePolicy.
    """
    arn = _with_policy(tx, request["ResourceArn"])
    found = tx.get(Policy, policy_key(arn))
    if found is None:
        raise PolicyNotFound(f"Resource-based policy not found for the provided ResourceArn: {arn}")
    return {"Policy": found.document, "RevisionId": found.revision}


@operation("DeleteResourcePolicy")
def delete_resource_policy(tx: Tx, request: Request) -> Response:
    """Remove the policy of a table or stream, if it has one.

    Source: DynamoDB API Reference, DeleteResourcePolicy.
    """
    arn = _with_policy(tx, request["ResourceArn"])
    _check_revision(tx, arn, request.get("ExpectedRevisionId"))
    found = tx.get(Policy, policy_key(arn))
    put_policy(tx, arn, None)
    return {} if found is None else {"RevisionId": found.revision}


def _check_revision(tx: Tx, arn: str, expected: str | None) -> None:
    if expected is None:
        return
    found = tx.get(Policy, policy_key(arn))
    if (found.revision if found is not None else "NO_POLICY") != expected:
        raise PolicyNotFound(
            "Resource-based policy not found for the provided ResourceArn: Requested update of policy with "
            f"revision id {expected}"
        )


# -- contributor insights ----------------------------------------------------------------------------


def _insights_name(live: LiveTable, index: str | None) -> str:
    if index is not None and index not in live.by_name:
        raise ResourceNotFound
    return f"ContributorInsights/{index or ''}"


@operation("UpdateContributorInsights")
def update_contributor_insights(tx: Tx, request: Request) -> Response:
    """Store whether contributor insights are on; they measure nothing.

    Source: DynamoDB API Reference, UpdateContributorInsights.
    """
    live = load_table(tx, request["TableName"])
    index = request.get("IndexName")
    name = _insights_name(live, index)
    enabled = request["ContributorInsightsAction"] == "ENABLE"
    mode = request.get("ContributorInsightsMode") or "ACCESSED_AND_THROTTLED_KEYS"
    settings = {**live.record.settings, name: {"enabled": enabled, "mode": mode, "at": tx.now_ms}}
    save_table(tx, replace(live.record, settings=settings))
    answer: Response = {
        "TableName": live.name,
        "ContributorInsightsStatus": "ENABLING" if enabled else "DISABLING",
    }
    if index is not None:
        answer["IndexName"] = index
    if enabled:
        answer["ContributorInsightsMode"] = mode
    return answer


@operation("DescribeContributorInsights")
def describe_contributor_insights(tx: Tx, request: Request) -> Response:
    """Whether contributor insights are on.

    Source: DynamoDB API Reference, DescribeContributorInsights.
    """
    live = load_table(tx, request["TableName"])
    index = request.get("IndexName")
    stored = live.record.settings.get(_insights_name(live, index))
    enabled = bool(stored and stored["enabled"])
    answer: Response = {
        "TableName": live.name,
        "ContributorInsightsStatus": "ENABLED" if enabled else "DISABLED",
    }
    if index is not None:
        answer["IndexName"] = index
    if stored:
        answer["LastUpdateDateTime"] = stored["at"]
    if stored and enabled:
        answer["ContributorInsightsMode"] = stored["mode"]
        kinds = ("PKC", "PKT") if stored["mode"] == "ACCESSED_AND_THROTTLED_KEYS" else ("PKT",)
        answer["ContributorInsightsRuleList"] = [
            f"DynamoDBContributorInsights-{kind}-{live.name}-{live.record.created_ms}" for kind in kinds
        ]
    return answer


@operation("ListContributorInsights")
def list_contributor_insights(tx: Tx, request: Request) -> Response:
    """The tables and indexes for which contributor insights were ever switched, in one page.

    Source: DynamoDB API Reference, ListContributorInsights.
    """
    if request.get("TableName") is not None:
        tables = [load_table(tx, request["TableName"]).record]
    else:
        tables = tx.scan_prefix(Table, tables_prefix(tx.account, tx.region))
    found = []
    for table in tables:
        for name, stored in table.settings.items():
            if not name.startswith("ContributorInsights/"):
                continue
            entry = {
                "TableName": table.name,
                "ContributorInsightsStatus": "ENABLED" if stored["enabled"] else "DISABLED",
            }
            if name.partition("/")[2]:
                entry["IndexName"] = name.partition("/")[2]
            found.append(entry)
    return {"ContributorInsightsSummaries": found}
