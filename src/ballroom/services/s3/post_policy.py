"""POST policies: what the owner of a bucket lets a browser's form send. Pure.

Source: S3 API Reference, "Creating a POST policy"; recorded answers.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from datetime import datetime
from typing import Any

import orjson

from ballroom.services.s3.errors import AccessDenied, EntityTooLarge, EntityTooSmall, S3Error, named

_EXPIRATION = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?Z", re.ASCII)
_UNCHECKED = frozenset({"x-amz-signature", "file", "policy", "awsaccesskeyid", "signature"})
"""Fields that no condition need speak of."""


def read(encoded: str, now_ms: int) -> list[Any]:
    """The conditions of an encoded policy.

    Raises:
        S3Error: InvalidPolicyDocument. AccessDenied: it has expired.
    """
    try:
        document = orjson.loads(base64.b64decode(encoded, validate=False))
    except (binascii.Error, ValueError) as error:
        raise _invalid("Invalid JSON.") from error
    if not isinstance(document, dict):
        raise _invalid("Invalid JSON.")
    if not isinstance(document.get("expiration"), str):
        raise _invalid("Policy missing expiration.")
    if not isinstance(document.get("conditions"), list):
        raise _invalid("Policy missing conditions.")
    if _ends(document["expiration"]).timestamp() * 1000 < now_ms:
        raise _denied("Policy expired.")
    return list(document["conditions"])


def _ends(expiration: str) -> datetime:
    try:
        if _EXPIRATION.fullmatch(expiration) is not None:
            return datetime.fromisoformat(expiration)
    except ValueError:
        pass  # a thirteenth month
    raise _invalid(f"Invalid 'expiration' value: '{expiration}'")


def check(conditions: list[Any], fields: dict[str, str], bucket: str) -> tuple[int, int | None]:
    """How many bytes the file must and may have, once the fields are what the conditions say.

    Raises:
        AccessDenied: they are not, or a field has no condition. S3Error: a condition is none.
    """
    given = {**fields, "bucket": bucket}
    least, most = 0, None
    spoken: set[str] = set()
    for condition in conditions:
        if isinstance(condition, dict):
            if len(condition) != 1:
                raise _invalid(
                    "Invalid Simple-Condition: Simple-Conditions must have exactly one property specified."
                )
            ((name, value),) = condition.items()
            operator, field = "eq", f"${name}"
        elif isinstance(condition, list) and len(condition) == 3 and isinstance(condition[0], str):
            operator, field, value = condition
            operator = operator.lower()
        else:
            raise _invalid("Invalid Condition.")
        if operator == "content-length-range":
            if not _whole(field) or not _whole(value):
                raise _failed(operator, field, value)
            least, most = int(field), int(value)
            continue
        if not _holds(operator, field, value, given):
            raise _failed(operator, field, value)
        spoken.add(field[1:].lower())
    extra = [
        name
        for name in given
        if name not in spoken and name not in _UNCHECKED and not name.startswith("x-ignore-")
    ]
    if extra:
        raise _denied(f"Extra input fields: {', '.join(sorted(extra))}")
    return least, most


def _whole(value: Any) -> bool:
    return (isinstance(value, int) and not isinstance(value, bool) and value >= 0) or (
        isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 20
    )


def _holds(operator: str, field: Any, value: Any, given: dict[str, str]) -> bool:
    if not isinstance(field, str) or not field.startswith("$") or not isinstance(value, str):
        return False
    actual = given.get(field[1:].lower())
    if actual is None:
        return False
    if operator == "eq":
        return actual == value
    if operator == "starts-with":
        if field.lower() == "$content-type" and "," in actual:
            return all(one.strip().startswith(value) for one in actual.split(","))
        return actual.startswith(value)
    return False


def check_size(size: int, least: int, most: int | None) -> None:
    """Refuses a file of another size than the policy allows."""
    if most is not None and size > most:
        raise EntityTooLarge(
            "Your proposed upload exceeds the maximum allowed size",
            ProposedSize=str(size), MaxSizeAllowed=str(most),
        )  # fmt: skip
    if size < least:
        raise EntityTooSmall(
            "Your proposed upload is smaller than the minimum allowed size",
            ProposedSize=str(size), MinSizeAllowed=str(least),
        )  # fmt: skip


def signature_v4(secret: str, scope: str, policy: str) -> str:
    """The signature of a policy; `scope` is `date/region/service/aws4_request`."""
    key = f"AWS4{secret}".encode()
    for part in scope.split("/"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return hmac.new(key, policy.encode(), hashlib.sha256).hexdigest()


def signature_v2(secret: str, policy: str) -> str:
    """The older signature."""
    return base64.b64encode(hmac.new(secret.encode(), policy.encode(), hashlib.sha1).digest()).decode()


def _invalid(text: str) -> S3Error:
    return named("InvalidPolicyDocument", f"Invalid Policy: {text}")


def _denied(text: str) -> S3Error:
    return AccessDenied(f"Invalid according to Policy: {text}")


def _failed(*condition: Any) -> S3Error:
    told = ", ".join(f'"{one}"' for one in condition)
    return _denied(f"Policy Condition failed: [{told}]")
