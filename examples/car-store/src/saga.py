"""The steps of the order saga, and what takes each back. The state machine decides which comes when.

Each may be asked for twice: it looks at the order's document first.
"""

import os
from datetime import UTC, datetime, timedelta

from shop import documents

LEAD_TIME = timedelta(days=14)


class Declined(Exception):
    """The payment was declined: trying again makes no sense."""


def handler(event, context):
    """Do one step for one order: {"step": "reserve", "order": {...}}."""
    return STEPS[event["step"]](event["order"]["id"])


def reserve(order_id):
    """Put a car aside."""
    return documents.move(order_id, "reserved")


def pay(order_id):
    """Take the money."""
    order = documents.find(order_id)
    if order["price"] > float(os.environ["PAYMENT_LIMIT"]):
        raise Declined(f"{order['price']} EUR were declined")
    return documents.move(order_id, "paid", paid=order["price"])


def book(order_id):
    """Book the day on which the car is delivered."""
    order = documents.find(order_id)
    if order["customer"] == "Nobody":
        raise LookupError("nobody is at home")
    day = order.get("delivery") or (datetime.now(UTC).date() + LEAD_TIME).isoformat()
    return documents.move(order_id, "delivery booked", delivery=day)


def refund(order_id):
    """Give the money back."""
    return documents.move(order_id, "refunded", paid=0)


def release(order_id):
    """Let the car go to somebody else."""
    return documents.move(order_id, "cancelled")


STEPS = {"reserve": reserve, "pay": pay, "book": book, "refund": refund, "release": release}
