"""Publishing: $LATEST becomes a numbered version that never changes."""

from __future__ import annotations

import msgspec

from ballroom.kernel import Tx
from ballroom.services.lambda_.code_store import link_code
from ballroom.services.lambda_.names import FunctionName
from ballroom.services.lambda_.resources import (
    Code,
    FunctionVersion,
    LayerUse,
    State,
    find_version,
    key,
    load_function,
    load_latest,
    put_version,
)


def same_as_last(tx: Tx, at: FunctionName, sha256: str) -> FunctionVersion | None:
    """The newest published version, if $LATEST has the code and settings that it had then."""
    function = load_function(tx, at)
    newest = find_version(tx, at, str(function.last_version)) if function.last_version else None
    if newest is None or newest.code.sha256 != sha256:
        return None
    return newest if function.published_settings == load_latest(tx, at).settings else None


def publish(
    tx: Tx, at: FunctionName, code: Code, *, description: str | None, state: State = "Active"
) -> FunctionVersion:
    """The next version, made of $LATEST's settings and `code` (a frozen copy of $LATEST's)."""
    function, latest = load_function(tx, at), load_latest(tx, at)
    number = function.last_version + 1
    settings = latest.settings
    if description is not None:
        settings = msgspec.structs.replace(settings, description=description)
    version = msgspec.structs.replace(
        latest, number=str(number), settings=settings, code=code, revision_id=tx.ids.uuid(), state=state,
        updating=False, modified_ms=latest.modified_ms,
    )  # fmt: skip
    parts: list[Code | LayerUse] = [code, *settings.layers]
    for part in parts:
        link_code(tx, part)
    put_version(tx, at, version)
    tx.put(key(at, "function"), msgspec.structs.replace(
        function, last_version=number, published_settings=latest.settings
    ))
    if state == "Active":  # publishing gives $LATEST a new revision, as AWS does
        put_version(tx, at, msgspec.structs.replace(latest, revision_id=tx.ids.uuid()))
    return version
