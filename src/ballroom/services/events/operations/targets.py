"""Targets of rules: put, list, remove."""

from __future__ import annotations

from ballroom.kernel import NotImplementedHere, Request, Response, Tx, operation
from ballroom.kernel.arn import find_arn
from ballroom.services.events.errors import ResourceNotFound, ValidationException
from ballroom.services.events.kinds import API_DESTINATION, QUEUE, kind_of
from ballroom.services.events.live import Buses
from ballroom.services.events.names import BusName, bus_of
from ballroom.services.events.paging import page_of
from ballroom.services.events.quotas import check_quota
from ballroom.services.events.resources import (
    ApiDestination,
    Spec,
    Target,
    TargetLink,
    key,
    load_rule,
    targets_of,
)
from ballroom.services.events.transform import compile_input

_ELSEWHERE = (
    "RunCommandParameters", "EcsParameters", "BatchParameters", "RedshiftDataParameters",
    "SageMakerPipelineParameters", "AppSyncParameters",
)  # fmt: skip


@operation("PutTargets")
def put_targets(tx: Tx, request: Request) -> Response:
    """Add targets to a rule, or replace those of the same ids.

    Raises:
        RuleNotFound, LimitExceeded
        ValidationException: a target is wrong; nothing is put then.
        NotImplementedHere: a kind of target that Ballroom lacks.

    Source: EventBridge API Reference, PutTargets; recorded answers.
    """
    at, name = bus_of(tx, request.get("EventBusName")), request["Rule"]
    load_rule(tx, at, name)
    known = {target.id: target for target in targets_of(tx, at, name)}
    given = {spec["Id"]: spec for spec in request["Targets"]}
    for spec in given.values():
        check_target(tx, at, spec)
    check_quota(tx.kernel, "events.targets-per-rule", len(known.keys() | given.keys()))
    for target_id, spec in given.items():
        if target_id in known:
            _unlink(tx, at, known[target_id])
        tx.put(key(at, "target", at.name, name, target_id), Target(name, target_id, spec))
        tx.put(key(at, "by-target", at.name, spec["Arn"], name, target_id), TargetLink(name))
    _refresh(tx, at, name)
    return {"FailedEntryCount": 0, "FailedEntries": []}


def check_target(tx: Tx, at: BusName, spec: Spec) -> None:
    """Refuses a target that could never be sent to as it is asked."""
    target_id, arn = spec["Id"], find_arn(spec["Arn"])
    if arn is None:
        raise ValidationException(
            f"Parameter {spec['Arn']} is not valid. Reason: Provided Arn is not in correct format."
        )
    for name in _ELSEWHERE:
        if spec.get(name) is not None:
            raise NotImplementedHere(f"Ballroom does not support {name} of targets ({target_id}).")
    kind = kind_of(arn)
    if kind.needs_role and not spec.get("RoleArn"):
        raise ValidationException(f"RoleArn is required for target {spec['Arn']}.")
    compile_input(spec)
    group = (spec.get("SqsParameters") or {}).get("MessageGroupId")
    if kind is QUEUE and arn.resource.endswith(".fifo") and not group:
        raise ValidationException(f"Parameter(s) MessageGroupId must be specified for target: {target_id}.")
    if kind is API_DESTINATION:
        if not spec.get("RoleArn"):
            raise ValidationException(f"RoleArn is required for target {spec['Arn']}.")
        name = arn.resource.split("/")[1]
        if tx.get(ApiDestination, key(BusName(arn.account, arn.region, ""), "api-destination", name)) is None:
            raise ResourceNotFound(f"An api-destination '{name}' does not exist.")
    dead_letter = (spec.get("DeadLetterConfig") or {}).get("Arn")
    if dead_letter is not None:
        parsed = find_arn(dead_letter)
        if parsed is None or parsed.service != "sqs" or parsed.resource.endswith(".fifo"):
            raise ValidationException(
                f"Parameter DeadLetterConfig.Arn is not valid for target {target_id}. "
                "Reason: it must be the ARN of a standard SQS queue."
            )


def _unlink(tx: Tx, at: BusName, target: Target) -> None:
    tx.delete(key(at, "by-target", at.name, target.spec["Arn"], target.rule, target.id))


def _refresh(tx: Tx, at: BusName, rule: str) -> None:
    live = Buses.of(tx.kernel).known(at)
    if live is not None:
        targets = targets_of(tx, at, rule)

        def set_targets() -> None:
            known = live.rules.get(rule)
            if known is not None:
                known.set_targets(targets)

        tx.after_commit(set_targets)


@operation("RemoveTargets")
def remove_targets(tx: Tx, request: Request) -> Response:
    """Remove targets by id; ids that the rule does not have are ignored.

    Source: EventBridge API Reference, RemoveTargets; recorded answers.
    """
    at, name = bus_of(tx, request.get("EventBusName")), request["Rule"]
    load_rule(tx, at, name)
    for target_id in request["Ids"]:
        target_key = key(at, "target", at.name, name, target_id)
        target = tx.get(Target, target_key)
        if target is not None:
            _unlink(tx, at, target)
            tx.delete(target_key)
    _refresh(tx, at, name)
    return {"FailedEntryCount": 0, "FailedEntries": []}


@operation("ListTargetsByRule")
def list_targets_by_rule(tx: Tx, request: Request) -> Response:
    """A rule's targets by id, as they were given.

    Source: EventBridge API Reference, ListTargetsByRule.
    """
    at, name = bus_of(tx, request.get("EventBusName")), request["Rule"]
    load_rule(tx, at, name)
    page, token = page_of(targets_of(tx, at, name), request, name=lambda target: target.id)
    return {"Targets": [target.spec for target in page], **token}
