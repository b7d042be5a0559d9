"""The examples, deployed by the fixture on a virtual clock, and by `ballroom up` as users run them."""

from __future__ import annotations

import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ballroom.testing import BallroomServer
from tests.cli.runner import Cli, until
from tests.examples.urls import request

EXAMPLES = Path(__file__).parents[2] / "examples"
WALTZ = {"car": "waltz", "customer": "Ada"}
GRAND_BALL = {"car": "grand-ball", "customer": "Ada"}


def test_every_example_is_tested_and_listed() -> None:
    folders = {path.parent.name for path in EXAMPLES.glob("*/template.yaml")}
    assert folders == {"hello", "car-store"}
    table = (EXAMPLES / "README.md").read_text()
    assert all(f"`{name}`" in table for name in folders)


def test_hello_greets_whom_it_is_told(ballroom: BallroomServer) -> None:
    url = ballroom.deploy(EXAMPLES / "hello", parameters={"Greeting": "Good evening"})["Url"]
    status, answer = request(url, path="?name=Ada")
    assert (status, answer["message"]) == (200, "Good evening, Ada!")


class Shop:
    def __init__(self, server: BallroomServer, **parameters: str) -> None:
        self.server = server
        self.outputs = server.deploy(EXAMPLES / "car-store", parameters=parameters)

    def order(self, wish: Any) -> dict[str, Any]:
        status, order = request(self.outputs["OrdersUrl"], "POST", body=wish)
        assert status == 202, order
        found: dict[str, Any] = order
        return found

    def look(self, order: dict[str, Any]) -> dict[str, Any]:
        status, found = request(self.outputs["OrdersUrl"], path=order["id"])
        assert status == 200
        answer: dict[str, Any] = found
        return answer


@pytest.fixture
def shop(ballroom: BallroomServer) -> Shop:
    return Shop(ballroom)


def test_the_catalogue_is_browsed(shop: Shop) -> None:
    url = shop.outputs["CatalogueUrl"]
    status, cars = request(url)
    assert status == 200
    assert {"id": "tango", "name": "Tango", "body": "coupé", "price": 54_500} in cars
    assert request(url, path="waltz")[1]["name"] == "Waltz"
    assert request(url, path="tandem") == (404, {"message": "We have no car tandem."})


def test_an_order_is_paid_and_its_delivery_booked(shop: Shop) -> None:
    order = shop.order(WALTZ)
    assert (order["state"], order["price"]) == ("ordered", 32_900)
    shop.server.clock.advance(minutes=1)
    done = shop.look(order)
    assert done["state"] == "delivery booked"
    assert len(done["delivery"]) == len("2026-01-31")
    assert dead_letters(shop) == 0


def test_a_payment_above_the_limit_is_declined(shop: Shop) -> None:
    order = shop.order(GRAND_BALL)
    shop.server.clock.advance(minutes=1)
    assert shop.look(order)["state"] == "declined"


def test_the_limit_is_a_parameter(ballroom: BallroomServer) -> None:
    shop = Shop(ballroom, PaymentLimit="200000")
    order = shop.order(GRAND_BALL)
    ballroom.clock.advance(minutes=1)
    assert shop.look(order)["state"] == "delivery booked"


@pytest.mark.parametrize("wish", [b"", b"{", b"[]", {"car": "waltz"}, {"car": "tandem", "customer": "Ada"}])
def test_a_wish_that_makes_no_sense_is_refused(shop: Shop, wish: Any) -> None:
    assert request(shop.outputs["OrdersUrl"], "POST", body=wish)[0] == 400


def test_an_order_that_nobody_made_is_not_found(shop: Shop) -> None:
    assert request(shop.outputs["OrdersUrl"], path="nothing")[0] == 404


def test_a_message_that_cannot_be_handled_is_kept_and_holds_up_nothing(shop: Shop) -> None:
    sqs, stack = shop.server.client("sqs"), shop.server.client("cloudformation")
    found = stack.describe_stack_resource(StackName="test", LogicalResourceId="Payments")
    payments = found["StackResourceDetail"]["PhysicalResourceId"]
    sqs.send_message(QueueUrl=payments, MessageBody='{"order": "nobody-made-it"}')
    order = shop.order(WALTZ)
    shop.server.clock.advance(minutes=10)
    assert shop.look(order)["state"] == "delivery booked"
    assert dead_letters(shop) == 1


def test_a_saga_leads_an_order_to_its_delivery(shop: Shop) -> None:
    order = shop.order(WALTZ | {"saga": True})
    shop.server.clock.advance(minutes=5)
    done = shop.look(order)
    assert (done["state"], done["paid"]) == ("delivery booked", 32_900)


@pytest.mark.parametrize(
    ("wish", "reason"), [(GRAND_BALL, "Declined"), ({"car": "waltz", "customer": "Nobody"}, "LookupError")]
)
def test_a_saga_takes_back_what_was_done(shop: Shop, wish: dict[str, Any], reason: str) -> None:
    order = shop.order(wish | {"saga": True})
    shop.server.clock.advance(minutes=5)
    done = shop.look(order)
    assert (done["state"], done.get("paid", 0)) == ("cancelled", 0)
    states = shop.server.client("stepfunctions")
    (execution,) = states.list_executions(stateMachineArn=shop.outputs["OrderSaga"])["executions"]
    described = states.describe_execution(executionArn=execution["executionArn"])
    assert (described["status"], described["error"], described["cause"]) == ("FAILED", "Cancelled", reason)


def dead_letters(shop: Shop) -> int:
    answer = shop.server.client("sqs").get_queue_attributes(
        QueueUrl=shop.outputs["UnhandledQueue"], AttributeNames=["ApproximateNumberOfMessages"]
    )
    return int(answer["Attributes"]["ApproximateNumberOfMessages"])


@pytest.fixture
def cli(tmp_path: Path) -> Iterator[Cli]:
    made = Cli(tmp_path)
    shutil.copytree(EXAMPLES, made.cwd / "examples")
    yield made
    made.close()


def test_the_car_store_comes_up_with_one_command(cli: Cli) -> None:
    up = cli.begin("up", "examples/car-store")
    catalogue = up.output("CatalogueUrl")
    orders = up.output("OrdersUrl")
    assert len(request(catalogue)[1]) == 4
    order = request(orders, "POST", body=WALTZ)[1]
    declined = request(orders, "POST", body=GRAND_BALL)[1]
    until(lambda: request(orders, path=order["id"])[1]["state"] == "delivery booked")
    until(lambda: request(orders, path=declined["id"])[1]["state"] == "declined")
    up.wait_for(f"order {order['id']}: delivered on")
    up.wait_for(f"order {declined['id']}: declined")
    assert up.signal(signal.SIGINT) == 0
    again = cli.begin("up", "examples/car-store")
    assert again.output("OrdersUrl") == orders
    assert request(orders, path=order["id"])[1]["state"] == "delivery booked", "after a restart"
    assert again.signal(signal.SIGTERM) == 0


def test_a_changed_greeting_is_seen_by_the_next_visitor(cli: Cli) -> None:
    up = cli.begin("up", "examples/hello")
    url = up.output("Url")
    assert request(url)[1]["message"] == "Hello, dancer!"
    source = cli.cwd / "examples" / "hello" / "src" / "app.py"
    source.write_text(source.read_text().replace('"dancer"', '"stranger"'))
    assert request(url)[1]["message"] == "Hello, stranger!"
    assert up.signal(signal.SIGINT) == 0
