"""Stack policies."""

from __future__ import annotations

from ballroom.kernel import Context, Request, Response, Tx, operation

from ..engine.policy import check_policy
from ..errors import ValidationError
from ..fetch import read_object
from ..resources import load_live, replace, save_stack
from .stacks import POLICY_LIMIT


@operation("SetStackPolicy")
async def set_stack_policy(ctx: Context, request: Request) -> Response:
    """Set what updates may do; a policy can be replaced, not removed.

    Source: CloudFormation API Reference, SetStackPolicy; recorded cases test_stack_policies.
    """
    if request.get("StackPolicyBody") and request.get("StackPolicyURL"):
        raise ValidationError("You cannot specify both StackPolicyURL and StackPolicyBody")
    text = request.get("StackPolicyBody")
    if request.get("StackPolicyURL"):
        text = await read_object(ctx, request["StackPolicyURL"], POLICY_LIMIT)
    if text:
        text = text if text.strip() == "{}" else check_policy(text)

    def store(tx: Tx) -> None:
        stack = load_live(tx, request["StackName"])
        if text:
            save_stack(tx, replace(stack, policy=text))

    ctx.transact(store)
    return {}


@operation("GetStackPolicy")
def get_stack_policy(tx: Tx, request: Request) -> Response:
    """The stack's policy, if it has one; while an update runs, the one that holds meanwhile.

    Source: CloudFormation API Reference, GetStackPolicy.
    """
    stack = load_live(tx, request["StackName"])
    text = stack.policy_during_update or stack.policy
    return {"StackPolicyBody": text} if text is not None else {}
