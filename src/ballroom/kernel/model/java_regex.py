"""Java's regular expressions as Python's: what the models' patterns use beyond the common ground.

Covered: Unicode properties (`\\p{L}`, `\\P{C}`, `\\p{Alnum}`), `\\z`, `\\x{22}`, surrogate ranges, and a
hyphen after a class (`[\\w-_]`). Not covered, and refused: intersections of classes, nested classes,
flags in the middle, and what is no regular expression in Java either (`*${1,128}`).
"""

from __future__ import annotations

import re
import sys
import unicodedata
from functools import cache

POSIX = {
    "Alpha": "a-zA-Z",
    "Alnum": "a-zA-Z0-9",
    "ASCII": r"\x00-\x7f",
    "Blank": r" \t",
    "Cntrl": r"\x00-\x1f\x7f",
    "Digit": "0-9",
    "Graph": r"\x21-\x7e",
    "Lower": "a-z",
    "Print": r"\x20-\x7e",
    "Punct": r"\x21-\x2f\x3a-\x40\x5b-\x60\x7b-\x7e",
    "Space": r" \t\n\x0b\f\r",
    "Upper": "A-Z",
    "XDigit": "0-9A-Fa-f",
    "all": r"\x00-\U0010ffff",
}
SYNONYMS = {"IsAlphabetic": "L", "LD": "L|Nd"}
SCANNED = 0x20000
"""Code points looked at one by one (20 ms, once); what lies above is the same in every Unicode version."""
ABOVE = {"Lo": ((0x20000, 0x3FFFD),), "Mn": ((0xE0100, 0xE01EF),), "Co": ((0xF0000, 0x10FFFD),)}
SURROGATES = r"\uD800\uDC00-\uDBFF\uDFFF"
ASTRAL = r"\U00010000-\U0010ffff"
TOKEN = re.compile(
    r"\\[pP]\{(?P<property>\w+)\}|\\[pP](?P<short>[A-Z])|\\x\{(?P<code>[0-9A-Fa-f]{1,6})\}"
    r"|(?P<escape>\\.)|(?P<other>.)",
    re.DOTALL,
)


class Untranslatable(ValueError):
    """The pattern uses something that Python's expressions lack."""


def translate(pattern: str) -> str:
    """The pattern in Python's dialect.

    Raises:
        Untranslatable: there is no such.
    """
    if "&&" in pattern or re.search(r"(?<!\\)\[[^\]]*(?<!\\)\[(?!:)", pattern.replace("\\\\", "")):
        raise Untranslatable(pattern)
    pattern = pattern.replace(SURROGATES, ASTRAL)
    out: list[str] = []
    in_class = False
    at_class_start = False
    after_set = False
    for found in TOKEN.finditer(pattern):
        token = found[0]
        name = found["property"] or found["short"]
        if name:
            token = _property(name, negated=token[1] == "P", in_class=in_class)
        elif found["code"]:
            token = re.escape(chr(int(found["code"], 16)))
        elif found["escape"]:
            token = {"\\z": "\\Z", "\\h": r"[ \t]"}.get(token, token)
        elif token == "[" and not in_class:
            in_class, at_class_start, after_set = True, True, False
            out.append(token)
            continue
        elif token == "]" and in_class and not at_class_start:
            in_class = False
        elif token == "-" and in_class and (after_set or _before_set(pattern, found.end())):
            token = r"\-"
        elif token == "[" and in_class:
            token = r"\["
        after_set = bool(name) or (found["escape"] or "") in ("\\w", "\\d", "\\s", "\\W", "\\D", "\\S")
        at_class_start = at_class_start and token == "^"
        out.append(token)
    return "".join(out)


def _before_set(pattern: str, at: int) -> bool:
    return re.match(r"\\[wdsWDSpP]", pattern[at:]) is not None


def _property(name: str, *, negated: bool, in_class: bool) -> str:
    ranges = _ranges(SYNONYMS.get(name, name), negated)
    return ranges if in_class else f"[{ranges}]"


@cache
def _ranges(name: str, negated: bool) -> str:
    """A class's inside for a property."""
    if name in POSIX and not negated:
        return POSIX[name]
    wanted = name.split("|")
    known = _categories()
    spans = [
        span
        for category, spans in known.items()
        if any(category.startswith(part) for part in wanted) is not negated
        for span in spans
    ]
    if (
        not spans
        or (negated and name in POSIX)
        or not any(category.startswith(part) for category in known for part in wanted)
    ):
        raise Untranslatable(name)
    return "".join(_span(low, high) for low, high in sorted(spans))


def _span(low: int, high: int) -> str:
    return f"\\U{low:08x}" if low == high else f"\\U{low:08x}-\\U{high:08x}"


@cache
def _categories() -> dict[str, list[tuple[int, int]]]:
    """Spans of code points by general category."""
    found: dict[str, list[tuple[int, int]]] = {}
    start, current = 0, unicodedata.category("\0")
    for code in range(1, min(SCANNED, sys.maxunicode)):
        category = unicodedata.category(chr(code))
        if category != current:
            found.setdefault(current, []).append((start, code - 1))
            start, current = code, category
    found.setdefault(current, []).append((start, SCANNED - 1))
    for category, spans in ABOVE.items():
        found.setdefault(category, []).extend(spans)
    return found
