"""Greets whoever opens the function's URL. Change this file: the next request sees it."""

import json
import os


def handler(event, context):
    """Answer a function URL request (payload format 2.0)."""
    name = (event.get("queryStringParameters") or {}).get("name", "dancer")
    print(f"greeting {name}")
    return {
        "statusCode": 200,
        "headers": {"content-type": "application/json"},
        "body": json.dumps({"message": f"{os.environ['GREETING']}, {name}!", "request": context.aws_request_id}),
    }
