"""The first moments of a forked process: from the zygote's to the function's own surroundings.

The order matters: first what makes it safe (own session, dies with its parent), then descriptors, isolation,
variables and paths, last the function's code.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from . import frames, isolate

CHANNEL_FD = 3
TELEMETRY_FD = 4
STATUS_FD = 5

SDK = frozenset({"boto3", "botocore", "s3transfer", "jmespath", "dateutil", "six", "urllib3"})


@dataclass
class Job:
    """What a child is forked with."""

    zygote: int
    channel_fd: int
    output_fd: int
    status_fd: int
    """Where the first process of a pid namespace writes how the runtime process ended; -1 without one."""
    touch: bool
    """Forked ahead of need: go over the memory that a function will write to, while nobody waits."""


def run(job: Job, isolation: isolate.Isolation, preloaded: frozenset[str]) -> None:
    """Become the runtime process that the supervisor asks for over the channel. Never returns."""
    _die_with_parent(job.zygote)
    status_fd = _arrange_descriptors(job)
    try:
        isolation.separate(status_fd)
        if job.touch:
            from . import warm

            warm.touch()
        frame = frames.read_exactly(CHANNEL_FD)
        if frame is None:
            os._exit(0)
        request: dict[str, Any] = json.loads(frames.decode(frame)[2])
        isolation.enter(request["places"])
    except OSError as error:
        os.write(2, f"this environment could not be isolated: {error}\n".encode())
        os._exit(1)
    _limit(request["limits"])
    os.environ.clear()
    os.environ.update(request["env"])
    time.tzset()
    try:
        os.chdir(request["directory"])
    except OSError as error:
        os.write(2, f"{request['directory']}: {error.strerror}\n".encode())
    if "argv" in request:
        _execute(request["argv"])
    else:
        _run_python(request, preloaded)


def _die_with_parent(parent: int) -> None:
    """Linux: be killed when the forking process ends. Elsewhere the end of the channel has to do.

    The signal follows the *thread* that forked, which is why a zygote has only one.
    """
    if not sys.platform.startswith("linux"):
        return
    from . import syscalls

    syscalls.die_with_parent(signal.SIGKILL)
    if os.getppid() not in (parent, 0):  # 0: the parent is outside our pid namespace
        os._exit(1)


def _arrange_descriptors(job: Job) -> int:
    """0 nothing, 1 and 2 the output pipe, 3 the channel, 4 the output again, for framed log records.

    Everything else is closed, but for the status descriptor, which gets a new number.
    """
    import fcntl

    channel = fcntl.fcntl(job.channel_fd, fcntl.F_DUPFD_CLOEXEC, 10)
    output = fcntl.fcntl(job.output_fd, fcntl.F_DUPFD_CLOEXEC, 10)
    status = fcntl.fcntl(job.status_fd, fcntl.F_DUPFD_CLOEXEC, 10) if job.status_fd >= 0 else -1
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.dup2(channel, CHANNEL_FD)
    os.dup2(output, TELEMETRY_FD)
    if status >= 0:
        os.dup2(status, STATUS_FD, inheritable=False)
    os.closerange(STATUS_FD + (status >= 0), 65536)
    return STATUS_FD if status >= 0 else -1


def _limit(limits: dict[str, list[int]]) -> None:
    import resource

    for name, (soft, hard) in limits.items():
        kind = getattr(resource, name, None)
        if kind is None:
            continue
        ceiling = resource.getrlimit(kind)[1]
        if ceiling != resource.RLIM_INFINITY:
            hard = ceiling if hard == resource.RLIM_INFINITY else min(hard, ceiling)
            soft = hard if soft == resource.RLIM_INFINITY else min(soft, hard)
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(kind, (soft, hard))


def _execute(argv: list[str]) -> None:
    os.set_inheritable(CHANNEL_FD, True)
    os.set_inheritable(TELEMETRY_FD, True)
    try:
        os.execve(argv[0], argv, os.environ)
    except OSError as error:
        text = f"fork/exec {argv[0]}: {(error.strerror or '').lower()}"
        header = {"type": "Runtime.InvalidEntrypoint", "text": text}
        os.write(CHANNEL_FD, frames.encode(frames.INIT_ERROR, header))
        os._exit(1)


def _run_python(request: dict[str, Any], preloaded: frozenset[str]) -> None:
    import awslambdaric.bootstrap as bootstrap

    from .client import Client

    sys.path[:0] = request["path"]
    sys.argv = [sys.argv[0]]
    sys.dont_write_bytecode = True  # as on AWS, where the code is read-only; and a .pyc can be out of date
    _forget_what_the_function_brings(request["path"], preloaded)
    _seed()
    if request["env"].get("AWS_LAMBDA_LOG_FORMAT") or request["env"].get("AWS_LAMBDA_LOG_LEVEL"):
        import importlib

        bootstrap = importlib.reload(bootstrap)  # it reads these two when it is imported
    os.set_inheritable(CHANNEL_FD, False)
    os.set_inheritable(TELEMETRY_FD, False)
    os.environ["_LAMBDA_TELEMETRY_LOG_FD"] = str(TELEMETRY_FD)
    _to_the_end(lambda: bootstrap.run(request["handler"], Client(CHANNEL_FD)))


def _to_the_end(body: Callable[[], None]) -> None:
    """End as Python programs do (non-daemon threads, exit handlers), without taking 50 MB of modules apart."""
    import atexit
    import threading
    import traceback

    status = 0
    try:
        body()
    except SystemExit as end:
        code = end.code
        status = 0 if code is None else code if isinstance(code, int) else 1
        if code is not None and not isinstance(code, int):
            print(code, file=sys.stderr)
    except BaseException:  # noqa: BLE001 - the interpreter's own last resort
        traceback.print_exc()
        status = 1
    with contextlib.suppress(BaseException):
        threading._shutdown()  # type: ignore[attr-defined]
        atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(BaseException):
            stream.flush()
    os._exit(status & 0xFF)


def _forget_what_the_function_brings(paths: list[str], preloaded: frozenset[str]) -> None:
    """A module that the package or a layer brings wins over the one the zygote imported, as on AWS.

    The SDK goes as a whole: its parts hold on to each other.
    """
    brought: set[str] = set()
    for path in paths:
        with contextlib.suppress(OSError):
            brought.update(name.partition(".")[0] for name in os.listdir(path))
    shadowed = brought & preloaded
    if not shadowed:
        return
    if shadowed & SDK:
        shadowed |= SDK
    for name in list(sys.modules):
        if name.partition(".")[0] in shadowed:
            del sys.modules[name]


def _seed() -> None:
    """Each environment has its own random numbers (`random` itself is reseeded by fork)."""
    tempfile = sys.modules.get("tempfile")
    if tempfile is not None:
        tempfile.tempdir = None  # type: ignore[attr-defined]
    numpy = sys.modules.get("numpy")
    if numpy is not None:
        numpy.random.seed()
