"""Who may do what with a topic: its policy, where it speaks.

Callers of the topic's own account may do everything that the policy does not deny (identity policies are not
evaluated yet); those of other accounts need to be allowed. Services that act for somebody (S3, EventBridge,
CloudFormation, ...) are let in: which resource they act for is not known here, and a policy that asks for it
would refuse them. The account's root can always get at the policy itself, so that nobody locks himself out.

Source: Developer Guide, "Example cases for Amazon SNS access control", "Amazon SNS API permissions: Actions and
resources reference"; IAM User Guide, "Policy evaluation logic", "Troubleshoot access denied error messages".
"""

from __future__ import annotations

from functools import lru_cache

from ballroom.kernel import Tx
from ballroom.kernel.policy import (
    Access,
    Decision,
    Policy,
    PolicyError,
    Principal,
    decide,
    global_keys,
    parse_policy,
)
from ballroom.services.sns.errors import AuthorizationError
from ballroom.services.sns.names import parse_arn
from ballroom.services.sns.resources import Subscription, Topic, load_topic

_OF_THE_POLICY = ("AddPermission", "RemovePermission", "SetTopicAttributes")


def load_for(tx: Tx, arn: str, action: str, parameter: str = "TopicArn", **asked: str) -> Topic:
    """The topic of an ARN, in the request's region, for an action (IAM's name without `sns:`).

    `asked` are the values of condition keys of SNS's own (`endpoint`, `protocol`).

    Raises:
        InvalidParameter: it is no topic's ARN, or of another region.
        NotFound: there is none.
        AuthorizationError: the caller may not do that.
    """
    topic = load_topic(tx, arn, parameter)
    caller = tx.caller
    if (caller.account != topic.account or topic.attributes.get("Policy")) and not _is_service(caller.source):
        _check(tx, topic, action, asked)
    return topic


def check_owner(tx: Tx, subscription: Subscription, action: str) -> None:
    """Refuse whoever owns neither the subscription nor its topic.

    Raises:
        AuthorizationError: the caller may not do that.
    """
    caller = tx.caller
    if caller.account not in (subscription.owner, subscription.account) and not _is_service(caller.source):
        raise _refused(tx, action, subscription.at.arn, "")


def check_account(tx: Tx, arn: str, parameter: str, action: str) -> None:
    """Refuse other accounts: applications and endpoints of platforms have no policy that could let one in.

    Source: Service Authorization Reference, "Actions, resources, and condition keys for Amazon SNS".

    Raises:
        InvalidParameter: it is no ARN.
        AuthorizationError: the caller may not do that.
    """
    caller = tx.caller
    if caller.account != parse_arn(arn, parameter).account and not _is_service(caller.source):
        raise _not_allowed(tx, action, arn)


def _is_service(source: str) -> bool:
    return source.endswith(".amazonaws.com")


@lru_cache(1024)
def _compiled(text: str) -> Policy | None:
    """A topic's policy; None if it says nothing: an earlier version stored what it could not read."""
    try:
        return parse_policy(text)
    except PolicyError:
        return None


@lru_cache(1024)
def _denying(text: str) -> Policy | None:
    """A policy that denies something: only such a one matters to callers of the topic's own account."""
    policy = _compiled(text)
    return None if policy is None or all(one.allows for one in policy.statements) else policy


def _check(tx: Tx, topic: Topic, action: str, asked: dict[str, str]) -> None:
    caller = tx.caller
    own = caller.account == topic.account
    text = topic.attributes.get("Policy")
    policy = (_denying if own else _compiled)(text) if text else None
    said = Decision.OPEN if policy is None else decide(policy, _access(tx, topic, action, asked))
    if said is Decision.DENY and not (own and action in _OF_THE_POLICY and caller.arn.endswith(":root")):
        raise _refused(tx, action, topic.arn, " with an explicit deny in a resource-based policy")
    if not own and said is not Decision.ALLOW:
        raise _not_allowed(tx, action, topic.arn)


def _access(tx: Tx, topic: Topic, action: str, asked: dict[str, str]) -> Access:
    caller = tx.caller
    context = global_keys(tx, topic.account)
    context["aws:sourceowner"] = (caller.account,)  # undocumented; the default policy compares it
    for name, value in asked.items():
        context[f"sns:{name}"] = (value,)
    principal = Principal() if caller.anonymous else Principal(caller.account, caller.arn, caller.user_id)
    return Access(principal, f"SNS:{action}", topic.arn, context)


def _not_allowed(tx: Tx, action: str, resource: str) -> AuthorizationError:
    return _refused(tx, action, resource, f" because no resource-based policy allows the SNS:{action} action")


def _refused(tx: Tx, action: str, resource: str, why: str) -> AuthorizationError:
    return AuthorizationError(
        f"User: {tx.caller.arn} is not authorized to perform: SNS:{action} on resource: {resource}{why}"
    )
