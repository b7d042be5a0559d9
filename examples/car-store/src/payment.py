"""Payment: take the money for an order, or give it back. Doing either again changes nothing."""

import os

import boto3

_payments = boto3.resource("dynamodb").Table(os.environ["PAYMENTS_TABLE"])
_Exists = _payments.meta.client.exceptions.ConditionalCheckFailedException


class PaymentDeclined(Exception):
    """The customer's bank says no."""


def charge(order, context):
    """Charge an order: a row for each payment, so that a repeated request is not a second payment."""
    if order["price"] > float(os.environ["PAYMENT_LIMIT"]):
        print(f"order {order['id']}: declined")
        raise PaymentDeclined(f"{order['price']} EUR is more than the bank allows.")
    try:
        _payments.put_item(
            Item={"order": order["id"], "amount": order["price"], "charges": 1},
            ConditionExpression="attribute_not_exists(#order)",
            ExpressionAttributeNames={"#order": "order"},
        )
        print(f"order {order['id']}: paid {order['price']} EUR")
    except _Exists:
        print(f"order {order['id']}: was paid before")
    return {"receipt": f"R-{order['id']}"}


def refund(order, context):
    """Give the money back, if it was taken."""
    try:
        _payments.update_item(
            Key={"order": order["id"]},
            UpdateExpression="SET refunded = :yes",
            ConditionExpression="attribute_exists(#order)",
            ExpressionAttributeNames={"#order": "order"},
            ExpressionAttributeValues={":yes": True},
        )
    except _Exists:
        return {"refunded": False}
    print(f"order {order['id']}: money given back")
    return {"refunded": True}
