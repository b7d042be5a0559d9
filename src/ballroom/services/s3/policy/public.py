"""Whether a bucket policy is public, as Block Public Access means it. Pure.

A statement that allows everybody is not public if a condition pins the caller to fixed values of certain
keys.

Source: S3 User Guide, "Blocking public access to your Amazon S3 storage", "The meaning of 'public'".
"""

from __future__ import annotations

import ipaddress
from functools import lru_cache

from ballroom.kernel.policy import Policy, Statement
from ballroom.services.s3.policy.validation import compiled

_FIXED_KEYS = frozenset({
    "aws:principalorgid", "aws:principalorgpaths", "aws:principalarn", "aws:principalaccount",
    "aws:sourcearn", "aws:sourceaccount", "aws:sourceowner", "aws:sourcevpc", "aws:sourcevpce",
    "aws:userid", "aws:sourceorgid", "aws:sourceorgpaths", "aws:vpcsourceip", "aws:sourceip",
    "s3:x-amz-server-side-encryption-aws-kms-key-id", "s3:dataaccesspointarn", "s3:dataaccesspointaccount",
})  # fmt: skip
_OPERATORS = frozenset({
    "stringequals", "stringlike", "stringequalsignorecase", "arnequals", "arnlike", "ipaddress",
})  # fmt: skip


@lru_cache(1024)
def is_public(text: str) -> bool:
    """Whether the policy in this text allows the public anything."""
    return allows_public(compiled(text))


def allows_public(policy: Policy) -> bool:
    """Whether any statement allows everybody something."""
    return any(statement.allows and _is_public(statement) for statement in policy.statements)


def _is_public(statement: Statement) -> bool:
    principals = statement.principals
    if principals is None:
        return False
    if not statement.not_principal and not principals.everybody:
        return False
    return not any(_pins(c.operator, c.key, c.values) for c in statement.conditions)


def _pins(operator: str, key: str, values: tuple[str, ...]) -> bool:
    """Whether a condition names fixed callers."""
    name = operator.lower().rpartition(":")[2]
    if key.lower() not in _FIXED_KEYS or name not in _OPERATORS:
        return False
    if name == "ipaddress":
        return all(_narrow(value) for value in values)
    # a value with a wildcard or variable is not fixed; in ARNs it is, outside of the account
    return bool(values) and all("${" not in value and not _open(value) for value in values)


def _open(value: str) -> bool:
    if value.startswith("arn:"):
        parts = value.split(":", 5)
        return len(parts) < 6 or any(mark in parts[4] for mark in "*?") or not parts[4]
    return "*" in value or "?" in value


def _narrow(value: str) -> bool:
    """A range wider than /8 (IPv6: /32) is everybody."""
    try:
        network = ipaddress.ip_network(value, strict=False)
    except ValueError:
        return False
    return network.prefixlen >= (8 if network.version == 4 else 32)
