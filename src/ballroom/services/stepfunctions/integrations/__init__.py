"""How tasks are done: which integration a resource means, and carrying it out.

An operation that can join the transaction does, so that effect and history are one commit. Any other is
begun by a delivery of that commit, whose request id stays the same over all attempts; its outcome comes back
through `outcome_of`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ballroom.kernel import ServiceError
from ballroom.kernel.caller import Caller
from ballroom.kernel.tx import WouldWait

from ..arns import machine_arn
from ..language.machine import Resource
from .aws_sdk import AwsSdk, refusal_of_sdk
from .base import Call, Integration, Told
from .bodies import with_files_read
from .http import HttpInvoke
from .lambda_ import FunctionArn, LambdaInvoke
from .optimised import OPTIMISED
from .outcomes import PENDING, Done, Outcome, TaskFailure

if TYPE_CHECKING:
    from ..engine.branch import Branch
    from ..engine.execution import Live

_LAMBDA_ARN, _LAMBDA_INVOKE, _AWS_SDK, _HTTP = FunctionArn(), LambdaInvoke(), AwsSdk(), HttpInvoke()
_NOT_HERE = frozenset(
    {
        "apigateway", "athena", "batch", "bedrock", "codebuild", "databrew", "ecs", "eks", "elasticmapreduce",
        "emr-containers", "emr-serverless", "glue", "mediaconvert", "sagemaker",
    }
)  # fmt: skip


def refusal_of(resource: Resource) -> str:
    """Why a resource cannot be used in a definition; empty: it can."""
    if resource.kind == "aws-sdk":
        return refusal_of_sdk(resource)
    if resource.kind == "optimised" and resource.service in _NOT_HERE:
        return f"The resource {resource.arn} is not supported by Ballroom yet"
    return ""


def integration_of(resource: Resource) -> Integration | None:
    """The integration that a resource means; None: an activity or a nested execution."""
    if resource.kind == "lambda":
        return _LAMBDA_ARN
    if resource.kind == "aws-sdk":
        return _AWS_SDK
    if (resource.service, resource.action) == ("lambda", "invoke"):
        return _LAMBDA_INVOKE
    if resource.service == "http":
        return _HTTP
    return OPTIMISED.get((resource.service, resource.action))


def begin_task(branch: Branch, resource: Resource, given: Any, text: str, credentials: Any) -> Outcome:
    """Begin a task.

    Raises:
        TaskFailure: it has failed already.
    """
    live = branch.live
    if resource.kind == "activity":
        from ..activities import schedule

        schedule(branch, resource.arn, text)
        return PENDING
    if resource.kind == "optimised" and resource.service == "states":
        from .nested import start_nested

        return start_nested(branch, resource, given)
    integration = integration_of(resource)
    if integration is None:
        raise TaskFailure("States.Runtime", f"The resource {resource.arn} is not supported by Ballroom yet")
    told = told_of(live, live.session.ids.uuid())
    call = integration.call(resource, given, text, told)
    return carry_out(branch, resource, integration, call, told)


def told_of(live: Live, request_id: str) -> Told:
    """Where calls of an execution come from."""
    ref = live.ref
    machine = machine_arn(ref.region, ref.account, ref.machine.partition("/")[0])
    return Told(live.arn, machine, request_id, live.session.now_ms)


def caller_of(live: Live, request_id: str) -> Caller:
    """The role of the state machine, acting for this execution."""
    role = live.record.settings.role
    name = role.rpartition("/")[2] or "states"
    return Caller(
        account=live.ref.account, region=live.ref.region,
        arn=f"arn:aws:sts::{live.ref.account}:assumed-role/{name}/{live.record.name}"[:2048],
        user_id=live.ref.account, access_key_id="", request_id=request_id,
        trace=live.record.trace or live.record.came_with or None, source="states.amazonaws.com",
        span=live.record.came_from,
    )  # fmt: skip


def carry_out(branch: Branch, resource: Resource, integration: Integration, call: Call, told: Told) -> Outcome:
    """Carry a call out: in this transaction if the operation can, else by a delivery."""
    live = branch.live
    session = live.session
    if not session.joins(call.service, call.operation):
        session.hand_over(branch, call, told.request_id)
        return PENDING
    if call.service == "stepfunctions":
        session.flush_for_reading()
    caller = caller_of(live, told.request_id)
    try:
        answer = session.effect(
            live, lambda: session.tx.call(call.service, call.operation, call.input, caller=caller)
        )
    except WouldWait:
        session.hand_over(branch, call, told.request_id)
        return PENDING
    except ServiceError as error:
        raise integration.failure(resource, error, told) from error
    return integration.done(resource, with_files_read(answer), told)


def outcome_of(branch: Branch, resource: Resource, answer: Any, request_id: str) -> Done:
    """What an answer or error that came later means.

    Raises:
        TaskFailure: it tells of a failure.
    """
    integration = integration_of(resource)
    assert integration is not None
    told = told_of(branch.live, request_id)
    if isinstance(answer, ServiceError):
        raise integration.failure(resource, answer, told)
    return integration.done(resource, answer, told)


__all__ = [
    "PENDING",
    "Done",
    "Outcome",
    "TaskFailure",
    "begin_task",
    "integration_of",
    "outcome_of",
    "refusal_of",
]
