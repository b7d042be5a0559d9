"""What the caller says about a function and learns about an invocation: plain values, no behaviour."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True, eq=False)
class FunctionSpec:
    """Everything that determines an execution environment.

    Environments are shared by specs with the same `key`: it must change with the code and with the
    configuration (function ARN + version + revision id is a good one).
    """

    key: str
    runtime: str
    """`python3.12`, `nodejs20.x`, `provided.al2023`, ... as `supported()` accepts."""
    handler: str
    code_dir: Path
    """Unpacked code; becomes `/var/task` where the machine allows, and LAMBDA_TASK_ROOT everywhere."""
    function_name: str
    arn: str = ""
    version: str = "$LATEST"
    region: str = "us-east-1"
    env: Mapping[str, str] = field(default_factory=dict)
    """The function's own variables and those that point its SDK here (AWS_ENDPOINT_URL, ...). What AWS
    reserves (AWS_LAMBDA_*, _HANDLER, TZ, ...) is added by the runtime and wins."""
    layers: tuple[Path, ...] = ()
    """Unpacked layers, in the function's order: a later one wins."""
    memory_mb: int = 128
    timeout_ms: int = 3000
    ephemeral_storage_mb: int = 512
    log_group: str = ""
    """Default: `/aws/lambda/<function_name>`."""
    log_format: str = "Text"
    """`Text` or `JSON` (LoggingConfig.LogFormat)."""
    application_log_level: str | None = None
    system_log_level: str = "INFO"
    """From which level platform records are written in the JSON format."""
    isolation: str | None = None
    """A level of `isolation_report()` that must be reached, else invocations are refused."""
    reload_on_change: bool = False
    """The code is used in place: a changed file retires the environments."""

    @property
    def group(self) -> str:
        """The log group that the environments write to."""
        return self.log_group or f"/aws/lambda/{self.function_name}"


@dataclass(frozen=True, slots=True)
class Invocation:
    """One event on its way to the function."""

    request_id: str
    payload: bytes
    arn: str = ""
    """The ARN it was invoked with (with the qualifier, if one was given). Default: the function's."""
    trace: str | None = None
    client_context: str | None = None
    """JSON text."""
    cognito_identity: str | None = None
    """JSON text."""
    timeout_ms: int | None = None
    """Less than the function's own, when something upstream ends earlier."""


@dataclass(slots=True)
class InvokeResult:
    """What came of an invocation."""

    payload: bytes
    function_error: str | None
    """None, or `Unhandled` (AWS answers that for every error today)."""
    error_type: str | None
    """`Sandbox.Timedout`, `Runtime.ExitError`, the exception's class, ..."""
    status: str
    """`success`, `error`, `timeout`: the word in the REPORT line."""
    duration_ms: float
    billed_ms: int
    init_ms: float | None
    """Of a cold start's initialisation phase, else None."""
    max_memory_mb: int
    log_stream: str
    environment_id: str
    log_tail: bytes = b""
    """The last 4 KB of this invocation's log."""
    content_type: str = "application/json"
    """What the runtime says that the payload is. `application/vnd.awslambda.http-integration-response`: JSON
    with `statusCode`, `headers`, `cookies`, then 8 zero bytes, then the body."""

    @property
    def timed_out(self) -> bool:
        """Whether the time limit ended it."""
        return self.status == "timeout"


@dataclass(frozen=True, slots=True)
class LogBatch:
    """Log events of one environment, in order."""

    spec: FunctionSpec
    stream: str
    lines: list[tuple[int, str]]
    """(milliseconds since the epoch, text without the final newline)"""


OnLog = Callable[[LogBatch], None]
CredentialsFor = Callable[[str, FunctionSpec], Mapping[str, str]]


class RuntimeUnavailable(Exception):
    """No environment can be had: the text says why, in one line for a user."""


class CapacityExceeded(RuntimeUnavailable):
    """As many environments as this machine bears are busy; AWS's answer is a throttle."""
