"""The Map state: inline and distributed, its reader, batcher and writer.

Source: Developer Guide, "Map workflow state".
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ballroom.services.stepfunctions.language.dialect import Dialect
from ballroom.services.stepfunctions.language.findings import Fields
from ballroom.services.stepfunctions.language.machine import (
    ItemBatcher,
    ItemReader,
    Json,
    MapState,
    Number,
    Prepare,
    ResultWriter,
    Scope,
    State,
    SubMachine,
)
from ballroom.services.stepfunctions.language.states import Common, fallible, task_resource

if TYPE_CHECKING:
    from ballroom.services.stepfunctions.language.compiler import Compiler

MAX_LABEL = 40
MAX_LIMIT = 2**31 - 1
MAX_BATCH_BYTES = 262_144
MAX_CSV_HEADERS = 65_536

_BAD_LABEL = re.compile(r"[\s?*<>{}\[\]:;,\\|^~$#%&`\"\x00-\x1f\x7f-\x9f]")
_INPUT_TYPES = ("CSV", "JSON", "JSONL", "PARQUET", "MANIFEST")
_READERS = {
    "s3:listObjectsV2",
    "s3:getObject",
}
_EMPTY = SubMachine("", {})


def map_state(fields: Fields, dialect: Dialect, compiler: Compiler, common: Common) -> State:
    """Map."""
    fields.at_most_one("ItemProcessor", "Iterator")
    legacy = "Iterator" in fields and "ItemProcessor" not in fields
    processor = fields.object("Iterator" if legacy else "ItemProcessor")
    if processor is None and "ItemProcessor" not in fields and "Iterator" not in fields:
        fields.require("ItemProcessor")
    distributed, execution_type = _mode(processor, compiler, legacy=legacy)
    machine = _EMPTY
    if processor is not None:
        machine = (
            compiler.branch(processor, processor=True, kind=execution_type if distributed else None) or _EMPTY
        )
    if not distributed:
        _inline_only(fields)
    selector = dialect.selector()
    concurrency = dialect.number(fields, "MaxConcurrency", 0, MAX_LIMIT)
    count = dialect.number(fields, "ToleratedFailureCount", 0, MAX_LIMIT)
    items = dialect.items(distributed=distributed)
    return MapState(
        **fallible(fields, dialect, compiler, common, _effective(dialect)),
        processor=machine,
        distributed=distributed,
        execution_type="EXPRESS" if execution_type == "EXPRESS" else "STANDARD",
        label=_label(fields),
        items=items,
        select=selector or _item_itself,
        has_selector=selector is not None,
        max_concurrency=lambda scope: int(concurrency(scope) or 0),
        tolerated_count=lambda scope: _integer(count(scope)),
        tolerated_percentage=dialect.number(fields, "ToleratedFailurePercentage", 0, 100, whole=False),
        reader=_reader(fields, dialect, compiler),
        batcher=_batcher(fields, dialect),
        writer=_writer(fields, dialect, compiler),
    )


def _integer(value: float | None) -> int | None:
    return None if value is None else int(value)


def _effective(dialect: Dialect) -> Prepare:
    take = dialect.effective_input()
    return lambda scope, inspection=None: take(scope)


def _item_itself(scope: Scope, inspection: Json = None) -> Json:
    """Without a selector, an iteration's input is its item."""
    return scope.context["Map"]["Item"]["Value"]


def _mode(processor: Fields | None, compiler: Compiler, *, legacy: bool) -> tuple[bool, str | None]:
    """Whether a Map is distributed, and the kind of its child executions."""
    if processor is None:
        return False, None
    if legacy:
        return False, None
    config = processor.object("ProcessorConfig")
    if config is None:
        return False, None
    config.only({"Mode", "ExecutionType"})
    distributed = config.choice("Mode", ("INLINE", "DISTRIBUTED")) == "DISTRIBUTED"
    kind = config.choice("ExecutionType", ("STANDARD", "EXPRESS"))
    if distributed:
        if "ExecutionType" not in config:
            config.require("ExecutionType")
        if compiler.kind == "EXPRESS":
            config.error("Express state machine does not support Distributed Map", "Mode")
    elif kind is not None:
        config.error("Field 'ExecutionType' is not supported")
    return distributed, kind


def _inline_only(fields: Fields) -> None:
    for name in ("ItemReader", "ItemBatcher", "ResultWriter"):
        if name in fields:
            fields.error(f"Field '{name}' is only supported in DISTRIBUTED mode", name)


def _label(fields: Fields) -> str | None:
    label = fields.text("Label", empty=False)
    if label is None:
        return None
    if len(label) > MAX_LABEL:
        fields.error(f"Value must not be longer than {MAX_LABEL} characters", "Label")
    if _BAD_LABEL.search(label):
        fields.error("String contains invalid characters", "Label")
    return label


