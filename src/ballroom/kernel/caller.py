"""Who calls: account, region, principal, and the request that it belongs to."""

from __future__ import annotations

import msgspec


class Signing(msgspec.Struct, frozen=True, gc=False):
    """How a request was signed, as policies may ask. The defaults are what SDKs do."""

    kind: str = "REST-HEADER"
    """S3's names: `REST-HEADER`, `REST-QUERY-STRING`, `POST`."""
    version: str = "AWS4-HMAC-SHA256"
    payload: str = ""
    """`x-amz-content-sha256`."""
    age_ms: int | None = None
    """How old the signature of a link or form is, on the real clock; None: of a request of just now."""


class Caller(msgspec.Struct, gc=False):
    """The identity of one request, passed on with every call that it causes."""

    account: str
    region: str
    arn: str
    user_id: str
    access_key_id: str
    request_id: str
    trace: str | None = None
    """The `X-Amzn-Trace-Id` header."""
    source: str = "wire"
    """`wire`, `internal`, or the service that calls on somebody's behalf (`lambda.amazonaws.com`)."""
    anonymous: bool = False
    remote: str = ""
    user_agent: str = ""
    span: str = ""
    """The trace span that caused this call; empty: none."""
    referer: str = ""
    """The page that a browser came from, as it says."""
    signing: Signing = Signing()

    def acting(self, service_principal: str, **changes: str) -> Caller:
        """The same caller, but through a service (`source` says which)."""
        return msgspec.structs.replace(self, source=service_principal, **changes)


def service_caller(account: str, region: str, service: str, request_id: str = "") -> Caller:
    """A service acting on its own behalf in an account."""
    return Caller(
        account=account,
        region=region,
        arn=f"arn:aws:iam::{account}:root",
        user_id=account,
        access_key_id="",
        request_id=request_id,
        source=service,
    )
