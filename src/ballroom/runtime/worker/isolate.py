"""Keeps environments apart: by namespaces and a root of their own, or by Landlock where those are refused.

Levels, each better than the one before; `prepare` reaches the best that this machine allows and says why not
more. What it promises: one owner's functions are kept from each other's accidents, and a compromised one
reaches little. It is not a wall between hostile tenants: they share a kernel and a network.

- `process`: a session of its own, resource limits; dies with its zygote.
- `confined`: and no new privileges, seccomp, Landlock (reads the system and its own code, writes to its own
  folder only).
- `isolated`: and mount, ipc, uts and pid namespaces, AWS's paths (/var/task, /opt, /tmp, /var/runtime) on a
  read-only root, another user if we are root, no capabilities.
"""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import sys
from typing import Any

from . import syscalls as sysc

LEVELS = ("process", "confined", "isolated")
_PROCESSES = 4096  # of all environments together: they share the user
USER_ID = 1_000_993  # nobody's; AWS's own number is 993, which here may be somebody

_SYSTEM = ("usr", "bin", "sbin", "lib", "lib32", "lib64", "libx32", "etc", "nix", "gnu")
_RESOLVER = "/run/systemd/resolve"  # where /etc/resolv.conf often leads
_DEVICES = ("null", "zero", "full", "random", "urandom")
_LINKS = (("fd", "/proc/self/fd"), ("stdin", "fd/0"), ("stdout", "fd/1"), ("stderr", "fd/2"))


class Isolation:
    """What a zygote can do for its children. Made by `prepare`."""

    def __init__(self) -> None:
        self.level = "process"
        self.reason = ""
        """Why it is not a better one."""
        self.program = b""
        self.visible: list[str] = []
        self.own_pids = -1
        self.nested = False
        """In a user namespace the way back to our own pid namespace is barred: the child makes the new one."""
        self._was_root = os.geteuid() == 0

    def before_fork(self) -> None:
        """In the zygote: the next child starts a new pid namespace."""
        if self.level == "isolated" and not self.nested:
            sysc.setns(self.own_pids, sysc.CLONE_NEWPID)
            sysc.unshare(sysc.CLONE_NEWPID)

    def separate(self, status_fd: int) -> None:
        """In the child: what does not depend on the function. May fork; the parent half never returns."""
        if self.level == "isolated":
            if self.nested:
                sysc.unshare(sysc.CLONE_NEWPID)
                _become_first_process()
            sysc.unshare(sysc.CLONE_NEWNS | sysc.CLONE_NEWIPC | sysc.CLONE_NEWUTS)
            sysc.mount("proc", "/proc", "proc", sysc.MS_NOSUID | sysc.MS_NODEV | sysc.MS_NOEXEC)
            _become_second_process(status_fd)
        os.setsid()

    def enter(self, places: dict[str, Any]) -> None:
        """In the child, next: see this function's folders and nothing else, and give up all powers."""
        if self.level == "process":
            return
        if self.level == "isolated":
            _own_folders(places)
            self._change_user()
        sysc.no_new_privileges()
        if self.level == "confined":
            readable = [*self.visible, places["task"], *places["layers"]]
            sysc.landlock(readable, [places["temporary"], "/dev"])
        sysc.seccomp(self.program)

    def _change_user(self) -> None:
        if self._was_root and _readable_by_others("/var/task"):
            os.chown("/tmp", USER_ID, USER_ID)
            os.setgroups([])
            os.setresgid(USER_ID, USER_ID, USER_ID)
            os.setresuid(USER_ID, USER_ID, USER_ID)
            resource.setrlimit(resource.RLIMIT_NPROC, (_PROCESSES, _PROCESSES))
        else:  # code that only we can read (in place, in a private folder): keep the user, drop the powers
            sysc.drop_capabilities()


