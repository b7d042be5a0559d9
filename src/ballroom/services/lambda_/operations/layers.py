"""Layers: shared content, in numbered versions, with a policy each."""

from __future__ import annotations

from typing import Any

import msgspec
import orjson

from ballroom.kernel import Context, Request, Response, Tx, operation
from ballroom.kernel.arn import find_arn, make_arn
from ballroom.services.lambda_ import describe, policy
from ballroom.services.lambda_.code_store import freeze_code, held_code, link_code, receive_code, unlink_code
from ballroom.services.lambda_.errors import (
    InvalidParameterValue,
    PreconditionFailed,
    ResourceConflict,
    ResourceNotFound,
)
from ballroom.services.lambda_.function_parts import location_of
from ballroom.services.lambda_.pages import page_of
from ballroom.services.lambda_.resources import Code, Layer, LayerVersion, Policy
from ballroom.services.lambda_.runtimes import check_compatible


class LayerPlace(msgspec.Struct, frozen=True):
    """Where a layer lives: its name may be given as an ARN of another account."""

    account: str
    region: str
    name: str

    @property
    def arn(self) -> str:
        """The layer's ARN, without version."""
        return make_arn("lambda", self.region, self.account, f"layer:{self.name}")

    def key(self, kind: str, *rest: int) -> tuple[str | int, ...]:
        """The key of the layer's counter, or of a version."""
        return ("lambda", self.account, self.region, kind, self.name, *rest)


@operation("PublishLayerVersion")
async def publish_layer_version(ctx: Context, request: Request) -> Response:
    """Keep a content under the layer's next number.

    Source: Lambda API Reference, PublishLayerVersion.
    """
    check_compatible(request.get("CompatibleRuntimes", ()), request.get("CompatibleArchitectures", ()))
    # a version never changes, so of a local folder it keeps a copy
    code = await freeze_code(ctx.kernel, await receive_code(ctx, request["Content"]))
    with held_code(ctx.kernel, code):
        return ctx.transact(_publish, request, code)


def _publish(tx: Tx, request: Request, code: Code) -> Response:
    at = _place(tx, request["LayerName"])
    counter = tx.get(Layer, at.key("layer"))
    number = (counter.last_version if counter is not None else 0) + 1
    version = LayerVersion(
        name=at.name, number=number, created_ms=tx.now_ms, code=code,
        description=request.get("Description"), license_info=request.get("LicenseInfo"),
        runtimes=list(request.get("CompatibleRuntimes", ())),
        architectures=list(request.get("CompatibleArchitectures", ())),
    )  # fmt: skip
    tx.put(at.key("layer"), Layer(at.name, number))
    tx.put(at.key("layer-version", number), version)
    link_code(tx, code)
    return _described(tx, at, version)


@operation("GetLayerVersion")
def get_layer_version(tx: Tx, request: Request) -> Response:
    """One version, with where its content can be had.

    Source: Lambda API Reference, GetLayerVersion; recorded answers.
    """
    at, number = _place(tx, request["LayerName"]), _number(request)
    version = tx.get(LayerVersion, at.key("layer-version", number))
    if version is None:
        raise ResourceNotFound()
    return _described(tx, at, version)


@operation("GetLayerVersionByArn")
def get_layer_version_by_arn(tx: Tx, request: Request) -> Response:
    """One version, by its ARN.

    Source: Lambda API Reference, GetLayerVersionByArn.
    """
    layer, _, number = request["Arn"].rpartition(":")
    return get_layer_version(tx, {"LayerName": layer, "VersionNumber": int(number)})


@operation("ListLayerVersions")
def list_layer_versions(tx: Tx, request: Request) -> Response:
    """A layer's versions, newest first; of a layer that does not exist, none.

    Source: Lambda API Reference, ListLayerVersions.
    """
    at = _place(tx, request["LayerName"])
    rows = [v for v in tx.scan_prefix(LayerVersion, at.key("layer-version"), reverse=True) if _fits(v, request)]
    chosen, marker = page_of(rows, request, limit=50, id_of=lambda v: str(v.number))
    return {"LayerVersions": [describe.layer_version(at.arn, v) for v in chosen]} | marker


@operation("ListLayers")
def list_layers(tx: Tx, request: Request) -> Response:
    """The layers of the account and region with their latest version.

    Source: Lambda API Reference, ListLayers.
    """
    latest: dict[str, LayerVersion] = {}
    for version in tx.scan_prefix(LayerVersion, ("lambda", tx.account, tx.region, "layer-version")):
        if _fits(version, request):
            latest[version.name] = version
    chosen, marker = page_of(list(latest.values()), request, limit=50, id_of=lambda v: v.name)
    layers = []
    for version in chosen:
        arn = _place(tx, version.name).arn
        layers.append(
            {"LayerName": version.name, "LayerArn": arn,
             "LatestMatchingVersion": describe.layer_version(arn, version)}
        )  # fmt: skip
    return {"Layers": layers} | marker


