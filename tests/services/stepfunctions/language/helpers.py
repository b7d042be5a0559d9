"""States and machines for the language's tests, each in a line."""

from __future__ import annotations

import json
from typing import Any

from ballroom.kernel.ids import Ids
from ballroom.services.stepfunctions.language import Scope, compile_definition, compile_state, validate
from ballroom.services.stepfunctions.language.machine import Finished

NOW_MS = 1_700_000_000_000
FUNCTION = "arn:aws:lambda:eu-west-1:111111111111:function:f"


def a_scope(given: Any = None, *, context: dict[str, Any] | None = None, **variables: Any) -> Scope:
    return Scope(
        {} if given is None else given, context or {"Execution": {"Id": "e"}}, variables, Ids(7), NOW_MS
    )


def a_state(kind: str, **fields: Any) -> Any:
    """A compiled state; it ends its machine unless it says where it leads."""
    if kind not in ("Choice", "Succeed", "Fail") and "Next" not in fields:
        fields["End"] = True
    return compile_state("S", {"Type": kind, **fields})


def jsonata(kind: str, **fields: Any) -> Any:
    return a_state(kind, QueryLanguage="JSONata", **fields)


def passed(given: Any, scope: Any = None, **fields: Any) -> Finished:
    """What a Pass state makes of its input."""
    finished = a_state("Pass", **fields).step(scope or a_scope(given))
    assert isinstance(finished, Finished)
    return finished


def a_machine(**states: Any) -> str:
    """A definition; its first state is where it starts."""
    return json.dumps({"StartAt": next(iter(states)), "States": states})


def findings(text: str, **options: Any) -> list[tuple[str, str]]:
    """(message, location) of all errors."""
    return [(d.message, d.location) for d in validate(text, **options) if d.severity == "ERROR"]


__all__ = ["a_machine", "a_scope", "a_state", "compile_definition", "findings", "jsonata", "passed"]
