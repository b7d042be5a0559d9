"""Payment: take the money for an order, then ask for its delivery."""

import json
import os

import boto3
from shop import documents
from shop.batches import each_record

_sqs = boto3.client("sqs")


def handler(event, context):
    """Handle a batch of orders to be paid."""
    return each_record(event, pay)


def pay(message):
    """Charge one order, unless that has been done."""
    order = documents.find(message["order"])
    if order is None:
        raise LookupError(f"there is no order {message['order']}")
    if order["price"] > float(os.environ["PAYMENT_LIMIT"]):
        documents.move(order["id"], "declined", reason="The payment was declined.")
        print(f"order {order['id']}: declined")
        return
    if order["state"] == "ordered":
        documents.move(order["id"], "paid")
        print(f"order {order['id']}: paid {order['price']} EUR")
    _sqs.send_message(QueueUrl=os.environ["DELIVERIES_QUEUE_URL"], MessageBody=json.dumps({"order": order["id"]}))
