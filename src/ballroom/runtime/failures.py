"""What went wrong with an invocation, in AWS's words. Source: recorded cases `lambda/TestLambdaErrors`."""

from __future__ import annotations

import json
import os
import signal
from dataclasses import dataclass

from ballroom.runtime.platform_lines import timeout_text

_SIGNALS = {  # as Go's syscall package names them, which is what AWS's supervisor prints
    signal.SIGHUP: "hangup",
    signal.SIGINT: "interrupt",
    signal.SIGQUIT: "quit",
    signal.SIGILL: "illegal instruction",
    signal.SIGTRAP: "trace/breakpoint trap",
    signal.SIGABRT: "aborted",
    signal.SIGBUS: "bus error",
    signal.SIGFPE: "floating point exception",
    signal.SIGKILL: "killed",
    signal.SIGUSR1: "user defined signal 1",
    signal.SIGSEGV: "segmentation fault",
    signal.SIGUSR2: "user defined signal 2",
    signal.SIGPIPE: "broken pipe",
    signal.SIGALRM: "alarm clock",
    signal.SIGTERM: "terminated",
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an invocation ended."""

    payload: bytes
    status: str = "success"
    error_type: str | None = None
    crashed: str | None = None
    """What the platform says about a runtime process that ended, for the log."""
    content_type: str = "application/json"


def exit_text(status: int | None) -> str:
    """Of a wait status (None: not known)."""
    if status is None or (os.WIFEXITED(status) and os.WEXITSTATUS(status) == 0):
        return "Runtime exited without providing a reason"
    if os.WIFEXITED(status):
        return f"Runtime exited with error: exit status {os.WEXITSTATUS(status)}"
    number = os.WTERMSIG(status)
    try:
        name = _SIGNALS.get(signal.Signals(number), f"signal {number}")
    except ValueError:
        name = f"signal {number}"
    return f"Runtime exited with error: signal: {name}"


def exited(request_id: str, status: int | None) -> Outcome:
    """The runtime process ended before it answered."""
    text = exit_text(status)
    return Outcome(_document("Runtime.ExitError", request_id, text), "error", "Runtime.ExitError", text)


def out_of_memory(request_id: str) -> Outcome:
    """The environment needed more memory than the function has."""
    text = "Runtime exited with error: signal: killed"
    return Outcome(_document("Runtime.OutOfMemory", request_id, text), "error", "Runtime.OutOfMemory", text)


def invalid(request_id: str, error_type: str, text: str) -> Outcome:
    """The runtime process could not even be started."""
    return Outcome(_document(error_type, request_id, text), "error", error_type, text)


def timed_out(request_id: str, timeout_ms: int) -> Outcome:
    """The time limit passed."""
    payload = _document("Sandbox.Timedout", request_id, timeout_text(timeout_ms))
    return Outcome(payload, "timeout", "Sandbox.Timedout")


def reported(document: bytes, error_type: str | None = None) -> Outcome:
    """The runtime itself reported an error and goes on."""
    if error_type is None or error_type == "Unhandled":
        try:
            error_type = str(json.loads(document).get("errorType", "")) or "Unhandled"
        except (ValueError, AttributeError):
            error_type = "Unhandled"
    return Outcome(document, "error", error_type)


def _document(error_type: str, request_id: str, text: str) -> bytes:
    message = f"RequestId: {request_id} Error: {text}"
    return json.dumps({"errorType": error_type, "errorMessage": message}, separators=(",", ":")).encode()
