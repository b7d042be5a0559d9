"""Reads the pieces that the three forms of filter patterns share: quoted text, regexes, bare words."""

from __future__ import annotations

import re

from .errors import InvalidPattern, invalid_characters
from .regex import Regex, compile_regex

_SPACE = re.compile(r"\s*")
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_REGEX = re.compile(r"%((?:[^%\\]|\\.)*)%", re.DOTALL)


class Scanner:
    """A position in a pattern's text."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    def skip_space(self) -> None:
        """Move to the next character that is not white space."""
        found = _SPACE.match(self.text, self.at)
        self.at = found.end() if found else self.at

    def peek(self) -> str:
        """The next character after white space, or an empty string at the end."""
        self.skip_space()
        return self.text[self.at : self.at + 1]

    def take(self, literal: str) -> bool:
        """Whether `literal` comes next, which is then behind us."""
        self.skip_space()
        if not self.text.startswith(literal, self.at):
            return False
        self.at += len(literal)
        return True

    def match(self, regex: re.Pattern[str]) -> str | None:
        """The text that `regex` matches here, which is then behind us; `None` if it does not."""
        found = regex.match(self.text, self.at)
        if found is None or found.end() == self.at:
            return None
        self.at = found.end()
        return found.group()

    def quoted(self) -> str:
        """The text of a double-quoted string, its escapes undone."""
        found = _QUOTED.match(self.text, self.at)
        if found is None:
            raise self.unexpected()
        self.at = found.end()
        return _ESCAPE.sub(r"\1", found.group(1))

    def regex(self) -> Regex:
        """A regular expression between per cent signs, compiled."""
        found = _REGEX.match(self.text, self.at)
        if found is None:
            raise self.unexpected()
        self.at = found.end()
        return compile_regex(found.group(1))

    def unexpected(self) -> InvalidPattern:
        """The error for what stands here: AWS names the run of characters that it cannot read."""
        self.skip_space()
        run = re.compile(r"[^\w\s]+").match(self.text, self.at)
        return invalid_characters(run.group()) if run else InvalidPattern()
