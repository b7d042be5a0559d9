"""When an item expires, by the attribute that its table names for it.

Source: DynamoDB Developer Guide, "Using time to live (TTL) in DynamoDB": the attribute is a number of seconds
since 1970; items with another type, or a time more than five years ago, are left alone.
"""

from __future__ import annotations

from decimal import Decimal

from ballroom.services.dynamodb.values.attribute_values import Attributes

OLDEST_MS = 5 * 365 * 24 * 3600 * 1000
"""What expired longer ago is taken for a mistake, such as a count or a time in other units."""
GRACE_MS = 60_000
"""An item that has expired when it is written stays so long. AWS takes its time too, and programs that must
cope with items that are expired and still there can be tried."""
_LATEST_S = 1 << 40


def expires_ms(item: Attributes | None, attribute: str) -> int | None:
    """When an item expires, in milliseconds since 1970; None: never."""
    value = item.get(attribute) if item is not None else None
    text = value.get("N") if value is not None else None
    if text is None:
        return None
    seconds = int(text) if len(text) < 15 and text.isdigit() else _large(text)
    return seconds * 1000 if 0 <= seconds < _LATEST_S else None


def _large(text: str) -> int:
    """Fractions are cut off; what lies outside all times is -1."""
    number = Decimal(text)
    return int(number) if 0 <= number < _LATEST_S else -1


def due_ms(expires: int, now_ms: int) -> int | None:
    """When an item that is written now is to be deleted; None: it expired too long ago."""
    if expires > now_ms:
        return expires
    return now_ms + GRACE_MS if is_due(expires, now_ms) else None


def is_due(expires: int | None, now_ms: int) -> bool:
    """Whether an item may be deleted."""
    return expires is not None and now_ms - OLDEST_MS <= expires <= now_ms


__all__ = ["GRACE_MS", "OLDEST_MS", "due_ms", "expires_ms", "is_due"]