def prepare(wanted: str, root: str, visible: list[str], runtime: str) -> Isolation:
    """In the zygote, once, before it imports what functions see: `wanted`, or the best that works here.

    At `isolated` the zygote itself moves to the new root, with the machine's own at `/.host`, which its
    children let go of. `root`: an empty folder to build on. `visible`: folders of programs besides the
    system's. `runtime`: the folder that becomes /var/runtime.
    """
    isolation = Isolation()
    isolation.visible = [f"/{name}" for name in _SYSTEM]
    isolation.visible += ["/opt", "/proc", "/sys", "/dev", "/run", runtime, *visible]
    isolation.visible += [os.path.realpath(os.path.join(runtime, name)) for name in os.listdir(runtime)]
    if wanted == "process":
        isolation.reason = "set so"
        return isolation
    if not sys.platform.startswith("linux") or sysc.MACHINE not in ("x86_64", "aarch64"):
        isolation.reason = f"{sys.platform} on {sysc.MACHINE or 'this machine'} is not supported"
        return isolation
    isolation.program = sysc.seccomp_program()
    reasons: list[str] = []
    if wanted == "isolated":
        problem = _in_a_trial(lambda: _build_and_try(isolation, root, visible, runtime))
        if problem is None:
            _build(isolation, root, visible, runtime)
            isolation.level = "isolated"
            return isolation
        reasons.append(f"no namespaces: {problem}")
    isolation.level = "confined"
    problem = _in_a_trial(lambda: isolation.enter({"task": "/usr", "layers": [], "temporary": root}))
    if problem is not None:
        isolation.level = "process"
        reasons.append(f"no Landlock or seccomp: {problem}")
    isolation.reason = "; ".join(reasons)
    return isolation


def _in_a_trial(body: Any) -> str | None:
    """Run `body` in a child that is thrown away; its problem, if any."""
    read_fd, write_fd = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(read_fd)
        status = 0
        try:
            body()
        except BaseException as error:  # noqa: BLE001 - reported to the zygote
            os.write(write_fd, str(error).encode()[:500] or type(error).__name__.encode())
            status = 1
        os._exit(status)
    os.close(write_fd)
    with open(read_fd, "rb") as words:
        text = words.read().decode(errors="replace")
    _, status = os.waitpid(pid, 0)
    if status == 0 and not text:
        return None
    return text or f"the trial ended with status {status}"


def _build_and_try(isolation: Isolation, root: str, visible: list[str], runtime: str) -> None:
    temporary = f"{root}.trial"
    os.makedirs(temporary, exist_ok=True)
    _build(isolation, root, visible, runtime)
    isolation.level = "isolated"
    isolation.before_fork()
    read_fd, write_fd = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            isolation.separate(write_fd)
            isolation.enter({"task": runtime, "layers": [], "temporary": temporary})
            _check_root()
        except BaseException as error:  # noqa: BLE001 - reported below
            os.write(2, f"isolation: {error}\n".encode())
            os._exit(1)
        os._exit(0)
    os.close(write_fd)
    with open(read_fd, "rb") as words:
        status = words.read()
    os.waitpid(pid, 0)
    if status != b"0":
        raise OSError("a trial environment did not come up")


def _check_root() -> None:
    if not os.listdir("/var/task") or os.path.exists("/.host/usr") or os.listdir("/tmp"):
        raise OSError("the new root is not as it should be")
    if not os.path.isfile(os.__file__):
        raise OSError(f"the interpreter lives where environments have a folder of their own: {os.__file__}")
    with open("/tmp/trial", "w") as trial:
        trial.write("x")
    os.unlink("/tmp/trial")


