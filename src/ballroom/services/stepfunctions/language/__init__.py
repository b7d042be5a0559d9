"""The States Language: a definition's text becomes a compiled `Machine`, or AWS's diagnostics.

Pure: no transactions, no clock, no chance of its own. The contract with the engine is in `machine.py`.
"""

from __future__ import annotations

from ballroom.services.stepfunctions.language.machine import (
    Diagnostic,
    InvalidDefinition,
    Machine,
    Scope,
    StatesError,
)

__all__ = ["Diagnostic", "InvalidDefinition", "Machine", "Scope", "StatesError"]
