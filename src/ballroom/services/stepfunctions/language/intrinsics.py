"""The intrinsic functions of JSONPath states: `States.Format` and its sisters, with their limits.

Each is a plain function of its arguments (and of chance, where it needs any) that raises `Refused` with what is
wrong. How calls are written is in `intrinsic_text.py`. Source: Developer Guide, "Intrinsic functions".
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import math
from collections.abc import Callable
from typing import Any

import orjson

from ballroom.services.stepfunctions.language.machine import Chance, Json, StatesError
from ballroom.services.stepfunctions.language.path_filter import same
from ballroom.services.stepfunctions.language.path_text import java_text

MAX_CODED = 10_000
"""Characters that Base64 functions and Hash take."""
MAX_RANGE = 1000
"""Elements that ArrayRange makes."""
MAX_ARRAY_BYTES = 262_144


class Refused(Exception):
    """A function does not take these arguments; the message says why."""


def _array(value: Json, which: str = "first") -> list[Json]:
    if not isinstance(value, list):
        raise Refused(f"The {which} argument must be an array")
    return value


def _text(value: Json, which: str = "first") -> str:
    if not isinstance(value, str):
        raise Refused(f"The {which} argument must be a string")
    return value


def whole(value: Json, which: str) -> int:
    """An integer argument: numbers with a fraction are rounded, as AWS rounds."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise Refused(f"The {which} argument must be a number")
    return value if isinstance(value, int) else math.floor(value + 0.5)


def array(*items: Json) -> list[Json]:
    """`States.Array`."""
    return list(items)


def array_partition(items: Json, size: Json) -> list[Json]:
    """`States.ArrayPartition`: chunks of `size`, the last may be smaller."""
    values, chunk = _array(items), whole(size, "second")
    if chunk <= 0:
        raise Refused("The second argument must be a positive integer")
    return [values[at : at + chunk] for at in range(0, len(values), chunk)]


def array_contains(items: Json, looked_for: Json) -> bool:
    """`States.ArrayContains`."""
    return any(same(item, looked_for) for item in _array(items))


def array_range(first: Json, last: Json, step: Json) -> list[int]:
    """`States.ArrayRange`: from first to last inclusive, at most 1,000 elements."""
    start, end, by = whole(first, "first"), whole(last, "second"), whole(step, "third")
    if by == 0:
        raise Refused("The third argument must not be zero")
    if (end - start) // by + 1 > MAX_RANGE:
        raise Refused(f"The range must not have more than {MAX_RANGE} elements")
    return list(range(start, end + (1 if by > 0 else -1), by))


def array_get_item(items: Json, index: Json) -> Json:
    """`States.ArrayGetItem`."""
    values, at = _array(items), whole(index, "second")
    if not 0 <= at < len(values):
        raise Refused(f"The index {at} is out of bounds for an array of length {len(values)}")
    return values[at]


def array_length(items: Json) -> int:
    """`States.ArrayLength`."""
    return len(_array(items))


def array_unique(items: Json) -> list[Json]:
    """`States.ArrayUnique`: the first of each, in order."""
    seen: set[Any] = set()
    found = []
    for item in _array(items):
        key = _identity(item)
        if key not in seen:
            seen.add(key)
            found.append(item)
    return found


def _identity(value: Json) -> Any:
    """Equal for what is equal as JSON."""
    if value is None or isinstance(value, (bool, str)):
        return (type(value), value)
    if isinstance(value, (int, float)):
        return ("number", value)
    if isinstance(value, list):
        return ("array", tuple(_identity(item) for item in value))
    return ("object", frozenset((name, _identity(item)) for name, item in value.items()))


def base64_encode(text: Json) -> str:
    """`States.Base64Encode`, of up to 10,000 characters."""
    return base64.b64encode(_coded(text).encode("utf-8", "surrogatepass")).decode()


def base64_decode(text: Json) -> str:
    """`States.Base64Decode`, of up to 10,000 characters; what is no UTF-8 becomes U+FFFD."""
    try:
        return base64.b64decode(_coded(text), validate=True).decode("utf-8", "replace")
    except (binascii.Error, ValueError):
        raise Refused("The argument is not valid Base64") from None


def _coded(text: Json) -> str:
    value = _text(text)
    if len(value) > MAX_CODED:
        raise Refused(f"The argument must not be longer than {MAX_CODED} characters")
    return value


ALGORITHMS = {
    "MD5": hashlib.md5,
    "SHA-1": hashlib.sha1,
    "SHA-256": hashlib.sha256,
    "SHA-384": hashlib.sha384,
    "SHA-512": hashlib.sha512,
}


def hash_of(data: Json, algorithm: Json) -> str:
    """`States.Hash`: hexadecimal; what is no string is hashed as JSON."""
    digest = ALGORITHMS.get(algorithm) if isinstance(algorithm, str) else None
    if digest is None:
        raise Refused(f"The second argument must be one of {', '.join(ALGORITHMS)}")
    text = data if isinstance(data, str) else json_to_string(data)
    if len(text) > MAX_CODED:
        raise Refused(f"The first argument must not be longer than {MAX_CODED} characters")
    return digest(text.encode("utf-8", "surrogatepass"), usedforsecurity=False).hexdigest()


