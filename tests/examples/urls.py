"""Requests to function URLs, whose names below localhost not every resolver knows to be loopback."""

from __future__ import annotations

import http.client
import json
from typing import Any
from urllib.parse import urlsplit


def request(url: str, method: str = "GET", path: str = "", body: Any = None) -> tuple[int, Any]:
    """Status and JSON answer; `path` is appended to the URL."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection("127.0.0.1", parts.port, timeout=60)
    try:
        sent = None if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        connection.request(method, parts.path + path, sent, {"host": parts.netloc})
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        connection.close()
