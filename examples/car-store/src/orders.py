"""Order: take an order, and tell how far it has come."""

import base64
import json
import os

import boto3
from shop import documents
from shop.cars import CARS
from shop.http import answer

_sqs, _states = boto3.client("sqs"), boto3.client("stepfunctions")


def handler(event, context):
    """POST / orders a car, GET /<order id> shows an order."""
    if event["requestContext"]["http"]["method"] == "POST":
        return order(event, context)
    found = documents.find(event["rawPath"].strip("/"))
    return answer(200, found) if found else answer(404, {"message": "There is no such order."})


def order(event, context):
    """Accept an order: first its document, then the request for payment, or the start of its saga."""
    body = event.get("body") or ""
    if event.get("isBase64Encoded"):
        body = base64.b64decode(body).decode()
    try:
        wish = json.loads(body)
        car, customer, saga = wish["car"], wish["customer"], wish.get("saga", False)
    except (ValueError, KeyError, TypeError, AttributeError):
        return answer(400, {"message": 'Send {"car": "...", "customer": "..."}.'})
    if car not in CARS:
        return answer(400, {"message": f"We have no car {car}."})
    accepted = {
        "id": context.aws_request_id,
        "car": car,
        "customer": customer,
        "price": CARS[car]["price"],
        "state": "ordered",
    }
    documents.save(accepted)
    if saga:
        _states.start_execution(
            stateMachineArn=os.environ["SAGA_ARN"], name=accepted["id"], input=json.dumps(accepted)
        )
    else:
        _sqs.send_message(
            QueueUrl=os.environ["PAYMENTS_QUEUE_URL"], MessageBody=json.dumps({"order": accepted["id"]})
        )
    print(f"order {accepted['id']}: {customer} wants a {CARS[car]['name']}")
    return answer(202, accepted)
