"""Operations that need policies to be evaluated: refused with the reason, until they are."""

from __future__ import annotations

from ballroom.kernel import NotImplementedHere, Request, Response, Tx, operation


def _register(name: str) -> None:
    @operation(name)
    def refuse(tx: Tx, request: Request) -> Response:
        """Refuse: an answer without evaluating policies would be made up.

        Raises:
            NotImplementedHere: always.

        Source: IAM API Reference, SimulatePrincipalPolicy, SimulateCustomPolicy.
        """
        raise NotImplementedHere(
            f"Ballroom stores policies but does not evaluate them yet, so iam:{name} has no answer."
        )


_register("SimulatePrincipalPolicy")
_register("SimulateCustomPolicy")
