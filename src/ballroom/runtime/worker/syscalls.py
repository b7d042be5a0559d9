"""The few Linux system calls that Python's standard library does not have."""

from __future__ import annotations

import ctypes
import os
import platform
import struct
import sys
from typing import Any

CLONE_NEWNS = 0x00020000
CLONE_NEWUTS = 0x04000000
CLONE_NEWIPC = 0x08000000
CLONE_NEWUSER = 0x10000000
CLONE_NEWPID = 0x20000000

MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC = 1, 2, 4, 8
MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = 32, 4096, 16384, 1 << 18
MNT_DETACH = 2

_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER, _PR_SET_NO_NEW_PRIVS = 1, 36, 38
_AT_FDCWD, _AT_RECURSIVE = -100, 0x8000
_MOUNT_ATTR_RDONLY = 1
_SYS_MOUNT_SETATTR, _SYS_LANDLOCK_CREATE, _SYS_LANDLOCK_ADD, _SYS_LANDLOCK_RESTRICT = 442, 444, 445, 446
_SYS_SECCOMP = {"x86_64": 317, "aarch64": 277}
_SYS_PIVOT_ROOT = {"x86_64": 155, "aarch64": 41}
_SYS_CAPSET = {"x86_64": 126, "aarch64": 91}

MACHINE = platform.machine()
_LINUX: bool = sys.platform == "linux"
_libc = ctypes.CDLL(None, use_errno=True)


def _checked(result: int, what: str) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
    return result


def _text(value: str | None) -> bytes | None:
    return None if value is None else value.encode()


def unshare(flags: int) -> None:
    """Leave the namespaces in `flags` for new ones."""
    _checked(_libc.unshare(flags), "unshare")


def setns(fd: int, flags: int) -> None:
    """Enter the namespace of `fd`."""
    _checked(_libc.setns(fd, flags), "setns")


def mount(source: str | None, target: str, kind: str | None, flags: int, data: str | None = None) -> None:
    """mount(2)."""
    result = _libc.mount(_text(source), _text(target), _text(kind), ctypes.c_ulong(flags), _text(data))
    _checked(result, f"mount {target}")


def bind(source: str, target: str) -> None:
    """Show `source` at `target` as well."""
    mount(source, target, None, MS_BIND | MS_REC)


def make_read_only(path: str) -> None:
    """Turn a mount and those below it read-only (Linux 5.12 and later)."""
    attributes = struct.pack("QQQQ", _MOUNT_ATTR_RDONLY, 0, 0, 0)
    _checked(
        _libc.syscall(_SYS_MOUNT_SETATTR, _AT_FDCWD, _text(path), _AT_RECURSIVE, attributes, len(attributes)),
        f"mount_setattr {path}",
    )


def change_root(path: str, old: str) -> None:
    """Make `path` (a mount) the root of this mount namespace; the old one stays at its folder `old`."""
    os.chdir(path)
    _checked(_libc.syscall(_SYS_PIVOT_ROOT[MACHINE], b".", old.encode()), "pivot_root")
    os.chdir("/")


def detach(path: str) -> None:
    """Take a mount, and those below it, out of sight."""
    _checked(_libc.umount2(path.encode(), MNT_DETACH), f"umount {path}")


def die_with_parent(signal_number: int) -> None:
    """Be sent this signal when the thread that forked us ends. Undone by a change of user."""
    if _LINUX:  # elsewhere the end of the control socket has to do
        _libc.prctl(_PR_SET_PDEATHSIG, signal_number, 0, 0, 0)


