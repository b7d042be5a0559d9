"""From a statement to what the item API works with: key conditions, a filter or condition, steps of an update.

A plan depends on the statement and the names of the key's attributes, and is kept with the statement.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ballroom.services.dynamodb.errors import Invalid
from ballroom.services.dynamodb.expressions.conditions import Check, Compiler, Condition, Test, check_bounds
from ballroom.services.dynamodb.expressions.nodes import Call, Node, Operator, Path, ValueRef
from ballroom.services.dynamodb.expressions.paths import check_overlaps, finder
from ballroom.services.dynamodb.expressions.updates import (
    WRONG_TYPE,
    Give,
    Step,
    added,
    appended,
    copied,
    present,
)
from ballroom.services.dynamodb.keys import Schema
from ballroom.services.dynamodb.legacy import Conditions
from ballroom.services.dynamodb.partiql.statements import Change, Column, Statement
from ballroom.services.dynamodb.values import numbers
from ballroom.services.dynamodb.values.attribute_values import Attributes, Value, take

NOT_ONE_KEY = "Where clause does not contain a mandatory equality on all key attributes"
MOST_PARTITIONS = 50
"""How many values of the partition key a SELECT may ask for."""
_COMPARISONS = {"=": "EQ", "<": "LT", "<=": "LE", ">": "GT", ">=": "GE"}
_MIRRORED = {"=": "EQ", "<": "GT", "<=": "GE", ">": "LT", ">=": "LE"}
_FUNCTIONS = {"list_append", "set_add", "set_delete", "if_not_exists"}


class Plan:
    """Which keys a statement is about, and what else an item has to meet."""

    __slots__ = ("checks", "paths", "rest", "sort", "values")

    def __init__(self) -> None:
        self.values: list[str] | None = None
        """References to the values of the partition key; None: any."""
        self.sort: tuple[str, list[str]] | None = None
        """Comparison and references for the sort key."""
        self.rest: Test | None = None
        self.checks: list[Check] = []
        self.paths: list[tuple[str | int, ...]] = []

    def is_one_key(self, schema: Schema) -> bool:
        """Whether at most one item is meant."""
        if self.values is None or len(self.values) != 1:
            return False
        return schema.range is None or (self.sort is not None and self.sort[0] == "EQ")

    def key(self, schema: Schema, values: Attributes) -> Attributes:
        """The key of the one item that is meant.

        Raises:
            Invalid: there may be several.
        """
        if not self.is_one_key(schema) or self.values is None:
            raise Invalid(NOT_ONE_KEY)
        found = {schema.hash: values[self.values[0]]}
        if schema.range is not None and self.sort is not None:
            found[schema.range] = values[self.sort[1][0]]
        return found

    def conditions(self, schema: Schema, values: Attributes) -> list[Conditions]:
        """The key conditions of one Query after the other; none: a Scan."""
        sort: Conditions = {}
        if self.sort is not None and schema.range is not None:
            comparison, references = self.sort
            operands = [values[name] for name in references]
            if comparison == "BETWEEN":
                check_bounds("KeyConditionExpression", *operands)
            sort[schema.range] = (comparison, operands)
        hashes: list[Value] = []
        if self.values is not None and len(self.values) > MOST_PARTITIONS:
            raise Invalid(
                f"The IN operator is provided with too many operands; number of operands: {len(self.values)}"
            )
        for name in self.values or ():
            if values[name] not in hashes:
                hashes.append(values[name])
        return [{schema.hash: ("EQ", [value]), **sort} for value in hashes]

    def test(self, values: Attributes) -> Condition | None:
        """What else an item has to meet, with the values of a request."""
        for check in self.checks:
            check(values)
        return None if self.rest is None else Condition(self.rest, values, self.paths)


def bind(statement: Statement, parameters: list[dict[str, Any]] | None) -> Attributes:
    """The values that nodes refer to, for the parameters of a request.

    Raises:
        Invalid: there are too many or too few, or one breaks a rule.
    """
    given = parameters or []
    if len(given) != statement.parameters:
        raise Invalid("Number of parameters in request and statement don't match.")
    taken = [take(one) for one in given]
    return {f":{place}": maker(taken) for place, maker in enumerate(statement.makers)}


def plan(statement: Statement, schema: Schema) -> Plan:
    """How the statement's WHERE is met by items with this key."""
    known = statement.plans.get(schema.names)
    if known is None:
        known = statement.plans[schema.names] = _plan(statement, schema)
    return known


def _plan(statement: Statement, schema: Schema) -> Plan:
    found = Plan()
    rest: list[Node] = []
    for node in _conjuncts(statement.where):
        values = _hash_values(node, schema.hash) if found.values is None else None
        if values is not None:
            found.values = values
            continue
        rest.append(node)
    if found.values is not None and schema.range is not None:
        for node in rest:
            found.sort = _sort_condition(node, schema.range)
            if found.sort is not None:
                rest.remove(node)
                break
    if rest:
        compiler = Compiler("FilterExpression" if statement.reads else "ConditionExpression", ())
        found.rest = compiler.test(rest[0] if len(rest) == 1 else Operator("AND", tuple(rest)))
        found.checks, found.paths = compiler.checks, compiler.paths
    return found


