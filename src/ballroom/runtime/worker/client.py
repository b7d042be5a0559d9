"""What `awslambdaric.bootstrap.run()` talks to, instead of AWS's HTTP client.

Same methods as `awslambdaric.lambda_runtime_client.LambdaRuntimeClient` (4.x), over `frames`. So handler
loading, error documents, JSON logs and SnapStart hooks are AWS's own code.
"""

from __future__ import annotations

import json
import os
import resource
import socket
import sys
from typing import Any

from . import frames

_CHUNK = 256 * 1024
_RSS_UNIT = 1024 if sys.platform == "darwin" else 1  # ru_maxrss is in bytes on macOS, KiB elsewhere


class Client:
    """One runtime process's end of the channel."""

    def __init__(self, fd: int) -> None:
        from awslambdaric.lambda_runtime_client import InvocationRequest
        from awslambdaric.lambda_runtime_marshaller import LambdaMarshaller

        self.marshaller = LambdaMarshaller()
        self._request = InvocationRequest
        self._socket = socket.socket(fileno=fd)
        self._buffer = bytearray()
        self._ready = False

    def wait_next_invocation(self) -> Any:
        """The next invocation; the process ends when the supervisor has gone."""
        if not self._ready:
            self._ready = True
            self._send(frames.READY, {"rss_kb": _peak_kb()})
        while True:
            kind, header, body = frames.decode(self._receive())
            if kind == frames.INVOKE:
                break
        return self._request(
            invoke_id=header["id"],
            x_amzn_trace_id=header.get("trace"),
            invoked_function_arn=header["arn"],
            deadline_time_in_ms=header["deadline_ms"],
            client_context=header.get("client_context"),
            cognito_identity=header.get("cognito_identity"),
            tenant_id=header.get("tenant_id"),
            content_type="application/json",
            event_body=body,
            invocation_id=None,
        )

    def post_invocation_result(
        self,
        invoke_id: str,
        result_data: str | bytes,
        content_type: str = "application/json",
        invocation_id: str | None = None,
    ) -> None:
        """Answer with what the handler returned, or with AWS's error when it is too large."""
        body = result_data if isinstance(result_data, bytes) else result_data.encode()
        if len(body) > frames.MAXIMUM_RESPONSE_BYTES:
            kind, content_type, body = frames.ERROR, "Function.ResponseSizeTooLarge", _too_large()
        else:
            kind = frames.RESULT
        self._send(kind, {"id": invoke_id, "type": content_type, "rss_kb": _peak_kb()}, body)

    def post_invocation_error(
        self, invoke_id: str, error_response_data: str, xray_fault: str, invocation_id: str | None = None
    ) -> None:
        """Answer with the error document that AWS's bootstrap made."""
        body = error_response_data.encode(errors="surrogatepass")
        kind = "Unhandled"
        if len(body) > frames.MAXIMUM_RESPONSE_BYTES:
            kind, body = "Function.ResponseSizeTooLarge", _too_large()
        self._send(frames.ERROR, {"id": invoke_id, "type": kind, "rss_kb": _peak_kb()}, body)

    def post_init_error(
        self, error_response_data: dict[str, Any], error_type_override: str | None = None
    ) -> None:
        """Report that the function could not be initialised; AWS's bootstrap exits next."""
        from awslambdaric.lambda_runtime_marshaller import to_json

        kind = error_type_override or error_response_data.get("errorType", "")
        self._send(
            frames.INIT_ERROR, {"type": kind, "rss_kb": _peak_kb()}, to_json(error_response_data).encode()
        )

    def restore_next(self) -> None:
        """SnapStart: nothing to wait for, the process goes on where it was."""

    def report_restore_error(self, restore_error_data: dict[str, Any]) -> None:
        """SnapStart: an after-restore hook failed."""
        self.post_init_error(restore_error_data, "Runtime.AfterRestoreError")

    def _send(self, kind: int, header: dict[str, Any], body: bytes = b"") -> None:
        try:
            self._socket.sendall(frames.encode(kind, header, body))
        except (BrokenPipeError, ConnectionResetError):
            os._exit(0)

    def _receive(self) -> bytes:
        buffer = self._buffer
        need = 4
        while len(buffer) < need or len(buffer) < (need := 4 + frames.LENGTH.unpack_from(buffer)[0]):
            try:
                data = self._socket.recv(_CHUNK)
            except ConnectionResetError:
                data = b""
            if not data:
                os._exit(0)
            buffer += data
        frame = bytes(buffer[4:need])
        del buffer[:need]
        return frame


def _peak_kb() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // _RSS_UNIT


def _too_large() -> bytes:
    text = (
        f"Response payload size exceeded maximum allowed payload size ({frames.MAXIMUM_RESPONSE_BYTES} bytes)."
    )
    return json.dumps({"errorMessage": text, "errorType": "Function.ResponseSizeTooLarge"}).encode()
