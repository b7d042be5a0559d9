"""Runtime names: which are supported, and with which program on this machine."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

_PYTHON = re.compile(r"python3\.(\d+)")
_NODE = re.compile(r"nodejs(\d+)\.x")
_REFUSED = {
    "java": "the Java runtimes are not supported yet",
    "dotnet": "the .NET runtimes are not supported yet",
    "ruby": "the Ruby runtimes are not supported yet",
    "go1.x": "AWS retired go1.x; build for provided.al2023 instead",
}
OLDEST_PYTHON, NEWEST_PYTHON = 8, 15


def family(runtime: str) -> str | None:
    """`python`, `node`, `provided`, or None for what is not supported."""
    match = _PYTHON.fullmatch(runtime)
    if match:
        return "python" if OLDEST_PYTHON <= int(match[1]) <= NEWEST_PYTHON else None
    if _NODE.fullmatch(runtime):
        return "node"
    if runtime in ("provided", "provided.al2", "provided.al2023"):
        return "provided"
    return None


def supported(runtime: str) -> str | None:
    """None when functions of this runtime can run here, else the reason why not, in one line."""
    kind = family(runtime)
    if kind == "node" and find_node() is None:
        return f"{runtime} needs Node.js, and there is no `node` on this machine's PATH"
    if kind == "provided" and not sys.platform.startswith("linux"):
        return f"{runtime} runs Linux programs, and this machine is not Linux"
    if kind is not None:
        return None
    for prefix, reason in _REFUSED.items():
        if runtime.startswith(prefix):
            return reason
    return f"{runtime} is not a runtime that Ballroom knows"


def runtime_version(runtime: str) -> str:
    """As the INIT_START line names it, e.g. `python:3.12.v1`: our own count, AWS's are not public."""
    match = re.fullmatch(r"([a-z]+)(.*)", runtime)
    name, rest = (match[1], match[2].removesuffix(".x").lstrip(".")) if match else (runtime, "")
    return f"{name}:{rest}.v1" if rest else f"{name}:v1"


def runtime_version_arn(runtime: str, region: str, partition: str = "aws") -> str:
    """A stable ARN of the same form as AWS's (`RuntimeVersionConfig`, INIT_START)."""
    digest = hashlib.sha256(runtime_version(runtime).encode()).hexdigest()
    return f"arn:{partition}:lambda:{region}::runtime:{digest}"


@dataclass(frozen=True, slots=True)
class Interpreter:
    """A Python to fork environments from."""

    executable: str
    version: tuple[int, int]
    exact: bool
    """Whether it is the version that the function asked for."""


@lru_cache(maxsize=64)
def find_python(runtime: str) -> Interpreter:
    """The interpreter for a `python3.x` runtime: the exact version if this machine has it, else our own.

    May run candidates to ask for their version: call it off the event loop.
    """
    match = _PYTHON.fullmatch(runtime)
    wanted = (3, int(match[1])) if match else sys.version_info[:2]
    own = Interpreter(_own_executable(), (sys.version_info[0], sys.version_info[1]), True)
    if wanted == own.version:
        return own
    for candidate in _candidates(wanted):
        if _version_of(candidate) == wanted:
            return Interpreter(str(candidate), (wanted[0], wanted[1]), True)
    return Interpreter(own.executable, own.version, False)


def own_python() -> Interpreter:
    """The interpreter that runs the server."""
    return Interpreter(_own_executable(), (sys.version_info[0], sys.version_info[1]), True)


def find_node() -> str | None:
    """The `node` on the PATH (functions run on it whichever version they name)."""
    return shutil.which("node")


def program_folders() -> tuple[str, ...]:
    """Where programs outside the system's folders live."""
    node = find_node()
    return (str(Path(node).resolve().parent.parent), *node_packages()) if node else ()


def node_packages() -> tuple[str, ...]:
    """Where this machine keeps packages for every Node.js program: the server's NODE_PATH, npm's global folder.

    AWS's runtimes bring the AWS SDK for JavaScript; here functions find the one that is installed there.
    """
    node = find_node()
    named = [folder for folder in os.environ.get("NODE_PATH", "").split(os.pathsep) if folder]
    if node:
        named += [str(at.parent.parent / "lib" / "node_modules") for at in (Path(node), Path(node).resolve())]
    return tuple(dict.fromkeys(str(Path(folder).absolute()) for folder in named if Path(folder).is_dir()))


def _own_executable() -> str:
    return str(getattr(sys, "_base_executable", None) or sys.executable)


def _candidates(wanted: tuple[int, ...]) -> list[Path]:
    name = f"python{wanted[0]}.{wanted[1]}"
    home = Path.home()
    uv = Path(os.environ.get("UV_PYTHON_INSTALL_DIR") or home / ".local/share/uv/python")
    pyenv = Path(os.environ.get("PYENV_ROOT") or home / ".pyenv") / "versions"
    found = _newest_first(uv, f"cpython-{wanted[0]}.{wanted[1]}.*/bin/{name}")
    found += _newest_first(pyenv, f"{wanted[0]}.{wanted[1]}.*/bin/{name}")
    found += [Path(folder) / name for folder in ("/usr/local/bin", "/usr/bin", "/opt/homebrew/bin")]
    on_path = shutil.which(name)
    if on_path:
        found.append(Path(on_path))
    return [path for path in found if os.access(path, os.X_OK)]


def _newest_first(folder: Path, pattern: str) -> list[Path]:
    try:
        return sorted(folder.glob(pattern), reverse=True)
    except OSError:  # a folder that we may not look into
        return []


def _version_of(executable: Path) -> tuple[int, int] | None:
    code = "import sys; print(*sys.version_info[:2])"
    try:
        done = subprocess.run(
            [str(executable), "-I", "-S", "-c", code], capture_output=True, text=True, timeout=10, check=False
        )
        major, minor = done.stdout.split()
    except (OSError, ValueError, subprocess.SubprocessError):
        return None
    return int(major), int(minor)
