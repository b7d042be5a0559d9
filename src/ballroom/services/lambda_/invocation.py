"""Running a function once: which version, with what, for whom, and what came of it.

Every way in ends here: Invoke, asynchronous deliveries, function URLs, event source mappings.
"""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import NamedTuple

import msgspec

from ballroom.kernel import Context, Hold, Kernel, Tx
from ballroom.kernel.store.blobs import BlobMissing
from ballroom.kernel.trace import Span, parent_of
from ballroom.runtime.spec import CapacityExceeded, FunctionSpec, Invocation, InvokeResult, RuntimeUnavailable
from ballroom.services.lambda_.code_store import CodeCache
from ballroom.services.lambda_.concurrency import InFlight, Slot, take_slot
from ballroom.services.lambda_.configuration import logging_of
from ballroom.services.lambda_.errors import (
    FunctionServiceFault,
    ResourceNotFound,
    TooManyRequests,
)
from ballroom.services.lambda_.names import LATEST, FunctionName, is_alias
from ballroom.services.lambda_.outcome import Outcome
from ballroom.services.lambda_.resources import FunctionVersion, find_alias, find_function, find_version
from ballroom.services.lambda_.runtimes import can_run, check_runnable
from ballroom.services.lambda_.workers import Workers

log = logging.getLogger("ballroom.lambda")

NAMESPACE = "AWS/Lambda"


class Call(msgspec.Struct, frozen=True):
    """One invocation as it was asked for. `at` carries the qualifier it was asked with, if any."""

    at: FunctionName
    payload: bytes
    request_id: str
    trace: str | None = None
    client_context: str | None = None


class Chosen(NamedTuple):
    """The version that answers."""

    version: FunctionVersion
    slot: Slot


async def invoke(ctx: Context, call: Call) -> Outcome:
    """Run a function once and tell what came of it, errors of the function included.

    Nothing runs before what was read to choose the version is durable. A virtual clock does not jump
    meanwhile, except while the function waits for us. A caller who goes away does not end the function.

    Raises:
        ResourceNotFound: no such function, version or alias.
        TooManyRequests: no concurrency left.
        InvalidRuntime: its runtime cannot be run here.
    """
    kernel = ctx.kernel
    try:
        version, slot = ctx.transact(_choose, call.at)
    except TooManyRequests:
        count(kernel, call.at, "Throttles")
        raise
    hold = kernel.clock.hold(f"invocation of {call.at.name}")
    header = trace_header(kernel, call.trace, version)
    began_ms = kernel.clock.now_ms()

    async def to_the_end() -> Outcome | Exception:
        try:
            await ctx.durable()
            return await _run(kernel, call, version, hold, header)
        except Exception as failure:  # noqa: BLE001 - handed to whoever still waits
            return failure
        finally:
            slot.release()
            hold.release()

    running = kernel.spawn(to_the_end(), f"invocation of {call.at.name}")
    outcome: Outcome | Exception = await asyncio.shield(running)
    failed = outcome.function_error if isinstance(outcome, Outcome) else type(outcome).__name__
    kernel.trace.record(
        Span(
            # what the function calls names this as its parent
            parent_of(header), ctx.caller.span or ctx.caller.request_id, "lambda", "Invocation",
            call.at.account, call.at.region, began_ms, kernel.clock.now_ms(), failed or "ok",
            call.at.qualified_arn,
        )
    )  # fmt: skip
    if isinstance(outcome, Exception):
        raise outcome
    return outcome


async def _run(kernel: Kernel, call: Call, version: FunctionVersion, hold: Hold, trace: str) -> Outcome:
    spec = await _spec(kernel, call.at, version)
    invocation = Invocation(
        request_id=call.request_id, payload=call.payload, arn=call.at.qualified_arn,
        trace=trace, client_context=call.client_context,
    )  # fmt: skip
    flight = kernel.state(InFlight).by_function[call.at.account, call.at.region, call.at.name]
    count(kernel, call.at, "ConcurrentExecutions", flight)
    try:
        result = await Workers.of(kernel).invoke(spec, invocation, version.settings.role, hold)
    except CapacityExceeded as full:
        count(kernel, call.at, "Throttles")
        raise TooManyRequests(str(full), Reason="CallerRateLimitExceeded") from full
    except RuntimeUnavailable as broken:
        raise FunctionServiceFault(f"{version.name} cannot be run: {broken}") from broken
    count(kernel, call.at, "Invocations")
    count(kernel, call.at, "Errors", 1.0 if result.function_error else 0.0)
    count(kernel, call.at, "Duration", result.duration_ms)
    return _outcome(version, result)


def _outcome(version: FunctionVersion, result: InvokeResult) -> Outcome:
    return Outcome(
        payload=result.payload,
        executed_version=version.number,
        function_error=result.function_error,
        log_tail=result.log_tail,
        timed_out=result.timed_out,
    )


def _choose(tx: Tx, at: FunctionName) -> Chosen:
    version = resolve(tx, at)
    check_runnable(version.settings.runtime)
    function = find_function(tx, at)
    if function is None:
        raise _not_found(at)
    return Chosen(version, take_slot(tx, at, function))


def resolve(tx: Tx, at: FunctionName) -> FunctionVersion:
    """The version that a call to `at` runs: an alias's weights decide by chance.

    Source: Developer Guide, "Implement Lambda canary deployments using a weighted alias".
    """
    number = at.qualifier or LATEST
    if is_alias(number):
        alias = find_alias(tx, at, number)
        if alias is None:
            raise _not_found(at)
        number = alias.number
        for other, weight in alias.weights.items():
            if tx.ids.uniform(0, 1) < weight:
                number = other
    elif number != LATEST and not number.isdigit():
        raise _not_found(at)
    version = find_version(tx, at, number)
    if version is None:
        raise _not_found(at)
    return version


