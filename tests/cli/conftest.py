"""A command line of its own for each test, and one served Ballroom for the tests that only look at it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.runner import Cli


@pytest.fixture
def cli(tmp_path: Path) -> Iterator[Cli]:
    """The command line of a user with an empty home; no server runs."""
    made = Cli(tmp_path)
    yield made
    made.close()


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cli]:
    """The command line of a user whose server runs, on a virtual clock; shared by a module's tests."""
    made = Cli(tmp_path_factory.mktemp("home"))
    made.serve("--clock", "virtual")
    yield made
    made.close()


@pytest.fixture
def app(cli: Cli) -> Path:
    """A small application: a function with a parameter in its environment, and its log group's name."""
    return write_app(cli.cwd / "app")


@pytest.fixture(scope="module")
def served_app(served: Cli) -> Path:
    """The same, deployed as the stack `app` in the served Ballroom."""
    folder = write_app(served.cwd / "app")
    served("deploy", "app", "--json")
    return folder


TEMPLATE = """
AWSTemplateFormatVersion: "2010-09-09"
Transform: AWS::Serverless-2016-10-31
Parameters:
  Word: {Type: String, Default: hello}
Resources:
  Speaker:
    Type: AWS::Serverless::Function
    Properties:
      FunctionName: speaker
      CodeUri: src
      Handler: app.handler
      Runtime: python3.12
      Environment: {Variables: {WORD: !Ref Word}}
      FunctionUrlConfig: {AuthType: NONE}
Outputs:
  Name: {Value: !Ref Speaker}
  Url: {Value: !GetAtt SpeakerUrl.FunctionUrl}
"""

CODE = """
import os

def handler(event, context):
    if event.get("fail"):
        raise ValueError("asked to fail")
    print("said", os.environ["WORD"])
    return {"word": os.environ["WORD"], "event": event}
"""


def write_app(folder: Path) -> Path:
    (folder / "src").mkdir(parents=True)
    (folder / "template.yaml").write_text(TEMPLATE)
    (folder / "src" / "app.py").write_text(CODE)
    return folder
