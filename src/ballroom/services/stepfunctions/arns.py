"""Names and ARNs of state machines, versions, aliases, executions, activities and map runs.

Source: Service Authorization Reference, "Resource types defined by AWS Step Functions".
"""

from __future__ import annotations

import re
from typing import NamedTuple

from ballroom.kernel import Tx
from ballroom.kernel.arn import find_arn, make_arn

from .errors import Invalid, InvalidArn, InvalidName

_FORBIDDEN = re.compile(r"[\s<>{}\[\]?*\"#%\\^|~`$&,;:/\x00-\x1f\x7f-\x9f]")


class MachineRef(NamedTuple):
    """A state machine, or one of its versions (`version` > 0) or aliases, or the child of a map (label)."""

    account: str
    region: str
    name: str
    version: int = 0
    alias: str = ""
    label: str = ""

    @property
    def arn(self) -> str:
        """The ARN of the state machine itself."""
        return machine_arn(self.region, self.account, self.name)

    @property
    def qualified(self) -> str:
        """The ARN as it was asked for."""
        if self.label:
            return f"{self.arn}/{self.label}"
        return (
            f"{self.arn}:{self.version}"
            if self.version
            else f"{self.arn}:{self.alias}"
            if self.alias
            else self.arn
        )


class ExecutionRef(NamedTuple):
    """An execution; `machine` is `name` or `name/label` for the child executions of a map run."""

    account: str
    region: str
    machine: str
    name: str

    @property
    def arn(self) -> str:
        """The execution's ARN."""
        return execution_arn(self.region, self.account, self.machine, self.name)


def machine_arn(region: str, account: str, name: str) -> str:
    """A state machine's ARN."""
    return make_arn("states", region, account, f"stateMachine:{name}")


def execution_arn(region: str, account: str, machine: str, name: str) -> str:
    """A Standard execution's ARN."""
    return make_arn("states", region, account, f"execution:{machine}:{name}")


def express_arn(region: str, account: str, machine: str, name: str, unique: str) -> str:
    """An Express execution's ARN."""
    return make_arn("states", region, account, f"express:{machine}:{name}:{unique}")


def activity_arn(region: str, account: str, name: str) -> str:
    """An activity's ARN."""
    return make_arn("states", region, account, f"activity:{name}")


def check_name(name: str) -> None:
    """Refuse a name with characters that AWS does not allow.

    Source: API Reference, CreateStateMachine, `name`.
    """
    if _FORBIDDEN.search(name) or any(0xD800 <= ord(c) <= 0xDFFF or ord(c) in (0xFFFE, 0xFFFF) for c in name):
        raise InvalidName(name)


def _parts(text: str) -> tuple[str, str, list[str]]:
    arn = find_arn(text)
    if arn is None or arn.service != "states":
        raise InvalidArn(f"Invalid ARN prefix: {text}")
    return arn.account, arn.region, arn.resource.split(":")


def _other(kind: str) -> InvalidArn:
    return InvalidArn(f"Resource type not valid in this context: {kind}")


def parse_machine(text: str) -> MachineRef:
    """The state machine, version or alias that an ARN names.

    Raises:
        InvalidArn: it names none.
    """
    account, region, parts = _parts(text)
    if parts[0] != "stateMachine":
        raise _other(parts[0])
    if len(parts) not in (2, 3) or not parts[1]:
        raise InvalidArn(f"Invalid ARN: {text}")
    name, _, label = parts[1].partition("/")
    qualifier = parts[2] if len(parts) == 3 else ""
    if qualifier.isdecimal():
        return MachineRef(account, region, name, version=int(qualifier))
    return MachineRef(account, region, name, alias=qualifier, label=label)


def parse_unqualified(text: str) -> MachineRef:
    """The state machine that an ARN names, which may not name a version or alias of it.

    Raises:
        InvalidArn: it names none.
        Invalid: it is qualified.
    """
    found = parse_machine(text)
    if found.version or found.alias:
        raise Invalid(f"The ARN must not be qualified with a version or alias: '{text}'")
    return found


def parse_alias(text: str) -> MachineRef:
    """The alias that an ARN names."""
    found = parse_machine(text)
    if not found.alias:
        raise InvalidArn(f"Invalid State Machine Alias Arn: {text}")
    return found


def parse_execution(text: str) -> ExecutionRef:
    """The Standard execution that an ARN names; an Express one's has another form.

    Raises:
        InvalidArn: it names none.
    """
    account, region, parts = _parts(text)
    if parts[0] == "express":
        raise _other("express")
    if parts[0] != "execution":
        raise _other(parts[0])
    if len(parts) != 3:
        raise InvalidArn(f"Invalid ARN: {text}")
    return ExecutionRef(account, region, parts[1], parts[2])


def parse_activity(text: str) -> tuple[str, str, str]:
    """Account, region and name of an activity."""
    account, region, parts = _parts(text)
    if parts[0] != "activity":
        raise _other(parts[0])
    if len(parts) != 2:
        raise InvalidArn(f"Invalid ARN: {text}")
    return account, region, parts[1]


def kind_of(text: str) -> str:
    """What kind of resource an ARN names: `stateMachine`, `activity`, `execution`, ..."""
    return _parts(text)[2][0]


def own_machine(tx: Tx, name: str) -> MachineRef:
    """The caller's state machine of that name."""
    return MachineRef(tx.account, tx.region, name)
