"""What Lambda stores, under which keys, and how it is loaded.

| key (after "lambda", account, region) | record          | read by                                    |
|---------------------------------------|-----------------|--------------------------------------------|
| "function", name                      | Function        | every operation; ListFunctions scans       |
| "version", name, n                    | FunctionVersion | invocations; n is 0 for $LATEST            |
| "alias", name, alias                  | Alias           | invocations through an alias               |
| "policy", name, qualifier             | Policy          | GetPolicy, function URLs, other accounts   |
| "async", name, qualifier              | AsyncConfig     | asynchronous invocations                   |
| "url", name, qualifier                | FunctionUrl     | the URL operations                         |
| "layer", name                         | Layer           | ListLayers, PublishLayerVersion            |
| "layer-version", name, n              | LayerVersion    | configuration of functions                 |
| "mapping", uuid                       | Mapping         | pollers, the mapping operations            |
| "mapping-of", source, function, uuid  | MappingLink     | the check for duplicates, lists by source  |

("lambda-url", url id) -> UrlTarget stands outside accounts, since a host name names no account.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from ballroom.kernel import Key, Record, Tx
from ballroom.services.lambda_.errors import ResourceNotFound
from ballroom.services.lambda_.names import LATEST, FunctionName, is_version


class Code(Record, frozen=True, array_like=True):
    """A function's code: a package among the blobs, or a folder that is used in place."""

    sha256: str  # as Lambda shows it, base 64
    size_bytes: int
    blob: str = ""  # the blob's digest
    folder: str = ""  # absolute path of code used in place
    unzipped_bytes: int = 0
    libraries: str = ""  # absolute path of installed dependencies, laid out like a layer; above all layers


class LayerUse(Record, frozen=True, array_like=True):
    """A layer as a function refers to it: its content stays even when the layer version is deleted."""

    arn: str
    blob: str
    size_bytes: int
    unzipped_bytes: int = 0


class Settings(Record, frozen=True, array_like=True):
    """The configuration of one version of a function."""

    role: str
    runtime: str
    handler: str
    description: str = ""
    timeout_s: int = 3
    memory_mb: int = 128
    environment: dict[str, str] | None = None
    architectures: tuple[str, ...] = ("x86_64",)
    ephemeral_mb: int = 512
    tracing: str = "PassThrough"
    dead_letter_arn: str = ""
    vpc: dict[str, Any] = msgspec.field(default_factory=dict)
    kms_key_arn: str = ""
    snap_start: str = "None"
    logging: dict[str, str] = msgspec.field(default_factory=dict)
    layers: list[LayerUse] = msgspec.field(default_factory=list)


State = Literal["Pending", "Active"]


class FunctionVersion(Record, frozen=True, array_like=True):
    """What an invocation runs: code and settings, mutable for $LATEST, frozen for a published version."""

    name: str
    number: str  # "$LATEST" or digits
    settings: Settings
    code: Code
    revision_id: str
    modified_ms: int
    state: State = "Active"
    updating: bool = False  # LastUpdateStatus InProgress
    build: str = ""  # changes with code and settings only, unlike the revision


class Function(Record, frozen=True, array_like=True):
    """What all versions share."""

    name: str
    created_ms: int
    last_version: int = 0
    reserved_concurrency: int | None = None
    tags: dict[str, str] = msgspec.field(default_factory=dict)
    published_settings: Settings | None = None  # $LATEST's when the last version was published


class Alias(Record, frozen=True, array_like=True):
    """A name for a version, with a share of the invocations for a second one."""

    name: str
    number: str
    revision_id: str
    description: str | None = None
    weights: dict[str, float] = msgspec.field(default_factory=dict)


class Policy(Record, frozen=True, array_like=True):
    """A resource policy's statements, as they are shown."""

    revision_id: str
    statements: list[dict[str, Any]]


class AsyncConfig(Record, frozen=True, array_like=True):
    """How asynchronous invocations are retried and where their results go. None: AWS's default."""

    modified_ms: int
    retries: int | None = None
    age_s: int | None = None
    on_success: str = ""
    on_failure: str = ""


