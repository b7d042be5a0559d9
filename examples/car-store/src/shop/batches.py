"""Batches of queue messages: one bad message does not make the good ones come again."""

import json


def each_record(event, handle):
    """Handle each message's body; those that fail are reported, and come again."""
    failures = []
    for record in event["Records"]:
        try:
            handle(json.loads(record["body"]))
        except Exception as failure:  # noqa: BLE001 - whatever it is: the message comes again, then is dead-lettered
            print(f"message {record['messageId']} failed: {failure!r}")
            failures.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failures}
