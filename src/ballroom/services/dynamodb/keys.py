"""Key attributes: what may be one, and the bytes that sort as their values do.

Source: DynamoDB API Reference, PutItem and GetItem; Developer Guide, "Quotas" (2,048 and 1,024 bytes).
"""

from __future__ import annotations

from base64 import b64decode
from hashlib import blake2b
from typing import Any

from ballroom.services.dynamodb.errors import Invalid, SchemaMismatch
from ballroom.services.dynamodb.values import numbers
from ballroom.services.dynamodb.values.attribute_values import Attributes, Value, type_of

MOST_PARTITION_BYTES, MOST_SORT_BYTES = 2048, 1024
HASH_BITS = 56
NO_MATCH = "The provided key element does not match the schema"
_EMPTY = (
    "One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an "
    "empty {what} value. Key: {name}"
)
_WHAT = {"S": "string", "B": "binary"}


def encode(kind: str, inner: Any) -> bytes:
    """Bytes that sort as values of this type do."""
    if kind == "S":
        encoded: bytes = inner.encode("utf-8", "surrogatepass")
        return encoded
    return numbers.sortable(inner) if kind == "N" else b64decode(inner)


def hash_of(encoded: bytes) -> int:
    """Where a partition key stands in a Scan."""
    return int.from_bytes(blake2b(encoded, digest_size=HASH_BITS // 8).digest(), "big")


class Schema:
    """The key attributes of a table or an index."""

    __slots__ = ("hash", "hash_type", "names", "range", "range_type", "typed")

    def __init__(self, types: dict[str, str], hash: str, range: str | None) -> None:
        self.hash, self.hash_type = hash, types[hash]
        self.range, self.range_type = range, types[range] if range is not None else ""
        self.names = (hash,) if range is None else (hash, range)
        self.typed: tuple[tuple[str, str], ...] = tuple((name, types[name]) for name in self.names)
        """Names and types."""

    def of_key(self, key: Attributes) -> tuple[bytes, ...]:
        """The encoded values of a key in a request.

        Raises:
            Invalid: it is not a key of this schema.
        """
        if len(key) != len(self.names):
            raise SchemaMismatch(NO_MATCH)
        for name, kind in self.typed:
            value = key.get(name)
            if value is None or kind not in value:
                raise SchemaMismatch(NO_MATCH)
        return self._encoded(key)

    def of_item(self, item: Attributes) -> tuple[bytes, ...]:
        """The encoded key of an item that a request puts.

        Raises:
            Invalid: an attribute of the key is missing, or of another type.
        """
        for name, kind in self.typed:
            value = item.get(name)
            if value is None:
                raise SchemaMismatch.parameter(f"Missing the key {name} in the item")
            if kind not in value:
                raise SchemaMismatch.parameter(
                    f"Type mismatch for key {name} expected: {kind} actual: {type_of(value)}"
                )
        return self._encoded(item)

    def suits(self, item: Attributes) -> bool:
        """Whether an item has the key attributes, with the right types."""
        return all(name in item and kind in item[name] for name, kind in self.typed)

    def find(self, item: Attributes) -> tuple[bytes, ...] | None:
        """The encoded key of an item that may lack it (sparse indexes)."""
        value = item.get(self.hash)
        if value is None or self.hash_type not in value:
            return None
        encoded = encode(self.hash_type, value[self.hash_type])
        if self.range is None:
            return (encoded,)
        value = item.get(self.range)
        if value is None or self.range_type not in value:
            return None
        return encoded, encode(self.range_type, value[self.range_type])

    def of_attributes(self, item: Attributes) -> Attributes:
        """Those of the item's attributes that are its key."""
        return {name: item[name] for name in self.names}

    def _encoded(self, attributes: Attributes) -> tuple[bytes, ...]:
        for name, kind in self.typed:
            if not attributes[name][kind]:
                raise Invalid(_EMPTY.format(what=_WHAT[kind], name=name))
        encoded = encode(self.hash_type, attributes[self.hash][self.hash_type])
        check_partition_size(encoded)
        if self.range is None:
            return (encoded,)
        sort = encode(self.range_type, attributes[self.range][self.range_type])
        check_sort_size(sort)
        return encoded, sort


def check_partition_size(encoded: bytes) -> None:
    """Raise if a partition key is too large."""
    if len(encoded) > MOST_PARTITION_BYTES:
        raise Invalid.parameter("Size of hashkey has exceeded the maximum size limit of2048 bytes")


def check_sort_size(encoded: bytes) -> None:
    """Raise if a sort key is too large."""
    if len(encoded) > MOST_SORT_BYTES:
        raise Invalid.parameter("Aggregated size of all range keys has exceeded the size limit of 1024 bytes")


def may_be_key(encoded: tuple[bytes, ...]) -> bool:
    """Whether values can be the key of an index: none is empty or too large."""
    if not all(encoded) or len(encoded[0]) > MOST_PARTITION_BYTES:
        return False
    return len(encoded) == 1 or len(encoded[1]) <= MOST_SORT_BYTES


def check_index_value(index_name: str, name: str, kind: str, value: Value) -> None:
    """Raise unless a value may be an attribute of an index's key.

    Raises:
        Invalid: with AWS's text, which names the index.
    """
    if kind not in value:
        raise SchemaMismatch.parameter(
            f"Type mismatch for Index Key {name} Expected: {kind} Actual: {type_of(value)} "
            f"IndexName: {index_name}"
        )
    if not value[kind]:
        raise Invalid(
            "One or more parameter values are not valid. A value specified for a secondary index key is not "
            f"supported. The AttributeValue for a key attribute cannot contain an empty {_WHAT[kind]} value. "
            f"IndexName: {index_name}, IndexKey: {name}"
        )
