"""What the tests of Lambda share: small functions, and calls that hide what does not matter."""

from __future__ import annotations

import asyncio
import io
import json
import zipfile
from collections.abc import Callable
from typing import Any

from tests.cloud import Cloud

from ballroom.kernel import Hold
from ballroom.runtime.spec import FunctionSpec, Invocation, InvokeResult

ROLE = "arn:aws:iam::000000000000:role/worker"
ARN = "arn:aws:lambda:us-east-1:000000000000:function"
ECHO = "def handler(event, context):\n    return event\n"


def package(source: str = ECHO, **files: str) -> bytes:
    """A deployment package whose `index.py` is `source`; the same bytes whenever it is made."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in {"index.py": source, **files}.items():
            member = zipfile.ZipInfo(name, (2026, 1, 1, 0, 0, 0))
            member.external_attr = 0o644 << 16
            archive.writestr(member, content)
    return buffer.getvalue()


def a_function(cloud: Cloud, source: str = ECHO, *, name: str = "f", **more: Any) -> dict[str, Any]:
    """A Python function; what CreateFunction answers, once it is active."""
    request = {
        "FunctionName": name,
        "Runtime": "python3.12",
        "Role": ROLE,
        "Handler": "index.handler",
        "Code": {"ZipFile": package(source)},
        **more,
    }
    created = cloud.call("lambda", "CreateFunction", **request)
    cloud.clock.settle()
    return created


def invoke(cloud: Cloud, event: Any = None, *, name: str = "f", **more: Any) -> dict[str, Any]:
    """What Invoke answers, the payload parsed."""
    payload = json.dumps({} if event is None else event).encode()
    answer = cloud.call("lambda", "Invoke", FunctionName=name, Payload=payload, **more)
    if answer.get("Payload"):
        answer["Payload"] = json.loads(answer["Payload"])
    return answer


class Stage:
    """Stands in for the runtime: `stage.script(fn)` decides what every invocation answers.

    `fn(event)` returns the answer, or raises for an error of the function. `stage.seen` keeps the
    invocations.
    """

    def __init__(self) -> None:
        self.seen: list[Invocation] = []
        self.specs: list[FunctionSpec] = []
        self._fn: Callable[[Any], Any] = lambda event: event
        self.gate: asyncio.Event | None = None

    def script(self, fn: Callable[[Any], Any]) -> None:
        self._fn = fn

    @property
    def events(self) -> list[Any]:
        return [json.loads(one.payload) for one in self.seen]

    async def invoke(self, spec: FunctionSpec, invocation: Invocation, role: str, hold: Hold) -> InvokeResult:
        self.seen.append(invocation)
        self.specs.append(spec)
        if self.gate is not None:
            await self.gate.wait()
        error = None
        try:
            answer = self._fn(json.loads(invocation.payload))
        except Exception as failure:  # noqa: BLE001 - whatever the script raises is an error of the function
            error = "Unhandled"
            answer = {"errorMessage": str(failure), "errorType": type(failure).__name__}
        return InvokeResult(
            payload=answer if isinstance(answer, bytes) else json.dumps(answer).encode(),
            function_error=error, error_type=None, status="error" if error else "success",
            duration_ms=1.0, billed_ms=1, init_ms=None, max_memory_mb=10, log_stream="s",
            environment_id="e", log_tail=b"the tail",
        )  # fmt: skip


def a_queue(cloud: Cloud, name: str = "q", **attributes: str) -> str:
    """A queue's URL."""
    return str(cloud.call("sqs", "CreateQueue", QueueName=name, Attributes=attributes)["QueueUrl"])


def queue_arn(name: str) -> str:
    return f"arn:aws:sqs:us-east-1:000000000000:{name}"


def received(cloud: Cloud, url: str) -> list[dict[str, Any]]:
    """What can be received now."""
    answer = cloud.call(
        "sqs", "ReceiveMessage", QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"],
        AttributeNames=["All"],
    )  # fmt: skip
    return list(answer.get("Messages", []))


def left_in(cloud: Cloud, url: str) -> int:
    """Messages that the queue still holds, hidden ones included."""
    counts = cloud.call("sqs", "GetQueueAttributes", QueueUrl=url, AttributeNames=["All"])["Attributes"]
    return sum(int(v) for k, v in counts.items() if k.startswith("ApproximateNumber"))
