"""A light index of every service that botocore knows: what routing needs to name a service.

Reading the heads of all 440 models takes about 0.2 s, so the result is kept in the user's cache folder,
keyed by botocore's version (reading it back: 1 ms). Nothing breaks where that folder can't be written.
A caller that needs only a few services asks `head` for them: 0.3 ms each, no index.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from functools import cache
from pathlib import Path

import msgspec

from ballroom.kernel.model import data

FORMAT = 1
"""Raise it when `ServiceHead` changes, so that indexes written by older releases are left alone."""


class ServiceHead(msgspec.Struct, frozen=True):
    """What identifies a service on the wire, without its operations.

    `name` is the folder's name in botocore and the name that the kernel's calls use (`stepfunctions`);
    `signing_name` is what SigV4 scopes carry (`states`); `target_prefix` opens `X-Amz-Target`.
    `protocols` lists the preferred one first.
    """

    name: str
    endpoint_prefix: str
    signing_name: str
    service_id: str
    api_version: str
    protocols: tuple[str, ...]
    target_prefix: str | None = None
    json_version: str | None = None
    xml_namespace: str | None = None


@cache
def head(service: str) -> ServiceHead | None:
    """The head of one service, or None if there is no such service."""
    metadata = data.read_metadata(service)
    if metadata is None:
        return None
    preferred = metadata["protocol"]
    others = (name for name in metadata.get("protocols", ()) if name != preferred)
    namespace = metadata.get("xmlNamespace")
    return ServiceHead(
        name=service,
        endpoint_prefix=metadata["endpointPrefix"],
        signing_name=metadata.get("signingName", metadata["endpointPrefix"]),
        service_id=metadata["serviceId"],
        api_version=metadata["apiVersion"],
        protocols=(preferred, *others),
        target_prefix=metadata.get("targetPrefix"),
        json_version=metadata.get("jsonVersion"),
        xml_namespace=namespace["uri"] if isinstance(namespace, dict) else namespace,
    )


@cache
def all_services() -> dict[str, ServiceHead]:
    """Every service by its name."""
    path = _cache_file()
    with contextlib.suppress(OSError, msgspec.DecodeError):
        kept = msgspec.json.decode(path.read_bytes(), type=list[ServiceHead])
        return {service.name: service for service in kept}
    found = [known for name in data.service_names() if (known := head(name)) is not None]
    _keep(path, msgspec.json.encode(found))
    return {service.name: service for service in found}


@cache
def by_target_prefix() -> dict[str, tuple[ServiceHead, ...]]:
    """Services by the part of `X-Amz-Target` before the dot (rarely more than one)."""
    found: dict[str, tuple[ServiceHead, ...]] = {}
    for service in all_services().values():
        if service.target_prefix:
            found[service.target_prefix] = (*found.get(service.target_prefix, ()), service)
    return found


@cache
def by_signing_name() -> dict[str, tuple[ServiceHead, ...]]:
    """Services by the name in a SigV4 scope; several share one (`bedrock`, `dynamodb`, `iot`)."""
    found: dict[str, tuple[ServiceHead, ...]] = {}
    for service in all_services().values():
        found[service.signing_name] = (*found.get(service.signing_name, ()), service)
    return found


def _cache_file() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "ballroom" / f"services-{data.botocore_version()}-{FORMAT}.json"


def _keep(path: Path, content: bytes) -> None:
    """Write by renaming, so that a second process never reads half an index. Failing costs only time."""
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent)
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        Path(temporary).replace(path)
