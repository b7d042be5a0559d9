"""Order: take an order, and tell how far it has come."""

import base64
import json
import os

import boto3
from shop.cars import CARS
from shop.http import answer

_orders = boto3.resource("dynamodb").Table(os.environ["ORDERS_TABLE"])
_states = boto3.client("stepfunctions")


def handler(event, context):
    """POST / orders a car, GET /<order id> shows an order."""
    if event["requestContext"]["http"]["method"] == "POST":
        return order(event, context)
    found = _orders.get_item(Key={"id": event["rawPath"].strip("/") or "-"}).get("Item")
    return answer(200, found) if found else answer(404, {"message": "There is no such order."})


def order(event, context):
    """Accept an order: first its row, then the saga that carries it on, under the order's own name."""
    body = event.get("body") or ""
    if event.get("isBase64Encoded"):
        body = base64.b64decode(body).decode()
    try:
        wish = json.loads(body)
        car, customer = str(wish["car"]), str(wish["customer"])
        town = str(wish.get("town", "Vienna"))
    except (ValueError, KeyError, TypeError, AttributeError):
        return answer(400, {"message": 'Send {"car": "...", "customer": "...", "town": "..."}.'})
    if car not in CARS:
        return answer(400, {"message": f"We have no car {car}."})
    accepted = {
        "id": context.aws_request_id,
        "car": car,
        "customer": customer,
        "town": town,
        "price": CARS[car]["price"],
        "state": "ordered",
    }
    _orders.put_item(Item=accepted)
    _states.start_execution(
        stateMachineArn=os.environ["ORDER_SAGA_ARN"],
        name=accepted["id"],
        input=json.dumps({**accepted, "stock": CARS[car]["stock"]}),
    )
    print(f"order {accepted['id']}: {customer} wants a {CARS[car]['name']}")
    return answer(202, accepted)
