"""The grammar of statements, by recursive descent: linear time, bounded depth.

    select    = SELECT (* | path, ...) FROM table[.index] [WHERE condition] [ORDER BY name [ASC | DESC], ...]
    insert    = INSERT INTO table VALUE value
    update    = UPDATE table { SET path = sum, ... | REMOVE path, ... } WHERE condition [RETURNING what *]
    delete    = DELETE FROM table WHERE condition [RETURNING ALL OLD *]
    exists    = EXISTS ( select )
    condition = and { OR and };  and = not { AND not };  not = [NOT] test
    test      = operand [comparator operand | [NOT] BETWEEN operand AND operand | [NOT] IN list | IS [NOT] what]
    operand   = value | path | function ( operand, ... ) | ( condition )
    value     = 'string' | number | TRUE | FALSE | NULL | ? | [ value, ... ] | { 'name': value, ... }
              | << value, ... >>

Source: DynamoDB Developer Guide, "PartiQL statements for DynamoDB", "PartiQL functions", "PartiQL operators".
"""

from __future__ import annotations

from collections.abc import Callable

from ballroom.services.dynamodb.errors import Invalid
from ballroom.services.dynamodb.expressions.caching import kept_by_text
from ballroom.services.dynamodb.expressions.nodes import Call, Node, Operator, Part, Path, ValueRef
from ballroom.services.dynamodb.partiql.statements import Change, Column, Maker, Parts, Statement
from ballroom.services.dynamodb.partiql.tokens import Token, not_well_formed, place_of, tokens_of
from ballroom.services.dynamodb.partiql.values import begins_value, value

DEEPEST = 100
_COMPARATORS = {"=": "=", "<>": "<>", "!=": "<>", "<": "<", "<=": "<=", ">": ">", ">=": ">="}
_FUNCTIONS = frozenset({"begins_with", "contains", "attribute_type", "size"})
_CHANGING = frozenset({"list_append", "set_add", "set_delete", "if_not_exists"})
_UNSUPPORTED = frozenset({"LIMIT", "GROUP", "HAVING", "JOIN", "UNION", "OFFSET", "EXCEPT", "INTERSECT", "LET"})
_RETURNING = frozenset({"ALL OLD", "ALL NEW", "MODIFIED OLD", "MODIFIED NEW"})


@kept_by_text(1024)
def parse(text: str) -> Statement:
    """The statement that a text states.

    Raises:
        Invalid: it is none.
    """
    return Parser(text).whole()


