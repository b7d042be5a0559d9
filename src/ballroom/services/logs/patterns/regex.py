"""Regular expressions as filter patterns allow them, matched in time linear in the message.

AWS's subset has no groups, so an expression is an alternation of plain sequences of character sets,
each once, optional, or repeated. That is exactly what bit-parallel simulation handles: the set of
positions reached is one integer, and a step is a few shifts and masks (Navarro and Raffinot's
extended Shift-And). The sets met are kept as a table (a lazy automaton), so that most characters
cost one lookup. Python's own `re` would backtrack: `%a*a*a*a*b%` over a message of 200 KB would hold
every other request for minutes, and here the pattern comes from a client.

Source: CloudWatch Logs User Guide, "Supported regular expressions (regex) syntax".
"""

from __future__ import annotations

from dataclasses import dataclass

from .errors import InvalidPattern, invalid_characters

OTHER = 128  # every character beyond ASCII behaves alike: only `.` and negated sets accept it
_ANY = (1 << (OTHER + 1)) - 1
_SYMBOLS = frozenset(":_#=@/;,- ")
_OPERATORS = frozenset("^$?[]{}|\\*+.")
_ALLOWED = _SYMBOLS | _OPERATORS
_MAX_POSITIONS = 2_000
_MAX_TABLE = 1_000


def _set_of(characters: str) -> int:
    bits = 0
    for character in characters:
        bits |= 1 << ord(character)
    return bits


