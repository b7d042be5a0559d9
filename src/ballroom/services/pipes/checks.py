"""What a pipe may connect, and with which parameters: refused when it is made, not when it runs.

Source: EventBridge User Guide, "Amazon EventBridge Pipes sources", "... event enrichment", "... targets".
"""

from __future__ import annotations

from typing import Any

from ballroom.kernel import NotImplementedHere
from ballroom.kernel.arn import Arn, find_arn
from ballroom.kernel.matcher import EVENTS, InvalidPattern, compile_pattern

from .errors import Invalid
from .templates import Template, compile_parameter

SOURCES = {"sqs": "SqsQueueParameters", "dynamodb": "DynamoDBStreamParameters"}
ENRICHMENTS = ("lambda", "states", "events")
TARGETS = {
    "events": ("EventBridgeEventBusParameters", "HttpParameters"), "lambda": ("LambdaFunctionParameters",),
    "logs": ("CloudWatchLogsParameters",), "sns": (), "sqs": ("SqsQueueParameters",),
    "states": ("StepFunctionStateMachineParameters",),
}  # fmt: skip
_LATER_SOURCES = ("kinesis", "kafka", "mq")
_LATER_TARGETS = ("batch", "ecs", "execute-api", "firehose", "inspector", "kinesis", "redshift", "sagemaker",
                  "timestream", "redshift-data")  # fmt: skip


def _arn(text: str, what: str) -> Arn:
    arn = find_arn(text)
    if arn is None:
        raise Invalid(f"{what} {text} is not a valid ARN.")
    return arn


def check_settings(settings: dict[str, Any]) -> None:
    """Refuse a pipe that could never run.

    Raises:
        Invalid: AWS would refuse it too.
        NotImplementedHere: Ballroom lacks what it needs.
    """
    _check_source(settings["Source"], settings.get("SourceParameters", {}))
    if settings.get("Enrichment"):
        _check_enrichment(settings["Enrichment"], settings.get("EnrichmentParameters", {}))
    _check_target(settings["Target"], settings.get("TargetParameters", {}))
    log = settings.get("LogConfiguration", {})
    for destination in ("FirehoseLogDestination", "S3LogDestination"):
        if destination in log:
            raise NotImplementedHere(f"Ballroom does not implement {destination} of pipes yet.")


def _check_source(text: str, parameters: dict[str, Any]) -> None:
    if text.startswith("smk://"):
        raise NotImplementedHere("Ballroom does not implement self-managed Kafka as a source of pipes yet.")
    arn = _arn(text, "Source")
    if arn.service in _LATER_SOURCES:
        raise NotImplementedHere(f"Ballroom does not implement {arn.service} as a source of pipes yet.")
    if arn.service not in SOURCES or (arn.service == "dynamodb" and "/stream/" not in arn.resource):
        raise Invalid(f"{text} is not a supported source.")
    own = SOURCES[arn.service]
    others = parameters.keys() - {own, "FilterCriteria"}
    if others:
        raise Invalid(f"{sorted(others)[0]} is not supported for source {text}.")
    if arn.service == "dynamodb" and "StartingPosition" not in parameters.get(own, {}):
        raise Invalid("DynamoDBStreamParameters with a StartingPosition is required for DynamoDB streams.")
    batching = parameters.get(own, {})
    if arn.service == "sqs":
        size, window = batching.get("BatchSize", 10), batching.get("MaximumBatchingWindowInSeconds", 0)
        if arn.resource.endswith(".fifo") and (size > 10 or window):
            raise Invalid("FIFO queues take a BatchSize of at most 10 and no MaximumBatchingWindowInSeconds.")
        if size > 10 and not window:
            raise Invalid(
                "Maximum batch window in seconds must be greater than 0 if maximum batch size is greater "
                "than 10"
            )
    for entry in parameters.get("FilterCriteria", {}).get("Filters", []):
        try:
            compile_pattern(entry.get("Pattern", ""), EVENTS)
        except InvalidPattern as wrong:
            raise Invalid(str(wrong)) from None


def _check_enrichment(text: str, parameters: dict[str, Any]) -> None:
    arn = _arn(text, "Enrichment")
    if arn.service == "execute-api":
        raise NotImplementedHere("Ballroom does not implement API Gateway as an enrichment of pipes yet.")
    if arn.service not in ENRICHMENTS or (arn.service == "events" and "api-destination/" not in arn.resource):
        raise Invalid(f"{text} is not a supported enrichment.")
    if "InputTemplate" in parameters:
        Template(parameters["InputTemplate"])


def _check_target(text: str, parameters: dict[str, Any]) -> None:
    arn = _arn(text, "Target")
    if arn.service in _LATER_TARGETS:
        raise NotImplementedHere(f"Ballroom does not implement {arn.service} as a target of pipes yet.")
    if arn.service not in TARGETS:
        raise Invalid(f"{text} is not a supported target.")
    others = parameters.keys() - {*TARGETS[arn.service], "InputTemplate"}
    if others:
        raise Invalid(f"{sorted(others)[0]} is not supported for target {text}.")
    if "InputTemplate" in parameters:
        Template(parameters["InputTemplate"])
    for values in parameters.values():
        for value in values.values() if isinstance(values, dict) else ():
            if isinstance(value, str):
                compile_parameter(value)
    is_fifo = arn.service == "sqs" and arn.resource.endswith(".fifo")
    if is_fifo and "MessageGroupId" not in parameters.get("SqsQueueParameters", {}):
        raise Invalid("SqsQueueParameters with a MessageGroupId is required for FIFO queues.")
