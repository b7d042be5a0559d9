"""What a policy decides about one request. Pure.

A Deny that applies wins over every Allow; what no statement speaks of is left open, and the caller of
`decide` combines it with the other policies that speak.

Source: IAM User Guide, "Policy evaluation logic", "AWS JSON policy elements: Principal", "NotPrincipal".
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

import msgspec

from ballroom.kernel.policy.conditions import holds
from ballroom.kernel.policy.document import Policy, Principals, Statement
from ballroom.kernel.policy.patterns import fill, matches


class Decision(Enum):
    """What a policy says."""

    ALLOW = "allow"
    DENY = "deny"
    OPEN = "open"


class Principal(msgspec.Struct, frozen=True):
    """Who asks. An anonymous caller has no names; a service has its own name only."""

    account: str = ""
    arn: str = ""
    user_id: str = ""
    canonical_id: str = ""
    service: str = ""

    @property
    def anonymous(self) -> bool:
        """Whether nobody in particular asks."""
        return not self.account and not self.service


class Access(msgspec.Struct, frozen=True):
    """One request: who wants to do what to what. Context keys are in lower case."""

    principal: Principal
    action: str
    resource: str
    context: Mapping[str, tuple[str, ...]] = msgspec.field(default_factory=dict)


def decide(policy: Policy, access: Access) -> Decision:
    """Deny, allow, or nothing said."""
    allowed = False
    for statement in policy.statements:
        if statement.allows and allowed:
            continue
        if applies(statement, access):
            if not statement.allows:
                return Decision.DENY
            allowed = True
    return Decision.ALLOW if allowed else Decision.OPEN


def applies(statement: Statement, access: Access) -> bool:
    """Whether all of a statement's elements speak of the request."""
    return (
        _for_principal(statement, access.principal)
        and _for_action(statement, access.action)
        and _for_resource(statement, access)
        and all(holds(c.operator, c.key, c.values, access.context) for c in statement.conditions)
    )


def _for_principal(statement: Statement, principal: Principal) -> bool:
    if statement.principals is None:
        return True  # an identity's own policy has none
    return names(statement.principals, principal) is not statement.not_principal


def names(principals: Principals, principal: Principal) -> bool:
    """Whether a Principal element names the caller."""
    if principals.everybody:
        return True
    if principal.service:
        return principal.service in principals.by_kind.get("Service", ())
    if principal.anonymous:
        return False
    if principal.canonical_id and principal.canonical_id in principals.by_kind.get("CanonicalUser", ()):
        return True
    return any(_is_one(name, principal) for name in principals.by_kind.get("AWS", ()))


def _is_one(name: str, principal: Principal) -> bool:
    """An account (number or its root) means all in it; other ARNs and ids mean one."""
    if name in (principal.account, principal.arn, principal.user_id):
        return True
    if name == f"arn:aws:iam::{principal.account}:root":
        return True
    # a session is named by itself or by its role
    head, slash, _ = principal.arn.rpartition("/")
    role = head.replace(":sts:", ":iam:").replace(":assumed-role/", ":role/")
    return bool(slash) and ":assumed-role/" in principal.arn and _role_name(name) == role


def _role_name(arn: str) -> str:
    """A role's ARN without its path, as a session's ARN shows it."""
    before, mark, rest = arn.partition(":role/")
    return f"{before}{mark}{rest.rpartition('/')[2]}" if mark else arn


def _for_action(statement: Statement, action: str) -> bool:
    wanted = action.lower()
    found = any(matches(pattern.lower(), wanted) for pattern in statement.actions)
    return found is not statement.not_action


def _for_resource(statement: Statement, access: Access) -> bool:
    if not statement.resources:
        return True
    patterns = (fill(pattern, access.context) for pattern in statement.resources)
    found = any(pattern is not None and matches(pattern, access.resource) for pattern in patterns)
    return found is not statement.not_resource
