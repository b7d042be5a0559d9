"""Parameters' patterns: matched here where that is quick, in a process with a time limit where it may not be.

A regular expression with several open repetitions can take time without bound, and would hold everything up.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import sys
from re import _constants, _parser  # type: ignore[attr-defined]
from typing import Any

from ..errors import ValidationError

SHORT = 12
"""Values up to this length are matched at once, whatever the pattern."""
MOST_REPEATS = 1
LIMIT_S = 1.0
_MATCH = "import re,sys;p,v=eval(sys.stdin.read());sys.exit(0 if re.fullmatch(p,v) else 3)"


def check_pattern(name: str, pattern: str) -> Any:
    """The pattern's parse tree.

    Raises:
        ValidationError: it is no regular expression.
    """
    try:
        return _parser.parse(pattern)
    except (re.error, RecursionError, OverflowError):
        raise ValidationError(f"Template error: parameter '{name}' has an invalid AllowedPattern") from None


def is_quick(name: str, pattern: str, value: str) -> bool:
    """Whether matching takes no more than linear time, or is short anyway."""
    tree = check_pattern(name, pattern)
    return len(value) <= SHORT or _open_repeats(tree) <= MOST_REPEATS


def _open_repeats(node: Any) -> int:
    """How many repetitions without a small bound there are, in all; one around an alternative counts twice."""
    count = 0
    for operation, argument in node:
        if operation in (_constants.MAX_REPEAT, _constants.MIN_REPEAT):
            inner = _open_repeats(argument[2])
            many = argument[1] > 64
            count += inner * (2 if many else 1) + many
            if many and any(op is _constants.BRANCH for op, _ in _flat(argument[2])):
                count += 1
        else:
            count += sum(_open_repeats(child) for child in _children(argument))
    return count


def _flat(node: Any) -> Any:
    for operation, argument in node:
        yield operation, argument
        for child in _children(argument):
            yield from _flat(child)


def _children(argument: Any) -> list[Any]:
    if isinstance(argument, _parser.SubPattern):
        return [argument]
    if isinstance(argument, tuple | list):
        return [child for item in argument for child in _children(item)]
    return []


async def matches_apart(pattern: str, value: str) -> bool | None:
    """Whether the whole value matches, found out in a process of its own; None if that takes too long."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-I", "-S", "-c", _MATCH, stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        async with asyncio.timeout(LIMIT_S):
            await process.communicate(repr((pattern, value)).encode())
    except TimeoutError:
        return None
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    return process.returncode == 0
