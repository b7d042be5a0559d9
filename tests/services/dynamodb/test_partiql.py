"""PartiQL: statements do what the item API does, in AWS's words."""

from __future__ import annotations

from typing import Any

import pytest
from tests.cloud import Cloud

from .tables import a_table, get, index, plains, put, value


@pytest.fixture
def music(cloud: Cloud) -> Cloud:
    """Songs by artist and number, with an index by genre."""
    a_table(cloud, sk="N", types={"g": "S"}, GlobalSecondaryIndexes=[index("by-g", "g", "sk")])
    for artist in ("ann", "bob"):
        for number in range(1, 6):
            genre = "pop" if number % 2 else "folk"
            put(cloud, pk=artist, sk=number, g=genre, tags={"x", artist}, more={"list": [1, {"deep": number}]})
    return cloud


def run(cloud: Cloud, statement: str, *parameters: Any, **more: Any) -> dict[str, Any]:
    """Carry out a statement; parameters are plain values."""
    given = {"Parameters": [value(one) for one in parameters]} if parameters else {}
    return cloud.dynamodb("ExecuteStatement", Statement=statement, **given, **more)


def rows(cloud: Cloud, statement: str, *parameters: Any, **more: Any) -> list[dict[str, Any]]:
    """The items of all pages, in plain values."""
    found: list[dict[str, Any]] = []
    token: dict[str, Any] = {}
    while True:
        page = run(cloud, statement, *parameters, **more, **token)
        found += [plains(one) for one in page["Items"]]
        if "NextToken" not in page:
            assert "LastEvaluatedKey" not in page
            return found
        token = {"NextToken": page["NextToken"]}


def refusal(
    cloud: Cloud, statement: str, *parameters: Any, shape: str = "ValidationException", **more: Any
) -> str:
    given = {"Parameters": [value(one) for one in parameters]} if parameters else {}
    error = cloud.error("dynamodb", "ExecuteStatement", Statement=statement, **given, **more)
    assert error.shape == shape, (error.shape, error.text)
    return error.text


def keys(found: list[dict[str, Any]]) -> list[tuple[str, int]]:
    return [(one["pk"], one["sk"]) for one in found]


# -- select ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("where", "parameters", "numbers"),
    [
        ("pk = 'ann'", (), [1, 2, 3, 4, 5]),
        ("pk = ?", ("ann",), [1, 2, 3, 4, 5]),
        ("'ann' = pk and 3 < sk", (), [4, 5]),
        ("pk = 'ann' AND sk = 2", (), [2]),
        ("pk = 'ann' AND sk BETWEEN 2 AND ?", (4,), [2, 3, 4]),
        ("pk = 'ann' AND sk >= 2 AND sk <> 3", (), [2, 4, 5]),
        ("pk = 'ann' AND g = 'pop'", (), [1, 3, 5]),
        ("pk = 'ann' AND NOT g = 'pop'", (), [2, 4]),
        ("pk = 'ann' AND (sk = 1 OR sk = 5)", (), [1, 5]),
        ("pk = 'ann' AND sk IN [1, 2, 77]", (), [1, 2]),
        ("pk = 'ann' AND sk NOT IN (1, 2)", (), [3, 4, 5]),
        ("pk = 'ann' AND begins_with(g, 'po')", (), [1, 3, 5]),
        ("pk = 'ann' AND BEGINS_WITH(\"g\", ?)", ("fo",), [2, 4]),
        ("pk = 'ann' AND contains(tags, 'ann') AND sk < 3", (), [1, 2]),
        ("pk = 'ann' AND more.list[1].deep > 3", (), [4, 5]),
        ("pk = 'ann' AND more['list'][1].\"deep\" > 3", (), [4, 5]),
        ("pk = 'ann' AND size(more.list) = 2 AND sk = 1", (), [1]),
        ("pk = 'ann' AND attribute_type(g, 'N')", (), []),
        ("pk = 'ann' AND other IS MISSING AND sk = 1", (), [1]),
        ("pk = 'ann' AND g IS NOT MISSING AND sk = 1", (), [1]),
        ("pk = 'ann' AND g IS NULL", (), []),
        ("pk = 'ann' AND g IS NOT NULL AND sk = 1", (), [1]),
        ("pk = 'ann' AND more.list = [1, {'deep': 4}]", (), [4]),
        ("pk = 'ann' AND tags = <<'ann', 'x'>> AND sk = 3", (), [3]),
        ("pk = 'nobody'", (), []),
    ],
)
def test_select(music: Cloud, where: str, parameters: tuple[Any, ...], numbers: list[int]) -> None:
    found = rows(music, f'SELECT * FROM "tab" WHERE {where}', *parameters)
    assert keys(found) == [("ann", number) for number in numbers]