def json_merge(first: Json, second: Json, deep: Json) -> dict[str, Json]:
    """`States.JsonMerge`: shallow, the second wins. AWS has no deep one."""
    if not isinstance(first, dict) or not isinstance(second, dict):
        raise Refused("The arguments must be JSON objects")
    if deep is not False:
        raise Refused("The third argument must be false: only the shallow merge is supported")
    return {**first, **second}


def string_to_json(text: Json) -> Json:
    """`States.StringToJson`; null for a blank text."""
    if not _text(text).strip():
        return None
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as problem:
        raise Refused(f"The argument is not valid JSON: {problem}") from None


def json_to_string(value: Json) -> str:
    """`States.JsonToString`: without spaces."""
    return dump(value)


def dump(value: Json) -> str:
    """JSON as AWS prints it: compact, in the order of the keys."""
    try:
        return orjson.dumps(value).decode()
    except (TypeError, ValueError):  # integers beyond 64 bits, lone surrogates, deeper than orjson goes
        try:
            return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
        except RecursionError:
            raise StatesError("States.Runtime", "The data is nested too deeply") from None


def math_add(first: Json, second: Json) -> int:
    """`States.MathAdd`, of integers of 32 bits; fractions are rounded."""
    one, other = whole(first, "first"), whole(second, "second")
    if not all(-(2**31) <= number < 2**31 for number in (one, other)):
        raise Refused("The arguments must be integers between -2147483648 and 2147483647")
    return one + other


def string_split(text: Json, separators: Json) -> list[str]:
    """`States.StringSplit`: at each of the separator's characters; empty parts are left out."""
    value, characters = _text(text), set(_text(separators, "second"))
    if not characters:
        return [value] if value else []
    parts, start = [], 0
    for at, char in enumerate(value):
        if char in characters:
            if at > start:
                parts.append(value[start:at])
            start = at + 1
    if start < len(value):
        parts.append(value[start:])
    return parts


def template_parts(raw: str) -> list[str]:
    r"""A Format template cut at its `{}`, its escapes (`\'`, `\{`, `\}`, `\\`) undone.

    Raises:
        Refused: a brace that is neither escaped nor part of `{}`.
    """
    parts, part, at = [], [], 0
    while at < len(raw):
        char = raw[at]
        if char == "\\" and at + 1 < len(raw) and raw[at + 1] in "'{}\\":
            part.append(raw[at + 1])
            at += 2
        elif char == "{" and raw.startswith("{}", at):
            parts.append("".join(part))
            part = []
            at += 2
        elif char in "{}":
            raise Refused(f"A '{char}' in the template must be escaped, or be part of '{{}}'")
        else:
            part.append(char)
            at += 1
    parts.append("".join(part))
    return parts


def fill(parts: list[str], values: tuple[Json, ...]) -> str:
    """A template's parts with values between them."""
    if len(values) != len(parts) - 1:
        raise Refused(f"The template has {len(parts) - 1} placeholders, but {len(values)} arguments were given")
    filled = [parts[0]]
    for part, value in zip(parts[1:], values, strict=True):
        filled.append(java_text(value))
        filled.append(part)
    return "".join(filled)


def format_text(template: Json, *values: Json) -> str:
    """`States.Format` where the template is known only now."""
    return fill(template_parts(_text(template)), values)


def math_random(chance: Chance, first: Json, last: Json, seed: Json = None) -> int:
    """`States.MathRandom`: from first, inclusive, to last, exclusive; the same for the same seed."""
    low, high = whole(first, "first"), whole(last, "second")
    if not all(-(2**31) <= number < 2**31 for number in (low, high)):
        raise Refused("The arguments must be integers between -2147483648 and 2147483647")
    if high <= low:
        raise Refused("The second argument must be greater than the first")
    if seed is not None:
        return low + int(seeded(whole(seed, "third")) * (high - low))
    return low + chance.below(high - low)


def seeded(seed: int | float | str) -> float:
    """A number in [0, 1) that only the seed decides."""
    digest = hashlib.blake2b(repr(seed).encode(), digest_size=7).digest()
    return (int.from_bytes(digest, "big") >> 3) / (1 << 53)


def uuid(chance: Chance) -> str:
    """`States.UUID`."""
    return chance.uuid()


PURE: dict[str, tuple[Callable[..., Json], int, int | None]] = {
    "Array": (array, 0, None),
    "ArrayPartition": (array_partition, 2, 2),
    "ArrayContains": (array_contains, 2, 2),
    "ArrayRange": (array_range, 3, 3),
    "ArrayGetItem": (array_get_item, 2, 2),
    "ArrayLength": (array_length, 1, 1),
    "ArrayUnique": (array_unique, 1, 1),
    "Base64Encode": (base64_encode, 1, 1),
    "Base64Decode": (base64_decode, 1, 1),
    "Hash": (hash_of, 2, 2),
    "JsonMerge": (json_merge, 3, 3),
    "StringToJson": (string_to_json, 1, 1),
    "JsonToString": (json_to_string, 1, 1),
    "MathAdd": (math_add, 2, 2),
    "StringSplit": (string_split, 2, 2),
    "Format": (format_text, 1, None),
}
"""Name, function, fewest and most arguments."""

CHANCY: dict[str, tuple[Callable[..., Json], int, int | None]] = {
    "MathRandom": (math_random, 2, 3),
    "UUID": (uuid, 0, 0),
}
"""The functions that take chance first."""
