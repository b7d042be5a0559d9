"""PartiQL against what AWS answered."""

from __future__ import annotations

from typing import Any

import pytest

from ballroom.kernel import Caller
from tests.cloud import Cloud
from tests.vectors.recorded import Case, assert_same, cases, needs_recordings
from tests.vectors.test_dynamodb import ACCOUNT, Steps, a_table, caller_of, short


def a_user_table(cloud: Cloud, me: Caller) -> Any:
    call = caller_of(cloud, me)
    a_table(call, key="Username")
    return call


def batch(cloud: Cloud, me: Caller) -> dict[str, Any]:
    call = a_user_table(cloud, me)
    call("PutItem", TableName="tab", Item={"Username": {"S": "user02"}})
    statements = [
        {"Statement": "INSERT INTO \"tab\" VALUE {'Username': 'user01'}"},
        {"Statement": "UPDATE \"tab\" SET Age=20 WHERE Username='user02'"},
    ]

    def item(name: str) -> Any:
        return call("GetItem", TableName="tab", Key={"Username": {"S": name}})["Item"]

    executed = call("BatchExecuteStatement", Statements=statements)
    return {"ExecutedStatement": executed, "ItemUser1": item("user01"), "ItemUser2": item("user02")}


def empty_parameters(cloud: Cloud, me: Caller) -> dict[str, Any]:
    a_user_table(cloud, me)
    statement = "INSERT INTO \"tab\" VALUE {'Username': 'user02'}"
    error = cloud.error("dynamodb", "ExecuteStatement", me, Statement=statement, Parameters=[])
    return {"invalid-param-error": {"Error": {"Code": error.shape, "Message": error.text}}}


def transaction(cloud: Cloud, me: Caller) -> dict[str, Any]:
    call = a_user_table(cloud, me)
    statements = [
        {"Statement": f"INSERT INTO \"tab\" VALUE {{'Username': '{name}'}}"} for name in ("user01", "user02")
    ]
    executed = call("ExecuteTransaction", TransactStatements=statements)
    scanned = call("Scan", TableName="tab")
    scanned["Items"].sort(key=lambda item: item["Username"]["S"])
    return {"ExecutedTransaction": executed, "TableScan": scanned}


def missing(cloud: Cloud, me: Caller) -> dict[str, Any]:
    call = a_user_table(cloud, me)
    call("PutItem", TableName="tab", Item={"FirstName": {"S": "Alice"}, "Username": {"S": "Alice123"}})
    call("PutItem", TableName="tab", Item={"LastName": {"S": "B"}, "Username": {"S": "Bob"}})
    found = call("ExecuteStatement", Statement='SELECT * FROM "tab" WHERE FirstName IS NOT MISSING')
    return {"FirstNameNotMissing": found["Items"]}


STEPS: dict[str, Steps] = {
    "test_dynamodb_batch_execute_statement": batch,
    "test_dynamodb_execute_statement_empy_parameter": empty_parameters,
    "test_dynamodb_execute_transaction": transaction,
    "test_dynamodb_partiql_missing": missing,
}


@needs_recordings
@pytest.mark.parametrize("case", [case for case in cases("dynamodb") if short(case) in STEPS], ids=str)
def test_recorded(cloud: Cloud, case: Case) -> None:
    assert_same(case, STEPS[short(case)](cloud, cloud.caller(account=ACCOUNT)))
