"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar
from urllib.parse import urlsplit

import click

from ballroom.cli.connection import Connection, default_endpoint

F = TypeVar("F", bound=Callable[..., Any])

json_option = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON, for scripts.")


def connection_options(command: F) -> F:
    """`--endpoint` and `--region`, handed on as `connection`."""

    @click.option(
        "--endpoint", metavar="URL",
        help="The Ballroom to talk to.  [default: BALLROOM_ENDPOINT, AWS_ENDPOINT_URL, http://127.0.0.1:4566]",
    )  # fmt: skip
    @click.option(
        "--region", metavar="REGION",
        help="The AWS region to act in.  [default: AWS_REGION, AWS_DEFAULT_REGION, us-east-1]",
    )  # fmt: skip
    @click.pass_context
    def with_connection(ctx: click.Context, /, endpoint: str | None, region: str | None, **rest: Any) -> Any:
        url = endpoint or default_endpoint()
        if not _is_url(url):
            raise click.BadParameter(f"{url!r} is no URL, such as http://127.0.0.1:4566", param_hint="endpoint")
        return ctx.invoke(command, connection=Connection(url, region), **rest)

    with_connection.__name__ = command.__name__
    with_connection.__doc__ = command.__doc__
    for parameter in getattr(command, "__click_params__", []):
        with_connection.__click_params__.append(parameter)  # type: ignore[attr-defined]
    return with_connection  # type: ignore[return-value]


def _is_url(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
