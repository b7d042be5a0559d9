"""What a request that does not fit its model is answered with."""

from __future__ import annotations

from ballroom.kernel.errors import ServiceError


class SerializationFailed(ServiceError):
    """The request's bytes, or the types in them, are not what the operation's model says.

    The wire gives it the name that each protocol has for it (`MalformedXML`, `MalformedInput`, ...).
    """

    shape = "SerializationException"
    status = 400


JSON_TOKENS = {str: "STRING_VALUE", int: "NUMBER_VALUE", float: "NUMBER_VALUE", bytes: "BINARY_VALUE"}
JAVA_NAMES = {"string": "String", "integer": "Integer", "long": "Long", "float": "Float", "double": "Double",
              "boolean": "Boolean", "timestamp": "Timestamp", "blob": "ByteBuffer"}  # fmt: skip


def wrong_type(value: object, kind: str) -> SerializationFailed:
    """AWS's words for a value of the wrong JSON type where `kind` is expected.

    Source: texts that DynamoDB, Lambda and Step Functions answer.
    """
    if isinstance(value, dict):
        return SerializationFailed("Start of structure or map found where not expected.")
    if isinstance(value, list):
        return SerializationFailed("Start of list found where not expected")
    if kind not in JAVA_NAMES:
        return SerializationFailed("Unexpected value type in payload")
    if isinstance(value, bool):
        token = "TRUE_VALUE" if value else "FALSE_VALUE"
    else:
        token = JSON_TOKENS.get(type(value), "VALUE")
    return SerializationFailed(f"{token} cannot be converted to {JAVA_NAMES[kind]}")
