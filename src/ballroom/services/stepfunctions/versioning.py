"""Versions of state machines, and which one an alias chooses.

Source: Developer Guide, "State machine versions in Step Functions workflows".
"""

from __future__ import annotations

from msgspec.structs import replace

from ballroom.kernel import Tx

from .errors import ServiceQuotaExceeded
from .resources import Alias, Machine, Version, machine_key, version_key

MOST_VERSIONS = 1000


def publish(tx: Tx, machine: Machine, description: str) -> Version:
    """Publish the current revision; one that is published already is answered again.

    Raises:
        ServiceQuotaExceeded: 1,000 versions are there.
    """
    latest = tx.get(Version, version_key(machine.ref, machine.last_version)) if machine.last_version else None
    if latest is not None and latest.settings == machine.settings:
        return latest
    if machine.versions >= MOST_VERSIONS:
        raise ServiceQuotaExceeded(f"The maximum number of versions ({MOST_VERSIONS}) has been reached.")
    version = Version(machine.last_version + 1, tx.now_ms, description, machine.settings)
    tx.put(version_key(machine.ref, version.number), version)
    tx.put(
        machine_key(machine.ref),
        replace(machine, last_version=version.number, versions=machine.versions + 1),
    )
    return version


def chosen_version(tx: Tx, alias: Alias) -> int:
    """The version that a start through an alias runs: by chance, according to the weights."""
    draw = tx.ids.uniform(0, 100)
    for version, weight in alias.routes:
        if draw < weight:
            return version
        draw -= weight
    return alias.routes[-1][0]
