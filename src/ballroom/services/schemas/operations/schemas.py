"""Schemas and their versions."""

from __future__ import annotations

import re

import msgspec
import orjson

from ballroom.kernel import Request, Response, Tx, operation
from ballroom.services.schemas.documents import as_json_schema, check_content, event_document
from ballroom.services.schemas.errors import BadRequest, Conflict
from ballroom.services.schemas.inference import Shape, merged, shape_of
from ballroom.services.schemas.operations.registries import check_own
from ballroom.services.schemas.paging import page_of
from ballroom.services.schemas.resources import (
    JSON_SCHEMA,
    OPENAPI,
    Schema,
    SchemaVersion,
    key,
    load_registry,
    load_schema,
    load_version,
    schema_arn,
)
from ballroom.services.schemas.storing import add_version, delete_schema, delete_version

_NAME = re.compile(r"[0-9A-Za-z_.\-@]{1,385}")
_MOST_EVENTS = 10


def _answer(tx: Tx, schema: Schema, version: SchemaVersion) -> Response:
    answer = {
        "SchemaName": schema.name, "SchemaArn": schema_arn(tx, schema.registry, schema.name),
        "SchemaVersion": str(version.number), "Type": version.type, "Description": schema.description,
        "LastModified": schema.modified_ms, "VersionCreatedDate": version.created_ms, "Tags": schema.tags,
    }  # fmt: skip
    return {name: value for name, value in answer.items() if value is not None}


@operation("CreateSchema")
def create_schema(tx: Tx, request: Request) -> Response:
    """Store a document as the first version of a schema.

    Source: Schemas API Reference, Schemas.
    """
    registry, name, kind = request["RegistryName"], request["SchemaName"], request["Type"]
    check_own(registry)
    load_registry(tx, registry)
    if _NAME.fullmatch(name) is None:
        raise BadRequest(f"Invalid schema name: {name}")
    if tx.get(Schema, key(tx, "schema", registry, name)) is not None:
        raise Conflict(f"Schema with name {name} already exists.")
    check_content(request["Content"], kind)
    schema = Schema(
        registry, name, kind, tx.now_ms, [], 1, request.get("Description"), request.get("Tags") or {}
    )
    schema = add_version(tx, schema, request["Content"])
    return _answer(tx, schema, load_version(tx, schema, None))


@operation("DescribeSchema")
def describe_schema(tx: Tx, request: Request) -> Response:
    """A version of a schema, the current one if none is named.

    Source: Schemas API Reference, Schemas.
    """
    schema = load_schema(tx, request["RegistryName"], request["SchemaName"])
    version = load_version(tx, schema, request.get("SchemaVersion"))
    return {**_answer(tx, schema, version), "Content": version.content}


@operation("UpdateSchema")
def update_schema(tx: Tx, request: Request) -> Response:
    """Change the description, or add a version with other content.

    Source: Schemas API Reference, Schemas.
    """
    schema = load_schema(tx, request["RegistryName"], request["SchemaName"])
    schema = msgspec.structs.replace(
        schema, description=request.get("Description", schema.description),
        type=request.get("Type", schema.type), modified_ms=tx.now_ms,
    )  # fmt: skip
    content = request.get("Content")
    current = load_version(tx, schema, None)
    if content is not None and content != current.content:
        check_content(content, schema.type)
        schema = add_version(tx, schema, content)
    else:
        tx.put(key(tx, "schema", schema.registry, schema.name), schema)
    return _answer(tx, schema, load_version(tx, schema, None))


@operation("DeleteSchema")
def remove_schema(tx: Tx, request: Request) -> Response:
    """Delete a schema with all its versions.

    Source: Schemas API Reference, Schemas.
    """
    delete_schema(tx, load_schema(tx, request["RegistryName"], request["SchemaName"]))
    return {}


@operation("DeleteSchemaVersion")
def delete_schema_version(tx: Tx, request: Request) -> Response:
    """Delete one version; the last one only goes with its schema.

    Source: Schemas API Reference, Schemas.
    """
    schema = load_schema(tx, request["RegistryName"], request["SchemaName"])
    version = load_version(tx, schema, request["SchemaVersion"])
    if len(schema.versions) == 1:
        raise BadRequest("The only version of a schema cannot be deleted; delete the schema.")
    delete_version(tx, schema, version.number)
    left = [number for number in schema.versions if number != version.number]
    tx.put(key(tx, "schema", schema.registry, schema.name), msgspec.structs.replace(schema, versions=left))
    return {}


