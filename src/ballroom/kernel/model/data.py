"""Where the service models come from: the data files of the installed botocore.

Only its data is read, never its code: importing botocore's runtime costs 160 ms and 18 MB. A newer
botocore only adds services, operations and members.
"""

from __future__ import annotations

import gzip
import importlib.util
import json
import re
import zlib
from functools import cache
from pathlib import Path
from typing import Any

import orjson

HEAD_BYTES = 4096
"""The metadata stands at the beginning of a model, well inside this many bytes (the longest needs 1,400)."""


class ModelMissing(LookupError):
    """The installed botocore has no such service."""


@cache
def data_folder() -> Path:
    """The `data` folder of the installed botocore, found without importing it."""
    found = importlib.util.find_spec("botocore")
    if found is None or not found.submodule_search_locations:
        raise ModelMissing("botocore, whose service models Ballroom reads, is not installed")
    return Path(found.submodule_search_locations[0]) / "data"


@cache
def botocore_version() -> str:
    """The version of the installed botocore; keys everything that is derived from its data.

    Read from its source: `importlib.metadata` would cost 12 ms at start.
    """
    source = (data_folder().parent / "__init__.py").read_text()
    found = re.search(r"""^__version__ = ['"]([^'"]+)""", source, re.MULTILINE)
    return found[1] if found else "unknown"


def service_names() -> list[str]:
    """The folder names of all services, such as `lambda`, `stepfunctions` or `logs`."""
    return sorted(entry.name for entry in data_folder().iterdir() if entry.is_dir())


def model_file(service: str) -> Path | None:
    """The newest model of a service, or None where the folder holds none."""
    if not service or "/" in service or service.startswith("."):
        return None
    folder = data_folder() / service
    if not folder.is_dir():
        return None
    for version in sorted((entry.name for entry in folder.iterdir()), reverse=True):
        for name in ("service-2.json.gz", "service-2.json"):
            path = folder / version / name
            if path.is_file():
                return path
    return None


def read_model(service: str) -> dict[str, Any]:
    """The whole model as parsed JSON. Costs 1 to 15 ms (SQS 2, Lambda 7, S3 11)."""
    path = model_file(service)
    if path is None:
        raise ModelMissing(service)
    content = path.read_bytes()
    if path.suffix == ".gz":
        content = gzip.decompress(content)
    model: dict[str, Any] = orjson.loads(content)
    _drop_documentation(model)
    return model


def _drop_documentation(model: dict[str, Any]) -> None:
    """Two thirds of a model's memory is its HTML, which nobody reads here."""
    model.pop("documentation", None)
    for operation in model["operations"].values():
        operation.pop("documentation", None)
    for shape in model["shapes"].values():
        shape.pop("documentation", None)
        for member in shape.get("members", {}).values():
            member.pop("documentation", None)


def read_metadata(service: str) -> dict[str, Any] | None:
    """Only the metadata of a service's model, from the head of its file (0.2 ms); None without a model."""
    path = model_file(service)
    if path is None:
        return None
    with path.open("rb") as file:
        content = file.read(HEAD_BYTES)
    if path.suffix == ".gz":
        content = zlib.decompressobj(wbits=31).decompress(content, HEAD_BYTES)
    start = content.find(b'"metadata"')
    text = content[content.find(b"{", start) :].decode("utf-8", errors="ignore")
    try:
        metadata: dict[str, Any] = json.JSONDecoder().raw_decode(text)[0] if start >= 0 else {}
    except ValueError:
        metadata = {}
    return metadata or dict(read_model(service)["metadata"])
