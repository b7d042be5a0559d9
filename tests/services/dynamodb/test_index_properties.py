"""Indexes and counts after any sequence of writes, against a model that computes them from the items."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.cloud import Cloud

from ballroom.kernel import ServiceError
from ballroom.services.dynamodb.values.attribute_values import size_of_attributes

from .tables import a_table, index, item, put, scan, update, value, values

Items = dict[str, dict[str, Any]]
keys = st.sampled_from(["a", "b", "c"])
groups = st.sampled_from(["x", "y", None])
numbers = st.one_of(st.none(), st.integers(-2, 2))
writes = st.lists(
    st.tuples(st.sampled_from(["put", "update", "delete", "transact"]), keys, groups, numbers), max_size=12
)


def attributes(pk: str, g: str | None, n: int | None) -> dict[str, Any]:
    given = {"pk": pk, "sk": 1, "g": g, "n": n, "rest": "r"}
    return {name: one for name, one in given.items() if one is not None}


def carry_out(cloud: Cloud, model: Items, write: tuple[str, str, str | None, int | None]) -> None:
    kind, pk, g, n = write
    if kind == "put":
        put(cloud, **attributes(pk, g, n))
        model[pk] = attributes(pk, g, n)
    elif kind == "delete":
        cloud.dynamodb("DeleteItem", TableName="tab", Key=item(pk=pk, sk=1))
        model.pop(pk, None)
    elif kind == "update":
        changes, given = [], {}
        for name, one in (("g", g), ("n", n)):
            if one is None:
                changes.append(f"REMOVE {name}")
            else:
                changes.append(f"SET {name} = :{name}")
                given[name] = one
        expression = " ".join(
            f"{word} " + ", ".join(one.removeprefix(word + " ") for one in changes if one.startswith(word))
            for word in ("SET", "REMOVE")
            if any(one.startswith(word) for one in changes)
        )
        update(cloud, expression, values(**given), Key=item(pk=pk, sk=1))
        before = model.get(pk, {"pk": pk, "sk": 1})
        after = {**before, "g": g, "n": n}
        model[pk] = {name: one for name, one in after.items() if one is not None}
    else:
        fails = {"ConditionCheck": {"TableName": "tab", "Key": item(pk="none", sk=1),
                                    "ConditionExpression": "attribute_exists(pk)"}}  # fmt: skip
        whole = {"Put": {"TableName": "tab", "Item": item(**attributes(pk, g, n))}}
        try:
            cloud.dynamodb("TransactWriteItems", TransactItems=[whole, fails])
        except ServiceError as error:
            if error.shape != "TransactionCanceledException":
                raise


@settings(max_examples=40, deadline=None)
@given(writes)
def test_indexes_hold_what_the_items_say(sequence: list[tuple[str, str, str | None, int | None]]) -> None:
    cloud = Cloud()
    try:
        a_table(
            cloud, sk="N", types={"g": "S", "n": "N"},
            GlobalSecondaryIndexes=[index("by-g", "g", "n"), index("keys", "g", keys_only=True)],
            LocalSecondaryIndexes=[index("local", "pk", "n")],
        )  # fmt: skip
        model: Items = {}
        for write in sequence:
            carry_out(cloud, model, write)
        expected = {
            "by-g": [one for one in model.values() if "g" in one and "n" in one],
            "keys": [{n: one[n] for n in ("pk", "sk", "g")} for one in model.values() if "g" in one],
            "local": [one for one in model.values() if "n" in one],
        }
        told = cloud.dynamodb("DescribeTable", TableName="tab")["Table"]
        assert sorted(scan(cloud), key=str) == sorted(model.values(), key=str)
        assert (told["ItemCount"], told["TableSizeBytes"]) == (len(model), sizes(list(model.values())))
        for described in told["GlobalSecondaryIndexes"] + told["LocalSecondaryIndexes"]:
            name = described["IndexName"]
            found = scan(cloud, IndexName=name)
            assert {str(sorted(one.items())) for one in found} == {
                str(sorted(o.items())) for o in expected[name]
            }
            assert (described["ItemCount"], described["IndexSizeBytes"]) == (len(found), sizes(expected[name]))
    finally:
        cloud.close()


def sizes(items: list[dict[str, Any]]) -> int:
    return sum(size_of_attributes({name: value(one) for name, one in found.items()}) for found in items)
