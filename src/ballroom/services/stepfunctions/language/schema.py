"""Which fields each kind of state has, in each query language.

Source: Developer Guide, "State types" and their field tables.
"""

from __future__ import annotations

KINDS = ("Task", "Wait", "Pass", "Succeed", "Fail", "Choice", "Parallel", "Map")
"""In the order of AWS's message."""

_ALL = frozenset({"Type", "Comment", "QueryLanguage"})
_FLOW = frozenset({"Next", "End"})
_PATHS = frozenset({"InputPath", "OutputPath"})
_FALLIBLE = frozenset({"Retry", "Catch"})
_MAP = frozenset(
    {
        "ItemProcessor",
        "ItemSelector",
        "ItemReader",
        "ItemBatcher",
        "ResultWriter",
        "MaxConcurrency",
        "ToleratedFailureCount",
        "ToleratedFailurePercentage",
        "Label",
    }
)

JSONPATH: dict[str, frozenset[str]] = {
    "Pass": _ALL | _FLOW | _PATHS | {"Result", "ResultPath", "Parameters", "Assign"},
    "Task": _ALL
    | _FLOW
    | _PATHS
    | _FALLIBLE
    | {
        "Resource",
        "Parameters",
        "ResultSelector",
        "ResultPath",
        "TimeoutSeconds",
        "TimeoutSecondsPath",
        "HeartbeatSeconds",
        "HeartbeatSecondsPath",
        "Credentials",
        "Assign",
    },
    "Choice": _ALL | _PATHS | {"Choices", "Default", "Assign"},
    "Wait": _ALL | _FLOW | _PATHS | {"Seconds", "Timestamp", "SecondsPath", "TimestampPath", "Assign"},
    "Succeed": _ALL | _PATHS,
    "Fail": _ALL | {"Error", "Cause", "ErrorPath", "CausePath"},
    "Parallel": _ALL
    | _FLOW
    | _PATHS
    | _FALLIBLE
    | {"Branches", "Parameters", "ResultSelector", "ResultPath", "Assign"},
    "Map": _ALL
    | _FLOW
    | _PATHS
    | _FALLIBLE
    | _MAP
    | {
        "Iterator",
        "Parameters",
        "ItemsPath",
        "ResultSelector",
        "ResultPath",
        "MaxConcurrencyPath",
        "ToleratedFailureCountPath",
        "ToleratedFailurePercentagePath",
        "Assign",
    },
}

JSONATA: dict[str, frozenset[str]] = {
    "Pass": _ALL | _FLOW | {"Output", "Assign"},
    "Task": _ALL
    | _FLOW
    | _FALLIBLE
    | {
        "Resource",
        "Arguments",
        "Output",
        "Assign",
        "TimeoutSeconds",
        "HeartbeatSeconds",
        "Credentials",
    },
    "Choice": _ALL | {"Choices", "Default", "Output", "Assign"},
    "Wait": _ALL | _FLOW | {"Seconds", "Timestamp", "Output", "Assign"},
    "Succeed": _ALL | {"Output"},
    "Fail": _ALL | {"Error", "Cause"},
    "Parallel": _ALL | _FLOW | _FALLIBLE | {"Branches", "Arguments", "Output", "Assign"},
    "Map": _ALL | _FLOW | _FALLIBLE | _MAP | {"Items", "Output", "Assign"},
}

FIELDS = {"JSONPath": JSONPATH, "JSONata": JSONATA}

MACHINE = frozenset({"Comment", "StartAt", "States", "TimeoutSeconds", "Version", "QueryLanguage"})
BRANCH = frozenset({"Comment", "StartAt", "States"})
PROCESSOR = BRANCH | {"ProcessorConfig"}

MAX_SECONDS = 99_999_999
MAX_NAME = 80
