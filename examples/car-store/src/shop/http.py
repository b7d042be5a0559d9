"""Answers of function URLs."""

import json


def answer(status, body):
    """A JSON answer."""
    return {
        "statusCode": status,
        "headers": {"content-type": "application/json"},
        "body": json.dumps(body, ensure_ascii=False, default=int),
    }
