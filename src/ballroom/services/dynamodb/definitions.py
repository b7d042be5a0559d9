"""From what CreateTable and UpdateTable are given to keys and indexes, checked as AWS checks them.

Source: DynamoDB API Reference, CreateTable, UpdateTable; Developer Guide, "Quotas".
"""

from __future__ import annotations

from typing import Any

from ballroom.services.dynamodb.errors import Invalid
from ballroom.services.dynamodb.names import check_index_name
from ballroom.services.dynamodb.resources import Index, Table

_MOST_UNITS = 1_000_000_000_000
MOST_LOCAL, MOST_GLOBAL, MOST_INCLUDED = 5, 20, 100
_NO_UNITS = (
    "Neither ReadCapacityUnits nor WriteCapacityUnits can be specified when BillingMode is PAY_PER_REQUEST"
)
_BOTH_UNITS = "ReadCapacityUnits and WriteCapacityUnits must both be specified when BillingMode is PROVISIONED"


def attribute_types(definitions: list[dict[str, Any]] | None) -> dict[str, str]:
    """Types by attribute.

    Raises:
        Invalid: one is defined twice.
    """
    types: dict[str, str] = {}
    for definition in definitions or []:
        name = definition["AttributeName"]
        if name in types:
            raise Invalid(f"Attribute Name is duplicated: {name}")
        types[name] = definition["AttributeType"]
    return types


def key_schema(elements: list[dict[str, Any]]) -> tuple[str, str | None]:
    """The partition key and the sort key, if any.

    Raises:
        Invalid: they are not a HASH and a RANGE.
    """
    if elements[0]["KeyType"] != "HASH":
        raise Invalid("Invalid KeySchema: The first KeySchemaElement is not a HASH key type")
    hash = elements[0]["AttributeName"]
    if len(elements) == 1:
        return hash, None
    if elements[1]["KeyType"] != "RANGE":
        raise Invalid("Invalid KeySchema: The second KeySchemaElement is not a RANGE key type")
    if elements[1]["AttributeName"] == hash:
        raise Invalid("Both the Hash Key and the Range Key element in the KeySchema have the same name")
    return hash, elements[1]["AttributeName"]


def check_defined(types: dict[str, str], *keys: str | None) -> None:
    """Raise unless all key attributes are defined."""
    wanted = [key for key in keys if key is not None]
    if any(key not in types for key in wanted):
        raise Invalid.parameter(
            "Some index key attributes are not defined in AttributeDefinitions. "
            f"Keys: [{', '.join(wanted)}], AttributeDefinitions: [{', '.join(types)}]"
        )


def check_table_keys(types: dict[str, str], *keys: str | None) -> None:
    """Raise unless the table's own key attributes are defined; AWS has other words for them."""
    if types and any(key not in types for key in keys if key is not None):
        raise Invalid("Invalid KeySchema: Some index key attribute have no definition")
    check_defined(types, *keys)


def check_all_used(types: dict[str, str], table: Table) -> None:
    """Raise if an attribute is defined that is no key."""
    used = used_keys(table)
    if set(types) == set(used):
        return
    if not table.indexes:
        raise Invalid.parameter(
            "Number of attributes in KeySchema does not exactly match number of attributes defined in "
            "AttributeDefinitions"
        )
    raise Invalid.parameter(
        f"Some AttributeDefinitions are not used. AttributeDefinitions: [{', '.join(types)}], "
        f"keys used: [{', '.join(used)}]"
    )


def used_keys(table: Table) -> list[str]:
    """All attributes that are keys of the table or an index."""
    keys = [table.hash, table.range]
    for index in table.indexes:
        keys += [index.hash, index.range]
    return list(dict.fromkeys(key for key in keys if key is not None))


def throughput(given: dict[str, Any], billing: str, what: str = "table") -> tuple[int, int]:
    """Read and write units; zero where billing is on demand.

    Raises:
        Invalid: they are missing, or do not go with the billing mode.
    """
    asked = given.get("ProvisionedThroughput")
    if billing == "PAY_PER_REQUEST":
        if asked is not None and what != "table":
            raise Invalid.parameter(
                f"ProvisionedThroughput should not be specified for index: {what} when BillingMode is "
                "PAY_PER_REQUEST"
            )
        check_no_units(given, billing)
        return 0, 0
    if asked is None:
        if what == "table":
            raise Invalid.parameter(_BOTH_UNITS)
        raise Invalid.parameter(f"ProvisionedThroughput is not specified for index: {what}")
    for member in ("ReadCapacityUnits", "WriteCapacityUnits"):
        if asked[member] > _MOST_UNITS:
            of = "" if what == "table" else f" for index {what}"
            raise Invalid(f"Given value {asked[member]} for {member} is out of bounds{of}")
    return asked["ReadCapacityUnits"], asked["WriteCapacityUnits"]


