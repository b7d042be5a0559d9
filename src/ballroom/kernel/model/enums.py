"""The order in which AWS prints an enum's values."""

from __future__ import annotations

from collections.abc import Sequence

BUCKETS = 32


def java_hash(text: str) -> int:
    """Java's `String.hashCode`, without the sign."""
    units = text.encode("utf-16-be", errors="surrogatepass")
    value = 0
    for at in range(0, len(units), 2):
        value = (31 * value + (units[at] << 8) + units[at + 1]) & 0xFFFFFFFF
    return value


def printed_order(values: Sequence[str]) -> list[str]:
    """An enum's values as the texts list them.

    AWS keeps them in a hash table of 32 buckets, whatever their number, and puts a newcomer at a bucket's
    head. Found from the recorded texts: it explains every one in API Gateway, EventBridge, KMS, Lambda
    and Step Functions, lists of 2 to 56 values.
    """
    placed = sorted(
        ((java_hash(value) % BUCKETS, -position, value) for position, value in enumerate(values)),
    )
    return [value for _, _, value in placed]
