"""ValidateStateMachineDefinition: what is wrong with a definition, without creating anything."""

from __future__ import annotations

from ballroom.kernel import Request, Response, Tx, operation

from ..language import validate


@operation("ValidateStateMachineDefinition")
def validate_state_machine_definition(tx: Tx, request: Request) -> Response:
    """The diagnostics of a definition.

    Source: API Reference, ValidateStateMachineDefinition.
    """
    found = validate(request["definition"], kind=request.get("type", "STANDARD"))
    if request.get("severity", "ERROR") == "ERROR":
        shown = [one for one in found if one.severity == "ERROR"]
    else:
        shown = list(found)
    most = request.get("maxResults") or 100
    return {
        "result": "FAIL" if any(one.severity == "ERROR" for one in found) else "OK",
        "diagnostics": [one.to_wire() for one in shown[:most]],
        "truncated": len(shown) > most,
    }
