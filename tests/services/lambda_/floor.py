"""What the tests of Lambda share: small functions, and calls that hide what does not matter."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

from tests.cloud import Cloud

ROLE = "arn:aws:iam::000000000000:role/worker"
ARN = "arn:aws:lambda:us-east-1:000000000000:function"
ECHO = "def handler(event, context):\n    return event\n"


def package(source: str = ECHO, **files: str) -> bytes:
    """A deployment package whose `index.py` is `source`."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("index.py", source)
        for name, content in files.items():
            archive.writestr(name, content)
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
