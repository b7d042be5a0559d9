"""Creating, changing and deleting parameters."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from ballroom.kernel import Context, NotImplementedHere, Request, Response, Tx, Waiting, operation
from ballroom.services.ssm.errors import (
    HierarchyTypeMismatch,
    Invalid,
    MaxVersionLimitExceeded,
    ParameterAlreadyExists,
    ParameterNotFound,
)
from ballroom.services.ssm.naming import check_new_name
from ballroom.services.ssm.operations.tags import merged
from ballroom.services.ssm.patterns import check_allowed
from ballroom.services.ssm.resources import (
    Parameter,
    Version,
    find_parameter,
    key,
    load_parameter,
    put_parameter,
    seal_value,
)

_STANDARD_BYTES, _ADVANCED_BYTES = 4096, 8192
_MOST_VERSIONS = 100
_TIERS_URL = (
    "https://docs.aws.amazon.com/systems-manager/latest/userguide/parameter-store-advanced-parameters.html"
)


@operation("PutParameter")
def put(tx: Tx, request: Request) -> Response | Waiting:
    """Create a parameter, or add a version to it if the request says to overwrite.

    Raises:
        ParameterAlreadyExists: it exists, and the request does not say so.
        PatternMismatch: the value is not one that the pattern allows.

    Source: Systems Manager API Reference, PutParameter.
    """
    _check(request)
    before = find_parameter(tx, request["Name"])
    pattern = request.get("AllowedPattern", "" if before is None else before.latest.allowed_pattern)
    if not pattern:
        return _write(tx, request)
    _plan(tx, request)

    async def go_on(ctx: Context) -> Response:
        for value in _values(request, before):
            await check_allowed(pattern, value)
        return ctx.transact(_write, request)

    return Waiting(go_on)


def _values(request: Request, before: Parameter | None) -> list[str]:
    """A list's items are matched one by one."""
    kind = request.get("Type", before.latest.type if before is not None else "String")
    value: str = request["Value"]
    return value.split(",") if kind == "StringList" else [value]


def _check(request: Request) -> None:
    for member in ("Policies",):
        if member in request:
            raise NotImplementedHere(f"Ballroom does not implement {member} of ssm:PutParameter.")
    data_type = request.get("DataType", "text")
    if data_type in ("aws:ec2:image", "aws:ssm:integration"):
        raise NotImplementedHere(f"Ballroom does not implement DataType {data_type} of ssm:PutParameter.")
    if data_type != "text":
        raise Invalid(
            f"The following data type is not supported: {data_type} (Data type names are all lowercase.)"
        )
    if not request["Value"]:
        raise Invalid(
            "1 validation error detected: Value '' at 'value' failed to satisfy constraint: "
            "Member must have length greater than or equal to 1."
        )
    if request.get("Overwrite") and request.get("Tags"):
        raise Invalid(
            "Invalid request: tags and overwrite can't be used together. To create a parameter with tags, "
            "please remove overwrite flag. To update tags for an existing parameter, please use "
            "AddTagsToResource or RemoveTagsFromResource."
        )
    if "KeyId" in request and request.get("Type", "SecureString") != "SecureString":
        raise Invalid("KeyId can only be used with parameters of type SecureString.")


def _tier(request: Request, before: Parameter | None) -> str:
    """The tier that holds the value; an advanced parameter stays one.

    Raises:
        Invalid: the value is too long for the tier.
    """
    wanted = request.get("Tier", before.latest.tier if before is not None else "Standard")
    if before is not None and before.latest.tier == "Advanced":
        if request.get("Tier") == "Standard":
            raise Invalid(
                "This parameter uses the advanced-parameter tier. You can't downgrade a parameter from the "
                "advanced-parameter tier to the standard-parameter tier. If necessary, you can delete the "
                "advanced parameter and recreate it as a standard parameter."
            )
        wanted = "Advanced"
    size = len(request["Value"].encode("utf-8", "surrogatepass"))
    if wanted == "Intelligent-Tiering":
        wanted = "Advanced" if size > _STANDARD_BYTES else "Standard"
    if wanted == "Standard" and size > _STANDARD_BYTES:
        raise Invalid(
            f"Standard tier parameters support a maximum parameter value of {_STANDARD_BYTES} characters. To "
            "create a larger parameter value, upgrade the parameter to use the advanced-parameter tier. For "
            f"more information, see {_TIERS_URL}"
        )
    if size > _ADVANCED_BYTES:
        raise Invalid(
            f"Advanced tier parameters support a maximum parameter value of {_ADVANCED_BYTES} characters."
        )
    return str(wanted)