def check_no_units(given: dict[str, Any], billing: str) -> None:
    """Raise if units are given where billing is on demand; UpdateTable says so of indexes as well."""
    if billing == "PAY_PER_REQUEST" and given.get("ProvisionedThroughput") is not None:
        raise Invalid.parameter(_NO_UNITS)


def check_units(table: Table) -> None:
    """Raise if a global index of a provisioned table has no units of its own."""
    for index in table.indexes:
        if table.billing == "PROVISIONED" and index.is_global and not index.read_units:
            raise Invalid.parameter(f"ProvisionedThroughput is not specified for index: {index.name}")


def local_indexes(given: list[dict[str, Any]] | None, hash: str, range: str | None) -> list[dict[str, Any]]:
    """Fields of the table's local indexes.

    Raises:
        Invalid: one does not go with the table's key.
    """
    if given is None:
        return []
    if not given:
        raise Invalid.parameter("List of LocalSecondaryIndexes is empty")
    if range is None:
        raise Invalid.parameter(
            "Table KeySchema does not have a range key, which is required when specifying a LocalSecondaryIndex"
        )
    if len(given) > MOST_LOCAL:
        raise Invalid.parameter(f"Number of LocalSecondaryIndexes exceeds per-table limit of {MOST_LOCAL}")
    found = []
    for one in given:
        name = one["IndexName"]
        own, sort = key_schema(one["KeySchema"])
        if sort is None:
            raise Invalid.parameter(f"Index KeySchema does not have a range key for index: {name}")
        if own != hash:
            raise Invalid.parameter(
                "Index KeySchema does not have the same leading hash key as table KeySchema for index: "
                f"{name}. index hash key: {own}, table hash key: {hash}"
            )
        found.append({"name": name, "is_global": False, "hash": own, "range": sort, **_projection(one)})
    return found


def global_index(given: dict[str, Any], billing: str) -> dict[str, Any]:
    """Fields of one global index.

    Raises:
        Invalid: it breaks a rule.
    """
    name = given["IndexName"]
    check_index_name(name)
    own, sort = key_schema(given["KeySchema"])
    read, write = throughput(given, billing, name)
    return {
        "name": name, "is_global": True, "hash": own, "range": sort, "read_units": read, "write_units": write,
        "on_demand": given.get("OnDemandThroughput"), "warm": given.get("WarmThroughput"), **_projection(given),
    }  # fmt: skip


def _projection(given: dict[str, Any]) -> dict[str, Any]:
    asked = given.get("Projection") or {}
    kind, include = asked.get("ProjectionType"), asked.get("NonKeyAttributes")
    if kind is None:
        raise Invalid.parameter("Unknown ProjectionType: null")
    if kind != "INCLUDE" and include is not None:
        raise Invalid.parameter(f"ProjectionType is {kind}, but NonKeyAttributes is specified")
    if kind == "INCLUDE" and not include:
        raise Invalid.parameter("ProjectionType is INCLUDE, but NonKeyAttributes is not specified")
    return {"projection": kind, "include": tuple(dict.fromkeys(include or ()))}


def numbered(fields: list[dict[str, Any]], first: int = 1) -> tuple[Index, ...]:
    """Index records with their ids.

    Raises:
        Invalid: two have one name, or there are too many.
    """
    names: set[str] = set()
    for one in fields:
        check_index_name(one["name"])
        if one["name"] in names:
            raise Invalid.parameter(f"Duplicate index name: {one['name']}")
        names.add(one["name"])
    if sum(one["is_global"] for one in fields) > MOST_GLOBAL:
        raise Invalid.parameter(f"GlobalSecondaryIndex count exceeds the per-table limit of {MOST_GLOBAL}")
    indexes = tuple(Index(id=first + place, **one) for place, one in enumerate(fields))
    check_included(indexes)
    return indexes


def check_included(indexes: tuple[Index, ...]) -> None:
    """Raise if indexes include too many attributes; one that two of them include counts twice."""
    if sum(len(index.include) for index in indexes) > MOST_INCLUDED:
        raise Invalid.parameter(
            f"Number of NonKeyAttributes in all indexes exceeds the per-table limit of {MOST_INCLUDED}"
        )
