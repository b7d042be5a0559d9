"""Matching a value against a parameter's allowed pattern, in a process of its own.

The pattern is any regular expression and comes from a client; a bad one would hold the whole server,
since Python's engine can be neither bounded nor interrupted. A process of 20 ms for the rare parameter
that has a pattern costs less than a second regex engine as a dependency.
"""

from __future__ import annotations

import asyncio
import sys

import orjson

from .errors import InvalidAllowedPattern, PatternMismatch

_SECONDS = 5.0
_MATCH = (
    "import json,re,sys\n"
    "pattern,value=json.load(sys.stdin)\n"
    "try: found=re.search(pattern,value)\n"
    "except (re.error,RecursionError,OverflowError): sys.exit(3)\n"
    "sys.exit(0 if found else 2)"
)


async def check_allowed(pattern: str, value: str) -> None:
    """Refuse a value that the pattern does not find.

    Raises:
        PatternMismatch: it does not.
        InvalidAllowedPattern: the pattern is no regular expression, or takes more than five seconds.
    """
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-I", "-S", "-c", _MATCH,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        # real time, since a process of ours runs meanwhile
        await asyncio.wait_for(process.communicate(orjson.dumps([pattern, value])), _SECONDS)
    except TimeoutError:
        raise InvalidAllowedPattern("The request does not meet the regular expression requirement.") from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode == 0:
        return
    if process.returncode == 2:
        raise PatternMismatch(f"Parameter value, cannot be validated against allowedPattern: {pattern}")
    raise InvalidAllowedPattern("The request does not meet the regular expression requirement.")
