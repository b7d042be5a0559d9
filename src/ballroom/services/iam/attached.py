"""Managed policies on identities, kept from both sides, and boundaries, which count apart."""

from __future__ import annotations

from msgspec.structs import replace

from ballroom.kernel import Tx

from .managed import find_policy
from .resources import Attachment, Inline, key, put_policy


def policies_of(tx: Tx, kind: str, name: str, *, limit: int | None = None) -> list[Attachment]:
    """The managed policies of one identity, by ARN."""
    return tx.scan_prefix(Attachment, key(tx, "attached", kind, name.lower()), limit=limit)


def entities_of(tx: Tx, policy_arn: str, *, boundary: bool = False) -> list[Attachment]:
    """The identities that a policy is attached to, or is the boundary of."""
    return tx.scan_prefix(Attachment, key(tx, "bounded" if boundary else "entity", policy_arn))


def attach(tx: Tx, kind: str, name: str, policy_arn: str) -> None:
    """Attach; harmless if it is already."""
    if tx.get(Attachment, key(tx, "attached", kind, name.lower(), policy_arn)) is not None:
        return
    _put(tx, Attachment(policy_arn, kind, name))
    _count(tx, policy_arn, 1)


def detach(tx: Tx, kind: str, name: str, policy_arn: str) -> bool:
    """Detach; whether it was attached."""
    if tx.get(Attachment, key(tx, "attached", kind, name.lower(), policy_arn)) is None:
        return False
    _remove(tx, Attachment(policy_arn, kind, name))
    _count(tx, policy_arn, -1)
    return True


def set_boundary(tx: Tx, kind: str, name: str, before: str, after: str) -> None:
    """Note that an identity's boundary has changed; empty: none."""
    if before:
        tx.delete(key(tx, "bounded", before, kind, name.lower()))
    if after:
        tx.put(key(tx, "bounded", after, kind, name.lower()), Attachment(after, kind, name))


def rename(tx: Tx, kind: str, name: str, new: str) -> None:
    """Let an identity's policies follow its new name."""
    for attachment in policies_of(tx, kind, name):
        _remove(tx, attachment)
        _put(tx, replace(attachment, name=new))
    for inline in tx.scan_prefix(Inline, key(tx, "inline", kind, name.lower())):
        tx.delete(key(tx, "inline", kind, name.lower(), inline.name))
        tx.put(key(tx, "inline", kind, new.lower(), inline.name), inline)


def _put(tx: Tx, attachment: Attachment) -> None:
    arn, kind, name = attachment.policy_arn, attachment.kind, attachment.name.lower()
    tx.put(key(tx, "attached", kind, name, arn), attachment)
    tx.put(key(tx, "entity", arn, kind, name), attachment)


def _remove(tx: Tx, attachment: Attachment) -> None:
    arn, kind, name = attachment.policy_arn, attachment.kind, attachment.name.lower()
    tx.delete(key(tx, "attached", kind, name, arn))
    tx.delete(key(tx, "entity", arn, kind, name))


def _count(tx: Tx, policy_arn: str, change: int) -> None:
    policy = find_policy(tx, policy_arn)
    if policy is not None:
        put_policy(tx, replace(policy, attachments=policy.attachments + change))
