"""How resources without names of their own are named.

Source: CloudFormation User Guide, "Name type"; names in the recorded cases.
"""

from __future__ import annotations

from ballroom.kernel.ids import Ids

from ..resource_types.base import Properties, ResourceType
from ..template.values import as_text

RANDOM = 12


def given_name(entry: ResourceType, properties: Properties) -> str | None:
    """The name that the template gives, if it does."""
    if entry.name is None or properties.get(entry.name.property) is None:
        return None
    return as_text(properties[entry.name.property])


def make_name(entry: ResourceType, stack_name: str, logical_id: str, properties: Properties, ids: Ids) -> str:
    """`<stack>-<logical id>-<12 letters and digits>`, shortened to the type's limit."""
    rules = entry.name
    if rules is None:
        return f"{stack_name}-{logical_id}-{ids.upper(RANDOM)}"
    suffix = rules.suffix(properties)
    first, second = rules.prefix or stack_name, logical_id
    room = rules.limit - RANDOM - 2 - len(suffix)
    if len(first) + len(second) > room:
        second = second[: max(room - len(first), room // 2)]
        first = first[: room - len(second)]
    name = f"{first}-{second}-"
    if rules.lower:
        return name.lower() + ids.lower(RANDOM) + suffix
    return name + ids.upper(RANDOM) + suffix
