"""From a request's function name to the function, across accounts where its policy allows."""

from __future__ import annotations

from ballroom.kernel import Request, Tx
from ballroom.services.lambda_ import policy
from ballroom.services.lambda_.errors import AccessDenied
from ballroom.services.lambda_.names import FunctionName, parse_name
from ballroom.services.lambda_.resources import find_policy


def target(tx: Tx, request: Request, action: str, *, name: str | None = None) -> FunctionName:
    """The function that the request names, with its qualifier, once the caller may do `action` on it.

    Within an account every principal may, until identity policies are evaluated. Another account needs
    a statement in the function's own policy.

    Raises:
        AccessDenied: the function belongs to another account that has not granted this.
    """
    at = parse_name(
        name or request["FunctionName"],
        account=tx.account, region=tx.region, qualifier=request.get("Qualifier"),
    )  # fmt: skip
    if at.account != tx.account:
        check_other_account(tx, at, action)
    return at


def check_other_account(tx: Tx, at: FunctionName, action: str) -> None:
    """Refuses a caller of another account that the function's policy does not name."""
    found = find_policy(tx, at)
    if found is None or not policy.account_may(found.statements, action, tx.account):
        raise AccessDenied(
            f"User: {tx.caller.arn} is not authorized to perform: {action} on resource: {at.qualified_arn} "
            f"because no resource-based policy allows the {action} action"
        )
