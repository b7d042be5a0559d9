"""JSONata of version 2.0.6, which AWS runs: the operators that came later are refused.

jlens speaks a newer version. What it would accept here would be refused, or fail, on AWS.
Source: Developer Guide, "Transforming data with JSONata": "Step Functions supports JSONata version 2.0.6".
"""

from __future__ import annotations

import re

_TOKEN = re.compile(
    r"(?P<blank>\s+|/\*.*?\*/)"
    r"|(?P<operand>'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"|`[^`]*`|[\w$]+|[)\]}])"
    r"|(?P<newer>\?\?|\?:)"
    r"|(?P<other>.)",
    re.DOTALL,
)
_WORDS = frozenset({"and", "or", "in"})
"""Operators that look like names."""
_REGEX = re.compile(r"/(?:[^/\\]|\\.)+/[a-z]*", re.DOTALL)


def newer_operator(source: str) -> str | None:
    """The first `?:` or `??` that is used as an operator of a valid expression, or None.

    Strings, quoted names, comments and regular expressions are passed over; a `/` begins a regular
    expression where an operand is expected.
    """
    if "?:" not in source and "??" not in source:
        return None
    at, after_operand = 0, False
    while at < len(source):
        if source[at] == "/" and not after_operand and not source.startswith("/*", at):
            regex = _REGEX.match(source, at)
            if regex is not None:
                at, after_operand = regex.end(), True
                continue
        found = _TOKEN.match(source, at)
        assert found is not None, "the pattern matches any character"
        if found.lastgroup == "newer":
            return found.group()
        if found.lastgroup != "blank":
            after_operand = found.lastgroup == "operand" and found.group() not in _WORDS
        at = found.end()
    return None
