"""Event source mappings: which queues and streams feed which functions."""

from __future__ import annotations

from typing import Any

import msgspec

from ballroom.kernel import Request, Response, Tx, operation
from ballroom.kernel.arn import make_arn
from ballroom.kernel.errors import NotImplementedHere
from ballroom.services.lambda_.access import target
from ballroom.services.lambda_.destinations import check_target
from ballroom.services.lambda_.errors import InvalidParameterValue, ResourceConflict
from ballroom.services.lambda_.filters import compile_filters
from ballroom.services.lambda_.mappings import (
    LastResults,
    check_batching,
    check_new_link,
    check_queue,
    check_source,
    check_stream_batching,
    check_stream_is_there,
    drop_link,
    load_mapping,
    put_mapping,
)
from ballroom.services.lambda_.names import FunctionName
from ballroom.services.lambda_.pages import page_of
from ballroom.services.lambda_.resources import Mapping, StreamSettings, load_version
from ballroom.services.lambda_.tags import check_tags

_NOT_FOR_QUEUES = (
    "ParallelizationFactor", "StartingPosition", "StartingPositionTimestamp", "MaximumRecordAgeInSeconds",
    "BisectBatchOnFunctionError", "MaximumRetryAttempts", "DestinationConfig",
)  # fmt: skip
_NOT_FOR_STREAMS = ("ScalingConfig",)
_UNSUPPORTED = (
    "AmazonManagedKafkaEventSourceConfig", "TumblingWindowInSeconds", "SelfManagedKafkaEventSourceConfig",
    "DocumentDBEventSourceConfig", "ProvisionedPollerConfig", "KMSKeyArn", "LoggingConfig",
)  # fmt: skip
_YOUNGEST_S = 60


@operation("CreateEventSourceMapping")
def create_event_source_mapping(tx: Tx, request: Request) -> Response:
    """Let a queue or a stream feed a function.

    Raises:
        ResourceConflict: they are joined already.
        InvalidParameterValue: the source's rules for batches, or its visibility timeout, are broken.

    Source: Lambda API Reference, CreateEventSourceMapping; Developer Guide, "Using Lambda with Amazon SQS",
    "Using AWS Lambda with Amazon DynamoDB".
    """
    _refuse_unsupported(request)
    source = check_source(request)
    at = target(tx, request, "lambda:CreateEventSourceMapping")
    is_queue = ":sqs:" in source
    batch_size = request.get("BatchSize", 10 if is_queue else 100)
    window_s = request.get("MaximumBatchingWindowInSeconds", 0)
    _check_batching(source, batch_size, window_s)
    filters = _checked_filters(request)
    version = load_version(tx, at)
    check_new_link(tx, source, at)
    if is_queue:
        check_queue(tx, source, version.settings.timeout_s)
    else:
        check_stream_is_there(tx, source)
    mapping = Mapping(
        uuid=tx.ids.uuid(), source_arn=source, function_name=at.name, qualifier=at.qualifier or "",
        modified_ms=tx.now_ms, state="Creating" if request.get("Enabled", True) else "Disabled",
        batch_size=batch_size, window_s=window_s, filters=filters,
        response_types=list(request.get("FunctionResponseTypes", ())),
        maximum_concurrency=request.get("ScalingConfig", {}).get("MaximumConcurrency"),
        tags=check_tags(request.get("Tags", {})),
        metrics=request.get("MetricsConfig", {}).get("Metrics"),
        stream=None if is_queue else _stream_settings(request, StreamSettings(request["StartingPosition"])),
    )  # fmt: skip
    put_mapping(tx, mapping)
    return describe_mapping(tx, mapping)


@operation("GetEventSourceMapping")
def get_event_source_mapping(tx: Tx, request: Request) -> Response:
    """One mapping.

    Source: Lambda API Reference, GetEventSourceMapping.
    """
    return describe_mapping(tx, load_mapping(tx, request["UUID"]))


