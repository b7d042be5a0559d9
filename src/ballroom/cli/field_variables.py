"""The variables that people's scripts already set for local clouds, and what they mean here.

Each is also understood with `LOCALSTACK_` before its name. A `BALLROOM_` variable wins over them. What is
not listed here is not read: docs/operations.md says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_LOG_LEVELS = {
    "trace": "debug", "trace-internal": "debug", "debug": "debug", "info": "info", "warn": "warning",
    "warning": "warning", "error": "error",
}  # fmt: skip

FIELD_VARIABLES = {
    "GATEWAY_LISTEN": "`host:port`, the first of a list: host and port",
    "EDGE_PORT": "the port",
    "LOCALSTACK_HOST": "`name:port`, or a name: public_url",
    "HOSTNAME_EXTERNAL": "a name: public_url",
    "EXTRA_CORS_ALLOWED_ORIGINS": "allowed_origins",
    "DEFAULT_REGION": "the region",
    "DEBUG": "`1`: log_level debug",
    "LS_LOG": "log_level",
}


def from_field_variables(environment: Mapping[str, str]) -> dict[str, tuple[Any, str]]:
    """Settings with the variable that each comes from; a text that means nothing is the setting's error."""
    found: dict[str, tuple[Any, str]] = {}

    def read(name: str) -> tuple[str, str] | None:
        for variable in (name, f"LOCALSTACK_{name}"):
            text = environment.get(variable, "").strip()
            if text:
                return text, variable
        return None

    port = read("EDGE_PORT")
    if port:
        found["port"] = port
    listen = read("GATEWAY_LISTEN")
    if listen:
        first = listen[0].split(",")[0].strip()
        host, number = _split(first)
        if host:
            found["host"] = (host, listen[1])
        if number:
            found["port"] = (number, listen[1])
    url = _public_url(environment)
    if url:
        found["public_url"] = url
    origins = read("EXTRA_CORS_ALLOWED_ORIGINS")
    if origins:
        found["allowed_origins"] = ([one.strip() for one in origins[0].split(",")], origins[1])
    region = read("DEFAULT_REGION")
    if region:
        found["region"] = region
    debug = read("DEBUG")
    if debug and debug[0].lower() in ("1", "true"):
        found["log_level"] = ("debug", debug[1])
    level = read("LS_LOG")
    if level and level[0].lower() in _LOG_LEVELS:
        found["log_level"] = (_LOG_LEVELS[level[0].lower()], level[1])
    return found


def _split(address: str) -> tuple[str, str]:
    """Host and port, each possibly empty: `0.0.0.0:4566`, `:4566`, `4566`, `[::]:4566`, `localhost`."""
    host, colon, number = address.rpartition(":")
    if not colon:
        return ("", address) if address.isdecimal() else (address, "")
    if address.endswith("]"):
        return address.strip("[]"), ""
    return host.strip("[]"), number


def _public_url(environment: Mapping[str, str]) -> tuple[str, str] | None:
    """With `{scheme}`, and with `{port}` where none is named: the server's own, known at the end."""
    for variable in ("LOCALSTACK_HOST", "HOSTNAME_EXTERNAL", "LOCALSTACK_HOSTNAME_EXTERNAL"):
        text = environment.get(variable, "").strip()
        if text:
            host, number = _split(text)
            return f"{{scheme}}://{host}:{number or '{port}'}", variable
    return None
