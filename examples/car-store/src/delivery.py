"""Delivery: book the day on which a car is delivered."""

from datetime import UTC, datetime, timedelta

from shop import documents
from shop.batches import each_record

LEAD_TIME = timedelta(days=14)


def handler(event, context):
    """Handle a batch of paid orders."""
    return each_record(event, book)


def book(message):
    """Book one delivery."""
    day = (datetime.now(UTC).date() + LEAD_TIME).isoformat()
    order = documents.move(message["order"], "delivery booked", delivery=day)
    print(f"order {order['id']}: delivered on {day}")