def test_a_select_by_key_reads_no_more_than_that(music: Cloud) -> None:
    told = run(music, "SELECT * FROM tab WHERE pk='ann' AND sk=1", ReturnConsumedCapacity="TOTAL")
    assert told["ConsumedCapacity"] == {"TableName": "tab", "CapacityUnits": 0.5}
    told = run(music, "SELECT * FROM tab WHERE pk='ann'", ConsistentRead=True, ReturnConsumedCapacity="TOTAL")
    assert told["ConsumedCapacity"]["CapacityUnits"] == 1.0


def test_several_partitions_are_several_queries(music: Cloud) -> None:
    found = rows(music, "SELECT * FROM tab WHERE pk IN ['bob', 'ann', 'bob'] AND sk < 3")
    assert keys(found) == [("bob", 1), ("bob", 2), ("ann", 1), ("ann", 2)]
    found = rows(music, "SELECT * FROM tab WHERE pk = 'bob' OR pk = 'ann'", Limit=3)
    assert len(found) == 10
    found = rows(music, "SELECT * FROM tab WHERE (pk = 'bob' OR pk = 'ann') AND sk = 1 ORDER BY pk ASC, sk")
    assert keys(found) == [("ann", 1), ("bob", 1)]


def test_a_select_asks_for_at_most_fifty_partitions(music: Cloud) -> None:
    text = refusal(music, f"SELECT * FROM tab WHERE pk IN [{', '.join(['?'] * 51)}]", *["a"] * 51)
    assert text == "The IN operator is provided with too many operands; number of operands: 51"


def test_everything_else_is_a_scan(music: Cloud) -> None:
    assert len(rows(music, 'SELECT * FROM "tab"')) == 10
    assert len(rows(music, 'SELECT * FROM "tab" WHERE sk > 3', Limit=3)) == 4
    assert len(rows(music, "SELECT * FROM tab WHERE pk = 'ann' OR sk = 1")) == 6


def test_projections_are_named_by_their_last_part(music: Cloud) -> None:
    found = rows(
        music, 'SELECT g, more.list[1].deep, more.list[0], absent FROM "tab" WHERE pk=? AND sk=3', "ann"
    )
    assert found == [{"g": "pop", "deep": 3, "list[0]": 1}]


def test_an_index_and_an_order(music: Cloud) -> None:
    found = rows(music, 'SELECT pk, sk FROM "tab"."by-g" WHERE g = \'folk\' AND sk > 2 ORDER BY sk DESC')
    assert {one["sk"] for one in found} == {4}
    found = rows(music, "SELECT sk FROM tab WHERE pk = 'ann' ORDER BY sk DESC", Limit=2)
    assert [one["sk"] for one in found] == [5, 4, 3, 2, 1]


@pytest.mark.parametrize(
    ("statement", "text"),
    [
        (
            "SELECT * FROM tab ORDER BY sk",
            "Must have WHERE clause in the statement when using ORDER BY clause.",
        ),
        (
            "SELECT * FROM tab WHERE sk = 1 ORDER BY sk",
            "Must have at least one non-optional hash key condition in WHERE clause when using ORDER BY clause.",
        ),
        (
            "SELECT * FROM tab WHERE pk = 'a' ORDER BY g",
            "Variable reference g in ORDER BY clause must be part of the primary key",
        ),
        ('SELECT * FROM "tab"."nope"', "The table does not have the specified index: nope"),
        ("SELECT * FROM tab WHERE pk = ?", "Number of parameters in request and statement don't match."),
        (
            "SELECT * FROM tab WHERE pk = 1",
            "One or more parameter values were invalid: Condition parameter type does not match schema type",
        ),
        (
            "UPDATE tab SET a = 1 WHERE pk = 'a'",
            "Where clause does not contain a mandatory equality on all key attributes",
        ),
        ("DELETE FROM tab", "Where clause does not contain a mandatory equality on all key attributes"),
        (
            "UPDATE tab SET sk = 1 WHERE pk = 'ann' AND sk = 1",
            "One or more parameter values were invalid: Cannot update attribute sk. This attribute is part of "
            "the key",
        ),
        ("INSERT INTO tab VALUE {'pk': 'x'}", "One or more parameter values were invalid: Missing the key sk in "
         "the item"),
    ],
)  # fmt: skip
def test_what_does_not_fit_the_table_is_refused(music: Cloud, statement: str, text: str) -> None:
    assert refusal(music, statement) == text