_DIGITS = _set_of("0123456789")
_SPACES = _set_of(" \t\n\r\f\v")
_WORD = _set_of("0123456789_abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
_CLASSES = {
    "d": _DIGITS,
    "D": _ANY & ~_DIGITS,
    "s": _SPACES,
    "S": _ANY & ~_SPACES,
    "w": _WORD,
    "W": _ANY & ~_WORD,
    "t": _set_of("\t"),
    "n": _set_of("\n"),
    "r": _set_of("\r"),
}


@dataclass(slots=True)
class _Branch:
    """One alternative: atoms as (character set, may be left out, may repeat)."""

    atoms: list[tuple[int, bool, bool]]
    from_start: bool = False
    to_end: bool = False


class _Parser:
    def __init__(self, text: str) -> None:
        bad = "".join(c for c in text if not (c.isascii() and c.isalnum()) and c not in _ALLOWED)
        if bad:
            raise invalid_characters(bad[0])
        if not text:
            raise InvalidPattern()
        self.text = text
        self.at = 0
        self.positions = 0

    def parse(self) -> list[_Branch]:
        branches = [self.branch()]
        while self.at < len(self.text):
            self.at += 1  # the bar that ended the branch
            branches.append(self.branch())
        return branches

    def branch(self) -> _Branch:
        branch = _Branch([])
        if self.text.startswith("^", self.at):
            branch.from_start = True
            self.at += 1
        while self.at < len(self.text) and self.text[self.at] != "|":
            if self.text[self.at] == "$":
                self.at += 1
                branch.to_end = True
                if self.at < len(self.text) and self.text[self.at] != "|":
                    raise InvalidPattern()
                break
            accepts = self.atom()
            low, high = self.quantifier()
            self.positions += max(low, high or 1)
            if self.positions > _MAX_POSITIONS:
                raise InvalidPattern()
            branch.atoms += _repeat(accepts, low, high)
        return branch

    def atom(self) -> int:
        character = self.text[self.at]
        self.at += 1
        if character == ".":
            return _ANY
        if character == "[":
            return self.character_set()
        if character == "\\":
            return self.escape()
        if character in "^*+?{}]":
            raise InvalidPattern()
        return 1 << ord(character)

    def escape(self) -> int:
        if self.at >= len(self.text):
            raise InvalidPattern()
        character = self.text[self.at]
        self.at += 1
        if character == "x":
            digits = self.text[self.at : self.at + 2]
            self.at += 2
            try:
                code = int(digits, 16) if len(digits) == 2 else OTHER
            except ValueError:
                raise InvalidPattern() from None
            if code >= OTHER:
                raise InvalidPattern()
            return 1 << code
        if character in _CLASSES:
            return _CLASSES[character]
        if character.isalnum():
            raise InvalidPattern()
        return 1 << ord(character)

    def character_set(self) -> int:
        negated = self.text.startswith("^", self.at)
        self.at += negated
        accepts = 0
        while True:
            if self.at >= len(self.text):
                raise InvalidPattern()
            if self.text[self.at] == "]":
                self.at += 1
                break
            first = self.member()
            if self.text.startswith("-", self.at) and self.text[self.at + 1 : self.at + 2] not in ("]", ""):
                self.at += 1
                accepts |= _range(first, self.member())
            else:
                accepts |= first
        if not accepts:
            raise InvalidPattern()
        return _ANY & ~accepts if negated else accepts

    def member(self) -> int:
        character = self.text[self.at]
        self.at += 1
        return self.escape() if character == "\\" else 1 << ord(character)

    def quantifier(self) -> tuple[int, int | None]:
        """How often the atom before may stand: (least, most or no limit)."""
        operator = self.text[self.at : self.at + 1]
        simple: dict[str, tuple[int, int | None]] = {"?": (0, 1), "*": (0, None), "+": (1, None)}
        if operator in simple:
            self.at += 1
            return simple[operator]
        if operator != "{":
            return 1, 1
        end = self.text.find("}", self.at)
        least, comma, most = self.text[self.at + 1 : max(end, 0)].partition(",")
        least, most = least.strip(), most.strip()
        if end < 0 or not least.isdigit() or not (most.isdigit() or (comma and not most) or not comma):
            raise InvalidPattern()
        if len(least) > 4 or len(most) > 4:
            raise InvalidPattern()
        self.at = end + 1
        low = int(least)
        high = (int(most) if most else None) if comma else low
        if high is not None and high < low:
            raise InvalidPattern()
        return low, high


def _repeat(accepts: int, low: int, high: int | None) -> list[tuple[int, bool, bool]]:
    if high is None:
        if low == 0:
            return [(accepts, True, True)]
        return [(accepts, False, False)] * (low - 1) + [(accepts, False, True)]
    return [(accepts, False, False)] * low + [(accepts, True, False)] * (high - low)


def _range(first: int, last: int) -> int:
    if first.bit_count() != 1 or last.bit_count() != 1 or last < first:
        raise InvalidPattern()
    return (last << 1) - first


class Regex:
    """A compiled expression; `search` tells whether it matches anywhere in a text."""

    def __init__(self, text: str) -> None:
        branches = _Parser(text).parse()
        self.text = text
        self._literals = [_longest_literal(branch) for branch in branches]
        self._plain = all(_is_plain(branch) for branch in branches)
        self._accepting = self._at_end = self._starts = self._first = 0
        self._optional = self._block_low = self._block_high = self._block = 0
        self._advance = [0] * (OTHER + 1)
        self._stay = [0] * (OTHER + 1)
        width = 0
        for branch in branches:
            width = self._lay_out(branch, width)
        self._find_blocks(width)
        self._first = self._close(self._first)
        self._starts = self._close(self._starts)
        self._table: dict[int, list[int | None]] = {}

    def _lay_out(self, branch: _Branch, low: int) -> int:
        """Give the branch one bit for each count of atoms behind it; answers the next free bit."""
        self._first |= 1 << low
        if not branch.from_start:
            self._starts |= 1 << low
        bit = low
        where: dict[int, tuple[int, int]] = {}  # character set -> the bits it advances, those it keeps
        for accepts, optional, repeats in branch.atoms:
            advance, stay = where.get(accepts, (0, 0))
            where[accepts] = (advance | 1 << bit, stay | (repeats << (bit + 1)))
            if optional:
                self._optional |= 1 << bit
            bit += 1
        for accepts, (advance, stay) in where.items():
            for code in range(OTHER + 1):
                if accepts >> code & 1:
                    self._advance[code] |= advance
                    self._stay[code] |= stay
        if branch.to_end:
            self._at_end |= 1 << bit
        else:
            self._accepting |= 1 << bit
        return bit + 1

    def _find_blocks(self, width: int) -> None:
        """Mark each run of atoms that may be left out, so that one subtraction skips along it."""
        bit = 0
        while bit < width:
            if not self._optional >> bit & 1:
                bit += 1
                continue
            end = bit
            while self._optional >> end & 1:
                end += 1
            self._block_low |= 1 << bit
            self._block_high |= 1 << end
            self._block |= ((1 << (end + 1)) - 1) ^ ((1 << bit) - 1)
            bit = end + 1

    def _close(self, reached: int) -> int:
        if not self._optional:
            return reached
        guarded = reached | self._block_high
        # the borrow runs from a block's low end up to the lowest position reached in it, and so
        # tells the positions above that one, all of which can be reached by leaving atoms out
        return reached | (self._block & (guarded ^ ~(guarded - self._block_low)))

    def search(self, text: str) -> bool:
        """Whether the expression matches anywhere in `text`; cost is linear in its length."""
        if self._plain:
            return any(literal in text for literal in self._literals)
        if all(self._literals) and not any(literal in text for literal in self._literals):
            return False
        accepting = self._accepting
        state = self._first
        if state & accepting:
            return True
        table = self._table
        row = table.get(state) or self._row(state)
        codes = text.encode() if text.isascii() else bytes(min(ord(c), OTHER) for c in text)
        last = len(codes) - 1
        for at, code in enumerate(codes):
            # like Java's, the end anchor also holds before a last line break, which functions' lines have
            if at == last and code == 10 and state & self._at_end:
                return True
            following = row[code]
            if following is None:
                following = row[code] = self._step(state, code)
            if following & accepting:
                return True
            if following != state:
                if not following:
                    return False  # every branch is anchored to the start and has failed
                state = following
                row = table.get(state) or self._row(state)
        return bool(state & self._at_end)

    def _row(self, state: int) -> list[int | None]:
        if len(self._table) >= _MAX_TABLE:
            self._table.clear()
        row: list[int | None] = [None] * (OTHER + 1)
        self._table[state] = row
        return row

    def _step(self, state: int, code: int) -> int:
        moved = ((state & self._advance[code]) << 1) | (state & self._stay[code])
        return self._close(moved) | self._starts


def _is_plain(branch: _Branch) -> bool:
    anchored = branch.from_start or branch.to_end
    return not anchored and all(a.bit_count() == 1 and not o and not r for a, o, r in branch.atoms)


def _longest_literal(branch: _Branch) -> str:
    """The longest text that every match of the branch contains: most messages fail on it at once."""
    best = run = ""
    for accepts, optional, repeats in branch.atoms:
        if accepts.bit_count() == 1 and accepts.bit_length() <= OTHER and not optional:
            run += chr(accepts.bit_length() - 1)
            best = max(best, run, key=len)
            if repeats:
                run = ""  # what follows need not touch the first occurrence
        else:
            run = ""
    return best


def compile_regex(text: str) -> Regex:
    """A regular expression of AWS's subset.

    Raises:
        InvalidPattern: characters or operators outside the subset, or more than 2,000 positions.
    """
    return Regex(text)
