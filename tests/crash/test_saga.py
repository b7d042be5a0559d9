"""The car store's order saga, killed at any moment: every order ends once, with the right effects."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from ballroom.cli.connection import NOBODY, Connection
from ballroom.cli.deploy import deploy
from tests.examples.urls import request
from tests.server import ServerProcess

CAR_STORE = Path(__file__).parents[2] / "examples" / "car-store"
KILLED_AFTER_S = (0.0, 0.01, 0.02, 0.04, 0.06, 0.09, 0.13, 0.2, 0.3)
"""After the order was accepted: in each of the saga's steps, whatever the machine's speed."""
WISHES = (
    ({"car": "waltz", "customer": "Ada"}, "delivery booked"),
    ({"car": "grand-ball", "customer": "Bob"}, "payment declined"),
    ({"car": "tango", "customer": "Cy", "town": "Atlantis"}, "no delivery"),
)


@pytest.fixture
def server(tmp_path: Path) -> Any:
    made = ServerProcess(tmp_path / "data").start()
    yield made
    made.stop()


def state_of(outputs: dict[str, str], order: str) -> str:
    return str(request(outputs["OrdersUrl"], path=order)[1].get("state"))


def until_all_ended(outputs: dict[str, str], orders: dict[str, str]) -> None:
    waiting = set(orders)
    give_up = time.monotonic() + 60
    while waiting and time.monotonic() < give_up:
        waiting = {order for order in waiting if state_of(outputs, order) != orders[order]}
        time.sleep(0.05)
    assert not waiting, {order: (state_of(outputs, order), orders[order]) for order in waiting}


def test_an_order_ends_once_whenever_the_server_is_killed(server: ServerProcess) -> None:
    outputs = deploy(Connection(server.endpoint, "us-east-1", NOBODY), CAR_STORE, "store", {})
    orders: dict[str, str] = {}
    for delay_s in KILLED_AFTER_S:
        for wish, end in WISHES:
            status, order = request(outputs["OrdersUrl"], "POST", body=wish)
            assert status == 202
            orders[order["id"]] = end
        time.sleep(delay_s)
        server.kill()
        server.start()
    until_all_ended(outputs, orders)

    table = server.client("dynamodb")
    rows = table.scan(TableName=outputs["StockTable"])["Items"]
    held = {order for row in rows for order in row.get("holders", {}).get("SS", ())}
    assert held == {order for order, end in orders.items() if end == "delivery booked"}
    payments = {row["order"]["S"]: row for row in table.scan(TableName=outputs["PaymentsTable"])["Items"]}
    assert payments.keys() == {order for order, end in orders.items() if end != "payment declined"}
    refunded = {order for order, row in payments.items() if "refunded" in row}
    assert refunded == {order for order, end in orders.items() if end == "no delivery"}

    states = server.client("stepfunctions")
    listed = states.list_executions(stateMachineArn=outputs["OrderSagaArn"], statusFilter="SUCCEEDED")
    assert {execution["name"] for execution in listed["executions"]} == set(orders)
    give_up = time.monotonic() + 30
    figures: dict[str, Any] = {}
    while sum(figure["orders"] for figure in figures.values()) < len(orders) and time.monotonic() < give_up:
        figures = request(outputs["FiguresUrl"])[1]
        time.sleep(0.05)
    assert {state: figure["orders"] for state, figure in figures.items()} == {
        end: len(KILLED_AFTER_S) for _, end in WISHES
    }
