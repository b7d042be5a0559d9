"""Key condition expressions, as the conditions by attribute that legacy KeyConditions state too.

Source: DynamoDB Developer Guide, "Key condition expressions for the Query operation".
"""

from __future__ import annotations

from ballroom.services.dynamodb.errors import Invalid
from ballroom.services.dynamodb.expressions.caching import kept_by_text
from ballroom.services.dynamodb.expressions.conditions import Check, Compiler, check_functions
from ballroom.services.dynamodb.expressions.environment import Environment, Names, resolve
from ballroom.services.dynamodb.expressions.nodes import Call, Node, Operator, Path, ValueRef
from ballroom.services.dynamodb.expressions.parser import parse
from ballroom.services.dynamodb.legacy import Conditions

KIND = "KeyConditionExpression"
_OPERATORS = {"=": "EQ", "<": "LT", "<=": "LE", ">": "GT", ">=": "GE"}
_MIRRORED = {"=": "=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}


def key_conditions(text: str, environment: Environment) -> Conditions:
    """By attribute: the operator (in its legacy name) and its operands.

    Raises:
        Invalid: with AWS's text.
    """
    _, names = environment.parse(KIND, text)
    values = environment.values
    for check in _checks(text, names):
        check(values)
    return {
        name: (comparison, [values[operand] for operand in operands])
        for name, comparison, operands in _conditions(text, names)
    }


@kept_by_text(2048)
def _checks(text: str, names: Names) -> list[Check]:
    """What must be checked with each request's values, once the expression itself is in order."""
    parsed = parse(KIND, text)
    check_functions(parsed)
    assert parsed.root is not None
    compiler = Compiler(KIND, names)
    if not isinstance(parsed.root, Path | ValueRef):
        compiler.test(parsed.root)
    return compiler.checks


@kept_by_text(2048)
def _conditions(text: str, names: Names) -> list[tuple[str, str, list[str]]]:
    """The attributes with their operators (in legacy names) and the names of their operands."""
    root = parse(KIND, text).root
    assert root is not None
    found: dict[str, tuple[str, str, list[str]]] = {}
    for node in _single(root):
        name, comparison, operands = _condition(node, names)
        if name in found:
            raise Invalid(f"Invalid {KIND}: KeyConditionExpressions must only contain one condition per key")
        found[name] = name, comparison, [operand.name for operand in operands]
    if len(found) > 2:
        raise Invalid("Conditions can be of length 1 or 2 only")
    return list(found.values())


def _single(node: Node) -> list[Node]:
    if isinstance(node, Operator) and node.name == "AND":
        return [one for operand in node.operands for one in _single(operand)]
    return [node]


def _refused(name: str) -> Invalid:
    return Invalid(f"Invalid {KIND}: Invalid operator used in KeyConditionExpression: {name}")


def _condition(node: Node, names: Names) -> tuple[str, str, list[ValueRef]]:
    """One condition: the attribute, the operator, the operands."""
    if isinstance(node, Call):
        if node.name != "begins_with":
            raise _refused(node.name)
        name, comparison = node.name, "BEGINS_WITH"
    elif isinstance(node, Operator) and (node.name in _OPERATORS or node.name == "BETWEEN"):
        name, comparison = node.name, _OPERATORS.get(node.name, "BETWEEN")
    elif isinstance(node, Operator):
        raise _refused(node.name)
    else:
        raise Invalid(f'Invalid {KIND}: Syntax error; token: "<EOF>", near: "{_first(node)}"')
    operands = list(node.operands)
    if any(isinstance(operand, Call | Operator) for operand in operands):
        raise Invalid(f"Invalid {KIND}: KeyConditionExpressions cannot contain nested operations")
    paths = [operand for operand in operands if isinstance(operand, Path)]
    if len(paths) > 1:
        raise Invalid(
            f"Invalid {KIND}: Invalid condition in KeyConditionExpression: "
            "Multiple attribute names used in one condition"
        )
    if not paths:
        raise Invalid(
            f"Invalid {KIND}: Invalid condition in KeyConditionExpression: No key attribute specified"
        )
    if operands[0] is not paths[0]:
        if name in _MIRRORED:
            comparison = _OPERATORS[_MIRRORED[name]]
        else:
            raise Invalid(
                f"Invalid {KIND}: Invalid condition in KeyConditionExpression: {name} operator must have "
                "the key attribute as its first operand"
            )
    parts = resolve(paths[0], names)
    if len(parts) > 1:
        raise Invalid(f"Invalid {KIND}: KeyConditionExpressions cannot have conditions on nested attributes")
    return str(parts[0]), comparison, [operand for operand in operands if isinstance(operand, ValueRef)]


def _first(node: Node) -> str:
    return node.name if isinstance(node, ValueRef) else str(node.parts[0]) if isinstance(node, Path) else ""
