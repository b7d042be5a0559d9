"""JSONata as Step Functions has it: a thin adapter over jlens.

What AWS adds: `$states`, the variables, the functions `$partition`, `$range`, `$hash`, `$random` (with a seed),
`$uuid` and `$parse`. What it takes away: `$eval`. An expression that gives nothing (undefined) or a function
fails its state. What an expression reads is known when it is compiled, so only that is handed over.

Source: Developer Guide, "Transforming data with JSONata"; texts recorded.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ballroom.services.stepfunctions.language import intrinsics
from ballroom.services.stepfunctions.language.cache import TextCache
from ballroom.services.stepfunctions.language.intrinsics import Refused, dump
from ballroom.services.stepfunctions.language.jsonata_version import newer_operator
from ballroom.services.stepfunctions.language.machine import Chance, Json, Scope, StatesError

if TYPE_CHECKING:  # imported when a definition needs it: 3 MB that a server without JSONata does not spend
    from jlens import Expression as Engine
    from jlens import JlensError

TIMEOUT_S = 1.0
MAX_DEPTH = 500
MAX_STEPS = 2_000_000
MAX_ARRAY = 1_000_000
MAX_STRING = 8 << 20
MAX_RESULT = 16 << 20
LIMITS: dict[str, Any] = {
    "timeout": TIMEOUT_S,
    "max_depth": MAX_DEPTH,
    "max_steps": MAX_STEPS,
    "max_array_length": MAX_ARRAY,
    "max_string_length": MAX_STRING,
    "max_result_size": MAX_RESULT,
}
"""No expression, however hostile, takes more."""
MAX_SOURCE = 256 << 10

STATES_MEMBERS = frozenset({"input", "context", "result", "errorOutput"})


class InvalidExpression(Exception):
    """A text is no JSONata; the message says why."""


def is_expression(text: str) -> bool:
    """Whether a string of a definition is an expression: `{%` and `%}` exactly at its ends."""
    return len(text) >= 4 and text.startswith("{%") and text.endswith("%}")


def _range(start: Json, end: Json, step: Json = 1) -> list[Json]:
    return intrinsics.array_range(start, end, step)


def _parse(text: Json) -> Json:
    return None if text is None else intrinsics.string_to_json(text)


OWN_FUNCTIONS: dict[str, Callable[..., Json]] = {
    "partition": intrinsics.array_partition,
    "range": _range,
    "hash": intrinsics.hash_of,
    "parse": _parse,
}
CHANCY = frozenset({"random", "uuid"})


def _random(chance: Chance) -> Callable[..., float]:
    def random(seed: Json = None) -> float:
        if seed is None:
            return chance.uniform(0.0, 1.0)
        if isinstance(seed, bool) or not isinstance(seed, (int, float)):
            raise Refused("The seed must be a number")
        return intrinsics.seeded(float(seed))

    return random


@dataclass(frozen=True, slots=True)
class Program:
    """A compiled expression, wherever it stands."""

    source: str
    engine: Engine
    reads_states: frozenset[str]
    """The members of `$states` that it reads; "*" if it reads it whole."""
    variables: tuple[str, ...]
    own: tuple[tuple[str, Callable[..., Json]], ...]
    chancy: frozenset[str]
    everything: bool
    """It may read anything."""


_PROGRAMS: TextCache[Program] = TextCache(4 << 20)
_KINDS: TextCache[Engine] = TextCache(1 << 20)


def compile_source(source: str) -> Program:
    """Compile an expression without its delimiters.

    Raises:
        InvalidExpression: it is no JSONata.
    """
    return _PROGRAMS.get(source, lambda: _compile(source))


def _compile(source: str) -> Program:
    from jlens import Expression, JlensError

    if len(source) > MAX_SOURCE:
        raise InvalidExpression("The expression is too long")
    try:
        engine = Expression(source)
        reads = engine.reads()
    except JlensError as problem:
        raise InvalidExpression(f"{problem.code}: {problem}") from None
    if (operator := newer_operator(source)) is not None:
        raise InvalidExpression(f'S0211: The symbol "{operator[1]}" cannot be used as a unary operator')
    names: dict[str, Any] = dict(reads["bindings"])
    states = names.pop("states", {})
    members = frozenset(states) if isinstance(states, dict) else frozenset({"*"})
    return Program(
        source=source,
        engine=engine,
        reads_states=members,
        variables=tuple(name for name in names if name not in OWN_FUNCTIONS and name not in CHANCY),
        own=tuple((name, OWN_FUNCTIONS[name]) for name in names if name in OWN_FUNCTIONS),
        chancy=CHANCY & (names.keys() | _uses_random(source)),
        everything="everyBinding" in reads,
    )


def _uses_random(source: str) -> frozenset[str]:
    """`$random` is the language's own too, so that what is read does not name it."""
    return frozenset({"random"}) if "$random" in source else frozenset()


