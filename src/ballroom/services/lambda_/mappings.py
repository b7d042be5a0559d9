"""Event source mappings: loading, storing, and the rules for queues and streams.

The states are AWS's: Creating, Enabling, Enabled, Disabling, Disabled, Updating, Deleting. A timer in
the same commit leads each passing state to its end. Polling itself is in `polling`.
"""

from __future__ import annotations

from typing import Any

import msgspec

from ballroom.kernel import Kernel, Key, Record, Tx, on_timer
from ballroom.kernel.arn import find_arn
from ballroom.kernel.errors import NotImplementedHere, ServiceError
from ballroom.services.lambda_.errors import InvalidParameterValue, ResourceConflict, ResourceNotFound
from ballroom.services.lambda_.names import FunctionName
from ballroom.services.lambda_.resources import Mapping, MappingLink
from ballroom.sources.stream_poller import forget_place

SETTLED = {"Creating": "Enabled", "Enabling": "Enabled", "Updating": "Enabled", "Disabling": "Disabled"}
POLLED = frozenset(("Creating", "Enabling", "Enabled", "Updating"))
_STREAMS = ("kinesis", "dynamodb", "kafka", "mq", "rds", "docdb")


class MappingPlace(Record, frozen=True, array_like=True):
    """Where a mapping is stored; its key names the mapping alone, so that pollers find all at start."""

    account: str
    region: str


def mapping_key(account: str, region: str, uuid: str) -> Key:
    """The mapping's own row."""
    return ("lambda", account, region, "mapping", uuid)


def load_mapping(tx: Tx, uuid: str) -> Mapping:
    """A mapping of the caller's account and region."""
    found = tx.get(Mapping, mapping_key(tx.account, tx.region, uuid))
    if found is None:
        raise ResourceNotFound()
    return found


def put_mapping(tx: Tx, mapping: Mapping, *, poke: bool = True) -> None:
    """Stores a mapping; `poke` tells the pollers, once it is committed."""
    account, region = tx.account, tx.region
    tx.put(mapping_key(account, region, mapping.uuid), mapping)
    tx.put(("lambda-mapping", mapping.uuid), MappingPlace(account, region))
    tx.put(_link_key(tx, mapping), MappingLink(mapping.uuid))
    if mapping.state in SETTLED or mapping.state == "Deleting":
        tx.wake_at(tx.now_ms, "lambda.mapping", account, region, mapping.uuid)
    if poke:
        tx.after_commit(lambda: Pokes.of(tx.kernel).changed(mapping.uuid))


def drop_mapping(tx: Tx, mapping: Mapping) -> None:
    """Removes every row of a mapping."""
    forget_place(tx, mapping.uuid)
    tx.delete(mapping_key(tx.account, tx.region, mapping.uuid))
    tx.delete(("lambda-mapping", mapping.uuid))
    tx.delete(_link_key(tx, mapping))
    tx.after_commit(lambda: Pokes.of(tx.kernel).changed(mapping.uuid))


def drop_link(tx: Tx, mapping: Mapping) -> None:
    """Removes the mark that joins its source to its function: the mapping gets another function."""
    tx.delete(_link_key(tx, mapping))


def _link_key(tx: Tx, mapping: Mapping) -> Key:
    function = f"{mapping.function_name}:{mapping.qualifier}"
    return ("lambda", tx.account, tx.region, "mapping-of", mapping.source_arn, function, mapping.uuid)


@on_timer("lambda.mapping")
def settle_mapping(tx: Tx, account: str, region: str, uuid: str) -> None:
    """A passing state ends. Harmless if repeated: a settled mapping is left alone."""
    tx.caller = msgspec.structs.replace(tx.caller, account=account, region=region)
    mapping = tx.get(Mapping, mapping_key(account, region, uuid))
    if mapping is None:
        return
    if mapping.state == "Deleting":
        drop_mapping(tx, mapping)
    elif mapping.state in SETTLED:
        put_mapping(tx, msgspec.structs.replace(mapping, state=SETTLED[mapping.state]))


def check_new_link(tx: Tx, source_arn: str, at: FunctionName) -> None:
    """One mapping joins a queue and a function at most once."""
    prefix = ("lambda", tx.account, tx.region, "mapping-of", source_arn, f"{at.name}:{at.qualifier or ''}")
    existing = tx.scan_prefix(MappingLink, prefix, limit=1)
    if existing:
        kind = "SQS" if ":sqs:" in source_arn else "event source"
        raise ResourceConflict(
            f'An event source mapping with {kind} arn (" {source_arn} ") and function (" {at.name} ") already '
            f"exists. Please update or delete the existing mapping with UUID {existing[0].uuid}"
        )


def check_source(request: dict[str, Any]) -> str:
    """The ARN of a queue or DynamoDB stream; every other source is refused by name."""
    for member in ("SelfManagedEventSource", "Topics", "Queues", "SourceAccessConfigurations"):
        if request.get(member):
            raise NotImplementedHere(f"Ballroom does not support {member} of event source mappings yet")
    arn = request.get("EventSourceArn")
    if not arn:
        raise InvalidParameterValue("Unrecognized event source.")
    parsed = find_arn(arn)
    if parsed is None or parsed.service not in ("sqs", *_STREAMS):
        raise InvalidParameterValue("Unrecognized event source, must be kinesis, dynamodb stream or sqs.")
    if parsed.service != "sqs":
        _check_stream(request, parsed.service)
        if parsed.service != "dynamodb":
            raise NotImplementedHere(
                f"Ballroom does not read events from {parsed.service} yet: only from SQS and DynamoDB streams"
            )
    return str(arn)


