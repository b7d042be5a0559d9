"""The process's AWS environment, pointed to a Ballroom for a while and put back afterwards."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

NO_FILES = {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}


@contextmanager
def aws_environment(variables: Mapping[str, str]) -> Iterator[None]:
    """`variables` and no other AWS variable, profile or configuration file, meanwhile.

    Whoever makes plain boto3 clients talks to the Ballroom that the variables name. boto3's default session
    is a fresh one: it keeps the credentials of the first client that the process made.
    """
    before = {name: value for name, value in os.environ.items() if name.startswith("AWS_")}
    boto3 = sys.modules.get("boto3")
    session = getattr(boto3, "DEFAULT_SESSION", None)
    _replace({**NO_FILES, **variables})
    if boto3 is not None:
        boto3.DEFAULT_SESSION = None  # type: ignore[attr-defined]
    try:
        yield
    finally:
        _replace(before)
        boto3 = sys.modules.get("boto3")
        if boto3 is not None:
            boto3.DEFAULT_SESSION = session  # type: ignore[attr-defined]


def _replace(variables: Mapping[str, str]) -> None:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    os.environ.update(variables)