@operation("ListEventSourceMappings")
def list_event_source_mappings(tx: Tx, request: Request) -> Response:
    """The mappings of a function, of a queue, or all.

    Source: Lambda API Reference, ListEventSourceMappings.
    """
    rows = tx.scan_prefix(Mapping, ("lambda", tx.account, tx.region, "mapping"))
    if request.get("EventSourceArn"):
        rows = [m for m in rows if m.source_arn == request["EventSourceArn"]]
    if request.get("FunctionName"):
        at = target(tx, request, "lambda:ListEventSourceMappings")
        rows = [m for m in rows if m.function_name == at.name and m.qualifier == (at.qualifier or "")]
    chosen, marker = page_of(rows, request, limit=100, id_of=lambda m: m.uuid)
    return {"EventSourceMappings": [describe_mapping(tx, m) for m in chosen]} | marker


@operation("UpdateEventSourceMapping")
def update_event_source_mapping(tx: Tx, request: Request) -> Response:
    """Change how a queue feeds a function, or switch it on or off.

    Source: Lambda API Reference, UpdateEventSourceMapping; recorded answers.
    """
    _refuse_unsupported(request)
    old = load_mapping(tx, request["UUID"])
    changes = _changes(tx, old, request)
    batch_size = changes.get("batch_size", old.batch_size)
    window_s = changes.get("window_s", old.window_s)
    _check_batching(old.source_arn, batch_size, window_s)
    enabled = request.get("Enabled", old.state not in ("Disabled", "Disabling"))
    if enabled:
        changes["state"] = "Enabling" if old.state in ("Disabled", "Disabling") else "Updating"
    else:
        changes["state"] = "Disabled" if old.state == "Disabled" else "Disabling"
    mapping = msgspec.structs.replace(old, modified_ms=tx.now_ms, **changes)
    if (mapping.function_name, mapping.qualifier) != (old.function_name, old.qualifier):
        drop_link(tx, old)
    put_mapping(tx, mapping)
    return describe_mapping(tx, mapping)


def _changes(tx: Tx, old: Mapping, request: Request) -> dict[str, Any]:
    changes: dict[str, Any] = {}
    if "FunctionName" in request:
        at = target(tx, request, "lambda:UpdateEventSourceMapping")
        version = load_version(tx, at)
        if (at.name, at.qualifier or "") != (old.function_name, old.qualifier):
            check_new_link(tx, old.source_arn, at)
        if old.stream is None:
            check_queue(tx, old.source_arn, version.settings.timeout_s)
        changes |= {"function_name": at.name, "qualifier": at.qualifier or ""}
    if "BatchSize" in request:
        changes["batch_size"] = request["BatchSize"]
    if "MaximumBatchingWindowInSeconds" in request:
        changes["window_s"] = request["MaximumBatchingWindowInSeconds"]
    if "FilterCriteria" in request:
        changes["filters"] = _checked_filters(request)
    if "FunctionResponseTypes" in request:
        changes["response_types"] = list(request["FunctionResponseTypes"])
    if "ScalingConfig" in request:
        changes["maximum_concurrency"] = request["ScalingConfig"].get("MaximumConcurrency")
    if old.stream is not None:
        changes["stream"] = _stream_settings(request, old.stream)
    if "MetricsConfig" in request:
        changes["metrics"] = request["MetricsConfig"].get("Metrics")
    return changes


@operation("DeleteEventSourceMapping")
def delete_event_source_mapping(tx: Tx, request: Request) -> Response:
    """Part a queue from a function. Messages that are being worked on are finished.

    Source: Lambda API Reference, DeleteEventSourceMapping.
    """
    mapping = load_mapping(tx, request["UUID"])
    if mapping.state == "Deleting":
        raise ResourceConflict("Cannot delete the event source mapping because it is in use.")
    mapping = msgspec.structs.replace(mapping, state="Deleting", modified_ms=tx.now_ms)
    put_mapping(tx, mapping)
    return describe_mapping(tx, mapping)


