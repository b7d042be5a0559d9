"""Where the server's settings come from: flags, then environment, then a file, then the defaults.

Each flag `--data-dir` of `ballroom serve` has a variable `BALLROOM_DATA_DIR` and a line `data_dir = ...`
in `ballroom.toml` (in the working directory, or named by `--config` or `BALLROOM_CONFIG`). Some variables
of the field's other tools are understood where they mean the same.
"""

from __future__ import annotations

import os
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from ballroom.kernel.errors import AlreadyRefused
from ballroom.kernel.settings import Settings

CONFIG_FILE = "ballroom.toml"


def default_data_dir(environment: Mapping[str, str] = os.environ) -> Path:
    """Where a user's Ballroom keeps its data, by the platform's custom."""
    home = Path.home()
    if sys.platform == "darwin":
        return home / "Library" / "Application Support" / "ballroom"
    return Path(environment.get("XDG_DATA_HOME") or home / ".local" / "share") / "ballroom"


def load(
    flags: Mapping[str, Any], *, config: Path | None = None, environment: Mapping[str, str] = os.environ
) -> Settings:
    """The settings of a server. `flags` holds what the command line gave; None means not given.

    Raises:
        AlreadyRefused: a value cannot be used; says which and where it stands.
    """
    values: dict[str, Any] = {}
    for source, found in (
        ("file", _from_file(config, environment)),
        ("environment", _from_environment(environment)),
        ("flag", {name: value for name, value in flags.items() if value is not None}),
    ):
        for name, value in found.items():
            values[name] = (value, source)
    memory = _take_flag(values, "memory")
    try:
        settings = msgspec.convert({name: value for name, (value, _) in values.items()}, Settings, strict=False)
    except msgspec.ValidationError as error:
        raise AlreadyRefused(f"a setting cannot be used: {error}") from error
    if memory:
        settings.data_dir = None
    elif settings.data_dir is None:
        settings.data_dir = default_data_dir(environment)
    _check(settings)
    return settings


def _take_flag(values: dict[str, Any], name: str) -> bool:
    value, _ = values.pop(name, (False, ""))
    return value in (True, 1, "1", "true", "yes", "on")


def _check(settings: Settings) -> None:
    choices = {
        "clock": ("real", "virtual"),
        "auth": (None, "open", "soft", "enforce"),
        "log_level": ("debug", "info", "warning", "error"),
    }
    for name, allowed in choices.items():
        if getattr(settings, name) not in allowed:
            wanted = ", ".join(str(a) for a in allowed if a)
            raise AlreadyRefused(f"{name} is {getattr(settings, name)!r}; it may be {wanted}.")
    if not 0 <= settings.port <= 65535:
        raise AlreadyRefused(f"{settings.port} is no port.")
    if len(settings.account) != 12 or not settings.account.isdecimal():
        raise AlreadyRefused(f"{settings.account!r} is no account: it has 12 digits.")
    if bool(settings.tls_cert) != bool(settings.tls_key):
        raise AlreadyRefused("TLS needs both a certificate and a key.")


def _from_file(config: Path | None, environment: Mapping[str, str]) -> dict[str, Any]:
    named = config or (Path(environment["BALLROOM_CONFIG"]) if environment.get("BALLROOM_CONFIG") else None)
    path = named or Path(CONFIG_FILE)
    try:
        with path.open("rb") as file:
            found = tomllib.load(file)
    except FileNotFoundError:
        if named is not None:
            raise AlreadyRefused(f"the configuration file {path} does not exist.") from None
        return {}
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise AlreadyRefused(f"the configuration file {path} cannot be read: {error}") from error
    known = {*Settings.__struct_fields__, "memory"}
    unknown = sorted(set(found) - known)
    if unknown:
        raise AlreadyRefused(f"{path} sets {', '.join(unknown)}, which Ballroom does not know.")
    return found


def _from_environment(environment: Mapping[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in (*Settings.__struct_fields__, "memory"):
        text = environment.get(f"BALLROOM_{name.upper()}")
        if text is not None:
            found[name] = text.split(",") if name.startswith("allowed_") else text
    if "port" not in found and environment.get("EDGE_PORT"):
        found["port"] = environment["EDGE_PORT"]
    listen = environment.get("GATEWAY_LISTEN")
    if listen and not found.keys() & {"host", "port"}:
        host, _, port = listen.split(",")[0].rpartition(":")
        found["host"] = host.strip("[]") or "127.0.0.1"
        found["port"] = port
    if "log_level" not in found and environment.get("DEBUG") == "1":
        found["log_level"] = "debug"
    return found