def _build(isolation: Isolation, root: str, visible: list[str], runtime: str) -> None:
    """In a mount namespace of this zygote's own: the part of the root that all environments share."""
    user, group = os.geteuid(), os.getegid()
    isolation.nested = user != 0
    sysc.unshare(sysc.CLONE_NEWNS | (sysc.CLONE_NEWUSER if isolation.nested else 0))
    if user != 0:
        _write("/proc/self/setgroups", "deny")
        _write("/proc/self/uid_map", f"{user} {user} 1")
        _write("/proc/self/gid_map", f"{group} {group} 1")
    sysc.mount(None, "/", None, sysc.MS_REC | sysc.MS_PRIVATE)
    os.makedirs(root, exist_ok=True)
    sysc.mount("ballroom", root, "tmpfs", sysc.MS_NOSUID, "mode=0755,size=4m")
    for name in _SYSTEM:
        path = f"/{name}"
        if os.path.islink(path):
            os.symlink(os.readlink(path), root + path)
        elif os.path.isdir(path):
            _show(path, root + path)
    for path in [_RESOLVER, *visible]:
        if os.path.isdir(path) and path.split("/")[1] not in _SYSTEM:
            _show(path, root + path)
    for name in sorted(os.listdir(runtime)):
        _show_package(os.path.realpath(os.path.join(runtime, name)), f"{root}/var/runtime/{name}")
    for folder in ("var/task", "opt", "tmp", "proc", "dev", ".host"):
        os.makedirs(f"{root}/{folder}", exist_ok=True)
    for name in _DEVICES:
        _write(f"{root}/dev/{name}", "")
        sysc.bind(f"/dev/{name}", f"{root}/dev/{name}")
    for name, target in _LINKS:
        os.symlink(target, f"{root}/dev/{name}")
    os.makedirs(f"{root}/var/lang/bin")  # programs in layers, such as CDK's AWS CLI, name AWS's own interpreter
    for name in ("python", "python3", f"python3.{sys.version_info[1]}"):
        os.symlink(sys.executable, f"{root}/var/lang/bin/{name}")
    sysc.bind("/proc", f"{root}/proc")
    sysc.make_read_only(root)
    isolation.own_pids = os.open("/proc/self/ns/pid", os.O_RDONLY | os.O_CLOEXEC)
    sysc.change_root(root, ".host")


def _show(source: str, target: str) -> None:
    os.makedirs(target, exist_ok=True)
    sysc.bind(source, target)


def _show_package(source: str, target: str) -> None:
    if source.endswith(".dist-info"):  # a mount for each would slow every fork down; the version is enough
        os.makedirs(target)
        with open(f"{source}/METADATA") as metadata:
            _write(f"{target}/METADATA", metadata.read())
    elif os.path.isdir(source):
        _show(source, target)
    else:
        with open(source) as module:
            _write(target, module.read())


def _write(path: str, text: str) -> None:
    with open(path, "w") as file:
        file.write(text)


def _own_folders(places: dict[str, Any]) -> None:
    """This environment's own part of the root, and nothing of the machine's beside it."""
    sysc.bind(f"/.host{places['task']}", "/var/task")
    sysc.make_read_only("/var/task")
    layers = [f"/.host{path}" for path in places["layers"]]
    if len(layers) == 1:
        sysc.bind(layers[0], "/opt")
        sysc.make_read_only("/opt")
    elif layers:
        below = ":".join(path.replace("\\", "\\\\").replace(":", "\\:") for path in reversed(layers))
        sysc.mount("layers", "/opt", "overlay", sysc.MS_RDONLY, f"lowerdir={below}")
    sysc.bind(f"/.host{places['temporary']}", "/tmp")
    sysc.detach("/.host")


def _become_first_process() -> None:
    """Leave the old pid namespace by a fork; the parent half waits outside for the namespace to end."""
    pid = os.fork()
    if pid == 0:
        sysc.die_with_parent(signal.SIGKILL)
        return
    os.closerange(0, 65536)
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, 0)
    os._exit(0)


def _become_second_process(status_fd: int) -> None:
    """The first process of a pid namespace cannot be killed by its own signals and inherits orphans.

    So it only waits, reports how the function's process ended, and takes everything with it.
    """
    pid = os.fork()
    if pid == 0:
        sysc.die_with_parent(signal.SIGKILL)
        if status_fd >= 0:
            os.close(status_fd)
        return
    os.closerange(0, status_fd)
    os.closerange(status_fd + 1, 65536)
    while True:
        try:
            ended, status = os.waitpid(-1, 0)
        except ChildProcessError:
            os._exit(0)
        except InterruptedError:
            continue
        if ended == pid:
            with contextlib.suppress(OSError):
                os.write(status_fd, str(status).encode())
            os._exit(0)


def _readable_by_others(folder: str) -> bool:
    """Whether any user could read the code, judged by the folder and its entries."""
    try:
        if os.stat(folder).st_mode & 0o005 != 0o005:
            return False
        for entry in os.scandir(folder):
            needed = 0o005 if entry.is_dir() else 0o004
            if not entry.is_symlink() and entry.stat().st_mode & needed != needed:
                return False
    except OSError:
        return False
    return True
