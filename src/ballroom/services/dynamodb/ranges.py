"""Which rows a Query, a Scan or one of its segments goes through: ranges of packed keys.

A Query is one range, since rows of a partition stand in the order of the sort key. A segment of a parallel
Scan is a range of the partition keys' hashes, the same for as long as the number of segments is.
"""

from __future__ import annotations

from ballroom.kernel.keys import PREFIX_END, Packed, pack
from ballroom.services.dynamodb.errors import Invalid
from ballroom.services.dynamodb.keys import HASH_BITS, Schema, check_partition_size, check_sort_size, encode
from ballroom.services.dynamodb.legacy import Conditions
from ballroom.services.dynamodb.live import LiveIndex, LiveTable
from ballroom.services.dynamodb.values.attribute_values import Attributes, Value

Range = tuple[bytes, bytes]
Source = LiveTable | LiveIndex
_EMPTY = {"S": "string", "B": "binary"}


def query_range(source: Source, conditions: Conditions) -> Range:
    """The rows that key conditions select.

    Raises:
        Invalid: they do not fit the key of the table or index.
    """
    schema = source.schema
    _check(schema, conditions)
    partition = encode(schema.hash_type, conditions[schema.hash][1][0][schema.hash_type])
    check_partition_size(partition)
    prefix = Packed(pack(source.partition(partition)))
    if schema.range is None or schema.range not in conditions:
        return prefix, prefix + PREFIX_END
    comparison, values = conditions[schema.range]
    bounds = []
    for value in values:
        encoded = encode(schema.range_type, value[schema.range_type])
        check_sort_size(encoded)
        bounds.append(pack((prefix, encoded)))
    return _sort_range(prefix, comparison, bounds)


def _check(schema: Schema, conditions: Conditions) -> None:
    if schema.hash not in conditions:
        raise Invalid(f"Query condition missed key schema element: {schema.hash}")
    if len(conditions) > 1 and (schema.range is None or schema.range not in conditions):
        if schema.range is None:
            raise Invalid("Query key condition not supported")
        raise Invalid(f"Query condition missed key schema element: {schema.range}")
    for name, kind in schema.typed:
        if name in conditions:
            comparison, values = conditions[name]
            for value in values:
                _check_value(name, kind, value)
            if name == schema.hash and comparison != "EQ":
                raise Invalid("Query key condition not supported")
            if comparison == "BEGINS_WITH" and kind == "N":
                raise Invalid.parameter("ComparisonOperator BEGINS_WITH is not valid for N AttributeValue type")
            if comparison not in _SUPPORTED:
                raise Invalid("Attempted conditional constraint is not an indexable operation")


_SUPPORTED = frozenset({"EQ", "LT", "LE", "GT", "GE", "BETWEEN", "BEGINS_WITH"})


def _check_value(name: str, kind: str, value: Value) -> None:
    if kind not in value:
        raise Invalid.parameter("Condition parameter type does not match schema type")
    if not value[kind]:
        raise Invalid(
            "One or more parameter values are not valid. The AttributeValue for a key attribute cannot "
            f"contain an empty {_EMPTY[kind]} value. Key: {name}"
        )


def _sort_range(prefix: bytes, comparison: str, bounds: list[bytes]) -> Range:
    first = bounds[0]
    if comparison == "EQ":
        return first, first + PREFIX_END
    if comparison == "BETWEEN":
        return first, bounds[1] + PREFIX_END
    if comparison == "BEGINS_WITH":
        # without the byte that ends a part, what follows is every continuation of the value
        return first[:-1], _after(first[:-1])
    if comparison == "LT":
        return prefix, first
    if comparison == "LE":
        return prefix, first + PREFIX_END
    if comparison == "GT":
        return first + PREFIX_END, prefix + PREFIX_END
    return first, prefix + PREFIX_END


def _after(prefix: bytes) -> bytes:
    """The first bytes behind everything that begins with `prefix`."""
    stripped = prefix.rstrip(b"\xff")
    return stripped[:-1] + bytes((stripped[-1] + 1,))


def scan_range(source: Source, segment: int = 0, segments: int = 1) -> Range:
    """All rows, or those of one of so many segments."""
    space = 1 << HASH_BITS
    low, high = space * segment // segments, space * (segment + 1) // segments
    return pack((*source.prefix, low)), pack((*source.prefix, high))


_NO_START = "The provided starting key is invalid"
_NO_START_OF_SCHEMA = f"{_NO_START}: The provided key element does not match the schema"


def start_of(source: Source, given: Attributes, *, scans: bool = False) -> bytes:
    """The row that an ExclusiveStartKey names, which need not be there.

    Raises:
        Invalid: it is no key of the table or index; of other attributes, a Scan says more than a Query.
    """
    table = source.table if isinstance(source, LiveIndex) else source
    wanted = dict(table.schema.typed)
    wanted.update(source.schema.typed)
    if set(given) != set(wanted):
        raise Invalid(_NO_START_OF_SCHEMA if scans else _NO_START)
    for name, kind in wanted.items():
        if kind not in given[name] or not given[name][kind]:
            raise Invalid(_NO_START_OF_SCHEMA)
    primary = table.schema.of_key(table.schema.of_attributes(given))
    if isinstance(source, LiveTable):
        return pack(source.key(primary))
    own = tuple(encode(kind, given[name][kind]) for name, kind in source.schema.typed)
    return pack(source.key(own, primary))


def key_of(source: Source, item: Attributes) -> Attributes:
    """The LastEvaluatedKey after an item: the table's key and, of an index, the index's."""
    table = source.table if isinstance(source, LiveIndex) else source
    names = dict.fromkeys((*table.schema.names, *source.schema.names))
    return {name: item[name] for name in names}
