"""Operations that Ballroom cannot answer honestly: each says why."""

from __future__ import annotations

from ballroom.kernel import NotImplementedHere, Request, Response, Tx, operation

_REASONS = {
    "AssumeRoleWithWebIdentity": "it does not verify identity providers' tokens",
    "AssumeRoleWithSAML": "it does not verify SAML assertions",
    "AssumeRoot": "it has no organizations",
    "DecodeAuthorizationMessage": "it encodes no authorization messages",
}


def _register(name: str, reason: str) -> None:
    @operation(name)
    def refuse(tx: Tx, request: Request) -> Response:
        """Refuse with the reason.

        Raises:
            NotImplementedHere: always.

        Source: STS API Reference.
        """
        raise NotImplementedHere(f"Ballroom does not implement sts:{name}: {reason}.")


for _name, _reason in _REASONS.items():
    _register(_name, _reason)
