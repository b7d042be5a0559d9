"""IAM's operations, grouped by resource."""

from __future__ import annotations

from . import (
    access_keys,
    account,
    attachments,
    certificates,
    groups,
    inline,
    policies,
    profiles,
    providers,
    refused,
    roles,
    service_roles,
    tagging,
    users,
    versions,
)

__all__ = [
    "access_keys", "account", "attachments", "certificates", "groups", "inline", "policies", "profiles",
    "providers", "refused", "roles", "service_roles", "tagging", "users", "versions",
]
