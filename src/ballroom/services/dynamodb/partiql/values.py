"""Literals and parameters: values that a statement states, made once where they are the same for every request.

Source: DynamoDB Developer Guide, "PartiQL data types for DynamoDB".
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ballroom.services.dynamodb.errors import Invalid
from ballroom.services.dynamodb.partiql.tokens import not_well_formed
from ballroom.services.dynamodb.values.attribute_values import Value, take, type_of

if TYPE_CHECKING:
    from ballroom.services.dynamodb.partiql.parser import Parser
    from ballroom.services.dynamodb.partiql.statements import Maker

_SETS = {"S": "SS", "N": "NS", "B": "BS"}


def begins_value(parser: Parser) -> bool:
    """Whether a literal or a parameter comes next."""
    token = parser.token
    if token.kind in ("string", "number"):
        return True
    if token.kind == "keyword":
        return token.text.upper() in ("NULL", "TRUE", "FALSE")
    if token.text in ("+", "-") and token.kind == "symbol":
        return parser.following.kind == "number"
    return token.kind == "symbol" and token.text in ("?", "[", "{", "<<")


def value(parser: Parser) -> Maker:
    """The next literal or parameter.

    Raises:
        Invalid: it is none, or breaks a rule of values.
    """
    made = _value(parser)
    return made if callable(made) else _always(take(made))


def _always(made: Value) -> Maker:
    return lambda parameters: made


Raw = dict[str, Any] | Callable[[list[Value]], Value]


def _value(parser: Parser) -> Raw:
    token = parser.take()
    if token.kind == "string":
        return {"S": token.text}
    if token.kind == "number":
        return {"N": token.text}
    if token.kind == "keyword":
        word = token.text.upper()
        if word == "NULL":
            return {"NULL": True}
        if word in ("TRUE", "FALSE"):
            return {"BOOL": word == "TRUE"}
    elif token.kind == "symbol":
        if token.text in ("+", "-") and parser.token.kind == "number":
            return {"N": ("-" if token.text == "-" else "") + parser.take().text}
        if token.text == "?":
            return _parameter(parser)
        if token.text in _CONTAINERS:
            parser.deeper()
            made = _CONTAINERS[token.text](parser)
            parser.depth -= 1
            return made
    raise parser.unexpected(token)


def _parameter(parser: Parser) -> Maker:
    place = parser.statement.parameters
    parser.statement.parameters += 1
    return lambda parameters: parameters[place]


def _elements(parser: Parser, end: str) -> list[Raw]:
    found: list[Raw] = []
    while not parser.accept(end):
        if found:
            parser.expect(",")
        found.append(_value(parser))
    return found


def _list(parser: Parser) -> Raw:
    elements = _elements(parser, "]")
    if not any(map(callable, elements)):
        return {"L": elements}
    return lambda parameters: take({"L": [_made(one, parameters) for one in elements]})


def _map(parser: Parser) -> Raw:
    members: dict[str, Raw] = {}
    while not parser.accept("}"):
        if members:
            parser.expect(",")
        name = parser.take()
        if name.kind != "string":
            raise not_well_formed("Expected a string as the name of a member")
        parser.expect(":")
        if name.text in members:
            raise Invalid(f"The name {name.text} stands twice in a map or item")
        members[name.text] = _value(parser)
    if not any(map(callable, members.values())):
        return {"M": members}
    return lambda parameters: take({"M": {name: _made(one, parameters) for name, one in members.items()}})


def _set(parser: Parser) -> Raw:
    elements = _elements(parser, ">>")
    if not any(map(callable, elements)):
        return _set_of([_made(one, []) for one in elements])
    return lambda parameters: take(_set_of([_made(one, parameters) for one in elements]))


def _set_of(elements: list[Value]) -> Value:
    kinds = {type_of(one) for one in elements}
    kind = next(iter(kinds), "S")
    if len(kinds) > 1 or kind not in _SETS:
        raise Invalid.parameter("The elements of a set must be strings, numbers or binary values of one type")
    return {_SETS[kind]: [one[kind] for one in elements]}


def _made(raw: Raw, parameters: list[Value]) -> Value:
    return raw(parameters) if callable(raw) else raw


_CONTAINERS: dict[str, Callable[[Parser], Raw]] = {"[": _list, "{": _map, "<<": _set}
