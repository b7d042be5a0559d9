"""The services' pages: their tables name what is registered, and their examples run."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tests.cloud import load_services

from ballroom.kernel import registry

PAGES = Path(__file__).parents[2] / "docs" / "services"
SERVICES = sorted(path.stem for path in PAGES.glob("*.md") if path.stem != "cloudformation")
"""CloudFormation's page is tested with its resource types."""


def page_of(service: str) -> str:
    return (PAGES / f"{service}.md").read_text()


@pytest.mark.parametrize("service", SERVICES)
def test_a_page_names_the_operations_that_there_are(service: str) -> None:
    load_services()
    table = page_of(service).split("## Operations\n", 1)[1].split("\n## ", 1)[0]
    assert sorted(re.findall(r"`(\w+)`", table)) == registry.operations_of(service)


@pytest.mark.parametrize("service", SERVICES)
def test_a_pages_example_runs(service: str) -> None:
    from ballroom.testing import BallroomServer

    (example,) = re.findall(r"```python\n(.*?)```", page_of(service), re.DOTALL)
    with BallroomServer() as ballroom:
        exec(compile(example, f"{service}.md", "exec"), {"ballroom": ballroom})


def test_every_service_has_a_page() -> None:
    load_services()
    ours = {s for (s, _), op in registry.operations.items() if op.handler.__module__.startswith("ballroom.")}
    assert sorted(service for service in ours if not (PAGES / f"{service}.md").exists()) == []
