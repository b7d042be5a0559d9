"""Which isolation this machine gives, for `ballroom doctor`. The mechanism itself is `worker.isolate`."""

from __future__ import annotations

import json
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from ballroom.runtime.base import WORKER_PACKAGE, make_base
from ballroom.runtime.runtimes import own_python, program_folders
from ballroom.runtime.worker.isolate import LEVELS

_CODE = f"""
import json, os, sys
base, root, visible = sys.argv[1:]
sys.path.insert(0, base)
from {WORKER_PACKAGE}.isolate import prepare
reached = prepare("isolated", root, json.loads(visible) + [os.path.realpath(sys.base_prefix)], base)
print(json.dumps([reached.level, reached.reason]))
"""
_MEANING = {
    "isolated": "namespaces, a read-only root with AWS's paths, seccomp, no capabilities",
    "confined": "Landlock and seccomp: reads the system and its own code, writes to its own folder",
    "process": "a session and limits of its own; a function can do what this user can",
}


@dataclass(frozen=True, slots=True)
class IsolationReport:
    """The best level that functions get here."""

    level: str
    """`isolated`, `confined` or `process`."""
    reason: str
    """Why it is not a better one; empty for the best."""

    @property
    def summary(self) -> str:
        """One line for people."""
        more = f" (not more: {self.reason})" if self.reason else ""
        return f"{self.level}: {_MEANING[self.level]}{more}"


def isolation_report() -> IsolationReport:
    """Try it out in a process of its own: about 0.1 s, leaves nothing behind."""
    with tempfile.TemporaryDirectory(prefix="ballroom-isolation-") as folder:
        base = make_base(Path(folder))
        argv = [own_python().executable, "-I", "-S", "-c", _CODE]
        argv += [str(base), f"{folder}/root", json.dumps(program_folders())]
        try:
            done = subprocess.run(argv, capture_output=True, text=True, timeout=30, check=True)
            level, reason = json.loads(done.stdout)
        except (OSError, ValueError, subprocess.SubprocessError) as error:
            return IsolationReport(LEVELS[0], f"the trial failed: {error}")
    return IsolationReport(level, reason)
