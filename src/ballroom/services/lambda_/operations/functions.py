"""Functions: create, read, change, delete. Versions and aliases have modules of their own."""

from __future__ import annotations

from typing import Any

import msgspec

from ballroom.kernel import Context, Request, Response, Tx, on_timer, operation
from ballroom.services.lambda_ import configuration, describe
from ballroom.services.lambda_.access import target
from ballroom.services.lambda_.code_store import (
    drop_code,
    freeze_code,
    held_code,
    link_code,
    receive_code,
    unlink_code,
)
from ballroom.services.lambda_.errors import (
    InvalidParameterValue,
    PreconditionFailed,
    ResourceConflict,
    ResourceNotFound,
)
from ballroom.services.lambda_.function_parts import check_dead_letter, check_total_size, layers_of, location_of
from ballroom.services.lambda_.invocation import make_ready, retire
from ballroom.services.lambda_.names import LATEST, FunctionName, check_new_name, is_alias, parse_name
from ballroom.services.lambda_.pages import page_of
from ballroom.services.lambda_.resources import (
    Alias,
    AsyncConfig,
    Code,
    Function,
    FunctionUrl,
    FunctionVersion,
    LayerUse,
    Policy,
    find_alias,
    find_function,
    find_version,
    key,
    load_function,
    load_latest,
    load_version,
    put_version,
)
from ballroom.services.lambda_.tags import check_tags
from ballroom.services.lambda_.versioning import publish


@operation("CreateFunction")
async def create_function(ctx: Context, request: Request) -> Response:
    """Make a function of code and configuration; it is Pending in the answer and Active at once after.

    Raises:
        ResourceConflict: there is one of that name.
        InvalidParameterValue: code or configuration break AWS's rules.

    Source: Lambda API Reference, CreateFunction.
    """
    ctx.transact(_check_new, request)
    code = await receive_code(ctx, request["Code"])
    frozen = await freeze_code(ctx.kernel, code) if request.get("Publish") else code
    with held_code(ctx.kernel, *{code, frozen}):
        return ctx.transact(_create, request, code, frozen)


def _check_new(tx: Tx, request: Request) -> FunctionName:
    """What can be refused before the code is looked at."""
    at = parse_name(request["FunctionName"], account=tx.account, region=tx.region)
    check_new_name(at.name)
    configuration.new_settings(request, at.name)
    if find_function(tx, at) is not None:
        raise ResourceConflict(f"Function already exist: {at.name}")
    return at.at(None)


def _create(tx: Tx, request: Request, code: Code, frozen: Code) -> Response:
    at = _check_new(tx, request)
    settings = configuration.new_settings(request, at.name)
    settings = msgspec.structs.replace(settings, layers=layers_of(tx, request.get("Layers", [])))
    check_total_size(code, settings.layers)
    check_dead_letter(tx, settings.dead_letter_arn)
    tags = check_tags(request.get("Tags", {}))
    function = Function(name=at.name, created_ms=tx.now_ms, tags=tags)
    latest = FunctionVersion(
        name=at.name, number=LATEST, settings=settings, code=code, revision_id=tx.ids.uuid(),
        modified_ms=tx.now_ms, state="Pending", build=tx.ids.hex(16),
    )  # fmt: skip
    tx.put(key(at, "function"), function)
    put_version(tx, at, latest)
    _link(tx, latest)
    _settle_later(tx, at)
    make_ready(tx, at, latest)
    shown = latest
    if request.get("Publish"):
        shown = publish(tx, at, frozen, description=None, state="Pending")
        tx.wake_at(tx.now_ms, "lambda.settle", at.account, at.region, at.name, int(shown.number))
    return describe.configuration(at, shown)


@operation("GetFunction")
def get_function(tx: Tx, request: Request) -> Response:
    """A version's configuration, where its code can be had, and what all versions share.

    Source: Lambda API Reference, GetFunction.
    """
    at = target(tx, request, "lambda:GetFunction")
    version = load_version(tx, at)
    function = load_function(tx, at)
    response: Response = {
        "Configuration": describe.configuration(at, version),
        "Code": {"RepositoryType": "S3", "Location": location_of(tx, version.code)},
    }
    if function.tags:
        response["Tags"] = function.tags
    if function.reserved_concurrency is not None:
        response["Concurrency"] = {"ReservedConcurrentExecutions": function.reserved_concurrency}
    return response