@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        ("SELEC * FROM tab", "Expected data manipulation"),
        ("hello", "Expected data manipulation"),
        ("INSERT INTO tab (a) VALUES (1)", "Unexpected token"),
        ("INSERT INTO tab VALUES {'a': 1}", "Unexpected keyword"),
        ("SELECT * FROM my-table", "Unexpected from source"),
        ("UPDATE my-table SET a=1", "Unexpected token"),
        ("SELECT * FROM tab WHERE", "Unexpected end of statement"),
        ("SELECT * FROM tab WHERE a = 'open", "Invalid character"),
        ("SELECT * FROM tab WHERE a = 1 1", "Unexpected term"),
    ],
)
def test_what_is_no_statement_is_refused(cloud: Cloud, statement: str, reason: str) -> None:
    assert refusal(cloud, statement) == f"Statement wasn't well formed, can't be processed: {reason}"


def test_clauses_that_partiql_lacks_are_named(cloud: Cloud) -> None:
    assert refusal(cloud, "SELECT * FROM tab LIMIT 1") == "Unsupported clause: LIMIT at 1:19:5"


def test_a_table_that_is_not_there(cloud: Cloud) -> None:
    text = refusal(cloud, 'SELECT * FROM "nope"', shape="ResourceNotFoundException")
    assert text == "Requested resource not found"


def test_a_token_goes_with_its_statement(music: Cloud) -> None:
    token = run(music, "SELECT * FROM tab", Limit=1)["NextToken"]
    assert "NextToken does not match request" in refusal(music, "SELECT * FROM tab WHERE sk=1", NextToken=token)
    assert "Invalid NextToken" in refusal(music, "SELECT * FROM tab", NextToken="x" * 40)


# -- writes ------------------------------------------------------------------------------------------


def test_insert_puts_once(music: Cloud) -> None:
    statement = "INSERT INTO \"tab\" VALUE {'pk': ?, 'sk': 1, 'l': [1, ?], 's': <<'a','b'>>, 'm': {'x': null}}"
    assert run(music, statement, "new", True) == {"Items": []}
    assert get(music, pk="new", sk=1) == {
        "pk": "new", "sk": 1, "l": [1, True], "s": {"a", "b"}, "m": {"x": None},
    }  # fmt: skip
    text = refusal(music, statement, "new", True, shape="DuplicateItemException")
    assert text == "Duplicate primary key exists in table"


def test_update_sets_and_removes(music: Cloud) -> None:
    told = run(
        music,
        "UPDATE tab SET n = 1 SET more.list = list_append(more.list, [?]), sum = sk + 5 - 2 "
        "SET tags = set_add(tags, <<'new'>>) REMOVE g WHERE pk = 'ann' AND sk = 2 RETURNING ALL NEW *",
        "end",
    )
    [found] = map(plains, told["Items"])
    assert found["more"]["list"] == [1, {"deep": 2}, "end"]
    assert (found["n"], found["sum"], found["tags"]) == (1, 5, {"ann", "x", "new"})
    assert "g" not in found
    told = run(
        music,
        "UPDATE tab SET tags = set_delete(tags, <<'x','new'>>) WHERE pk='ann' AND sk=2 RETURNING MODIFIED OLD *",
    )
    assert [plains(one) for one in told["Items"]] == [{"tags": {"ann", "x", "new"}}]
    assert run(music, "UPDATE tab SET a = if_not_exists(a, 3) WHERE pk='ann' AND sk=2") == {"Items": []}
    after = get(music, pk="ann", sk=2)
    assert after is not None
    assert after["a"] == 3


def test_update_is_of_an_item_that_is_there(music: Cloud) -> None:
    for where in ("pk='none' AND sk=1", "pk='ann' AND sk=1 AND g='folk'"):
        text = refusal(music, f"UPDATE tab SET a=1 WHERE {where}", shape="ConditionalCheckFailedException")
        assert text == "The conditional request failed"
    error = music.error(
        "dynamodb",
        "ExecuteStatement",
        Statement="UPDATE tab SET a=1 WHERE pk='ann' AND sk=1 AND g='folk'",
        ReturnValuesOnConditionCheckFailure="ALL_OLD",
    )
    assert error.fields["Item"]["g"] == {"S": "pop"}


def test_delete(music: Cloud) -> None:
    told = run(music, "DELETE FROM tab WHERE pk='ann' AND sk=1 RETURNING ALL OLD *")
    assert told["Items"][0]["g"] == {"S": "pop"}
    assert run(music, "DELETE FROM tab WHERE pk='ann' AND sk=1 AND g='pop'") == {"Items": []}
    refusal(music, "DELETE FROM tab WHERE pk='ann' AND sk=2 AND g='x'", shape="ConditionalCheckFailedException")