@operation("DeleteLayerVersion")
def delete_layer_version(tx: Tx, request: Request) -> Response:
    """Remove a version; functions that use it keep its content. What does not exist is no error.

    Source: Lambda API Reference, DeleteLayerVersion.
    """
    at, number = _place(tx, request["LayerName"]), _number(request)
    version = tx.get(LayerVersion, at.key("layer-version", number))
    if version is not None:
        unlink_code(tx, version.code)
        tx.delete(at.key("layer-version", number))
    return {}


@operation("AddLayerVersionPermission")
def add_layer_version_permission(tx: Tx, request: Request) -> Response:
    """Let other accounts use a layer version.

    Source: Lambda API Reference, AddLayerVersionPermission; recorded answers.
    """
    at, version = _load(tx, request)
    _check_revision(version, request)
    statements = list(version.policy.statements) if version.policy is not None else []
    if any(statement["Sid"] == request["StatementId"] for statement in statements):
        raise ResourceConflict(
            f"The statement id ({request['StatementId']}) provided already exists. Please provide a new "
            "statement id, or remove the existing statement."
        )
    statement = _statement(at, version, request)
    changed = Policy(tx.ids.uuid(), [*statements, statement])
    tx.put(at.key("layer-version", version.number), msgspec.structs.replace(version, policy=changed))
    return {"Statement": orjson.dumps(statement).decode(), "RevisionId": changed.revision_id}


@operation("RemoveLayerVersionPermission")
def remove_layer_version_permission(tx: Tx, request: Request) -> Response:
    """Take a permission away.

    Source: Lambda API Reference, RemoveLayerVersionPermission; recorded answers.
    """
    at, version = _load(tx, request)
    _check_revision(version, request)
    statements = version.policy.statements if version.policy is not None else []
    left = [s for s in statements if s["Sid"] != request["StatementId"]]
    if len(left) == len(statements):
        raise ResourceNotFound(f"Statement {request['StatementId']} is not found in resource policy.")
    changed = Policy(tx.ids.uuid(), left) if left else None
    tx.put(at.key("layer-version", version.number), msgspec.structs.replace(version, policy=changed))
    return {}


@operation("GetLayerVersionPolicy")
def get_layer_version_policy(tx: Tx, request: Request) -> Response:
    """The permissions of a layer version.

    Source: Lambda API Reference, GetLayerVersionPolicy.
    """
    _, version = _load(tx, request)
    if version.policy is None:
        raise ResourceNotFound("No policy is associated with the given resource.")
    document = policy.document_of(version.policy.statements)
    return {"Policy": orjson.dumps(document).decode(), "RevisionId": version.policy.revision_id}


def _place(tx: Tx, name: str) -> LayerPlace:
    parsed = find_arn(name)
    if parsed is None:
        return LayerPlace(tx.account, tx.region, name)
    return LayerPlace(parsed.account, parsed.region, parsed.resource.removeprefix("layer:"))


def _number(request: Request) -> int:
    number: int = request["VersionNumber"]
    if number < 1:
        raise InvalidParameterValue("Layer Version Cannot be less than 1")
    return number


def _load(tx: Tx, request: Request) -> tuple[LayerPlace, LayerVersion]:
    at, number = _place(tx, request["LayerName"]), _number(request)
    version = tx.get(LayerVersion, at.key("layer-version", number))
    if version is None:
        raise ResourceNotFound(f"Layer version {at.arn}:{number} does not exist.")
    return at, version


def _check_revision(version: LayerVersion, request: Request) -> None:
    wanted = request.get("RevisionId")
    if wanted and (version.policy is None or version.policy.revision_id != wanted):
        raise PreconditionFailed(
            "The Revision Id provided does not match the latest Revision Id. Call the GetLayerPolicy API to "
            "retrieve the latest Revision Id"
        )


def _statement(at: LayerPlace, version: LayerVersion, request: Request) -> dict[str, Any]:
    principal = request["Principal"]
    statement: dict[str, Any] = {
        "Sid": request["StatementId"],
        "Effect": "Allow",
        "Principal": "*" if principal == "*" else {"AWS": f"arn:aws:iam::{principal}:root"},
        "Action": request["Action"],
        "Resource": f"{at.arn}:{version.number}",
    }
    if "OrganizationId" in request:
        statement["Condition"] = {"StringEquals": {"aws:PrincipalOrgID": request["OrganizationId"]}}
    return statement


def _fits(version: LayerVersion, request: Request) -> bool:
    runtime, architecture = request.get("CompatibleRuntime"), request.get("CompatibleArchitecture")
    return (runtime is None or runtime in version.runtimes) and (
        architecture is None or architecture in version.architectures
    )


def _described(tx: Tx, at: LayerPlace, version: LayerVersion) -> Response:
    shown = describe.layer_version(at.arn, version)
    shown["LayerArn"] = at.arn
    shown["Content"] = {
        "Location": location_of(tx, version.code),
        "CodeSha256": version.code.sha256,
        "CodeSize": version.code.size_bytes,
    }
    return shown
