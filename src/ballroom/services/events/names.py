"""Names and ARNs of buses and rules."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ballroom.kernel.arn import find_arn, make_arn
from ballroom.services.events.errors import ValidationException

if TYPE_CHECKING:
    from ballroom.kernel import Tx

DEFAULT = "default"


class BusName(NamedTuple):
    """Which bus: its account, region and name."""

    account: str
    region: str
    name: str

    @property
    def arn(self) -> str:
        """The bus's ARN."""
        return make_arn("events", self.region, self.account, f"event-bus/{self.name}")

    def rule_arn(self, rule: str) -> str:
        """The ARN of one of its rules; the default bus is not named in it."""
        where = rule if self.name == DEFAULT else f"{self.name}/{rule}"
        return make_arn("events", self.region, self.account, f"rule/{where}")


def parse_bus(account: str, region: str, given: str | None) -> BusName:
    """The bus that a name or an ARN means; the default bus if nothing is given."""
    if given is None or given == DEFAULT:
        return BusName(account, region, DEFAULT)
    if given.startswith("arn:"):
        return parse_bus_arn(given)
    return BusName(account, region, given)


def bus_of(tx: Tx, given: str | None) -> BusName:
    """The bus that a request of this caller means."""
    return parse_bus(tx.account, tx.region, given)


def parse_bus_arn(arn: str) -> BusName:
    """The bus of an ARN.

    Raises:
        ValidationException: it is no bus's.
    """
    parsed = find_arn(arn)
    if parsed is None or parsed.service != "events" or not parsed.resource.startswith("event-bus/"):
        raise ValidationException(
            "Parameter EventBusName is not valid. Reason: Provided Arn is not in correct format."
        )
    return BusName(parsed.account, parsed.region, parsed.resource.removeprefix("event-bus/"))