def _reader(fields: Fields, dialect: Dialect, compiler: Compiler) -> ItemReader | None:
    reader = fields.object("ItemReader")
    if reader is None:
        return None
    payload = dialect.payload_field
    reader.only({"Resource", payload, "ReaderConfig", "Comment"})
    resource = task_resource(reader, compiler, of_task=False) if reader.require("Resource") else None
    if resource is None:
        return None
    if f"{resource.service}:{resource.action}" not in _READERS:
        reader.error(f"The resource {resource.arn} is not supported by ItemReader", "Resource")
    config = reader.object("ReaderConfig") or Fields({}, reader.at("ReaderConfig"), reader.findings)
    _check_reader_config(config, listing=resource.action == "listObjectsV2")
    return ItemReader(
        resource=resource,
        config=config.body,
        parameters=dialect.template(reader, payload),
        max_items=_limit(dialect, config, "MaxItems", 100_000_000),
        bucket_owner=dialect.string(config, "ExpectedBucketOwner"),
    )


def _check_reader_config(config: Fields, *, listing: bool) -> None:
    config.only(
        {
            "InputType",
            "CSVHeaderLocation",
            "CSVHeaders",
            "CSVDelimiter",
            "MaxItems",
            "MaxItemsPath",
            "ItemsPointer",
            "ManifestType",
            "Transformation",
            "ExpectedBucketOwner",
            "Comment",
        }
    )
    kind = config.choice("InputType", _INPUT_TYPES)
    if not listing and "InputType" not in config:
        config.require("InputType")
    location = config.choice("CSVHeaderLocation", ("FIRST_ROW", "GIVEN"))
    headers = config.array("CSVHeaders", empty=False)
    if kind == "CSV" and "CSVHeaderLocation" not in config:
        config.require("CSVHeaderLocation")
    if location == "GIVEN" and "CSVHeaders" not in config:
        config.require("CSVHeaders")
    if headers and not all(isinstance(header, str) for header in headers):
        config.error("Expected value of type String", "CSVHeaders")
    config.choice("CSVDelimiter", ("COMMA", "PIPE", "SEMICOLON", "SPACE", "TAB"))
    config.choice("ManifestType", ("ATHENA_DATA", "S3_INVENTORY"))
    config.choice("Transformation", ("NONE", "LOAD_AND_FLATTEN"))
    config.text("ItemsPointer")


def _limit(dialect: Dialect, fields: Fields, name: str, high: int) -> Number:
    number = dialect.number(fields, name, 0, high)
    return lambda scope: _integer(number(scope))


def _batcher(fields: Fields, dialect: Dialect) -> ItemBatcher | None:
    batcher = fields.object("ItemBatcher")
    if batcher is None:
        return None
    names = ("MaxItemsPerBatch", "MaxInputBytesPerBatch")
    paths = tuple(f"{name}Path" for name in names) if dialect.payload_field == "Parameters" else ()
    batcher.only({*names, *paths, "BatchInput", "Comment"})
    if not any(name in batcher for name in (*names, *paths)):
        batcher.error(f"At least one of these fields is required: [{', '.join(names)}]")
    batch_input = dialect.template(batcher, "BatchInput") if "BatchInput" in batcher else None
    return ItemBatcher(
        max_items=_limit(dialect, batcher, "MaxItemsPerBatch", MAX_LIMIT),
        max_bytes=_limit(dialect, batcher, "MaxInputBytesPerBatch", MAX_BATCH_BYTES),
        batch_input=batch_input,
    )


def _writer(fields: Fields, dialect: Dialect, compiler: Compiler) -> ResultWriter | None:
    writer = fields.object("ResultWriter")
    if writer is None:
        return None
    payload = dialect.payload_field
    writer.only({"Resource", payload, "WriterConfig", "Comment"})
    config = writer.object("WriterConfig") or Fields({}, writer.at("WriterConfig"), writer.findings)
    config.only({"OutputType", "Transformation", "Comment"})
    config.choice("OutputType", ("JSON", "JSONL"))
    config.choice("Transformation", ("NONE", "COMPACT", "FLATTEN"))
    if "Resource" not in writer and "WriterConfig" not in writer:
        writer.require("Resource")
    resource = task_resource(writer, compiler, of_task=False) if "Resource" in writer else None
    if resource is not None and f"{resource.service}:{resource.action}" != "s3:putObject":
        writer.error(f"The resource {resource.arn} is not supported by ResultWriter", "Resource")
    return ResultWriter(resource, config.body, dialect.template(writer, payload))
