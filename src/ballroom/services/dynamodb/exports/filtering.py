"""What a filtered export takes of a table: items that meet its conditions, and of them what it projects.

Of an incremental export the latest image of an item is looked at, and of a deleted item its last.

Source: DynamoDB Developer Guide, "Filtering a table export"; API Reference, FilterSpecification.
"""

from __future__ import annotations

from typing import Any

from ballroom.services.dynamodb.errors import Invalid
from ballroom.services.dynamodb.expressions.conditions import condition
from ballroom.services.dynamodb.expressions.key_conditions import key_conditions
from ballroom.services.dynamodb.legacy import compare
from ballroom.services.dynamodb.live import LiveTable
from ballroom.services.dynamodb.ranges import query_range
from ballroom.services.dynamodb.requests import environment_of, projection_of
from ballroom.services.dynamodb.values.attribute_values import Attributes


class Selection:
    """A FilterSpecification, compiled."""

    def __init__(self, given: dict[str, Any]) -> None:
        """Check and compile the expressions.

        Raises:
            Invalid: one is wrong, or leaves a name or value unused.
        """
        environment = environment_of(
            given, "ProjectionExpression", "FilterExpression", "KeyConditionExpression"
        )
        self._projected = projection_of(given, environment)
        text = given.get("FilterExpression")
        self._test = None if text is None else condition("FilterExpression", text, environment)
        text = given.get("KeyConditionExpression")
        self._conditions = {} if text is None else key_conditions(text, environment)
        environment.check_all_used()

    def check(self, table: LiveTable) -> None:
        """Raise unless the conditions on the key fit the table's.

        Raises:
            Invalid: they do not, or the filter has conditions on the key besides.
        """
        if not self._conditions:
            return
        query_range(table, self._conditions)
        for parts in self._test.paths if self._test is not None else ():
            if parts[0] in table.schema.names:
                raise Invalid(
                    "Filter Expression can only contain non-primary key attributes: "
                    f"Primary key attribute: {parts[0]}"
                )

    def keeps(self, item: Attributes) -> bool:
        """Whether the export has an item."""
        for name, (comparison, values) in self._conditions.items():
            if not compare(comparison, item.get(name), values):
                return False
        return self._test is None or self._test(item)

    def project(self, item: Attributes) -> Attributes:
        """What the export has of an item."""
        return item if self._projected is None else self._projected.apply(item)
