"""The kinds of state but Map: from their fields to their structs.

What a field means in each query language is the dialect's business; here is what both have in common.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ballroom.services.stepfunctions.language.dialect import Dialect
from ballroom.services.stepfunctions.language.findings import Fields
from ballroom.services.stepfunctions.language.machine import (
    Catcher,
    FailState,
    Finish,
    Finished,
    Inspection,
    Number,
    ParallelState,
    Prepare,
    Resource,
    Retrier,
    Scope,
    State,
    StatesError,
    Step,
    StepState,
    TaskState,
    WaitState,
)
from ballroom.services.stepfunctions.language.resource import check_express, is_optimised, parse_resource
from ballroom.services.stepfunctions.language.schema import MAX_SECONDS

if TYPE_CHECKING:
    from ballroom.services.stepfunctions.language.compiler import Compiler

Common = dict[str, Any]
"""What every state's struct takes."""


def next_of(fields: Fields, compiler: Compiler) -> str | None:
    """The state after this one, or None at an end; exactly one of Next and End must say so."""
    has_next, has_end = "Next" in fields, "End" in fields
    if has_next and has_end:
        fields.error("You cannot provide both Next and End")
    elif not has_next and not has_end:
        fields.error("Exactly one of these fields is required: [Next, End]")
    if has_end and fields.boolean("End") is False and not has_next:
        fields.error("The field 'End' must be true", "End")
    if not has_next:
        return None
    return compiler.target(fields, "Next")


def pass_state(fields: Fields, dialect: Dialect, compiler: Compiler, common: Common) -> State:
    """Pass."""
    following = next_of(fields, compiler)
    return StepState(**common, next=following, step=dialect.passing(following))


def succeed_state(fields: Fields, dialect: Dialect, compiler: Compiler, common: Common) -> State:
    """Succeed."""
    return StepState(**common, next=None, step=dialect.straight(None))


def fail_state(fields: Fields, dialect: Dialect, compiler: Compiler, common: Common) -> State:
    """Fail."""
    return FailState(**common, next=None, failure=dialect.failure())


def wait_state(fields: Fields, dialect: Dialect, compiler: Compiler, common: Common) -> State:
    """Wait."""
    following = next_of(fields, compiler)
    return WaitState(**common, next=following, until_ms=dialect.until_ms(), step=dialect.straight(following))


NO_MATCH = "Failed to transition out of the state. The state does not point to a next state."


def choice_state(fields: Fields, dialect: Dialect, compiler: Compiler, common: Common) -> State:
    """Choice: the first rule that holds, or the Default."""
    rules: list[tuple[Callable[..., bool], Finish]] = []
    if fields.require("Choices"):
        for rule in fields.objects("Choices", empty=False):
            test = dialect.condition(rule)
            if rule.require("Next"):
                rules.append((test, dialect.chosen(rule, compiler.target(rule, "Next"))))
    otherwise: Finish | None = None
    if "Default" in fields:
        otherwise = dialect.chosen(None, compiler.target(fields, "Default"))
    else:
        dialect.chosen(None, None)  # reports what is wrong with fields that only a Default would use
    return StepState(**common, next=None, step=_choosing(dialect.effective_input(), tuple(rules), otherwise))


def _choosing(
    take: Callable[[Scope], Any],
    rules: tuple[tuple[Callable[..., bool], Finish], ...],
    otherwise: Finish | None,
) -> Step:
    def step(scope: Scope, inspection: Inspection | None = None) -> Finished:
        data = take(scope)
        if inspection is not None:
            inspection["afterInputPath"] = data
        for test, chosen in rules:
            if test(data, scope):
                return chosen(scope, data)
        if otherwise is None:
            raise StatesError("States.NoChoiceMatched", NO_MATCH)
        return otherwise(scope, data)

    return step


def retriers(fields: Fields) -> tuple[Retrier, ...]:
    """Retry."""
    found = []
    entries = list(fields.objects("Retry"))
    for entry in entries:
        entry.only(
            {
                "ErrorEquals",
                "IntervalSeconds",
                "MaxAttempts",
                "BackoffRate",
                "MaxDelaySeconds",
                "JitterStrategy",
                "Comment",
            }
        )
        errors = _error_names(entry, last=entry is entries[-1])
        interval = entry.integer("IntervalSeconds", 1, MAX_SECONDS)
        attempts = entry.integer("MaxAttempts", 0, MAX_SECONDS)
        rate = entry.number("BackoffRate", 1.0)
        most = entry.integer("MaxDelaySeconds", 1, 31_622_400)
        if most is not None and most <= (interval or 1):
            entry.error("MaxDelaySeconds must be greater than IntervalSeconds", "MaxDelaySeconds")
        jitter = entry.choice("JitterStrategy", ("FULL", "NONE"))
        found.append(
            Retrier(
                errors=errors,
                interval_s=1 if interval is None else interval,
                max_attempts=3 if attempts is None else attempts,
                backoff_rate=2.0 if rate is None else rate,
                max_delay_s=most,
                full_jitter=jitter == "FULL",
            )
        )
    return tuple(found)