@operation("GetFunctionConfiguration")
def get_function_configuration(tx: Tx, request: Request) -> Response:
    """The configuration of a version.

    Source: Lambda API Reference, GetFunctionConfiguration.
    """
    at = target(tx, request, "lambda:GetFunctionConfiguration")
    return describe.configuration(at, load_version(tx, at))


@operation("ListFunctions")
def list_functions(tx: Tx, request: Request) -> Response:
    """The functions of the account and region by name; with FunctionVersion ALL, every version.

    Source: Lambda API Reference, ListFunctions.
    """
    everything = request.get("FunctionVersion") == "ALL"
    prefix = ("lambda", tx.account, tx.region, "version")
    rows = [
        version
        for version in tx.scan_prefix(FunctionVersion, prefix)
        if everything or version.number == LATEST
    ]
    chosen, marker = page_of(rows, request, limit=50, id_of=lambda v: f"{v.name}:{v.number}")
    response: Response = {
        "Functions": [describe.configuration(_named(tx, v, everything), v, state=False) for v in chosen]
    }
    return response | marker


def _named(tx: Tx, version: FunctionVersion, qualified: bool) -> FunctionName:
    return FunctionName(tx.account, tx.region, version.name, version.number if qualified else None)


@operation("UpdateFunctionCode")
async def update_function_code(ctx: Context, request: Request) -> Response:
    """Replace the code of $LATEST; with DryRun, only check it.

    Source: Lambda API Reference, UpdateFunctionCode.
    """
    at, _ = ctx.transact(_load_for_update, request, "lambda:UpdateFunctionCode")
    if request.get("ImageUri"):
        raise InvalidParameterValue(
            "Please don't provide ImageUri when updating a function with packageType Zip."
        )
    code = await receive_code(ctx, request)
    publishes = request.get("Publish") and not request.get("DryRun")
    frozen = await freeze_code(ctx.kernel, code) if publishes else code
    with held_code(ctx.kernel, *{code, frozen}):
        answer = ctx.transact(_replace_code, at, request, code, frozen)
    if request.get("DryRun"):
        drop_code(ctx.kernel, code)
    return answer


def _replace_code(tx: Tx, at: FunctionName, request: Request, code: Code, frozen: Code) -> Response:
    latest = _matching(load_latest(tx, at), request)
    settings = latest.settings
    if "Architectures" in request:
        settings = msgspec.structs.replace(settings, architectures=tuple(request["Architectures"]))
    check_total_size(code, settings.layers)
    if request.get("DryRun"):
        return describe.configuration(at, msgspec.structs.replace(latest, code=code, settings=settings))
    updated = _store_update(tx, at, latest, code=code, settings=settings)
    if request.get("Publish"):
        published = publish(tx, at, frozen, description=None, state="Pending")
        tx.wake_at(tx.now_ms, "lambda.settle", at.account, at.region, at.name, int(published.number))
        return describe.configuration(at.at(published.number), published)
    return describe.configuration(at, updated)


@operation("UpdateFunctionConfiguration")
def update_function_configuration(tx: Tx, request: Request) -> Response:
    """Change the settings of $LATEST; what the request leaves out stays.

    Source: Lambda API Reference, UpdateFunctionConfiguration.
    """
    at, latest = _load_for_update(tx, request, "lambda:UpdateFunctionConfiguration")
    settings = configuration.changed_settings(latest.settings, request, at.name)
    if "Layers" in request:
        settings = msgspec.structs.replace(settings, layers=layers_of(tx, request["Layers"]))
        check_total_size(latest.code, settings.layers)
    if "DeadLetterConfig" in request:
        check_dead_letter(tx, settings.dead_letter_arn)
    return describe.configuration(at, _store_update(tx, at, latest, settings=settings))


def _load_for_update(tx: Tx, request: Request, action: str) -> tuple[FunctionName, FunctionVersion]:
    at = target(tx, request, action).at(None)
    return at, _matching(load_latest(tx, at), request)


def _matching(latest: FunctionVersion, request: Request) -> FunctionVersion:
    if request.get("RevisionId") not in (None, "", latest.revision_id):
        raise PreconditionFailed()
    return latest


