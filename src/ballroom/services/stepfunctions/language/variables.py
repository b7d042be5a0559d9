"""Variables: what their names may be, and how much they may hold.

Source: Developer Guide, "Passing data between states with variables".
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from ballroom.services.stepfunctions.language.findings import Fields
from ballroom.services.stepfunctions.language.intrinsics import dump
from ballroom.services.stepfunctions.language.machine import Json, StatesError

MAX_ASSIGN_BYTES = 262_144
"""One variable, and all of one Assign."""
MAX_VARIABLES_BYTES = 10 << 20
"""All variables of an execution."""
MAX_NAME = 80

_NAME = re.compile(r"[^\W\d]\w*")


def check_assign(fields: Fields, suffix: str = "") -> None:
    """Report names in an Assign that no variable may have."""
    assigned = fields.get("Assign")
    seen = set()
    for key in assigned:
        name = key.removesuffix(suffix) if suffix else key
        if name in seen:
            fields.error(f"The variable '{name}' is assigned more than once", "Assign")
        seen.add(name)
        if name == "states":
            fields.error("The variable name 'states' is reserved", "Assign")
        elif len(name) > MAX_NAME or _NAME.fullmatch(name) is None:
            fields.error(
                f"The variable name '{name[:100]}' is invalid: it must start with a letter, contain only "
                f"letters, digits and underscores, and have at most {MAX_NAME} characters",
                "Assign",
            )


def check_assigned(assigned: Mapping[str, Json], held_bytes: int = 0) -> int:
    """The size in bytes of what a state assigns, as JSON.

    `held_bytes`: the size of the execution's other variables.

    Raises:
        StatesError: a variable or the whole Assign is larger than 256 KiB, or all variables than 10 MiB.
    """
    size = sum(len(dump(value).encode("utf-8", "surrogatepass")) for value in assigned.values())
    if size > MAX_ASSIGN_BYTES:
        raise StatesError(
            "States.DataLimitExceeded",
            "The variables assigned by the state exceed the maximum number of bytes service limit.",
        )
    if held_bytes + size > MAX_VARIABLES_BYTES:
        raise StatesError(
            "States.DataLimitExceeded",
            "The variables of the execution exceed the maximum number of bytes service limit.",
        )
    return size


def checked(assigned: dict[str, Json]) -> dict[str, Json]:
    """What a state assigns, if it is not too much. Raises StatesError."""
    check_assigned(assigned)
    return assigned
