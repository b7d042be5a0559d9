"""Real clients against a Ballroom that serves HTTP; one for all tests of this folder, so names are their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ballroom.testing import BallroomServer

AWS = Path(sys.executable).parent / "aws"
Aws = Callable[..., Any]


@pytest.fixture(scope="session")
def server() -> Iterator[BallroomServer]:
    packages = Path(__file__).parents[2] / ".tools" / "node_modules"  # where `make tools` puts the AWS SDK
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("NODE_PATH", str(packages))
        with BallroomServer(clock="real") as made:
            yield made


@pytest.fixture
def aws(server: BallroomServer, tmp_path: Path) -> Aws:
    """The AWS CLI: `aws("sqs", "list-queues")` returns its JSON, or its text; `fails=True` what it complains."""
    foreign = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "BALLROOM_"))}
    environment = {**foreign, **server.environment, "AWS_CONFIG_FILE": os.devnull, "AWS_PAGER": ""}

    def run(*words: str | Path, fails: bool = False, input: str = "") -> Any:
        if words[0] == "sqs":  # version 1 ignores AWS_ENDPOINT_URL there
            words = ("--endpoint-url", server.endpoint, *words)
        ran = subprocess.run(
            [AWS, "--output", "json", *words], env=environment, cwd=tmp_path, input=input, text=True,
            capture_output=True, timeout=60, check=False,
        )  # fmt: skip
        assert (ran.returncode != 0) == fails, f"{words}: exit {ran.returncode}\n{ran.stdout}\n{ran.stderr}"
        if fails:
            return ran.stderr.strip()
        try:
            return json.loads(ran.stdout)
        except ValueError:
            return ran.stdout

    return run
