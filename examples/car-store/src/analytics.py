"""Analytics: count what becomes of orders, from events alone, and show the figures."""

import os

import boto3
from shop.http import answer

_figures = boto3.resource("dynamodb").Table(os.environ["FIGURES_TABLE"])
_Counted = _figures.meta.client.exceptions.ConditionalCheckFailedException


def handler(event, context):
    """An event is counted; a visitor sees the figures."""
    if "detail-type" in event:
        return count(event["detail"])
    rows = _figures.scan()["Items"]
    return answer(200, {r["figure"]: {"orders": r["orders"], "revenue": r["revenue"]} for r in rows})


def count(order):
    """Add an order to the figure of its state, once: events may come twice."""
    revenue = order["price"] if order["state"] == "delivery booked" else 0
    try:
        _figures.update_item(
            Key={"figure": order["state"]},
            UpdateExpression="ADD orders :one, revenue :revenue, counted :ids",
            ConditionExpression="attribute_not_exists(counted) OR NOT contains(counted, :id)",
            ExpressionAttributeValues={
                ":one": 1, ":revenue": revenue, ":ids": {order["id"]}, ":id": order["id"],
            },
        )
    except _Counted:
        print(f"order {order['id']}: was counted before")
