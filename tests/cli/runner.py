"""Runs the real `ballroom` command in processes of its own, in a home and an environment of its own."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

COMMAND = (sys.executable, "-m", "ballroom.cli")
LIMIT_S = 60


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def expect_no_trace(text: str) -> None:
    """A trace of ours; one of a function, in its log, is what its author looks for."""
    assert not re.search(r'Traceback \(most recent call last\):\n\s+File "(?!/var/task)', text), text


class Done:
    """What a command left."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err
        expect_no_trace(err)
        expect_no_trace(out)

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    def __repr__(self) -> str:
        return f"exit {self.code}\n--- out\n{self.out}\n--- err\n{self.err}"


class Cli:
    """The command line of a user whose home is `home` and who works in `home/work`."""

    def __init__(self, home: Path) -> None:
        self.home, self.cwd = home, home / "work"
        self.cwd.mkdir(parents=True, exist_ok=True)
        self.data = home / "data"
        foreign = ("AWS_", "BALLROOM_", "LOCALSTACK_", "XDG_")
        self.environment = {k: v for k, v in os.environ.items() if not k.startswith(foreign)}
        self.environment |= {
            "XDG_DATA_HOME": str(home / "share"), "XDG_STATE_HOME": str(home / "state"),
            "XDG_CACHE_HOME": str(home / "cache"), "BALLROOM_DATA_DIR": str(self.data),
            "BALLROOM_PORT": str(free_port()),
        }  # fmt: skip
        self._background: list[Background] = []

    @property
    def port(self) -> int:
        return int(self.environment["BALLROOM_PORT"])

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def __call__(self, *words: str | Path, code: int = 0, input: str = "", **environment: str) -> Done:
        """Run to the end; the exit code must be `code`."""
        ran = subprocess.run(
            [*COMMAND, *map(str, words)], input=input, capture_output=True, text=True, timeout=LIMIT_S,
            cwd=self.cwd, env={**self.environment, **environment}, check=False,
        )  # fmt: skip
        done = Done(ran.returncode, ran.stdout, ran.stderr)
        assert done.code == code, done
        return done

    def begin(self, *words: str | Path, **environment: str) -> Background:
        """Run in the background, until told or the test ends."""
        made = Background(
            [*COMMAND, *map(str, words)], self.cwd, {**self.environment, "PYTHONUNBUFFERED": "1", **environment}
        )
        self._background.append(made)
        return made

    def serve(self, *words: str | Path, **environment: str) -> Background:
        """`ballroom serve`, once it is ready."""
        server = self.begin("serve", *words, **environment)
        server.wait_for("Ballroom is ready at ")
        return server

    def client(self, service: str) -> Any:
        """A boto3 client, as the user's own programs would have it."""
        return boto3.client(
            service, endpoint_url=self.endpoint, region_name="us-east-1", aws_access_key_id="test",
            aws_secret_access_key="test", config=Config(retries={"total_max_attempts": 1}),
        )  # fmt: skip

    def close(self) -> None:
        for one in self._background:
            one.kill()


class Background:
    """A command that runs meanwhile; its lines are gathered as they come."""

    def __init__(self, command: list[str], cwd: Path, environment: dict[str, str]) -> None:
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            cwd=cwd, env=environment,
        )  # fmt: skip
        self.lines: list[str] = []
        self._changed = threading.Condition()
        self._ended = False
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def text(self) -> str:
        return "".join(self.lines)

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            with self._changed:
                self.lines.append(line)
                self._changed.notify_all()
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def wait_for(self, words: str, limit_s: float = LIMIT_S) -> str:
        """The first line that holds `words`, once there is one."""
        with self._changed:
            self._changed.wait_for(lambda: self._ended or words in self.text, limit_s)
        for line in self.lines:
            if words in line:
                return line.rstrip("\n")
        raise AssertionError(f"no {words!r} in:\n{self.text}")

    def output(self, name: str) -> str:
        """An output of the stack that `up` has deployed."""
        self.wait_for("Logs follow")
        found = re.search(rf"^  {name} +(\S+)$", self.text, re.MULTILINE)
        assert found, self.text
        return found[1]

    def signal(self, number: int = signal.SIGTERM) -> int:
        """Send a signal and wait for the end; the exit status."""
        self.process.send_signal(number)
        return self.wait()

    def wait(self) -> int:
        status = self.process.wait(LIMIT_S)
        self._reader.join(LIMIT_S)
        expect_no_trace(self.text)
        return status

    def kill(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(LIMIT_S)
        self._reader.join(LIMIT_S)
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                pipe.close()


def until(found: Callable[[], Any], limit_s: float = LIMIT_S) -> Any:
    """What `found` returns once it is true."""
    deadline = time.monotonic() + limit_s
    while not (value := found()):
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.02)
    return value
