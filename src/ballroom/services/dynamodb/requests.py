"""What several operations read from a request: conditions, projections, where values may be given.

Source: DynamoDB API Reference, the operations on items.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ballroom.services.dynamodb import legacy
from ballroom.services.dynamodb.errors import Invalid
from ballroom.services.dynamodb.expressions.conditions import condition
from ballroom.services.dynamodb.expressions.environment import Environment
from ballroom.services.dynamodb.expressions.projections import Projected, projected
from ballroom.services.dynamodb.values.attribute_values import Attributes

Test = Callable[[Attributes], bool]


def environment_of(request: dict[str, Any], *expressions: str) -> Environment:
    """The names and values for the expressions that an operation may have.

    Raises:
        Invalid: there are names or values, but none of those expressions; or they are malformed.
    """
    for member in ("ExpressionAttributeNames", "ExpressionAttributeValues"):
        if request.get(member) is None:
            continue
        may = [name for name in expressions if member.endswith("Names") or name != "ProjectionExpression"]
        if not any(request.get(name) is not None for name in may):
            text = f"{member} can only be specified when using expressions"
            told = may if member.endswith("Values") or "ProjectionExpression" not in may else []
            if told:
                text += f": {' and '.join(told)} {'is' if len(told) == 1 else 'are'} null"
            raise Invalid(text)
    return Environment(request)


def condition_of(request: dict[str, Any], environment: Environment) -> Test | None:
    """The condition of a write: an expression or `Expected`; None: there is none."""
    text = request.get("ConditionExpression")
    if text is not None:
        return condition("ConditionExpression", text, environment)
    return legacy.expected(request)


def projection_of(request: dict[str, Any], environment: Environment) -> Projected | None:
    """What of an item a read asks for: an expression or AttributesToGet; None: all."""
    text = request.get("ProjectionExpression")
    if text is not None:
        return projected(text, environment)
    names = legacy.attributes_to_get(request)
    return None if names is None else Projected([(name,) for name in names])