def bindings(program: Program, scope: Scope, extra: dict[str, Json]) -> dict[str, Any]:
    """What the expression may see; `extra` are `result` and `errorOutput` where the field has them."""
    bound: dict[str, Any] = {}
    members = program.reads_states
    if members or program.everything:
        states: dict[str, Json] = {}
        whole = program.everything or "*" in members
        if whole or "input" in members:
            states["input"] = scope.input
        if whole or "context" in members:
            states["context"] = scope.context
        states.update(extra)
        bound["states"] = states
    if program.everything:
        bound.update(scope.variables)
        bound["eval"] = None
    else:
        variables = scope.variables
        for name in program.variables:
            if name in variables:
                bound[name] = variables[name]
    bound.update(program.own)
    if program.chancy:
        bound["random"] = _random(scope.chance)
        bound["uuid"] = scope.chance.uuid
    return bound


def evaluate(program: Program, field: str, scope: Scope, extra: dict[str, Json]) -> Json:
    """The expression's value.

    Raises:
        StatesError: States.QueryEvaluationError, if it throws, or gives nothing or a function.
    """
    from jlens import JlensError

    bound = bindings(program, scope, extra)
    try:
        value = program.engine.evaluate(None, bound, now=scope.now_ms, **LIMITS)
        if value is not None:
            return value
        kind = _kind_engine(program.source).evaluate(None, bound, now=scope.now_ms, **LIMITS)
    except JlensError as problem:
        raise failed(field, program.source, f"threw an error during evaluation. {_told(problem)}") from None
    except TypeError:  # a function of ours that was given too few or too many arguments
        told = "threw an error during evaluation: A function was called with arguments that it does not take"
        raise failed(field, program.source, told) from None
    except (Refused, RecursionError, ValueError, OverflowError) as problem:
        raise failed(field, program.source, f"threw an error during evaluation: {problem}") from None
    if kind == "null":
        return None
    if kind is None:
        raise failed(field, program.source, "returned nothing (undefined).")
    raise failed(field, program.source, "returned an unsupported result type.")


def _kind_engine(source: str) -> Engine:
    """Tells undefined, null and functions apart, which jlens all gives as None."""
    from jlens import Expression

    return _KINDS.get(source, lambda: Expression(f"$type(({source}\n))"))


def _told(problem: JlensError) -> str:
    return f"{problem.code}: {problem}"


def failed(field: str, source: str, what: str) -> StatesError:
    """A failed evaluation, in AWS's words."""
    cause = f"The JSONata expression '{source}' specified for the field '{field}' {what}"
    return StatesError("States.QueryEvaluationError", cause, location=field)


def type_name(value: Json) -> str:
    """The JSON type as AWS's messages name it."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, (int, float)):
        return "number"
    if isinstance(value, str):
        return "string"
    return "array" if isinstance(value, list) else "object"


def unexpected(field: str, source: str, expected: str, value: Json) -> StatesError:
    """An expression whose value has the wrong type for its field."""
    return failed(
        field,
        source,
        f"returned an unexpected result type. Expected '{expected}', but was '{type_name(value)}' "
        f"for value: {dump(value)}",
    )
