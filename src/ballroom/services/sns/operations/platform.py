"""Platform applications and their endpoints: stored; what is published to them is in the outbox.

Source: SNS API Reference, CreatePlatformApplication and its like; recorded answers (texts).
"""

from __future__ import annotations

import msgspec

from ballroom.kernel import Request, Response, Tx, operation
from ballroom.kernel.tokens import make_token
from ballroom.services.sns import devices
from ballroom.services.sns.authorization import check_account
from ballroom.services.sns.devices import (
    PLATFORMS,
    ApplicationName,
    check_name,
    find_device,
    load_application,
    load_device,
    parse_application,
)
from ballroom.services.sns.errors import InvalidParameter
from ballroom.services.sns.operations.topics import after_token
from ballroom.services.sns.resources import Application, Device, DeviceToken

_PAGE = 100
_SECRET = ("PlatformCredential", "PlatformPrincipal", "PlatformToken")
_SETTABLE = (
    *_SECRET, "EventEndpointCreated", "EventEndpointDeleted", "EventEndpointUpdated", "EventDeliveryFailure",
    "SuccessFeedbackRoleArn", "FailureFeedbackRoleArn", "SuccessFeedbackSampleRate", "ApplePlatformTeamID",
    "ApplePlatformBundleID", "AppleCertificateExpiryDate", "AuthenticationMethod",
)  # fmt: skip


def _of_application(tx: Tx, request: Request, action: str) -> None:
    check_account(tx, request["PlatformApplicationArn"], "PlatformApplicationArn", action)


def _of_device(tx: Tx, request: Request, action: str) -> None:
    check_account(tx, request["EndpointArn"], "EndpointArn", action)


def _check(attributes: dict[str, str], allowed: tuple[str, ...]) -> None:
    for name in attributes:
        if name not in allowed:
            raise InvalidParameter.of("Attributes", reason=f"Invalid attribute name: {name}")


@operation("CreatePlatformApplication")
def create_platform_application(tx: Tx, request: Request) -> Response:
    """Store a platform application; the same name again replaces its attributes."""
    name, platform, attributes = request["Name"], request["Platform"], request["Attributes"]
    check_name(name)
    if platform not in PLATFORMS:
        raise InvalidParameter.of("Platform", reason=f"{platform} is not supported")
    _check(attributes, _SETTABLE)
    at = ApplicationName(tx.account, tx.region, platform, name)
    known = tx.get(Application, at.key)
    application_id = known.id if known is not None else tx.ids.hex(16)
    tx.put(at.key, Application(platform, name, attributes, application_id))
    return {"PlatformApplicationArn": at.arn}


def _shown(attributes: dict[str, str]) -> dict[str, str]:
    """Credentials are never shown again."""
    return {"Enabled": "true", **{name: value for name, value in attributes.items() if name not in _SECRET}}


@operation("GetPlatformApplicationAttributes")
def get_platform_application_attributes(tx: Tx, request: Request) -> Response:
    """An application's attributes without its credentials."""
    _of_application(tx, request, "GetPlatformApplicationAttributes")
    return {"Attributes": _shown(load_application(tx, request["PlatformApplicationArn"])[1].attributes)}


@operation("SetPlatformApplicationAttributes")
def set_platform_application_attributes(tx: Tx, request: Request) -> Response:
    """Set some of an application's attributes."""
    _of_application(tx, request, "SetPlatformApplicationAttributes")
    at, application = load_application(tx, request["PlatformApplicationArn"])
    _check(request["Attributes"], _SETTABLE)
    attributes = {**application.attributes, **request["Attributes"]}
    tx.put(at.key, msgspec.structs.replace(application, attributes=attributes))
    return {}


@operation("DeletePlatformApplication")
def delete_platform_application(tx: Tx, request: Request) -> Response:
    """Delete an application with its endpoints, two hundred in a step; one that does not exist is no error."""
    _of_application(tx, request, "DeletePlatformApplication")
    at = parse_application(request["PlatformApplicationArn"])
    if tx.get(Application, at.key) is not None:
        tx.delete(at.key)
        devices.sweep(tx, *at)
    return {}