class FunctionUrl(Record, frozen=True, array_like=True):
    """A function's own HTTP address."""

    url_id: str
    auth_type: str
    created_ms: int
    modified_ms: int
    invoke_mode: str | None = None
    cors: dict[str, Any] | None = None


class UrlTarget(Record, frozen=True, array_like=True):
    """Where a URL's host leads."""

    account: str
    region: str
    name: str
    qualifier: str  # an alias, or ""


class Layer(Record, frozen=True, array_like=True):
    """The counter of a layer's versions: numbers are never used again."""

    name: str
    last_version: int


class LayerVersion(Record, frozen=True, array_like=True):
    """One published content of a layer."""

    name: str
    number: int
    created_ms: int
    code: Code
    description: str | None = None
    license_info: str | None = None
    runtimes: list[str] = msgspec.field(default_factory=list)
    architectures: list[str] = msgspec.field(default_factory=list)
    policy: Policy | None = None


class StreamSettings(msgspec.Struct, frozen=True, array_like=True):
    """What a mapping of a stream has besides."""

    starting_position: str
    retries: int = -1
    """-1: as long as the records are there."""
    age_s: int = -1
    bisects: bool = False
    parallelization: int = 1
    on_failure: str = ""
    """ARN of the destination for batches that were given up."""


class Mapping(Record, frozen=True, array_like=True):
    """An event source mapping: a queue or stream whose messages or records a function receives in batches."""

    uuid: str
    source_arn: str
    function_name: str
    qualifier: str  # or ""
    modified_ms: int
    state: str
    batch_size: int
    window_s: int = 0
    filters: list[str] = msgspec.field(default_factory=list)
    response_types: list[str] = msgspec.field(default_factory=list)
    maximum_concurrency: int | None = None
    tags: dict[str, str] = msgspec.field(default_factory=dict)
    metrics: list[str] | None = None
    kms_key_arn: str = ""
    stream: StreamSettings | None = None


class MappingLink(Record, frozen=True, array_like=True):
    """Marks that a mapping joins this source to this function."""

    uuid: str


def key(at: FunctionName, kind: str, *rest: str | int) -> Key:
    """The key of what belongs to a function."""
    return ("lambda", at.account, at.region, kind, at.name, *rest)


def version_number(number: str) -> int:
    """The version's place in its key: $LATEST comes first."""
    return 0 if number == LATEST else int(number)


def find_function(tx: Tx, at: FunctionName) -> Function | None:
    """The function, whatever the qualifier."""
    return tx.get(Function, key(at, "function"))


def load_function(tx: Tx, at: FunctionName) -> Function:
    """The function; the error names it without qualifier."""
    function = find_function(tx, at)
    if function is None:
        raise ResourceNotFound(f"Function not found: {at.arn}")
    return function


def find_version(tx: Tx, at: FunctionName, number: str) -> FunctionVersion | None:
    """One version of a function."""
    return tx.get(FunctionVersion, key(at, "version", version_number(number)))


def find_alias(tx: Tx, at: FunctionName, name: str) -> Alias | None:
    """One alias of a function."""
    return tx.get(Alias, key(at, "alias", name))


def load_version(tx: Tx, at: FunctionName) -> FunctionVersion:
    """What the name leads to, through an alias if need be; the error names it as it was asked for."""
    number = at.qualifier or LATEST
    if number != LATEST and not is_version(number):
        alias = find_alias(tx, at, number)
        number = alias.number if alias is not None else ""
    found = find_version(tx, at, number) if number else None
    if found is None:
        raise ResourceNotFound(f"Function not found: {at.qualified_arn}")
    return found


def load_latest(tx: Tx, at: FunctionName) -> FunctionVersion:
    """The function's $LATEST."""
    found = find_version(tx, at, LATEST)
    if found is None:
        raise ResourceNotFound(f"Function not found: {at.arn}")
    return found


def put_version(tx: Tx, at: FunctionName, version: FunctionVersion) -> None:
    """Stores a version under its function."""
    tx.put(key(at, "version", version_number(version.number)), version)


def find_policy(tx: Tx, at: FunctionName) -> Policy | None:
    """The policy of the function, or of the version or alias that the name says."""
    return tx.get(Policy, key(at, "policy", at.qualifier or ""))
