"""Event patterns: which events a rule, a filter, a pipe or a subscription wants to see.

Knows nothing of any AWS service. `compile_pattern` checks a pattern once, with AWS's texts;
`Pattern.matches` tests one event; a `RuleIndex` holds all rules of a bus and answers for an event at
a cost that grows with the event and with what matches, not with the number of rules.

| file | what |
|---|---|
| `dialect.py` | what differs between event buses, subscriptions and event source mappings |
| `compiler.py`, `operators.py` | a pattern becomes conjunctions of tests of fields |
| `source.py` | where in the text an error is, counted as AWS counts |
| `tests.py`, `wildcards.py`, `networks.py` | the test of one value |
| `pattern.py` | one conjunction against one event, arrays of objects included |
| `index.py`, `buckets.py`, `ranges.py` | all rules at once |
"""

from ballroom.kernel.matcher.compiler import compile_pattern
from ballroom.kernel.matcher.dialect import EVENTS, LAMBDA, SNS_ATTRIBUTES, SNS_BODY, Dialect
from ballroom.kernel.matcher.errors import InvalidPattern
from ballroom.kernel.matcher.index import RuleIndex
from ballroom.kernel.matcher.pattern import Pattern

__all__ = [
    "EVENTS",
    "LAMBDA",
    "SNS_ATTRIBUTES",
    "SNS_BODY",
    "Dialect",
    "InvalidPattern",
    "Pattern",
    "RuleIndex",
    "compile_pattern",
]