@operation("ListPlatformApplications")
def list_platform_applications(tx: Tx, request: Request) -> Response:
    """The account's applications in the region."""
    prefix = ("sns", tx.account, tx.region, "app")
    found = tx.scan_prefix(Application, prefix, after=after_token(request, prefix, length=2), limit=_PAGE + 1)
    answer: Response = {
        "PlatformApplications": [
            {
                "PlatformApplicationArn": ApplicationName(tx.account, tx.region, a.platform, a.name).arn,
                "Attributes": _shown(a.attributes),
            }
            for a in found[:_PAGE]
        ]
    }
    if len(found) > _PAGE:
        answer["NextToken"] = make_token((found[_PAGE - 1].platform, found[_PAGE - 1].name))
    return answer


@operation("CreatePlatformEndpoint")
def create_platform_endpoint(tx: Tx, request: Request) -> Response:
    """Register a device; the same token with the same attributes again answers the same ARN."""
    _of_application(tx, request, "CreatePlatformEndpoint")
    at, application = load_application(tx, request["PlatformApplicationArn"])
    token = request["Token"]
    attributes = {"Enabled": "true", **(request.get("Attributes") or {}), "Token": token}
    if request.get("CustomUserData") is not None:
        attributes["CustomUserData"] = request["CustomUserData"]
    attributes = _checked_device(attributes)
    known = tx.get(DeviceToken, at.token_key(token))
    if known is not None:
        arn = at.endpoint_arn(known.id)
        found = find_device(tx, arn)
        if found is not None and found[1].attributes == attributes:
            return {"EndpointArn": arn}
        if found is not None:
            reason = f"Endpoint {arn} already exists with the same Token, but different attributes."
            raise InvalidParameter.of("Token", reason=reason)
    device = Device(tx.ids.uuid(), token, attributes, application.id)
    tx.put(at.device_key(device.id), device)
    tx.put(at.token_key(token), DeviceToken(device.id))
    return {"EndpointArn": at.endpoint_arn(device.id)}


def _checked_device(attributes: dict[str, str]) -> dict[str, str]:
    """A device's attributes as they are stored."""
    if not attributes.get("Token"):
        raise InvalidParameter.of("Token", reason="cannot be empty")
    _check(attributes, ("Enabled", "Token", "CustomUserData"))
    if attributes["Enabled"].lower() not in ("true", "false"):
        raise InvalidParameter.of("Enabled", reason="must be true or false")
    if len(attributes.get("CustomUserData", "").encode()) > 2048:
        raise InvalidParameter.of("CustomUserData", reason="must be at most 2048 bytes long in UTF-8 encoding")
    return {**attributes, "Enabled": attributes["Enabled"].lower()}


@operation("GetEndpointAttributes")
def get_endpoint_attributes(tx: Tx, request: Request) -> Response:
    """A device's attributes."""
    _of_device(tx, request, "GetEndpointAttributes")
    return {"Attributes": load_device(tx, request["EndpointArn"])[1].attributes}


@operation("SetEndpointAttributes")
def set_endpoint_attributes(tx: Tx, request: Request) -> Response:
    """Set some of a device's attributes."""
    _of_device(tx, request, "SetEndpointAttributes")
    at, device = load_device(tx, request["EndpointArn"])
    attributes = _checked_device({**device.attributes, **request["Attributes"]})
    if attributes["Token"] != device.token:
        tx.delete(at.token_key(device.token))
        tx.put(at.token_key(attributes["Token"]), DeviceToken(device.id))
    changed = msgspec.structs.replace(device, token=attributes["Token"], attributes=attributes)
    tx.put(at.device_key(device.id), changed)
    return {}


@operation("DeleteEndpoint")
def delete_endpoint(tx: Tx, request: Request) -> Response:
    """Delete a device; one that does not exist is no error."""
    _of_device(tx, request, "DeleteEndpoint")
    found = find_device(tx, request["EndpointArn"])
    if found is not None:
        devices.remove(tx, *found)
    return {}


@operation("ListEndpointsByPlatformApplication")
def list_endpoints_by_platform_application(tx: Tx, request: Request) -> Response:
    """An application's devices."""
    _of_application(tx, request, "ListEndpointsByPlatformApplication")
    at, application = load_application(tx, request["PlatformApplicationArn"])
    prefix = at.devices
    found = tx.scan_prefix(Device, prefix, after=after_token(request, prefix), limit=_PAGE + 1)
    endpoints = [
        {"EndpointArn": at.endpoint_arn(d.id), "Attributes": d.attributes}
        for d in found[:_PAGE]
        if d.belongs(application)
    ]
    answer: Response = {"Endpoints": endpoints}
    if len(found) > _PAGE:
        answer["NextToken"] = make_token((found[_PAGE - 1].id,))
    return answer