def _error_names(entry: Fields, *, last: bool) -> tuple[str, ...]:
    """ErrorEquals: names; States.ALL alone and in the last entry."""
    if not entry.require("ErrorEquals"):
        return ()
    names = entry.array("ErrorEquals", empty=False) or []
    for index, name in enumerate(names):
        if not isinstance(name, str):
            entry.findings.error("Expected value of type String", f"{entry.at('ErrorEquals')}[{index}]")
    if "States.ALL" in names:
        if len(names) > 1:
            entry.error("States.ALL must appear alone", "ErrorEquals")
        if not last:
            entry.error("States.ALL must be in the last entry", "ErrorEquals")
    return tuple(name for name in names if isinstance(name, str))


def catchers(fields: Fields, dialect: Dialect, compiler: Compiler) -> tuple[Catcher, ...]:
    """Catch."""
    supported = {"ErrorEquals", "Next", "Assign", "Comment"}
    supported.add("Output" if dialect.payload_field == "Arguments" else "ResultPath")
    found = []
    entries = list(fields.objects("Catch"))
    for entry in entries:
        entry.only(supported)
        errors = _error_names(entry, last=entry is entries[-1])
        if entry.require("Next"):
            following = compiler.target(entry, "Next")
            found.append(Catcher(errors, following, dialect.caught(entry, following)))
    return tuple(found)


def fallible(fields: Fields, dialect: Dialect, compiler: Compiler, common: Common, prepare: Prepare) -> Common:
    """What Task, Parallel and Map share."""
    following = next_of(fields, compiler)
    return {
        **common,
        "next": following,
        "prepare": prepare,
        "finish": dialect.finish(following),
        "retriers": retriers(fields),
        "catchers": catchers(fields, dialect, compiler),
    }


NOWHERE = Resource(arn="", kind="lambda", service="lambda", action="invoke")


def task_state(fields: Fields, dialect: Dialect, compiler: Compiler, common: Common) -> State:
    """Task."""
    resource = None
    if fields.require("Resource"):
        resource = task_resource(fields, compiler)
    timeout = dialect.number(fields, "TimeoutSeconds", 1, MAX_SECONDS)
    heartbeat = dialect.number(fields, "HeartbeatSeconds", 1, MAX_SECONDS)
    _check_heartbeat(fields)
    credentials: Prepare = lambda scope, inspection=None: None  # noqa: E731
    if "Credentials" in fields and fields.object("Credentials") is not None:
        credentials = dialect.template(fields, "Credentials")
    return TaskState(
        **fallible(fields, dialect, compiler, common, dialect.prepare()),
        resource=resource or NOWHERE,
        timeout_s=_seconds(timeout),
        heartbeat_s=_seconds(heartbeat),
        credentials=credentials,
    )


def _seconds(number: Callable[[Scope], float | None]) -> Number:
    def seconds(scope: Scope) -> int | None:
        value = number(scope)
        return None if value is None else int(value)

    return seconds


def _check_heartbeat(fields: Fields) -> None:
    timeout, heartbeat = fields.get("TimeoutSeconds"), fields.get("HeartbeatSeconds")
    if isinstance(timeout, int) and isinstance(heartbeat, int) and heartbeat >= timeout:
        fields.error("HeartbeatSeconds must be smaller than TimeoutSeconds", "HeartbeatSeconds")


def task_resource(fields: Fields, compiler: Compiler, *, of_task: bool = True) -> Resource | None:
    """A `Resource` field, checked against what AWS has, what this server has, and the kind of machine.

    `of_task`: not a Map's reader or writer, whose resources are others.
    """
    arn = fields.text("Resource", empty=False)
    if arn is None:
        return None
    resource = parse_resource(arn)
    known = resource is not None and (resource.kind != "optimised" or not of_task or is_optimised(resource))
    if resource is None or not known or not compiler.recognised(resource):
        fields.error(
            f"The resource provided {arn} is not recognized. The value is not a valid resource ARN, or the "
            "resource is not available in this region.",
            "Resource",
        )
        return None
    if compiler.kind == "EXPRESS" and (refusal := check_express(resource)) is not None:
        fields.error(refusal, "Resource")
    return resource


def parallel_state(fields: Fields, dialect: Dialect, compiler: Compiler, common: Common) -> State:
    """Parallel."""
    branches = []
    if fields.require("Branches"):
        for branch in fields.objects("Branches", empty=False):
            compiled = compiler.branch(branch)
            if compiled is not None:
                branches.append(compiled)
    return ParallelState(
        **fallible(fields, dialect, compiler, common, dialect.prepare()), branches=tuple(branches)
    )
