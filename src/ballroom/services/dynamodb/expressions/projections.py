"""Projection expressions: which parts of an item are answered.

Source: DynamoDB Developer Guide, "Using projection expressions in DynamoDB".
"""

from __future__ import annotations

from ballroom.services.dynamodb.expressions.caching import kept_by_text
from ballroom.services.dynamodb.expressions.environment import Environment, Names, resolve
from ballroom.services.dynamodb.expressions.parser import parse
from ballroom.services.dynamodb.expressions.paths import Parts, Projection, check_overlaps, projection

KIND = "ProjectionExpression"


class Projected:
    """The paths of a projection and the function that applies them."""

    __slots__ = ("apply", "names", "paths")

    def __init__(self, paths: list[Parts]) -> None:
        self.paths = paths
        self.names = {str(parts[0]) for parts in paths}
        """The attributes that are needed."""
        self.apply: Projection = projection(paths)


def projected(text: str, environment: Environment) -> Projected:
    """The projection that an expression states.

    Raises:
        Invalid: with AWS's text.
    """
    _, names = environment.parse(KIND, text)
    return _compile(text, names)


@kept_by_text(1024)
def _compile(text: str, names: Names) -> Projected:
    paths = [resolve(path, names) for path in parse(KIND, text).paths]
    check_overlaps(KIND, paths)
    return Projected(paths)
