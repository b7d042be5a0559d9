"""The part of JSON path that EventBridge knows: `$.detail.items[0].name`, `[*]`, `['a key']`.

Source: EventBridge User Guide, "Amazon EventBridge input transformation" (supported syntax).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

_STEP = re.compile(
    r"""\.(?P<name>[^.\[\]'"*\s]+)
    | \[(?P<index>-?[0-9]{1,9})\]
    | \['(?P<single>[^']*)'\]
    | \["(?P<double>[^"]*)"\]
    | (?P<all>\.\*|\[\*\])""",
    re.VERBOSE,
)
_MISSING = object()
Read = Callable[[Any], Any]
MISSING: Any = _MISSING


class InvalidPath(ValueError):
    """No JSON path that EventBridge knows."""


def compile_path(path: str) -> Read:
    """A function from an event to the value at `path`, or to `MISSING`.

    Raises:
        InvalidPath: it is none.
    """
    if not path.startswith("$"):
        raise InvalidPath(path)
    steps: list[str | int | None] = []
    at = 1
    while at < len(path):
        found = _STEP.match(path, at)
        if found is None:
            raise InvalidPath(path)
        at = found.end()
        if found["index"] is not None:
            steps.append(int(found["index"]))
        elif found["all"] is not None:
            steps.append(None)
        else:
            name = found["name"] or found["single"] or found["double"]
            if name is None:
                raise InvalidPath(path)
            steps.append(name)
    return lambda event: _follow(event, steps, 0)


def _follow(value: Any, steps: list[str | int | None], at: int) -> Any:
    for n in range(at, len(steps)):
        step = steps[n]
        if step is None:
            if isinstance(value, dict):
                value = list(value.values())
            if not isinstance(value, list):
                return _MISSING
            found = [_follow(item, steps, n + 1) for item in value]
            return [item for item in found if item is not _MISSING]
        if isinstance(step, int):
            if not isinstance(value, list) or not -len(value) <= step < len(value):
                return _MISSING
            value = value[step]
        else:
            if not isinstance(value, dict) or step not in value:
                return _MISSING
            value = value[step]
    return value