def describe_mapping(tx: Tx, mapping: Mapping) -> Response:
    """An EventSourceMappingConfiguration, as AWS shows those of queues and of streams."""
    at = FunctionName(tx.account, tx.region, mapping.function_name, mapping.qualifier or None)
    shown: Response = {
        "UUID": mapping.uuid,
        "BatchSize": mapping.batch_size,
        "MaximumBatchingWindowInSeconds": mapping.window_s,
        "EventSourceArn": mapping.source_arn,
        "FunctionArn": at.qualified_arn,
        "LastModified": mapping.modified_ms,
        "State": mapping.state,
        "StateTransitionReason": "USER_INITIATED",
        "FunctionResponseTypes": mapping.response_types,
        "EventSourceMappingArn": make_arn(
            "lambda", tx.region, tx.account, f"event-source-mapping:{mapping.uuid}"
        ),
    }
    if mapping.stream is not None:
        shown |= _describe_stream_settings(mapping.stream)
        shown["LastProcessingResult"] = tx.kernel.state(LastResults).of(mapping.uuid)
    if mapping.filters:
        shown["FilterCriteria"] = {"Filters": [{"Pattern": pattern} for pattern in mapping.filters]}
    if mapping.maximum_concurrency is not None:
        shown["ScalingConfig"] = {"MaximumConcurrency": mapping.maximum_concurrency}
    if mapping.metrics is not None:
        shown["MetricsConfig"] = {"Metrics": mapping.metrics}
    return shown


def _describe_stream_settings(stream: StreamSettings) -> Response:
    return {
        "BisectBatchOnFunctionError": stream.bisects,
        "DestinationConfig": {"OnFailure": {"Destination": stream.on_failure} if stream.on_failure else {}},
        "MaximumRecordAgeInSeconds": stream.age_s,
        "MaximumRetryAttempts": stream.retries,
        "ParallelizationFactor": stream.parallelization,
        "StartingPosition": stream.starting_position,
        "StateTransitionReason": "User action",
        "TumblingWindowInSeconds": 0,
    }


def _stream_settings(request: Request, before: StreamSettings) -> StreamSettings:
    """The settings of a stream's mapping after a request.

    Raises:
        InvalidParameterValue: the destination is none, or the age lies between what the model allows and AWS.
    """
    if -1 < request.get("MaximumRecordAgeInSeconds", -1) < _YOUNGEST_S:
        raise InvalidParameterValue(f"MaximumRecordAgeInSeconds must be -1, or at least {_YOUNGEST_S} seconds.")
    destination = before.on_failure
    if "DestinationConfig" in request:
        destination = request["DestinationConfig"].get("OnFailure", {}).get("Destination", "")
        if destination:
            check_target(destination, what="destination", kinds=("sqs", "sns", "s3"))
    return StreamSettings(
        before.starting_position,
        request.get("MaximumRetryAttempts", before.retries),
        request.get("MaximumRecordAgeInSeconds", before.age_s),
        request.get("BisectBatchOnFunctionError", before.bisects),
        request.get("ParallelizationFactor", before.parallelization),
        destination,
    )


def _check_batching(source: str, batch_size: int, window_s: int) -> None:
    if ":sqs:" in source:
        check_batching(batch_size, window_s, fifo=source.endswith(".fifo"))
    else:
        check_stream_batching(batch_size, window_s)


def _refuse_unsupported(request: Request) -> None:
    for member in _UNSUPPORTED:
        if request.get(member):
            raise NotImplementedHere(f"Ballroom does not support {member} of event source mappings yet")
    source = request.get("EventSourceArn", "")
    for service, name, members in (("sqs", "SQS", _NOT_FOR_QUEUES), ("dynamodb", "DynamoDB", _NOT_FOR_STREAMS)):
        for member in members if f":{service}:" in source else ():
            if request.get(member):
                raise InvalidParameterValue(f"{member} is not supported for {name} event sources.")


def _checked_filters(request: Request) -> list[str]:
    patterns = [f.get("Pattern", "") for f in (request.get("FilterCriteria") or {}).get("Filters", ())]
    if len(patterns) > 10:
        raise InvalidParameterValue("An event source mapping can have at most 10 filters.")
    compile_filters(patterns)
    return patterns