def _store_update(tx: Tx, at: FunctionName, latest: FunctionVersion, **changes: Any) -> FunctionVersion:
    updated = msgspec.structs.replace(
        latest, **changes, revision_id=tx.ids.uuid(), modified_ms=tx.now_ms, state="Active", updating=True,
        build=tx.ids.hex(16),
    )  # fmt: skip
    retire(tx, at, latest)
    _link(tx, updated)
    _unlink(tx, latest)
    put_version(tx, at, updated)
    _settle_later(tx, at)
    make_ready(tx, at, updated)
    return updated


def _settle_later(tx: Tx, at: FunctionName) -> None:
    tx.wake_at(tx.now_ms, "lambda.settle", at.account, at.region, at.name, 0)


@on_timer("lambda.settle")
def settle(tx: Tx, account: str, region: str, name: str, number: int) -> None:
    """A new or changed version becomes usable. Harmless if repeated: one that is settled stays as it is."""
    at = FunctionName(account, region, name)
    version = find_version(tx, at, LATEST if number == 0 else str(number))
    if version is not None and (version.state == "Pending" or version.updating):
        put_version(
            tx, at,
            msgspec.structs.replace(version, state="Active", updating=False, revision_id=tx.ids.uuid()),
        )  # fmt: skip


@operation("GetFunctionCodeSigningConfig")
def get_function_code_signing_config(tx: Tx, request: Request) -> Response:
    """No function has a code signing configuration, since none can be made; tools ask before they change one.

    Source: recorded answers of GetFunctionCodeSigningConfig.
    """
    load_function(tx, target(tx, request, "lambda:GetFunctionCodeSigningConfig").at(None))
    return {}


@operation("DeleteFunction")
def delete_function(tx: Tx, request: Request) -> Response:
    """Remove a function with all that hangs on it, or one published version of it.

    Raises:
        ResourceConflict: an alias points at the version.

    Source: Lambda API Reference, DeleteFunction.
    """
    at = target(tx, request, "lambda:DeleteFunction")
    load_function(tx, at)
    if at.qualifier is None:
        _delete_all(tx, at)
    else:
        _delete_version(tx, at, at.qualifier)
    return {"StatusCode": 204}


def _delete_version(tx: Tx, at: FunctionName, number: str) -> None:
    if number == LATEST:
        raise InvalidParameterValue("$LATEST version cannot be deleted without deleting the function.")
    if is_alias(number):
        if find_alias(tx, at, number) is not None:
            raise InvalidParameterValue("Deletion of aliases is not currently supported.")
        raise ResourceNotFound(f"Function not found: {at.qualified_arn}")
    version = find_version(tx, at, number)
    if version is None:
        raise ResourceNotFound(f"Function not found: {at.qualified_arn}")
    users = [a for a in tx.scan_prefix(Alias, key(at, "alias")) if number == a.number or number in a.weights]
    if users:
        arns = ", ".join(f"{at.arn}:{alias.name}" for alias in users)
        raise ResourceConflict(
            f"Version {number} cannot be deleted because it is used by these aliases: {arns}"
        )
    _unlink(tx, version)
    retire(tx, at, version)
    tx.delete(key(at, "version", int(number)))
    for kind in ("policy", "async"):
        tx.delete(key(at, kind, number))


def _delete_all(tx: Tx, at: FunctionName) -> None:
    for version in tx.scan_prefix(FunctionVersion, key(at, "version")):
        _unlink(tx, version)
        retire(tx, at, version)
    for url in tx.scan_prefix(FunctionUrl, key(at, "url")):
        tx.delete(("lambda-url", url.url_id))
    for kind, record in (
        ("version", FunctionVersion), ("alias", Alias), ("policy", Policy), ("async", AsyncConfig),
        ("url", FunctionUrl), ("function", Function),
    ):  # fmt: skip
        for row, _ in tx.scan_prefix_items(record, key(at, kind)):
            tx.delete(row)


def _link(tx: Tx, version: FunctionVersion) -> None:
    parts: list[Code | LayerUse] = [version.code, *version.settings.layers]
    for part in parts:
        link_code(tx, part)


def _unlink(tx: Tx, version: FunctionVersion) -> None:
    parts: list[Code | LayerUse] = [version.code, *version.settings.layers]
    for part in parts:
        unlink_code(tx, part)
