"""The States Language: a definition's text becomes a compiled `Machine`, or AWS's diagnostics.

Pure: no transactions, no clock, no chance of its own. The contract with the engine is in `machine.py`; the walk
over a definition in `compiler.py`; paths, intrinsic functions and JSONata each in their own module.
"""

from __future__ import annotations

from ballroom.services.stepfunctions.language.compiler import (
    compile_definition,
    compile_state,
    validate,
)
from ballroom.services.stepfunctions.language.machine import (
    Diagnostic,
    InvalidDefinition,
    Machine,
    Scope,
    StatesError,
)
from ballroom.services.stepfunctions.language.payload import check_payload
from ballroom.services.stepfunctions.language.variables import check_assigned

__all__ = [
    "Diagnostic",
    "InvalidDefinition",
    "Machine",
    "Scope",
    "StatesError",
    "check_assigned",
    "check_payload",
    "compile_definition",
    "compile_state",
    "validate",
]