class Parser:
    """Reads one statement."""

    def __init__(self, text: str) -> None:
        self.text, self.tokens, self.at = text, tokens_of(text), 0
        self.statement = Statement("")
        self.depth = 0

    # -- tokens --------------------------------------------------------------------------------------

    @property
    def token(self) -> Token:
        """The next token."""
        return self.tokens[self.at]

    @property
    def following(self) -> Token:
        """The token after the next."""
        return self.tokens[min(self.at + 1, len(self.tokens) - 1)]

    def take(self) -> Token:
        """The next token, passed."""
        token = self.token
        if token.kind != "end":
            self.at += 1
        return token

    def unexpected(self, token: Token | None = None) -> Invalid:
        """The error that a token out of place means."""
        token = token or self.token
        if token.kind == "end":
            return not_well_formed("Unexpected end of statement")
        if token.kind == "keyword":
            if token.text.upper() in _UNSUPPORTED:
                return Invalid(f"Unsupported clause: {token.text.upper()} at {place_of(self.text, token)}")
            return not_well_formed("Unexpected keyword")
        return not_well_formed("Unexpected term" if token.kind != "symbol" else "Unexpected token")

    def accept(self, symbol: str) -> bool:
        """Whether a symbol came next; it is passed."""
        found = self.token.kind == "symbol" and self.token.text == symbol
        self.at += found
        return found

    def expect(self, symbol: str) -> None:
        """Pass a symbol that must come next."""
        if not self.accept(symbol):
            raise self.unexpected()

    def accept_word(self, word: str) -> bool:
        """Whether a word came next; it is passed."""
        token = self.token
        found = token.kind in ("keyword", "name") and token.text.upper() == word
        self.at += found
        return found

    def expect_word(self, word: str) -> None:
        """Pass a word that must come next."""
        if not self.accept_word(word):
            raise self.unexpected()

    def deeper(self) -> None:
        """Raise if the statement is nested too deeply."""
        self.depth += 1
        if self.depth > DEEPEST:
            raise not_well_formed(f"The statement is nested too deeply; maximum depth: {DEEPEST}")

    # -- statements ----------------------------------------------------------------------------------

    def whole(self) -> Statement:
        """The statement, and nothing behind it."""
        word = self.take().text.upper() if self.token.kind == "keyword" else ""
        if word == "SELECT":
            self.select()
        elif word == "INSERT":
            self._insert()
        elif word == "UPDATE":
            self._update()
        elif word == "DELETE":
            self._delete()
        elif word == "EXISTS":
            self.expect("(")
            self.expect_word("SELECT")
            self.select()
            self.expect(")")
            self.statement.kind = "EXISTS"
        else:
            raise not_well_formed("Expected data manipulation")
        self.accept(";")
        if self.token.kind != "end":
            raise self.unexpected()
        return self.statement

    def select(self) -> None:
        """What follows SELECT."""
        statement = self.statement
        statement.kind = "SELECT"
        if not self.accept("*"):
            statement.columns = [self._column()]
            while self.accept(","):
                statement.columns.append(self._column())
            names = [column.name for column in statement.columns]
            if len(set(names)) < len(names):
                raise Invalid("The statement projects several attributes under one name")
        self.expect_word("FROM")
        self._source(indexed=True)
        self._where()
        if self.accept_word("ORDER"):
            self.expect_word("BY")
            self._orders()

    def _column(self) -> Column:
        if self.token.kind == "keyword" or begins_value(self):
            raise self.unexpected()
        if self.following.kind == "symbol" and self.following.text == "(":
            raise Invalid(f"Unsupported function in a projection: {self.token.text}")
        parts = self.path()
        last = max(at for at, part in enumerate(parts) if isinstance(part, str))
        return Column(parts, str(parts[last]) + "".join(f"[{part}]" for part in parts[last + 1 :]))

    def _source(self, *, indexed: bool = False) -> None:
        if self.token.kind not in ("name", "quoted"):
            raise not_well_formed(
                "Unexpected from source" if self.token.kind != "end" else "Unexpected end of statement"
            )
        self.statement.table = self.take().text
        if indexed and self.accept("."):
            if self.token.kind not in ("name", "quoted"):
                raise not_well_formed("Unexpected path component")
            self.statement.index = self.take().text
        if self.token.kind == "symbol" and self.token.text not in (")", ";"):
            raise not_well_formed("Unexpected from source")

    def _where(self) -> None:
        if self.accept_word("WHERE"):
            self.statement.where = self.condition()

    def _orders(self) -> None:
        while True:
            if self.token.kind not in ("name", "quoted"):
                raise self.unexpected()
            name = self.take().text
            descending = self.accept_word("DESC")
            if not descending:
                self.accept_word("ASC")
            self.statement.order.append((name, descending))
            if not self.accept(","):
                return

    def _insert(self) -> None:
        self.statement.kind = "INSERT"
        self.expect_word("INTO")
        if self.token.kind not in ("name", "quoted"):
            raise not_well_formed("Expected identifier for simple path")
        self.statement.table = self.take().text
        self.expect_word("VALUE")
        if not begins_value(self):
            raise self.unexpected()
        self.statement.value = value(self)

    def _update(self) -> None:
        self.statement.kind = "UPDATE"
        if self.token.kind not in ("name", "quoted"):
            raise not_well_formed("Expected identifier for simple path")
        self.statement.table = self.take().text
        while True:
            if self.accept_word("SET"):
                self._changes(self._set)
            elif self.accept_word("REMOVE"):
                self._changes(lambda: Change(self.path(), None))
            else:
                break
        if not self.statement.changes:
            raise self.unexpected()
        self._where()
        self._returning()

    def _changes(self, one: Callable[[], Change]) -> None:
        self.statement.changes.append(one())
        while self.accept(","):
            self.statement.changes.append(one())

    def _set(self) -> Change:
        parts = self.path()
        self.expect("=")
        return Change(parts, self.sum())

    def _delete(self) -> None:
        self.statement.kind = "DELETE"
        self.expect_word("FROM")
        self._source()
        self._where()
        self._returning()

    def _returning(self) -> None:
        if not self.accept_word("RETURNING"):
            return
        what = f"{self.take().text} {self.take().text}".upper()
        self.expect("*")
        if what not in _RETURNING or (self.statement.kind == "DELETE" and what != "ALL OLD"):
            raise Invalid(f"Unsupported RETURNING clause: {what} *")
        self.statement.returning = what

    # -- conditions ----------------------------------------------------------------------------------

    def condition(self) -> Node:
        """OR binds loosest, then AND, then NOT. Chains are one node, so that their length is no depth."""
        either: list[Node] = []
        while True:
            both: list[Node] = []
            while True:
                negations = 0
                while self.accept_word("NOT"):
                    negations += 1
                node = self._test()
                both.append(Operator("NOT", (node,)) if negations % 2 else node)
                if not self.accept_word("AND"):
                    break
            either.append(both[0] if len(both) == 1 else Operator("AND", tuple(both)))
            if not self.accept_word("OR"):
                return either[0] if len(either) == 1 else Operator("OR", tuple(either))

    def _test(self) -> Node:
        if self.accept("("):
            self.deeper()
            left = self.condition()
            self.depth -= 1
            self.expect(")")
        else:
            left = self.operand()
        token = self.token
        if token.kind == "symbol" and token.text in _COMPARATORS:
            self.at += 1
            return Operator(_COMPARATORS[token.text], (left, self.operand()))
        if token.kind != "keyword":
            return left
        if self.accept_word("IS"):
            return self._is(left)
        negated = self.accept_word("NOT")
        found = self._between_or_in(left)
        if found is None:
            if negated:
                raise self.unexpected()
            return left
        return Operator("NOT", (found,)) if negated else found

    def _between_or_in(self, left: Node) -> Node | None:
        if self.accept_word("BETWEEN"):
            low = self.operand()
            self.expect_word("AND")
            return Operator("BETWEEN", (left, low, self.operand()))
        if not self.accept_word("IN"):
            return None
        end = ")" if self.accept("(") else "]"
        if end == "]":
            self.expect("[")
        choices = [self.operand()]
        while self.accept(","):
            choices.append(self.operand())
        self.expect(end)
        return Operator("IN", (left, *choices))

    def _is(self, left: Node) -> Node:
        negated = self.accept_word("NOT")
        if self.accept_word("MISSING"):
            return Call("attribute_exists" if negated else "attribute_not_exists", (left,))
        if self.accept_word("NULL"):
            node: Node = Call("attribute_type", (left, self._refer(lambda parameters: {"S": "NULL"})))
            return Operator("NOT", (node,)) if negated else node
        raise self.unexpected()

    def operand(self) -> Node:
        """A value, a path, a call, or what stands in parentheses."""
        if begins_value(self):
            return self._refer(value(self))
        if self.accept("("):
            self.deeper()
            node = self.sum()
            self.depth -= 1
            self.expect(")")
            return node
        if self.following.kind == "symbol" and self.following.text == "(" and self.token.kind in _NAMING:
            return self._call()
        return Path(self.path())

    def _call(self) -> Node:
        name = self.take().text.lower()
        self.at += 1
        self.deeper()
        operands = [self.operand()]
        while self.accept(","):
            operands.append(self.operand())
        self.depth -= 1
        self.expect(")")
        if name == "missing":
            return Call("attribute_not_exists", tuple(operands))
        if name not in _FUNCTIONS and name not in _CHANGING:
            raise Invalid(f"Unsupported function: {name}")
        return Call(name, tuple(operands))

    def sum(self) -> Node:
        """What an attribute is set to."""
        depth, left = self.depth, self.operand()
        while self.token.kind == "symbol" and self.token.text in ("+", "-"):
            left = Operator(self.take().text, (left, self.operand()))
            self.deeper()
        self.depth = depth
        return left

    def _refer(self, maker: Maker) -> ValueRef:
        self.statement.makers.append(maker)
        return ValueRef(f":{len(self.statement.makers) - 1}")

    def path(self) -> Parts:
        """A document path."""
        parts: list[Part] = [self._name()]
        while True:
            if self.accept("."):
                parts.append(self._name())
            elif self.accept("["):
                parts.append(self._position())
                self.expect("]")
            else:
                return tuple(parts)

    def _position(self) -> Part:
        """A place in a list; `['a']` is another way to write `.a`."""
        token = self.take()
        if token.kind == "string":
            return token.text
        if token.kind != "number" or not token.text.isdigit() or len(token.text) > 10:
            raise not_well_formed("Unexpected path component")
        return int(token.text)

    def _name(self) -> str:
        token = self.token
        if token.kind not in ("name", "quoted"):
            raise self.unexpected()
        if not token.text:
            raise not_well_formed("Unexpected path component")
        self.at += 1
        return token.text


_NAMING = ("name", "keyword")
