"""The grammar, by recursive descent: linear time, bounded depth.

    condition   = and { OR and };  and = not { AND not };  not = [NOT] test
    test        = operand [comparator operand | BETWEEN operand AND operand | IN ( operand, ... )]
    operand     = path | :value | function ( operand, ... ) | ( condition )
    update      = { SET path = sum, ... | REMOVE path, ... | ADD path :value, ... | DELETE path :value, ... }
    sum         = operand [(+ | -) operand]
    projection  = path, ...
    path        = name { . name | [ number ] }

Source: DynamoDB Developer Guide, "Condition and filter expressions, operators, and functions", "Using update
expressions", "Specifying item attributes".
"""

from __future__ import annotations

from collections.abc import Callable

from ballroom.services.dynamodb.errors import Invalid
from ballroom.services.dynamodb.expressions.caching import kept_by_text
from ballroom.services.dynamodb.expressions.nodes import (
    Action,
    Call,
    Node,
    Operator,
    Parsed,
    Part,
    Path,
    ValueRef,
)
from ballroom.services.dynamodb.expressions.reserved import RESERVED
from ballroom.services.dynamodb.expressions.tokens import Token, tokens_of

LONGEST_BYTES = 4096
MOST_OPERATORS = 300
DEEPEST = 200
_COMPARATORS = frozenset({"=", "<>", "<", "<=", ">", ">="})
_SECTIONS = frozenset({"SET", "REMOVE", "ADD", "DELETE"})
_CACHED = 2048


def parse(kind: str, text: str) -> Parsed:
    """The parsed expression; `kind` is the parameter's name (`ConditionExpression`, ...).

    Raises:
        Invalid: with AWS's text.
    """
    if not text.strip(" \t\r\n"):
        raise Invalid(f"Invalid {kind}: The expression can not be empty;")
    if len(text) > LONGEST_BYTES or not text.isascii():
        size = len(text.encode("utf-8", "surrogatepass"))
        if size > LONGEST_BYTES:
            raise Invalid(
                f"Invalid {kind}: Expression size has exceeded the maximum allowed size; "
                f"expression size: {size}"
            )
    return _parse(kind, text)


@kept_by_text(_CACHED)
def _parse(kind: str, text: str) -> Parsed:
    parser = _Parser(kind, text)
    if kind == "UpdateExpression":
        parser.update()
    elif kind == "ProjectionExpression":
        parser.projection()
    else:
        parser.whole_condition()
    return parser.finish()


