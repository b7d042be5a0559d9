"""Platform applications and their endpoints: stored, and published to the outbox.

Source: Developer Guide, "Mobile push notifications"; recorded answers (texts).
"""

from __future__ import annotations

import re
from typing import NamedTuple

from ballroom.kernel import Key, Tx, on_timer
from ballroom.kernel.arn import find_arn, make_arn
from ballroom.services.sns.errors import InvalidParameter, NotFound
from ballroom.services.sns.names import parse_arn
from ballroom.services.sns.resources import Application, Device, DeviceToken

PLATFORMS = (
    "ADM", "APNS", "APNS_SANDBOX", "APNS_VOIP", "APNS_VOIP_SANDBOX", "BAIDU", "GCM", "MACOS", "MACOS_SANDBOX",
    "MPNS", "WNS",
)  # fmt: skip
_AT_ONCE = 200
_NAME = re.compile(r"[A-Za-z0-9_.-]+", re.ASCII)


class ApplicationName(NamedTuple):
    """Where a platform application is."""

    account: str
    region: str
    platform: str
    name: str

    @property
    def arn(self) -> str:
        """Its ARN."""
        return make_arn("sns", self.region, self.account, f"app/{self.platform}/{self.name}")

    @property
    def key(self) -> Key:
        """Applications of a region lie together."""
        return ("sns", self.account, self.region, "app", self.platform, self.name)

    def endpoint_arn(self, device_id: str) -> str:
        """The ARN of one of its endpoints."""
        return make_arn("sns", self.region, self.account, f"endpoint/{self.platform}/{self.name}/{device_id}")

    @property
    def devices(self) -> Key:
        """Endpoints of an application lie together."""
        return ("sns", self.account, self.region, "device", self.platform, self.name)

    def device_key(self, device_id: str) -> Key:
        """One row for each endpoint."""
        return (*self.devices, device_id)

    def token_key(self, token: str) -> Key:
        """Which endpoint a token belongs to."""
        return ("sns", self.account, self.region, "device-token", self.platform, self.name, token)


def check_name(name: str) -> None:
    """Refuse what can be no application's name.

    Raises:
        InvalidParameter: with AWS's text.
    """
    if not name:
        raise InvalidParameter.of("", reason="cannot be empty")
    if len(name) > 256:
        raise InvalidParameter.of(name, reason="must be at most 256 characters long")
    if not _NAME.fullmatch(name):
        reason = "must contain only characters 'a'-'z', 'A'-'Z', '0'-'9', '_', '-', and '.'"
        raise InvalidParameter.of(name, reason=reason)


def parse_application(text: str, parameter: str = "PlatformApplicationArn") -> ApplicationName:
    """The application that an ARN names.

    Raises:
        InvalidParameter: it is no application's ARN.
    """
    arn = parse_arn(text, parameter)
    parts = arn.resource.split("/")
    if arn.service != "sns" or len(parts) != 3 or parts[0] != "app":
        raise InvalidParameter.of(parameter)
    return ApplicationName(arn.account, arn.region, parts[1], parts[2])


def load_application(tx: Tx, text: str) -> tuple[ApplicationName, Application]:
    """The application of an ARN.

    Raises:
        NotFound: there is none.
    """
    at = parse_application(text)
    application = tx.get(Application, at.key)
    if application is None:
        raise NotFound("PlatformApplication does not exist")
    return at, application


def find_device(tx: Tx, text: str) -> tuple[ApplicationName, Device] | None:
    """The endpoint of an ARN, or None."""
    arn = find_arn(text)
    parts = arn.resource.split("/") if arn is not None else []
    if arn is None or arn.service != "sns" or len(parts) != 4 or parts[0] != "endpoint":
        return None
    at = ApplicationName(arn.account, arn.region, parts[1], parts[2])
    application, device = tx.get(Application, at.key), tx.get(Device, at.device_key(parts[3]))
    if application is None or device is None or not device.belongs(application):
        return None
    return at, device


@on_timer("sns.sweep-devices")
def sweep(tx: Tx, account: str, region: str, platform: str, name: str, after: str = "") -> None:
    """Remove a page of a deleted application's devices; what an earlier run removed is not there any more."""
    at = ApplicationName(account, region, platform, name)
    application = tx.get(Application, at.key)  # a new one may have the name already
    prefix = at.devices
    found = tx.scan_prefix(Device, prefix, after=(*prefix, after) if after else None, limit=_AT_ONCE)
    for device in found:
        if application is None or not device.belongs(application):
            remove(tx, at, device)
    if len(found) == _AT_ONCE:
        tx.wake_at(tx.now_ms, "sns.sweep-devices", *at, found[-1].id)


def remove(tx: Tx, at: ApplicationName, device: Device) -> None:
    """Remove a device's rows."""
    tx.delete(at.device_key(device.id))
    known = tx.get(DeviceToken, at.token_key(device.token))
    if known is not None and known.id == device.id:
        tx.delete(at.token_key(device.token))


def load_device(tx: Tx, text: str) -> tuple[ApplicationName, Device]:
    """The endpoint of an ARN.

    Raises:
        InvalidParameter: it is no endpoint's ARN.
        NotFound: there is none.
    """
    parse_arn(text, "EndpointArn")
    found = find_device(tx, text)
    if found is None:
        raise NotFound("Endpoint does not exist")
    return found
