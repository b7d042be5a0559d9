"""Items in answers: the stored JSON goes out as it is; callers inside the process get values.

An answer holds `Encoded` JSON where an item stands. The wire writes them through, so that a GetItem
copies bytes and decodes nothing.
"""

from __future__ import annotations

from typing import Any

import orjson

from ballroom.kernel.encoded import Encoded
from ballroom.services.dynamodb.resources import Item
from ballroom.services.dynamodb.values.attribute_values import Attributes, give_attributes


def wire(item: Item) -> Encoded:
    """A stored item in an answer."""
    return Encoded(item.wire)


def wire_of(attributes: Attributes) -> Encoded:
    """Kept attributes in an answer."""
    return Encoded(orjson.dumps(attributes))


def wire_list(items: list[bytes]) -> Encoded:
    """Items, each as JSON, in an answer: one piece for the wire, however many there are."""
    return Encoded(b"[%b]" % b",".join(items))


def plain(answer: Any) -> Any:
    """An answer with values of the model in place of encoded items."""
    if isinstance(answer, dict):
        return {name: plain(value) for name, value in answer.items()}
    if isinstance(answer, list):
        return [plain(value) for value in answer]
    if isinstance(answer, Encoded):
        found = orjson.loads(answer.json)
        return [give_attributes(item) for item in found] if type(found) is list else give_attributes(found)
    return answer