class _Parser:
    def __init__(self, kind: str, text: str) -> None:
        self.text, self.tokens, self.at = text, tokens_of(text), 0
        self.parsed = Parsed(kind)
        self.aliases: dict[str, None] = {}
        self.values: dict[str, None] = {}
        self.calls: dict[str, None] = {}
        self.depth = 0
        self.wrapped: set[int] = set()
        """Identities of nodes that have parentheses around them already (they live as long as the parser)."""
        self.alive: list[Node] = []

    # -- tokens --------------------------------------------------------------------------------------

    @property
    def token(self) -> Token:
        return self.tokens[self.at]

    def unexpected(self) -> Invalid:
        """The syntax error at the present token, with its neighbours as they are written."""
        token = self.token
        first = self.tokens[max(0, self.at - 1)]
        last = self.tokens[min(len(self.tokens) - 1, self.at + 1)]
        near = self.text[first.start : last.stop]
        return Invalid(
            f'Invalid {self.parsed.kind}: Syntax error; token: "{token.text}", near: "{near.rstrip()}"'
        )

    def is_symbol(self, *texts: str) -> bool:
        return self.token.kind == "symbol" and self.token.text in texts

    def is_word(self, word: str) -> bool:
        return self.token.kind == "name" and self.token.text.upper() == word

    def take(self) -> Token:
        token = self.token
        self.at += 1
        return token

    def expect(self, symbol: str) -> None:
        if not self.is_symbol(symbol):
            raise self.unexpected()
        self.at += 1

    def expect_word(self, word: str) -> None:
        if not self.is_word(word):
            raise self.unexpected()
        self.at += 1

    def finish(self) -> Parsed:
        if self.token.kind != "end":
            raise self.unexpected()
        parsed = self.parsed
        parsed.aliases, parsed.values, parsed.calls = tuple(self.aliases), tuple(self.values), tuple(self.calls)
        if parsed.redundant:
            raise Invalid(f"Invalid {parsed.kind}: The expression has redundant parentheses;")
        if parsed.reserved is not None:
            raise Invalid(
                f"Invalid {parsed.kind}: Attribute name is a reserved keyword; "
                f"reserved keyword: {parsed.reserved}"
            )
        if parsed.operators > MOST_OPERATORS:
            raise Invalid(
                f"Invalid {parsed.kind}: The expression contains too many operators; "
                f"operator count: {parsed.operators}"
            )
        return parsed

    def deeper(self) -> None:
        self.depth += 1
        if self.depth > DEEPEST:
            raise Invalid(
                f"Invalid {self.parsed.kind}: The expression is nested too deeply; maximum depth: {DEEPEST}"
            )

    def operator(self, name: str, *operands: Node) -> Node:
        self.parsed.operators += 1
        node = Operator(name, operands)
        self.alive.append(node)
        return node

    # -- conditions ----------------------------------------------------------------------------------

    def whole_condition(self) -> None:
        self.parsed.root = self.condition()

    def condition(self) -> Node:
        """OR binds loosest, then AND, then NOT. Chains are one node, so that their length is no depth.

        One function for all three, since nesting costs as many of Python's frames as there are functions.
        """
        either: list[Node] = []
        while True:
            both: list[Node] = []
            while True:
                negations = 0
                while self.is_word("NOT"):
                    self.at += 1
                    negations += 1
                self.parsed.operators += negations
                node = self.test()
                both.append(Operator("NOT", (node,)) if negations % 2 else node)
                if not self.is_word("AND"):
                    break
                self.at += 1
                self.parsed.operators += 1
            either.append(both[0] if len(both) == 1 else self._chain("AND", both))
            if not self.is_word("OR"):
                return either[0] if len(either) == 1 else self._chain("OR", either)
            self.at += 1
            self.parsed.operators += 1

    def _chain(self, word: str, nodes: list[Node]) -> Node:
        node = Operator(word, tuple(nodes))
        self.alive.append(node)
        return node

    def test(self) -> Node:
        if self.is_symbol("("):
            self.at += 1
            self.deeper()
            left = self._wrapped(self.condition())
        else:
            left = self.operand()
        token = self.token
        if token.kind == "symbol" and token.text in _COMPARATORS:
            self.at += 1
            return self.operator(token.text, left, self.operand())
        if self.is_word("BETWEEN"):
            self.at += 1
            low = self.operand()
            self.expect_word("AND")
            return self.operator("BETWEEN", left, low, self.operand())
        if self.is_word("IN"):
            self.at += 1
            self.expect("(")
            choices = self._list(self.operand)
            self.expect(")")
            return self.operator("IN", left, *choices)
        return left

    def _list(self, inner: Callable[[], Node]) -> list[Node]:
        found = [inner()]
        while self.is_symbol(","):
            self.at += 1
            found.append(inner())
        return found

    def operand(self) -> Node:
        token = self.token
        if token.kind == "value":
            self.at += 1
            self.values[token.text] = None
            return ValueRef(token.text)
        if self.is_symbol("("):
            return self._parenthesised()
        following = self.tokens[min(self.at + 1, len(self.tokens) - 1)]
        if token.kind == "name" and following.kind == "symbol" and following.text == "(":
            self.at += 2
            self.deeper()
            operands = self._list(self.operand)
            self.depth -= 1
            self.expect(")")
            self.calls[token.text] = None
            self.parsed.operators += 1
            return Call(token.text, tuple(operands))
        return self.path()

    def _parenthesised(self) -> Node:
        self.at += 1
        self.deeper()
        return self._wrapped(self.sum() if self.parsed.kind == "UpdateExpression" else self.condition())

    def _wrapped(self, node: Node) -> Node:
        """What stands in parentheses that end here."""
        self.depth -= 1
        self.expect(")")
        if id(node) in self.wrapped:
            self.parsed.redundant = True
        self.wrapped.add(id(node))
        self.alive.append(node)
        return node

    def path(self) -> Path:
        parts: list[Part] = [self._name()]
        while True:
            if self.is_symbol("."):
                self.at += 1
                parts.append(self._name())
            elif self.is_symbol("["):
                self.at += 1
                if self.token.kind != "number":
                    raise self.unexpected()
                parts.append(self._position(self.take().text))
                self.expect("]")
            else:
                return Path(tuple(parts))

    def _name(self) -> str:
        token = self.token
        if token.kind == "alias":
            self.aliases[token.text] = None
        elif token.kind != "name":
            raise self.unexpected()
        elif token.text.upper() in RESERVED:
            if token.text.upper() in _GRAMMAR.get(self.parsed.kind, _CONDITION_WORDS):
                raise self.unexpected()
            if self.parsed.reserved is None:
                self.parsed.reserved = token.text
        self.at += 1
        return token.text

    def _position(self, digits: str) -> int:
        if len(digits) > 10 or int(digits) > 0x7FFFFFFF:
            raise Invalid(
                f"Invalid {self.parsed.kind}: List index is not within the allowable range; index: [{digits}]"
            )
        return int(digits)

    # -- projections and updates ---------------------------------------------------------------------

    def projection(self) -> None:
        self.parsed.paths.append(self.path())
        while self.is_symbol(","):
            self.at += 1
            self.parsed.paths.append(self.path())

    def update(self) -> None:
        seen: set[str] = set()
        repeated: str | None = None
        while self.token.kind != "end":
            section = self.token.text.upper()
            if self.token.kind != "name" or section not in _SECTIONS:
                raise self.unexpected()
            if section in seen and repeated is None:
                repeated = section
            seen.add(section)
            self.at += 1
            self._actions(section)
        if repeated is not None:
            raise Invalid(
                f'Invalid UpdateExpression: The "{repeated}" section can only be used once in an update '
                "expression;"
            )

    def _actions(self, section: str) -> None:
        while True:
            path = self.path()
            operand: Node | None = None
            if section == "SET":
                self.expect("=")
                operand = self.sum()
                self.parsed.operators += 1
            elif section != "REMOVE":
                if self.token.kind != "value":
                    raise self.unexpected()
                operand = self.operand()
                self.parsed.operators += 1
            self.parsed.actions.append(Action(section, path, operand))
            if not self.is_symbol(","):
                return
            self.at += 1

    def sum(self) -> Node:
        left = self.operand()
        if self.is_symbol("+", "-"):
            return self.operator(self.take().text, left, self.operand())
        return left


_CONDITION_WORDS = frozenset({"AND", "OR", "NOT", "BETWEEN", "IN"})
_GRAMMAR = {"ProjectionExpression": frozenset[str](), "UpdateExpression": _SECTIONS}
"""Words of each grammar: where a name is expected, they are a syntax error rather than a reserved name."""
