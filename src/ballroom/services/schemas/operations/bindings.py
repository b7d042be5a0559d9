"""Code bindings: for Python; the other languages are refused."""

from __future__ import annotations

from ballroom.kernel import NotImplementedHere, Request, Response, Tx, operation
from ballroom.services.schemas.bindings import python_binding
from ballroom.services.schemas.documents import check_content
from ballroom.services.schemas.errors import BadRequest, NotFound
from ballroom.services.schemas.resources import (
    Binding,
    Schema,
    SchemaVersion,
    key,
    load_schema,
    load_version,
)

PYTHON = "Python36"
_OTHERS = ("Java8", "TypeScript3", "Go1")


def _version(tx: Tx, request: Request) -> tuple[Schema, SchemaVersion]:
    language = request["Language"]
    if language in _OTHERS:
        raise NotImplementedHere(f"Ballroom makes code bindings for Python only, not for {language}.")
    if language != PYTHON:
        raise BadRequest(f"Unsupported language: {language}")
    schema = load_schema(tx, request["RegistryName"], request["SchemaName"])
    return schema, load_version(tx, schema, request.get("SchemaVersion"))


def _load(tx: Tx, schema: Schema, version: SchemaVersion) -> Binding:
    row = key(tx, "binding", schema.registry, schema.name, version.number)
    found = tx.get(Binding, row)
    if found is None:
        raise NotFound(f"No code binding of {schema.name}, version {version.number}, was put for {PYTHON}.")
    return found


@operation("PutCodeBinding")
def put_code_binding(tx: Tx, request: Request) -> Response:
    """Let a code binding be made.

    Source: Schemas API Reference, PutCodeBinding.
    """
    schema, version = _version(tx, request)
    check_content(version.content, version.type)
    binding = Binding(PYTHON, tx.now_ms)
    tx.put(key(tx, "binding", schema.registry, schema.name, version.number), binding)
    return {**_answer(version, binding), "Status": "CREATE_IN_PROGRESS"}


def _answer(version: SchemaVersion, binding: Binding) -> Response:
    return {
        "CreationDate": binding.created_ms, "LastModified": binding.created_ms,
        "SchemaVersion": str(version.number), "Status": "CREATE_COMPLETE",
    }  # fmt: skip


@operation("DescribeCodeBinding")
def describe_code_binding(tx: Tx, request: Request) -> Response:
    """Whether a code binding is there.

    Source: Schemas API Reference, DescribeCodeBinding.
    """
    schema, version = _version(tx, request)
    return _answer(version, _load(tx, schema, version))


@operation("GetCodeBindingSource")
def get_code_binding_source(tx: Tx, request: Request) -> Response:
    """The code, as a zip.

    Source: Schemas API Reference, GetCodeBindingSource.
    """
    schema, version = _version(tx, request)
    _load(tx, schema, version)
    return {"Body": python_binding(schema.name, check_content(version.content, version.type))}
