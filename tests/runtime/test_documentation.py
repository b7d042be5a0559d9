"""The page about the runtime."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "runtime.md"


def test_the_example_on_the_page_runs() -> None:
    example = re.search(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert example is not None
    done = subprocess.run(
        [sys.executable, "-c", example[1]], capture_output=True, text=True, timeout=60, check=True
    )
    assert """b'{"hello": "you"}'""" in done.stdout
    assert "END RequestId: request-1" in done.stdout
