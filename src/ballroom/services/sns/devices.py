"""Platform applications and their endpoints: stored, and published to the outbox.

Source: Developer Guide, "Mobile push notifications"; recorded answers (texts).
"""

from __future__ import annotations

import re
from typing import NamedTuple

from ballroom.kernel import Key, Tx
from ballroom.kernel.arn import find_arn, make_arn
from ballroom.services.sns.errors import InvalidParameter, NotFound
from ballroom.services.sns.names import parse_arn
from ballroom.services.sns.resources import Application, Device

PLATFORMS = (
    "ADM", "APNS", "APNS_SANDBOX", "APNS_VOIP", "APNS_VOIP_SANDBOX", "BAIDU", "GCM", "MACOS", "MACOS_SANDBOX",
    "MPNS", "WNS",
)  # fmt: skip
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

    def device_key(self, device_id: str) -> Key:
        """Endpoints of an application lie together."""
        return ("sns", self.account, self.region, "device", self.platform, self.name, device_id)

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
    device = tx.get(Device, at.device_key(parts[3]))
    return None if device is None else (at, device)


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