def _not_found(at: FunctionName) -> ResourceNotFound:
    return ResourceNotFound(f"Function not found: {at.at(at.qualifier or LATEST).qualified_arn}")


def spec_key(at: FunctionName, version: FunctionVersion) -> str:
    """What execution environments are shared by: one version in one state of code and settings."""
    return f"{at.arn}:{version.number}:{version.build}"


def retire(tx: Tx, at: FunctionName, version: FunctionVersion) -> None:
    """A version has changed or gone: its environments end after what they are doing."""
    key = spec_key(at, version)
    tx.kernel.state(Specs).by_key.pop(key, None)
    tx.after_commit(Workers.of(tx.kernel).forget(key))


async def _spec(kernel: Kernel, at: FunctionName, version: FunctionVersion) -> FunctionSpec:
    specs = kernel.state(Specs)
    wanted = spec_key(at, version)
    found = specs.by_key.get(wanted)
    if found is None:
        cache = kernel.state(CodeCache)
        code_dir = await cache.ensure(version.code)
        layers = tuple([await cache.ensure(layer) for layer in version.settings.layers])
        if version.code.libraries:
            layers += (Path(version.code.libraries),)
        found = specs.by_key[wanted] = _made_spec(kernel, at, version, wanted, code_dir, layers)
    return found


def make_ready(tx: Tx, at: FunctionName, version: FunctionVersion) -> None:
    """Unpack new code and warm its interpreter, so that the first invocation need not wait for either.

    Only in real time: tests on a virtual clock make many functions that they never invoke.
    """
    kernel = tx.kernel
    if not kernel.clock.is_virtual and can_run(version.settings.runtime):
        tx.when_durable(lambda: _in_background(kernel, at, version))


def _in_background(kernel: Kernel, at: FunctionName, version: FunctionVersion) -> None:
    async def prepare() -> None:
        try:
            await Workers.of(kernel).prepare(await _spec(kernel, at, version))
        except (RuntimeUnavailable, BlobMissing) as missing:
            log.info("%s could not be prepared: %s", version.name, missing)

    if not kernel.stopping:
        kernel.spawn(prepare(), f"prepare {version.name}")


def _made_spec(
    kernel: Kernel, at: FunctionName, version: FunctionVersion, wanted: str,
    code_dir: Path, layers: tuple[Path, ...],
) -> FunctionSpec:  # fmt: skip
    settings = version.settings
    logging = logging_of(settings, version.name)
    return FunctionSpec(
        key=wanted,
        runtime=settings.runtime,
        handler=settings.handler,
        code_dir=code_dir,
        function_name=version.name,
        arn=at.arn,
        version=version.number,
        region=at.region,
        env={**_ways_here(kernel), **(settings.environment or {})},
        layers=layers,
        memory_mb=settings.memory_mb,
        timeout_ms=settings.timeout_s * 1000,
        ephemeral_storage_mb=settings.ephemeral_mb,
        log_group=logging["LogGroup"],
        log_format=logging["LogFormat"],
        application_log_level=logging.get("ApplicationLogLevel"),
        system_log_level=logging.get("SystemLogLevel", "INFO"),
        isolation=None if kernel.settings.isolation == "auto" else kernel.settings.isolation,
        reload_on_change=bool(version.code.folder),
    )


def _ways_here(kernel: Kernel) -> dict[str, str]:
    """Variables that make every AWS SDK inside the function talk to this server."""
    settings = kernel.settings
    if kernel.inside_url is not None:
        endpoint = kernel.inside_url
    else:
        host = "127.0.0.1" if settings.host in ("0.0.0.0", "::", "localhost") else settings.host
        endpoint = f"http://[{host}]:{settings.port}" if ":" in host else f"http://{host}:{settings.port}"
    return {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_DISABLE_HOST_PREFIX_INJECTION": "true",
        "AWS_EC2_METADATA_DISABLED": "true",
    }


class Specs:
    """The specs of functions that have been invoked; derived from their versions."""

    def __init__(self, kernel: Kernel) -> None:
        self.by_key: dict[str, FunctionSpec] = {}


def trace_header(kernel: Kernel, trace: str | None, version: FunctionVersion) -> str:
    """The caller's trace goes on with us as its parent; without one, a new trace begins.

    Source: X-Ray Developer Guide, "Tracing header".
    """
    parts = dict(part.strip().split("=", 1) for part in (trace or "").split(";") if "=" in part)
    root = parts.get("Root") or kernel.ids.trace_root(kernel.clock.now_ms())
    sampled = parts.get("Sampled", "1" if version.settings.tracing == "Active" else "0")
    lineage = f";Lineage={parts['Lineage']}" if "Lineage" in parts else ""  # see kernel.lineage
    return f"Root={root};Parent={parts.get('Parent') or kernel.ids.hex(16)};Sampled={sampled}{lineage}"


def count(kernel: Kernel, at: FunctionName, name: str, value: float = 1.0) -> None:
    """A sample for the function, and for the qualifier that it was called with."""
    function = ("FunctionName", at.name)
    kernel.metrics.count(at.account, at.region, NAMESPACE, name, (function,), value)
    if at.qualifier is not None:
        resource = ("Resource", f"{at.name}:{at.qualifier}")
        kernel.metrics.count(at.account, at.region, NAMESPACE, name, (function, resource), value)

