"""A running Ballroom, as the command line sees it: its control pages, and boto3 clients for the rest."""

from __future__ import annotations

import http.client
import json
import os
import ssl
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ballroom.cli.output import NOT_RUNNING, fail
from ballroom.cli.settings import default_data_dir

DEFAULT_ENDPOINT = "http://127.0.0.1:4566"


def default_endpoint() -> str:
    """Where the commands look for a Ballroom unless told with `--endpoint`."""
    return os.environ.get("BALLROOM_ENDPOINT") or os.environ.get("AWS_ENDPOINT_URL") or DEFAULT_ENDPOINT


class Connection:
    """The control pages and the services of one Ballroom."""

    def __init__(self, endpoint: str, region: str | None = None) -> None:
        self.endpoint = endpoint.rstrip("/")
        self.region = (
            region or os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or "us-east-1"
        )

    def page(self, method: str, path: str, body: Any = None, timeout_s: float = 30) -> Any:
        """The JSON answer of a control page; ends the command if there is no Ballroom."""
        try:
            status, answer = self._exchange(method, path, body, timeout_s)
        except OSError as error:
            fail(
                f"no Ballroom answers at {self.endpoint} ({error}); start one with 'ballroom start'.",
                NOT_RUNNING,
            )
        if status >= 400:
            message = answer.get("message", answer) if isinstance(answer, dict) else answer
            fail(f"{self.endpoint} answered {status}: {message}")
        return answer

    def find_health(self, timeout_s: float = 2) -> dict[str, Any] | None:
        """What the health page says; None if no Ballroom answers there."""
        try:
            status, answer = self._exchange("GET", "/_ballroom/health", None, timeout_s)
        except (OSError, http.client.HTTPException):
            return None
        return answer if status == 200 and isinstance(answer, dict) else None

    def wait_until_ready(self, timeout_s: float) -> dict[str, Any] | None:
        """The health page, once there is one."""
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            health = self.find_health()
            if health is not None:
                return health
            time.sleep(0.02)
        return None

    def _exchange(self, method: str, path: str, body: Any, timeout_s: float) -> tuple[int, Any]:
        target = urlsplit(self.endpoint)
        connection: http.client.HTTPConnection
        if target.scheme == "https":
            connection = http.client.HTTPSConnection(
                target.hostname or "", target.port, timeout=timeout_s, context=_tls_context()
            )
        else:
            connection = http.client.HTTPConnection(target.hostname or "", target.port, timeout=timeout_s)
        try:
            sent = None if body is None else json.dumps(body).encode()
            headers = {"content-type": "application/json", "user-agent": "ballroom-cli"}
            connection.request(method, path, sent, headers)
            response = connection.getresponse()
            raw = response.read()
            try:
                return response.status, json.loads(raw) if raw else None
            except ValueError:
                return response.status, raw.decode("utf-8", "replace")
        finally:
            connection.close()

    def client(self, service: str) -> Any:
        """A boto3 client of a service."""
        import boto3
        from botocore.config import Config

        key, secret = credentials()
        return boto3.client(
            service,
            endpoint_url=self.endpoint,
            region_name=self.region,
            aws_access_key_id=key,
            aws_secret_access_key=secret,
            verify=os.environ.get("AWS_CA_BUNDLE") or None,
            config=Config(retries={"mode": "standard", "total_max_attempts": 3}, inject_host_prefix=False),
        )

    def environment(self) -> dict[str, str]:
        """The variables that point AWS clients here."""
        key, secret = credentials()
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": key,
            "AWS_SECRET_ACCESS_KEY": secret,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_REGION": self.region,
            "AWS_DISABLE_HOST_PREFIX_INJECTION": "true",
            "AWS_EC2_METADATA_DISABLED": "true",
        }


def credentials(data_dir: Path | None = None) -> tuple[str, str]:
    """The key pair to sign with: the environment's, else the owner's, else one that stands for nobody."""
    key, secret = os.environ.get("AWS_ACCESS_KEY_ID"), os.environ.get("AWS_SECRET_ACCESS_KEY")
    if key and secret:
        return key, secret
    named = data_dir or Path(os.environ.get("BALLROOM_DATA_DIR") or default_data_dir())
    try:
        lines = (named / "root-key").read_text("ascii").split()
    except OSError:
        return "test", "test"
    return (lines[0], lines[1]) if len(lines) >= 2 else ("test", "test")


def _tls_context() -> ssl.SSLContext:
    return ssl.create_default_context(cafile=os.environ.get("AWS_CA_BUNDLE"))