@operation("ListSchemas")
def list_schemas(tx: Tx, request: Request) -> Response:
    """The schemas of a registry by name.

    Source: Schemas API Reference, Schemas.
    """
    registry, prefix = load_registry(tx, request["RegistryName"]), request.get("SchemaNamePrefix") or ""
    found = [s for s in tx.scan_prefix(Schema, key(tx, "schema", registry.name)) if s.name.startswith(prefix)]
    page, token = page_of(found, request, lambda schema: schema.name)
    shown = [
        {
            "SchemaName": s.name, "SchemaArn": schema_arn(tx, s.registry, s.name),
            "LastModified": s.modified_ms, "VersionCount": len(s.versions), "Tags": s.tags,
        }
        for s in page
    ]  # fmt: skip
    return {"Schemas": shown, **token}


@operation("ListSchemaVersions")
def list_schema_versions(tx: Tx, request: Request) -> Response:
    """The versions of a schema, the oldest first.

    Source: Schemas API Reference, Schemas.
    """
    schema = load_schema(tx, request["RegistryName"], request["SchemaName"])
    page, token = page_of(schema.versions, request, lambda number: f"{number:09}")
    arn = schema_arn(tx, schema.registry, schema.name)
    shown = []
    for number in page:
        kind = load_version(tx, schema, str(number)).type
        shown.append({"SchemaName": schema.name, "SchemaArn": arn, "SchemaVersion": str(number), "Type": kind})
    return {"SchemaVersions": shown, **token}


@operation("SearchSchemas")
def search_schemas(tx: Tx, request: Request) -> Response:
    """The schemas whose name or content has all the keywords.

    Source: Schemas API Reference, SearchSchemas.
    """
    registry = load_registry(tx, request["RegistryName"])
    words = request["Keywords"].lower().split()
    found: list[tuple[Schema, list[SchemaVersion]]] = []
    for schema in tx.scan_prefix(Schema, key(tx, "schema", registry.name)):
        versions = tx.scan_prefix(SchemaVersion, key(tx, "version", registry.name, schema.name))
        name = schema.name.lower()
        hits = [v for v in versions if all(word in name or word in v.content.lower() for word in words)]
        if hits:
            found.append((schema, hits))
    page, token = page_of(found, request, lambda hit: hit[0].name)
    shown = [
        {
            "RegistryName": registry.name, "SchemaName": schema.name,
            "SchemaArn": schema_arn(tx, registry.name, schema.name),
            "SchemaVersions": [
                {"SchemaVersion": str(v.number), "CreatedDate": v.created_ms, "Type": v.type} for v in hits
            ],
        }
        for schema, hits in page
    ]  # fmt: skip
    return {"Schemas": shown, **token}


@operation("ExportSchema")
def export_schema(tx: Tx, request: Request) -> Response:
    """An OpenAPI 3 schema as JSON schema draft 4.

    Source: Schemas API Reference, ExportSchema.
    """
    schema = load_schema(tx, request["RegistryName"], request["SchemaName"])
    version = load_version(tx, schema, request.get("SchemaVersion"))
    if request["Type"] != JSON_SCHEMA:
        raise BadRequest("Schemas can be exported as JSONSchemaDraft4 only.")
    content = as_json_schema(version.content) if version.type == OPENAPI else version.content
    return {
        "Content": content, "SchemaArn": schema_arn(tx, schema.registry, schema.name),
        "SchemaName": schema.name, "SchemaVersion": str(version.number), "Type": JSON_SCHEMA,
    }  # fmt: skip


@operation("GetDiscoveredSchema")
def get_discovered_schema(tx: Tx, request: Request) -> Response:
    """The schema that fits all of up to ten events.

    Source: Schemas API Reference, GetDiscoveredSchema.
    """
    if not 1 <= len(request["Events"]) <= _MOST_EVENTS:
        raise BadRequest(f"Between 1 and {_MOST_EVENTS} events can be given.")
    shape: Shape | None = None
    source, detail_type = "", "Event"
    for text in request["Events"]:
        try:
            event = orjson.loads(text)
        except (orjson.JSONDecodeError, UnicodeEncodeError):
            raise BadRequest("An event is no JSON.") from None
        if not isinstance(event, dict):
            raise BadRequest("An event is no JSON object.")
        if "detail" in event and "detail-type" in event:
            source, detail_type = str(event.get("source", "")), str(event["detail-type"])
            event = event["detail"]
        found = shape_of(event)
        shape = found if shape is None else merged(shape, found)
    if request["Type"] not in (OPENAPI, JSON_SCHEMA):
        raise BadRequest("Type must be OpenApi3 or JSONSchemaDraft4.")
    return {"Content": event_document(source, detail_type, shape or {}, request["Type"])}


