"""The operations of Lambda, one module for each kind of resource."""

from ballroom.services.lambda_.operations import (
    aliases,
    async_config,
    concurrency,
    event_sources,
    functions,
    invoke,
    layers,
    permissions,
    tagging,
    urls,
    versions,
)

__all__ = [
    "aliases", "async_config", "concurrency", "event_sources", "functions", "invoke", "layers",
    "permissions", "tagging", "urls", "versions",
]  # fmt: skip
