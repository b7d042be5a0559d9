"""Published versions."""

from __future__ import annotations

import msgspec

from ballroom.kernel import Context, Request, Response, Tx, operation
from ballroom.services.lambda_ import describe
from ballroom.services.lambda_.access import target
from ballroom.services.lambda_.code_store import drop_code, freeze_code, held_code
from ballroom.services.lambda_.errors import InvalidParameterValue, PreconditionFailed
from ballroom.services.lambda_.names import FunctionName
from ballroom.services.lambda_.pages import page_of
from ballroom.services.lambda_.resources import Code, FunctionVersion, key, load_function, load_latest
from ballroom.services.lambda_.versioning import publish, same_as_last


@operation("PublishVersion")
async def publish_version(ctx: Context, request: Request) -> Response:
    """Freeze $LATEST as the next version; unchanged since the last one, that one is answered again.

    Code that is used in place is copied.

    Source: Lambda API Reference, PublishVersion; Developer Guide, "Lambda function versions".
    """
    at, latest = ctx.transact(_load, request)
    code = await freeze_code(ctx.kernel, latest.code)
    copied = code if code is not latest.code else Code("", 0)
    with held_code(ctx.kernel, copied):
        answer, used = ctx.transact(_publish, at, request, code)
    if not used:
        drop_code(ctx.kernel, copied)
    return answer


def _load(tx: Tx, request: Request) -> tuple[FunctionName, FunctionVersion]:
    at = target(tx, request, "lambda:PublishVersion").at(None)
    return at, load_latest(tx, at)


def _publish(tx: Tx, at: FunctionName, request: Request, code: Code) -> tuple[Response, bool]:
    """The version's configuration, and whether it is a new one."""
    latest = load_latest(tx, at)
    wanted = request.get("CodeSha256")
    if wanted and wanted != code.sha256:
        raise InvalidParameterValue(
            f"CodeSHA256 ({wanted}) is different from current CodeSHA256 in $LATEST ({code.sha256}). "
            "Please try again with the CodeSHA256 in $LATEST."
        )
    if request.get("RevisionId") not in (None, "", latest.revision_id):
        raise PreconditionFailed()
    same = same_as_last(tx, at, code.sha256)
    version = same or publish(tx, at, code, description=request.get("Description"))
    settled = msgspec.structs.replace(version, state="Active", updating=False)
    return describe.configuration(at.at(version.number), settled), same is None


@operation("ListVersionsByFunction")
def list_versions_by_function(tx: Tx, request: Request) -> Response:
    """$LATEST, then the published versions in the order of their numbers.

    Source: Lambda API Reference, ListVersionsByFunction.
    """
    at = target(tx, request, "lambda:ListVersionsByFunction").at(None)
    load_function(tx, at)
    rows = tx.scan_prefix(FunctionVersion, key(at, "version"))
    chosen, marker = page_of(rows, request, limit=50, id_of=lambda v: v.number)
    versions = [describe.configuration(at.at(v.number), v, state=False) for v in chosen]
    return {"Versions": versions} | marker