def adopt_orphans() -> None:
    """Become the parent of descendants whose own parent ends."""
    if _LINUX:
        _libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def no_new_privileges() -> None:
    """From now on no program gains privileges."""
    _checked(_libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs")


def drop_capabilities() -> None:
    """Give up all capabilities, for good."""
    header = struct.pack("Ii", 0x20080522, 0)
    _checked(_libc.syscall(_SYS_CAPSET[MACHINE], header, struct.pack("IIIIII", 0, 0, 0, 0, 0, 0)), "capset")


def landlock_version() -> int:
    """0 where the kernel has no Landlock."""
    return max(0, int(_libc.syscall(_SYS_LANDLOCK_CREATE, None, 0, 1)))


_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR, _TRUNCATE = 1 << 0, 1 << 1, 1 << 2, 1 << 3, 1 << 14


def landlock(readable: list[str], writable: list[str]) -> None:
    """Restrict this process and its children to these files and folders; missing ones are passed over."""
    version = landlock_version()
    handled = (1 << 13) - 1  # what version 1 knows
    if version >= 2:
        handled |= 1 << 13
    if version >= 3:
        handled |= _TRUNCATE
    if version >= 5:
        handled |= 1 << 15
    rules = struct.pack("Q", handled)
    ruleset = _checked(_libc.syscall(_SYS_LANDLOCK_CREATE, rules, len(rules), 0), "landlock")
    reading = _EXECUTE | _READ_FILE | _READ_DIR
    for paths, access in ((readable, reading), (writable, handled)):
        for path in paths:
            try:
                fd = os.open(path, os.O_PATH | os.O_CLOEXEC)
            except OSError:
                continue
            of_a_file = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE | 1 << 15
            allowed = access & handled if os.path.isdir(path) else access & handled & of_a_file
            rule = struct.pack("=Qi", allowed, fd)
            _checked(_libc.syscall(_SYS_LANDLOCK_ADD, ruleset, 1, rule, 0), f"landlock {path}")
            os.close(fd)
    _checked(_libc.syscall(_SYS_LANDLOCK_RESTRICT, ruleset, 0), "landlock")
    os.close(ruleset)


# What a function has no business with: (x86_64, aarch64) numbers of
_DENIED = (
    (165, 40),  # mount
    (166, 39),  # umount2
    (155, 41),  # pivot_root
    (428, 428),  # open_tree
    (429, 429),  # move_mount
    (430, 430),  # fsopen
    (431, 431),  # fsconfig
    (432, 432),  # fsmount
    (433, 433),  # fspick
    (442, 442),  # mount_setattr
    (272, 97),  # unshare
    (308, 268),  # setns
    (101, 117),  # ptrace
    (310, 270),  # process_vm_readv
    (311, 271),  # process_vm_writev
    (321, 280),  # bpf
    (298, 241),  # perf_event_open
    (250, 219),  # keyctl
    (248, 217),  # add_key
    (249, 218),  # request_key
    (304, 265),  # open_by_handle_at
    (323, 282),  # userfaultfd
    (425, 425),  # io_uring_setup
    (426, 426),  # io_uring_enter
    (427, 427),  # io_uring_register
    (169, 142),  # reboot
    (167, 224),  # swapon
    (168, 225),  # swapoff
    (179, 60),  # quotactl
    (246, 104),  # kexec_load
    (320, 294),  # kexec_file_load
    (175, 105),  # init_module
    (313, 273),  # finit_module
    (176, 106),  # delete_module
)
_CLONE = (56, 220)
_CLONE3 = 435
_ARCHITECTURE = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_NAMESPACES = 0x7E020000  # every CLONE_NEW* flag of clone(2)
_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW, _REFUSE, _KILL, _NO_SUCH_CALL = 0x7FFF0000, 0x00050001, 0x80000000, 0x00050026


def seccomp_program() -> bytes:
    """A filter in the kernel's BPF: `_DENIED` and new namespaces are refused (EPERM), the rest is allowed."""
    column = 0 if MACHINE == "x86_64" else 1
    code: list[tuple[int, int, int, int]] = [
        (_LOAD, 0, 0, 4),  # architecture
        (_EQUAL, 1, 0, _ARCHITECTURE[MACHINE]),
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, 0),  # number of the call
    ]
    if MACHINE == "x86_64":
        code += [(_AT_LEAST, 0, 1, 0x40000000), (_RETURN, 0, 0, _REFUSE)]  # the x32 numbers
    for numbers in _DENIED:
        code += [(_EQUAL, 0, 1, numbers[column]), (_RETURN, 0, 0, _REFUSE)]
    code += [(_EQUAL, 0, 1, _CLONE3), (_RETURN, 0, 0, _NO_SUCH_CALL)]  # C libraries fall back to clone
    code += [
        (_EQUAL, 0, 3, _CLONE[column]),
        (_LOAD, 0, 0, 16),  # low half of the first argument: flags
        (_ANY_BIT, 0, 1, _NAMESPACES),
        (_RETURN, 0, 0, _REFUSE),
        (_RETURN, 0, 0, _ALLOW),
    ]
    return b"".join(struct.pack("HBBI", *instruction) for instruction in code)


def seccomp(program: bytes) -> None:
    """Install a filter (after `no_new_privileges`)."""
    buffer: Any = ctypes.create_string_buffer(program, len(program))
    filters = struct.pack("HxxxxxxP", len(program) // 8, ctypes.addressof(buffer))
    _checked(_libc.syscall(_SYS_SECCOMP[MACHINE], 1, 0, filters), "seccomp")
