"""Where the server's settings come from: flags, then environment, then a file, then the defaults.

Each flag `--data-dir` of `ballroom serve` has a variable `BALLROOM_DATA_DIR` and a line `data_dir = ...`
in `ballroom.toml` (in the working directory, or named by `--config` or `BALLROOM_CONFIG`). The flags, the
tables in docs/operations.md and `--help` are made from `OPTIONS`. Variables of the field's other tools
are understood where they mean the same: see `field_variables`.
"""

from __future__ import annotations

import os
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from ballroom.cli.field_variables import from_field_variables
from ballroom.kernel.errors import AlreadyRefused
from ballroom.kernel.settings import Settings

CONFIG_FILE = "ballroom.toml"


class WrongSetting(AlreadyRefused):
    """A setting cannot be used; says which, and where it stands."""


class Option(NamedTuple):
    """One setting as users see it. `name` is its field of `Settings`, and the line in the file."""

    name: str
    help: str
    metavar: str = ""
    choices: tuple[str, ...] = ()
    default: str = ""
    """What `--help` shows; empty: nothing is set."""

    @property
    def flag(self) -> str:
        """The flag of `serve` and `start`."""
        return "--data" if self.name == "data_dir" else "--" + self.name.replace("_", "-")

    @property
    def variable(self) -> str:
        """The environment variable."""
        return f"BALLROOM_{self.name.upper()}"


OPTIONS = (
    Option("host", "The address to listen on.", "ADDRESS", default="127.0.0.1"),
    Option("port", "The port; 0 takes a free one.", "PORT", default="4566"),
    Option("data_dir", "The data directory.", "DIR", default="the user's"),
    Option("memory", "Keep everything in memory, nothing on disk."),
    Option(
        "public_url", "What appears in queue URLs, function URLs and outputs.", "URL", (),
        "http://localhost:<port>",
    ),
    Option("region", "The region of clients that name none.", "REGION", default="us-east-1"),
    Option("account", "The account of clients whose key tells none.", "DIGITS", default="000000000000"),
    Option("auth", "Whose requests are accepted.", "", ("open", "soft", "enforce"),
           "open on loopback, enforce beyond"),
    Option("tls_cert", "Serve TLS with this certificate chain (PEM).", "FILE"),
    Option("tls_key", "The certificate's private key (PEM).", "FILE"),
    Option("allowed_origins", "A web page's origin that may call the API; repeatable.", "ORIGIN"),
    Option("allowed_hosts", "A further host name of this server; repeatable.", "HOST"),
    Option("clock", "Real time, or one that can be moved (ballroom clock).", "", ("real", "virtual"), "real"),
    Option("seed", "Make ids and chance repeatable.", "NUMBER"),
    Option(
        "isolation", "The isolation that functions demand: refuse to run them with less.", "",
        ("auto", "process", "confined", "isolated"), "auto",
    ),
    Option("local_code", "Whether functions may use directories of this machine in place.", "", (),
           "only on loopback"),
    Option(
        "private_addresses", "Requests that applications order (API destinations) may go to private addresses.",
    ),
    Option("quotas", "Another quota than AWS's, such as events.rules-per-bus=1000; repeatable.", "NAME=NUMBER"),
    Option("drain_s", "How long a graceful stop may take, in seconds.", "SECONDS", default="10"),
    Option("log_level", "How much the server's own log tells.", "", ("debug", "info", "warning", "error"),
           "info"),
    Option("max_body_bytes", "The largest body that is held in memory.", "BYTES", default="67108864"),
    Option("overlay_bytes", "How much may wait for the disk before writes are refused.", "BYTES", (),
           "67108864"),
    Option("overlay_age_s", "How long a commit may take before writes are refused.", "SECONDS", default="3"),
    Option("cache_entries", "How many decoded records are kept at hand.", "NUMBER", default="8192"),
    Option("store_vfs", "The SQLite VFS of the store: fault injection in tests.", "NAME"),
)  # fmt: skip
_KINDS = {field.name: field.type for field in msgspec.structs.fields(Settings)} | {"memory": bool}
_LISTS = ("allowed_origins", "allowed_hosts", "quotas")


class Given(NamedTuple):
    """A value as it was found."""

    value: Any
    where: str
    rank: int


def default_data_dir(environment: Mapping[str, str] = os.environ) -> Path:
    """Where a user's Ballroom keeps its data, by the platform's custom."""
    home = Path.home()
    if sys.platform == "darwin":
        return home / "Library" / "Application Support" / "ballroom"
    if sys.platform == "win32":
        return Path(environment.get("LOCALAPPDATA") or home / "AppData" / "Local") / "ballroom"
    return Path(environment.get("XDG_DATA_HOME") or home / ".local" / "share") / "ballroom"


