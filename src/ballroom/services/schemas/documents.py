"""Schemas as documents: OpenAPI 3 and JSON schema draft 4, from shapes and from each other.

Source: EventBridge User Guide, "Amazon EventBridge schemas" (the form of discovered schemas).
"""

from __future__ import annotations

import re
from typing import Any

import orjson

from ballroom.services.schemas.errors import BadRequest
from ballroom.services.schemas.inference import Shape
from ballroom.services.schemas.resources import JSON_SCHEMA, OPENAPI

_OPENAPI_REFERENCE, _DRAFT4_REFERENCE = "#/components/schemas/", "#/definitions/"
_DRAFT4 = "http://json-schema.org/draft-04/schema#"
_WORD = re.compile(r"[A-Za-z0-9]+")
_TEXT: Shape = {"type": "string"}
_ENVELOPE: dict[str, Shape] = {
    "account": _TEXT, "detail-type": _TEXT, "id": _TEXT, "region": _TEXT,
    "resources": {"type": "array", "items": _TEXT}, "source": _TEXT,
    "time": {"type": "string", "format": "date-time"}, "version": _TEXT,
}  # fmt: skip
_REQUIRED = ["detail-type", "resources", "detail", "id", "source", "time", "region", "version", "account"]


def type_name(text: str) -> str:
    """`EC2 instance state-change` -> `EC2InstanceStateChange`."""
    name = "".join(word[0].upper() + word[1:] for word in _WORD.findall(text)) or "Thing"
    return name if not name[0].isdigit() else f"_{name}"


def schema_name(source: str, detail_type: str) -> str:
    """The name of the schema of a kind of events: `shop.orders@OrderPlaced`."""
    return f"{re.sub(r'[^A-Za-z0-9._-]', '-', source)}@{type_name(detail_type)}"[:385]


class _Parts:
    """Gives each object within a shape a place, and a name, of its own."""

    def __init__(self, reference: str) -> None:
        self.reference = reference
        self.parts: dict[str, Shape] = {}

    def refer(self, name: str, shape: Shape) -> Shape:
        if shape.get("type") == "array":
            return {"type": "array", "items": self.refer(name, shape["items"])}
        if shape.get("type") != "object":
            return dict(shape) or {"type": "object"}
        unique, n = name, 1
        while unique in self.parts and self.parts[unique] != shape:
            n += 1
            unique = f"{name}_{n}"
        made: Shape = {"type": "object"}
        self.parts[unique] = made
        if shape["required"]:
            made["required"] = shape["required"]
        made["properties"] = {
            property: self.refer(type_name(property), inner)
            for property, inner in shape["properties"].items()
        }
        return {"$ref": self.reference + unique}


def event_document(source: str, detail_type: str, detail: Shape, kind: str) -> str:
    """The document of a kind of events, as discoverers write it."""
    title = type_name(detail_type)
    parts = _Parts(_OPENAPI_REFERENCE if kind == OPENAPI else _DRAFT4_REFERENCE)
    reference = parts.refer(title, detail)
    event: dict[str, Any] = {
        "type": "object", "required": _REQUIRED, "x-amazon-events-detail-type": detail_type,
        "x-amazon-events-source": source, "properties": {"detail": reference, **_ENVELOPE},
    }  # fmt: skip
    if kind == OPENAPI:
        return _dump(
            {
                "openapi": "3.0.0", "info": {"version": "1.0.0", "title": title}, "paths": {},
                "components": {"schemas": {"AWSEvent": event, **parts.parts}},
            }
        )  # fmt: skip
    return _dump(
        {"$schema": _DRAFT4, "title": title, "definitions": parts.parts, **event}
    )


def check_content(content: str, kind: str) -> dict[str, Any]:
    """The parsed document.

    Raises:
        BadRequest: it is no document of its kind.
    """
    try:
        document = orjson.loads(content)
    except (orjson.JSONDecodeError, UnicodeEncodeError):
        document = None
    if not isinstance(document, dict):
        raise BadRequest("The content of the schema is no JSON object.")
    if kind == OPENAPI and not str(document.get("openapi", "")).startswith("3."):
        raise BadRequest("The content of the schema is no OpenAPI 3 document.")
    if kind == JSON_SCHEMA and "openapi" in document:
        raise BadRequest("The content of the schema is no JSON schema.")
    return document


def types_in(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The named object types of a document of either kind."""
    components = document.get("components")
    found = components.get("schemas") if isinstance(components, dict) else document.get("definitions")
    types = dict(found) if isinstance(found, dict) else {}
    if "properties" in document and "AWSEvent" not in types:
        is_event = "x-amazon-events-source" in document
        name = "AWSEvent" if is_event else type_name(str(document.get("title", "Root")))
        types[name] = document
    return {name: type for name, type in types.items() if isinstance(type, dict)}


def as_json_schema(content: str) -> str:
    """An OpenAPI 3 document as JSON schema draft 4.

    Source: Schemas API Reference, ExportSchema.
    """
    document = orjson.loads(content)
    types = types_in(document)
    title = str((document.get("info") or {}).get("title", "Schema"))
    root = types.pop("AWSEvent", None) or {"$ref": _OPENAPI_REFERENCE + title}
    made = {
        "$schema": _DRAFT4, "title": title, "definitions": types, **root,
    }  # fmt: skip
    return _dump(made).replace(f'"{_OPENAPI_REFERENCE}', f'"{_DRAFT4_REFERENCE}')


def _dump(document: dict[str, Any]) -> str:
    return orjson.dumps(document).decode()
