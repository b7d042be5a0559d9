"""What differs between the places that speak the pattern language.

Sources: EventBridge User Guide, "Comparison operators for use in event patterns"; SNS Developer Guide,
"Filter policy constraints"; Lambda Developer Guide, "Filter rule syntax".
"""

from __future__ import annotations

from dataclasses import dataclass

ALL_NEGATIONS = frozenset({"prefix", "suffix", "wildcard", "equals-ignore-case"})


@dataclass(frozen=True)
class Dialect:
    """A variant of the language, with its limits and the form of its errors."""

    name: str
    error: str  # a format with {reason}
    negations: frozenset[str] = ALL_NEGATIONS  # what may stand inside anything-but
    prefix_text: str = "prefix/suffix match pattern must be a string"  # inside anything-but
    wildcards: bool = True
    nesting: bool = True  # may a field's value be an object?
    dotted: bool = True  # is a key with a dot the same as a nested key?
    null_is_absence: bool = False  # does null match a field that is not there?
    max_bytes: int = 256 * 1024
    max_depth: int = 128
    max_combinations: int = 1000  # conjunctions that $or may multiply to
    max_complexity: int | None = None  # product of the numbers of alternatives
    max_keys: int | None = None
    max_stars: int = 64  # in one wildcard
    number_limit: float | None = None


EVENTS = Dialect("events", "Event pattern is not valid. Reason: {reason}")
LAMBDA = Dialect("lambda", "Invalid filter pattern definition.", max_bytes=4096)
SNS_BODY = Dialect(
    "sns body",
    "FilterPolicy: {reason}",
    negations=frozenset({"prefix"}),
    prefix_text="prefix match pattern must be a string",
    wildcards=False,
    max_complexity=150,
    max_keys=5,
    number_limit=1e9,
)
SNS_ATTRIBUTES = Dialect(
    "sns attributes",
    "FilterPolicy: {reason}",
    negations=frozenset({"prefix"}),
    prefix_text="prefix match pattern must be a string",
    wildcards=False,
    nesting=False,
    dotted=False,
    null_is_absence=True,  # recorded: a message attribute cannot be null otherwise
    max_complexity=150,
    max_keys=5,
    number_limit=1e9,
)