def _plan(tx: Tx, request: Request) -> tuple[Parameter | None, str, str]:
    """The parameter as it is, and the new version's type and tier.

    Raises:
        ServiceError: the request cannot be carried out.
    """
    before = find_parameter(tx, request["Name"])
    if before is None:
        check_new_name(request["Name"])
        if "Type" not in request:
            raise Invalid("A parameter type is required when you create a parameter.")
        return None, request["Type"], _tier(request, None)
    if not request.get("Overwrite", False):
        raise ParameterAlreadyExists()
    kind = request.get("Type", before.latest.type)
    if kind != before.latest.type and "SecureString" in (kind, before.latest.type):
        raise HierarchyTypeMismatch()
    return before, kind, _tier(request, before)


def _write(tx: Tx, request: Request) -> Response:
    before, kind, tier = _plan(tx, request)
    older: Any = before.latest if before is not None else None
    secret = kind == "SecureString"
    version = Version(
        number=1 if before is None else before.latest.number + 1, type=kind,
        value="" if secret else request["Value"],
        modified_ms=tx.now_ms, user=tx.caller.arn, tier=tier,
        description=request.get("Description", older.description if older else ""),
        allowed_pattern=request.get("AllowedPattern", older.allowed_pattern if older else ""),
        key_id=request.get("KeyId", (older and older.key_id) or "alias/aws/ssm") if secret else "",
        cipher="AQICAH" + tx.ids.secret(150) if secret else "",
        sealed=seal_value(tx, before.name if before else request["Name"], request["Value"]) if secret else b"",
    )
    if before is None:
        parameter = Parameter(request["Name"], 1, version, tags=merged({}, request.get("Tags", [])))
    else:
        parameter = _make_room(tx, replace(before, latest=version))
    put_parameter(tx, parameter)
    tx.put(key(tx, "version", parameter.name, version.number), version)
    return {"Version": version.number, "Tier": tier}


def _make_room(tx: Tx, parameter: Parameter) -> Parameter:
    """Drop the oldest of 100 versions, unless a label holds it."""
    if parameter.latest.number - parameter.oldest < _MOST_VERSIONS:
        return parameter
    if parameter.oldest in parameter.labels.values():
        raise MaxVersionLimitExceeded(
            f"You attempted to create a new version of {parameter.name} by calling the PutParameter API with "
            f"the overwrite flag. Version {parameter.oldest}, the oldest version, can't be deleted because it "
            "has a label associated with it. Move the label to another version of the parameter, and try again."
        )
    tx.delete(key(tx, "version", parameter.name, parameter.oldest))
    return replace(parameter, oldest=parameter.oldest + 1)


def _remove(tx: Tx, parameter: Parameter) -> None:
    for number in range(parameter.oldest, parameter.latest.number + 1):
        tx.delete(key(tx, "version", parameter.name, number))
    tx.delete(key(tx, "parameter", parameter.name))


@operation("DeleteParameter")
def delete(tx: Tx, request: Request) -> Response:
    """Delete a parameter with all its versions.

    Raises:
        ParameterNotFound: there is none of that name.

    Source: Systems Manager API Reference, DeleteParameter.
    """
    _remove(tx, load_parameter(tx, request["Name"]))
    return {}


@operation("DeleteParameters")
def delete_many(tx: Tx, request: Request) -> Response:
    """Delete up to ten parameters; names that do not exist are told.

    Source: Systems Manager API Reference, DeleteParameters.
    """
    deleted: list[str] = []
    invalid: list[str] = []
    for name in dict.fromkeys(request["Names"]):
        try:
            _remove(tx, load_parameter(tx, name))
        except ParameterNotFound:
            invalid.append(name)
        else:
            deleted.append(name)
    return {"DeletedParameters": deleted, "InvalidParameters": invalid}
