"""Order documents: one JSON object for each order, in the bucket.

Handlers know an order's states only through these functions, so that a table can replace the bucket
without touching them.
"""

import json
import os

import boto3

_s3 = boto3.client("s3")
_bucket = os.environ["ORDERS_BUCKET"]


def save(order):
    """Store an order under its id."""
    _s3.put_object(
        Bucket=_bucket, Key=f"orders/{order['id']}.json", Body=json.dumps(order), ContentType="application/json"
    )


def find(order_id):
    """The order, or None."""
    try:
        answer = _s3.get_object(Bucket=_bucket, Key=f"orders/{order_id}.json")
    except _s3.exceptions.NoSuchKey:
        return None
    return json.load(answer["Body"])


def move(order_id, state, **facts):
    """Bring an order to a state. Repeating it is harmless: queues deliver at least once."""
    order = find(order_id)
    if order is None:
        raise LookupError(f"there is no order {order_id}")
    order.update(facts, state=state)
    save(order)
    return order