def _conjuncts(node: Node | None) -> list[Node]:
    """What must all hold."""
    found: list[Node] = []
    open_nodes = [node] if node is not None else []
    while open_nodes:
        one = open_nodes.pop()
        if isinstance(one, Operator) and one.name == "AND":
            open_nodes.extend(reversed(one.operands))
        else:
            found.append(one)
    return found


def _comparison(node: Node, attribute: str) -> tuple[str, list[str]] | None:
    """A comparison of the attribute with values: its legacy name, and references."""
    if isinstance(node, ValueRef | Path):
        return None
    first = node.operands[0]
    others = node.operands[1:]
    name = _COMPARISONS.get(node.name, "")
    if name and isinstance(first, ValueRef):
        first, others, name = others[0], (first,), _MIRRORED[node.name]
    if node.name in ("BETWEEN", "IN", "begins_with"):
        name = node.name.upper()
    if not name or first != Path((attribute,)) or not all(isinstance(one, ValueRef) for one in others):
        return None
    return name, [one.name for one in others if isinstance(one, ValueRef)]


def _hash_values(node: Node, attribute: str) -> list[str] | None:
    """The values that the partition key may have, if the node is about nothing else."""
    if isinstance(node, Operator) and node.name == "OR":
        found = []
        for one in node.operands:
            values = _hash_values(one, attribute)
            if values is None:
                return None
            found += values
        return found
    compared = _comparison(node, attribute)
    return compared[1] if compared is not None and compared[0] in ("EQ", "IN") else None


def _sort_condition(node: Node, attribute: str) -> tuple[str, list[str]] | None:
    compared = _comparison(node, attribute)
    if compared is None or (compared[0] == "IN" and len(compared[1]) > 1):
        return None
    return ("EQ", compared[1]) if compared[0] == "IN" else compared


# -- projections -------------------------------------------------------------------------------------


def projection(columns: list[Column]) -> Callable[[Attributes], Attributes]:
    """A function that gives what a SELECT asks for of an item; what is missing is left out."""
    finders = [(column.name, finder(column.parts)) for column in columns]

    def apply(item: Attributes) -> Attributes:
        found = ((name, find(item)) for name, find in finders)
        return {name: value for name, value in found if value is not None}

    return apply


# -- updates -----------------------------------------------------------------------------------------


def steps(statement: Statement) -> list[Step]:
    """The steps of an UPDATE, made once.

    Raises:
        Invalid: two paths overlap, or a function is not used as it may be.
    """
    if statement.steps is None:
        made = [_step(change) for change in statement.changes]
        check_overlaps("UpdateExpression", [one.parts for one in made])
        statement.steps = made
    return statement.steps


def _step(change: Change) -> Step:
    node = change.operand
    if node is None:
        return Step("REMOVE", change.parts, None)
    if isinstance(node, Call) and node.name in ("set_add", "set_delete"):
        if len(node.operands) != 2 or node.operands[0] != Path(change.parts):
            raise Invalid(f"{node.name} takes the attribute that is set and a set")
        give = _set_operand(_operand(node.operands[1]))
        return Step("ADD" if node.name == "set_add" else "DELETE", change.parts, give)
    return Step("SET", change.parts, _operand(node))


def _set_operand(give: Give) -> Give:
    def checked(item: Attributes, values: Attributes) -> Value:
        value = give(item, values)
        if not value.keys() & {"SS", "NS", "BS"}:
            raise Invalid(WRONG_TYPE)
        return value

    return checked


def _operand(node: Node) -> Give:
    if isinstance(node, ValueRef):
        name = node.name
        return lambda item, values: values[name]
    if isinstance(node, Path):
        find = finder(node.parts)
        return lambda item, values: copied(present(find(item)))
    if isinstance(node, Operator):
        if node.name not in ("+", "-"):
            raise Invalid(f"Unsupported operator in a SET clause: {node.name}")
        left, right = map(_operand, node.operands)
        subtract = node.name == "-"
        return lambda item, values: _sum(left(item, values), right(item, values), subtract=subtract)
    if node.name not in _FUNCTIONS or len(node.operands) != 2:
        raise Invalid(f"Unsupported function in a SET clause: {node.name}")
    if node.name == "if_not_exists" and isinstance(node.operands[0], Path):
        find, otherwise = finder(node.operands[0].parts), _operand(node.operands[1])
        return lambda item, values: copied(find(item) or otherwise(item, values))
    first, second = map(_operand, node.operands)
    if node.name == "list_append":
        return lambda item, values: appended(first(item, values), second(item, values))
    if node.name == "set_add":
        return lambda item, values: added(first(item, values), second(item, values))
    raise Invalid(f"Unsupported function in a SET clause: {node.name}")


def _sum(left: Value, right: Value, *, subtract: bool) -> Value:
    if "N" not in left or "N" not in right:
        raise Invalid(WRONG_TYPE)
    return {"N": numbers.add(left["N"], right["N"], subtract=subtract)}
