"""Who somebody is."""

from __future__ import annotations

import base64

from ballroom.kernel import Request, Response, Tx, operation
from ballroom.services.sts.errors import ValidationError


@operation("GetCallerIdentity")
def get_caller_identity(tx: Tx, request: Request) -> Response:
    """The caller's account, ARN and unique id; reads nothing, so it waits for nothing.

    Source: STS API Reference, GetCallerIdentity.
    """
    caller = tx.caller
    return {"UserId": caller.user_id, "Account": caller.account, "Arn": caller.arn}


@operation("GetAccessKeyInfo")
def get_access_key_info(tx: Tx, request: Request) -> Response:
    """The account of an access key, whether it was issued here or by AWS (whose ids spell it).

    Source: STS API Reference, GetAccessKeyInfo.
    """
    key_id = request["AccessKeyId"]
    known = tx.kernel.credentials.find(key_id)
    if known is not None:
        return {"Account": known.account}
    if key_id.isascii() and key_id.isdigit() and len(key_id) == 12:
        return {"Account": key_id}
    return {"Account": spelled_account(key_id)}


def spelled_account(key_id: str) -> str:
    """The account number inside an access key id of AWS's: 40 bits of its base-32 part.

    Raises:
        ValidationError: it is no access key id.
    """
    try:
        decoded = base64.b32decode(key_id[4:20])
    except ValueError:
        decoded = b""
    if len(decoded) != 10 or len(key_id) != 20:
        raise ValidationError(f"Access key id {key_id} is not valid.")
    return f"{(int.from_bytes(decoded[:6], 'big') & 0x7FFFFFFFFF80) >> 7:012d}"
