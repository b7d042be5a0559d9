"""A Ballroom in a process of its own, to be killed and started again."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Any

import boto3
from botocore.config import Config


class ServerProcess:
    """`ballroom serve` on a data directory, on a port that stays the same over restarts."""

    def __init__(self, data: Path, *flags: str) -> None:
        self.data, self._flags = data, flags
        self.port = 0
        self.process: subprocess.Popen[str] | None = None

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> ServerProcess:
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "BALLROOM_"))}
        self.process = subprocess.Popen(
            [
                sys.executable, "-m", "ballroom.cli", "serve", "--data", str(self.data),
                "--port", str(self.port), "--log-level", "warning", *self._flags,
            ],
            stdout=subprocess.PIPE, text=True, env=environment,
        )  # fmt: skip
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line.startswith("Ballroom is ready at "):
            raise AssertionError(line or f"the server ended with status {self._reap()}")
        self.port = int(line.split(" (")[0].rsplit(":", 1)[1])
        return self

    def kill(self) -> None:
        """kill -9."""
        assert self.process is not None
        self.process.kill()
        self._reap()

    def stop(self) -> int:
        """SIGTERM; the exit status."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return self._reap()

    def _reap(self) -> int:
        assert self.process is not None
        assert self.process.stdout is not None
        status = self.process.wait(60)
        self.process.stdout.close()
        self.process = None
        return status

    def client(self, service: str, *, attempts: int = 1, region: str = "us-east-1") -> Any:
        return boto3.client(
            service, endpoint_url=self.endpoint, region_name=region,
            aws_access_key_id="test", aws_secret_access_key="test",
            config=Config(retries={"total_max_attempts": attempts}, read_timeout=60, connect_timeout=5),
        )  # fmt: skip

    def __enter__(self) -> ServerProcess:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process is not None:
            self.kill()