def _check_stream(request: dict[str, Any], service: str) -> None:
    if service in ("kinesis", "dynamodb", "kafka") and "StartingPosition" not in request:
        raise InvalidParameterValue(
            "1 validation error detected: Value null at 'startingPosition' failed to satisfy constraint: "
            "Member must not be null."
        )
    if service == "dynamodb" and request.get("StartingPosition") == "AT_TIMESTAMP":
        raise InvalidParameterValue(
            f"Unsupported starting position for arn type: {request['EventSourceArn']}"
        )


def check_batching(batch_size: int, window_s: int, *, fifo: bool) -> None:
    """Queue limits: 10,000 with a window, 10 without one; FIFO queues 10 and no window.

    Source: Lambda API Reference, CreateEventSourceMapping, "BatchSize"; recorded answers.
    """
    if fifo and window_s > 0:
        raise InvalidParameterValue("Batching window is not supported for FIFO queues.")
    if fifo and batch_size > 10:
        raise InvalidParameterValue("Batch size must be less than or equal to 10 for FIFO queues.")
    if batch_size > 10 and window_s == 0:
        raise InvalidParameterValue(
            "Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than 10"
        )


def check_stream_batching(batch_size: int, window_s: int) -> None:
    """Stream limits: a batch is at most 10,000 records.

    Source: Lambda API Reference, CreateEventSourceMapping, "BatchSize".
    """
    if batch_size > 10_000 or window_s > 300:
        raise InvalidParameterValue("BatchSize is at most 10000, MaximumBatchingWindowInSeconds at most 300.")


def check_stream_is_there(tx: Tx, arn: str) -> None:
    """The stream exists here."""
    try:
        tx.call("dynamodbstreams", "DescribeStream", {"StreamArn": arn})
    except ServiceError as error:
        raise InvalidParameterValue(
            f"Stream not found: {arn}" if error.shape == "ResourceNotFoundException" else error.text
        ) from error


def check_queue(tx: Tx, arn: str, timeout_s: int) -> None:
    """The queue exists here, and hides messages for as long as the function may run.

    Source: Developer Guide, "Configuring a queue to use with Lambda".
    """
    parsed = find_arn(arn)
    if parsed is None or parsed.region != tx.region:
        raise InvalidParameterValue(f"The queue {arn} is in another region than the function.")
    caller = msgspec.structs.replace(tx.caller, account=parsed.account)
    try:
        url = tx.call("sqs", "GetQueueUrl", {"QueueName": parsed.resource}, caller=caller)["QueueUrl"]
        wanted = {"QueueUrl": url, "AttributeNames": ["VisibilityTimeout"]}
        attributes = tx.call("sqs", "GetQueueAttributes", wanted, caller=caller)["Attributes"]
    except ServiceError as error:
        raise InvalidParameterValue(
            "Error occurred while ReceiveMessage. SQS Error Code: "
            f"{error.shape}. SQS Error Message: {error.text}"
        ) from error
    hidden_s = int(attributes["VisibilityTimeout"])
    if hidden_s < timeout_s:
        raise InvalidParameterValue(
            f"Queue visibility timeout: {hidden_s} seconds is less than Function timeout: {timeout_s} seconds"
        )


def substance(mapping: Mapping) -> tuple[object, ...]:
    """What a poller goes by: one whose mapping has the same need not be started anew."""
    return (
        mapping.source_arn, mapping.function_name, mapping.qualifier, mapping.batch_size, mapping.window_s,
        tuple(mapping.filters), tuple(mapping.response_types), mapping.maximum_concurrency, mapping.stream,
    )  # fmt: skip


class LastResults:
    """Derived memory: how the last batch of each stream's mapping ended, as GetEventSourceMapping tells it."""

    def __init__(self, kernel: Kernel) -> None:
        self._by_uuid: dict[str, str] = {}

    def note(self, uuid: str, *, ok: bool) -> None:
        """A batch was processed, or failed."""
        self._by_uuid[uuid] = "OK" if ok else "PROBLEM: Function call failed"

    def of(self, uuid: str) -> str:
        """What is told of a mapping; after a restart as of a new one."""
        return self._by_uuid.get(uuid, "No records processed")


class Pokes:
    """Tells the pollers of changes, whoever they are: set once by `polling`."""

    def __init__(self, kernel: Kernel) -> None:
        self._listener: Any = None

    @classmethod
    def of(cls, kernel: Kernel) -> Pokes:
        """Those of a kernel."""
        return kernel.state(cls)

    def listen(self, listener: Any) -> None:
        """`listener(uuid)` is called after every commit that changes a mapping."""
        self._listener = listener

    def changed(self, uuid: str) -> None:
        """A mapping has changed."""
        if self._listener is not None:
            self._listener(uuid)