def default_cache(environment: Mapping[str, str] = os.environ) -> Path:
    """Where the command line keeps what it can make anew: installed dependencies, unpacked packages."""
    return Path(environment.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ballroom"


def load(
    flags: Mapping[str, Any], *, config: Path | None = None, environment: Mapping[str, str] = os.environ
) -> Settings:
    """The settings of a server. `flags` holds what the command line gave; None means not given.

    Raises:
        WrongSetting: a value cannot be used; says which and where it stands.
    """
    found: dict[str, Given] = {}
    for rank, given in enumerate(
        (_from_file(config, environment), _from_environment(environment), _from_flags(flags))
    ):
        for name, (value, where) in given.items():
            found[name] = Given(_converted(name, value, where), where, rank)
    memory = found.pop("memory", None)
    data = found.get("data_dir")
    if memory is not None and memory.value:
        if data is not None and data.rank == memory.rank:
            raise WrongSetting(f"{memory.where} and {data.where} exclude each other.")
        if data is None or data.rank < memory.rank:
            found["data_dir"] = Given(None, memory.where, memory.rank)
            data = found["data_dir"]
    settings = Settings(**{name: given.value for name, given in found.items()})
    if data is None:
        settings.data_dir = default_data_dir(environment)
    if settings.public_url:  # of a variable that names only the host
        scheme = "https" if settings.tls_cert else "http"
        named = settings.public_url.replace("{scheme}", scheme)
        settings.public_url = named.replace("{port}", str(settings.port))
    _check(settings, {name: given.where for name, given in found.items()})
    return settings


def _converted(name: str, value: Any, where: str) -> Any:
    if name == "quotas" and isinstance(value, list):
        value = dict(str(one).partition("=")[::2] for one in value)
    try:
        return msgspec.convert(value, _KINDS[name], strict=False, dec_hook=_as_path)
    except (msgspec.ValidationError, TypeError):
        wanted = {int: "a whole number", float: "a number", bool: "true or false"}.get(_KINDS[name], "a text")
        if name == "seed":
            wanted = "a whole number"
        elif name == "quotas":
            wanted = "names of quotas with whole numbers"
        elif name in _LISTS:
            wanted = "a list of texts"
        raise WrongSetting(f"{where} is {value!r}; it must be {wanted}.") from None


def _as_path(kind: type, value: Any) -> Any:
    if kind is not Path or not isinstance(value, str | Path):
        raise TypeError
    return Path(value).expanduser()


def _check(settings: Settings, where: Mapping[str, str]) -> None:
    def refuse(name: str, text: str) -> None:
        option = next(option for option in OPTIONS if option.name == name)
        raise WrongSetting(f"{where.get(name, option.flag)} is {getattr(settings, name)!r}; {text}.")

    for option in OPTIONS:
        if option.choices and getattr(settings, option.name) not in (*option.choices, None):
            refuse(option.name, f"it may be {', '.join(option.choices)}")
    if not 0 <= settings.port <= 65535:
        refuse("port", "it may be 0 (a free one) to 65535")
    if len(settings.account) != 12 or not settings.account.isdecimal():
        refuse("account", "an account has 12 digits")
    if settings.public_url and not settings.public_url.startswith(("http://", "https://")):
        refuse("public_url", "it must begin with http:// or https://")
    for name in ("drain_s", "overlay_age_s", "cache_entries", "max_body_bytes", "overlay_bytes"):
        if not 0 <= getattr(settings, name) < float("inf"):
            refuse(name, "it must not be negative or infinite")
    if bool(settings.tls_cert) != bool(settings.tls_key):
        raise WrongSetting("TLS needs both a certificate (--tls-cert) and a key (--tls-key).")


def _from_flags(flags: Mapping[str, Any]) -> dict[str, tuple[Any, str]]:
    shown = {option.name: option.flag for option in OPTIONS}
    return {name: (value, shown[name]) for name, value in flags.items() if value is not None}


def _from_file(config: Path | None, environment: Mapping[str, str]) -> dict[str, tuple[Any, str]]:
    named = config or (Path(environment["BALLROOM_CONFIG"]) if environment.get("BALLROOM_CONFIG") else None)
    path = named or Path(CONFIG_FILE)
    try:
        with path.open("rb") as file:
            found = tomllib.load(file)
    except FileNotFoundError:
        if named is not None:
            raise WrongSetting(f"the configuration file {path} does not exist.") from None
        return {}
    except (OSError, ValueError) as error:  # ValueError: not TOML, or not UTF-8
        raise WrongSetting(f"the configuration file {path} cannot be read: {error}") from error
    unknown = sorted(set(found) - {option.name for option in OPTIONS})
    if unknown:
        raise WrongSetting(f"{path} sets {', '.join(unknown)}, which Ballroom does not know.")
    for name in ("data_dir", "tls_cert", "tls_key"):
        if isinstance(found.get(name), str):  # what a file says is relative to the file
            found[name] = str(path.absolute().parent / Path(found[name]).expanduser())
    return {name: (value, f"{name} in {path}") for name, value in found.items()}


def _from_environment(environment: Mapping[str, str]) -> dict[str, tuple[Any, str]]:
    found = from_field_variables(environment)
    for option in OPTIONS:
        text = environment.get(option.variable)
        if text:
            value = [one.strip() for one in text.split(",")] if option.name in _LISTS else _plain(option, text)
            found[option.name] = (value, option.variable)
    return found


def _plain(option: Option, text: str) -> Any:
    switched = {"yes": True, "on": True, "no": False, "off": False}
    return switched.get(text.lower(), text) if _KINDS[option.name] in (bool, bool | None) else text