# -- many --------------------------------------------------------------------------------------------


def batch(cloud: Cloud, *statements: str) -> list[dict[str, Any]]:
    found = cloud.dynamodb("BatchExecuteStatement", Statements=[{"Statement": one} for one in statements])
    return list(found["Responses"])


def test_each_statement_of_a_batch_stands_for_itself(music: Cloud) -> None:
    found = batch(
        music,
        "INSERT INTO tab VALUE {'pk':'new','sk':1}",
        "INSERT INTO tab VALUE {'pk':'ann','sk':1}",
        "UPDATE tab SET a=1 WHERE pk='none' AND sk=1",
        "INSERT INTO nope VALUE {'pk':'ann','sk':1}",
        "nonsense",
        "DELETE FROM tab WHERE pk='bob' AND sk=1",
    )
    assert [one.get("Error", {}).get("Code") for one in found] == [
        None, "DuplicateItem", "ConditionalCheckFailed", "ResourceNotFound", "ValidationError", None,
    ]  # fmt: skip
    assert found[0] == {"TableName": "tab"}
    assert get(music, pk="new", sk=1)
    assert get(music, pk="bob", sk=1) is None


def test_a_batch_of_reads(music: Cloud) -> None:
    found = batch(
        music,
        "SELECT sk FROM tab WHERE pk='ann' AND sk=1",
        "SELECT * FROM tab WHERE pk='none' AND sk=1",
        "SELECT * FROM tab WHERE pk='ann'",
    )
    assert found[0] == {"TableName": "tab", "Item": {"sk": {"N": "1"}}}
    assert found[1] == {"TableName": "tab"}
    assert found[2]["Error"] == {
        "Code": "ValidationError",
        "Message": "Select statements within BatchExecuteStatement must specify the primary key in the where "
        "clause.",
    }


def transact(cloud: Cloud, *statements: str, **more: Any) -> dict[str, Any]:
    return cloud.dynamodb(
        "ExecuteTransaction", TransactStatements=[{"Statement": one} for one in statements], **more
    )


def test_a_transaction_is_all_or_nothing(music: Cloud) -> None:
    assert transact(
        music,
        "INSERT INTO tab VALUE {'pk':'t','sk':1}",
        "UPDATE tab SET a=1 WHERE pk='ann' AND sk=1",
        "EXISTS(SELECT * FROM tab WHERE pk='bob' AND sk=1 AND g='pop')",
    ) == {"Responses": []}
    error = music.error(
        "dynamodb",
        "ExecuteTransaction",
        TransactStatements=[
            {"Statement": "INSERT INTO tab VALUE {'pk':'t','sk':2}"},
            {"Statement": "INSERT INTO tab VALUE {'pk':'t','sk':1}"},
            {"Statement": "EXISTS(SELECT * FROM tab WHERE pk='bob' AND sk=1 AND g='folk')"},
        ],
    )
    assert error.shape == "TransactionCanceledException"
    assert [one["Code"] for one in error.fields["CancellationReasons"]] == [
        "None", "DuplicateItem", "ConditionalCheckFailed",
    ]  # fmt: skip
    assert get(music, pk="t", sk=2) is None
    found = transact(
        music, "SELECT a FROM tab WHERE pk='ann' AND sk=1", "SELECT * FROM tab WHERE pk='x' AND sk=1"
    )
    assert found["Responses"] == [{"Item": {"a": {"N": "1"}}}, {}]


def test_a_transaction_is_carried_out_once(music: Cloud) -> None:
    statement = "UPDATE tab SET sum = if_not_exists(sum, 0) + 1 WHERE pk='ann' AND sk=1"
    for _ in range(2):
        transact(music, statement, ClientRequestToken="same")
    assert get(music, pk="ann", sk=1)["sum"] == 1  # type: ignore[index]
    error = music.error(
        "dynamodb",
        "ExecuteTransaction",
        TransactStatements=[{"Statement": statement + " AND g='pop'"}],
        ClientRequestToken="same",
    )
    assert error.shape == "IdempotentParameterMismatchException"


def test_reads_and_writes_do_not_mix(music: Cloud) -> None:
    mixed = ["SELECT * FROM tab WHERE pk='ann' AND sk=1", "DELETE FROM tab WHERE pk='ann' AND sk=1"]
    for operation, member in (
        ("BatchExecuteStatement", "Statements"),
        ("ExecuteTransaction", "TransactStatements"),
    ):
        error = music.error("dynamodb", operation, **{member: [{"Statement": one} for one in mixed]})
        assert error.shape == "ValidationException"
