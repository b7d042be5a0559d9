"""Text messages: settings, opt-outs and the sandbox, stored. Messages themselves are in the outbox.

Source: SNS API Reference, SetSMSAttributes and its like; recorded answers (texts).
"""

from __future__ import annotations

import math
import re

import msgspec

from ballroom.kernel import Key, Request, Response, Tx, operation
from ballroom.kernel.records import R
from ballroom.kernel.tokens import make_token, read_token
from ballroom.services.sns import outbox
from ballroom.services.sns.endpoints import E164
from ballroom.services.sns.errors import InvalidParameter, ResourceNotFound, UserError, Verification
from ballroom.services.sns.resources import OptedOut, SandboxNumber, Sent, SmsSettings

_ATTRIBUTES = (
    "MonthlySpendLimit", "DeliveryStatusIAMRole", "DeliveryStatusSuccessSamplingRate", "DefaultSenderID",
    "DefaultSMSType", "UsageReportS3Bucket",
)  # fmt: skip
_SENDER_ID = re.compile(r"[A-Za-z0-9]{1,11}", re.ASCII)
_PAGE = 100


def _settings_key(tx: Tx) -> tuple[str, ...]:
    return ("sns", tx.account, tx.region, "sms")


def _number(request: Request) -> str:
    number: str = request["phoneNumber"]
    if not E164.fullmatch(number):
        raise InvalidParameter.of("PhoneNumber", reason="input incorrectly formatted")
    return number


def _is_number(text: str, most: float) -> bool:
    return text.isascii() and text.isdecimal() and int(text[:10]) <= most


@operation("SetSMSAttributes")
def set_sms_attributes(tx: Tx, request: Request) -> Response:
    """Set some of the account's SMS attributes."""
    given: dict[str, str] = request["attributes"]
    for name, value in given.items():
        if name not in _ATTRIBUTES:
            raise InvalidParameter.of(f"{name}", reason="Unknown SMS attribute")
        if name == "DefaultSMSType" and value not in ("Promotional", "Transactional"):
            raise InvalidParameter.of("DefaultSMSType", reason="must be Promotional or Transactional")
        if name == "MonthlySpendLimit" and not _is_number(value, math.inf):
            raise InvalidParameter.of("MonthlySpendLimit", reason="must be a number")
        if name == "DeliveryStatusSuccessSamplingRate" and value and not _is_number(value, 100):
            raise InvalidParameter.of(name, reason="must be a number from 0 to 100")
        if name == "DefaultSenderID" and value and not _SENDER_ID.fullmatch(value):
            raise InvalidParameter.of("DefaultSenderID", reason="must be 1-11 letters and digits")
    known = tx.get(SmsSettings, _settings_key(tx))
    tx.put(_settings_key(tx), SmsSettings({**(known.attributes if known else {}), **given}))
    return {}


@operation("GetSMSAttributes")
def get_sms_attributes(tx: Tx, request: Request) -> Response:
    """The account's SMS attributes, or those that are named."""
    known = tx.get(SmsSettings, _settings_key(tx))
    attributes = known.attributes if known else {}
    wanted = request.get("attributes")
    if wanted:
        attributes = {name: value for name, value in attributes.items() if name in wanted}
    return {"attributes": attributes}


@operation("CheckIfPhoneNumberIsOptedOut")
def check_if_phone_number_is_opted_out(tx: Tx, request: Request) -> Response:
    """Whether a number wants no messages."""
    row = tx.get(OptedOut, ("sns", tx.account, tx.region, "opted-out", _number(request)))
    return {"isOptedOut": row is not None}


@operation("OptInPhoneNumber")
def opt_in_phone_number(tx: Tx, request: Request) -> Response:
    """A number wants messages again; one that never opted out is no error."""
    tx.delete(("sns", tx.account, tx.region, "opted-out", _number(request)))
    return {}


@operation("ListPhoneNumbersOptedOut")
def list_phone_numbers_opted_out(tx: Tx, request: Request) -> Response:
    """The numbers that want no messages."""
    prefix = ("sns", tx.account, tx.region, "opted-out")
    numbers, token = _page(tx, OptedOut, prefix, request.get("nextToken"), _PAGE)
    answer: Response = {"phoneNumbers": [number for number, _ in numbers]}
    if token:
        answer["nextToken"] = token
    return answer


def _page(
    tx: Tx, kind: type[R], prefix: Key, token: str | None, size: int
) -> tuple[list[tuple[str, R]], str | None]:
    parts = read_token(token) if token else ()
    if parts is None or len(parts) > 1:
        raise InvalidParameter.of("NextToken")
    after = (*prefix, *parts) if parts else None
    found = tx.scan_prefix_items(kind, prefix, after=after, limit=size + 1)
    rows = [(str(key[-1]), record) for key, record in found[:size]]
    return rows, make_token((rows[-1][0],)) if len(found) > size else None


@operation("GetSMSSandboxAccountStatus")
def get_sms_sandbox_account_status(tx: Tx, request: Request) -> Response:
    """Every account is out of the sandbox: nothing is sent anyway."""
    return {"IsInSandbox": False}


@operation("CreateSMSSandboxPhoneNumber")
def create_sms_sandbox_phone_number(tx: Tx, request: Request) -> Response:
    """Store a number of the sandbox; its one-time password is in the outbox."""
    number = request["PhoneNumber"]
    if not E164.fullmatch(number):
        raise InvalidParameter.of("PhoneNumber", reason="input incorrectly formatted")
    password = f"{tx.ids.below(1_000_000):06d}"
    tx.put(("sns", tx.account, tx.region, "sandbox", number), SandboxNumber(password))
    text = f"Your verification code is {password}"
    outbox.add(tx, tx.account, tx.region, Sent(tx.ids.uuid(), tx.now_ms, "sms", number, "", text))
    return {}


@operation("VerifySMSSandboxPhoneNumber")
def verify_sms_sandbox_phone_number(tx: Tx, request: Request) -> Response:
    """Verify a number of the sandbox by its one-time password."""
    key = ("sns", tx.account, tx.region, "sandbox", request["PhoneNumber"])
    known = tx.get(SandboxNumber, key)
    if known is None:
        raise ResourceNotFound("The phone number does not exist")
    if known.verified:
        raise UserError("The phone number is already verified")
    if request["OneTimePassword"] != known.password:
        raise Verification("The one-time password is not valid", Status="INVALID")
    tx.put(key, msgspec.structs.replace(known, verified=True))
    return {}


@operation("DeleteSMSSandboxPhoneNumber")
def delete_sms_sandbox_phone_number(tx: Tx, request: Request) -> Response:
    """Delete a number of the sandbox."""
    key = ("sns", tx.account, tx.region, "sandbox", request["PhoneNumber"])
    if tx.get(SandboxNumber, key) is None:
        raise ResourceNotFound("The phone number does not exist")
    tx.delete(key)
    return {}


@operation("ListSMSSandboxPhoneNumbers")
def list_sms_sandbox_phone_numbers(tx: Tx, request: Request) -> Response:
    """The numbers of the sandbox."""
    prefix = ("sns", tx.account, tx.region, "sandbox")
    size = request.get("MaxResults") or _PAGE
    rows, token = _page(tx, SandboxNumber, prefix, request.get("NextToken"), size)
    numbers = [
        {"PhoneNumber": number, "Status": "Verified" if known.verified else "Pending"} for number, known in rows
    ]
    answer: Response = {"PhoneNumbers": numbers}
    if token:
        answer["NextToken"] = token
    return answer


@operation("ListOriginationNumbers")
def list_origination_numbers(tx: Tx, request: Request) -> Response:
    """None: numbers cannot be bought here."""
    return {"PhoneNumbers": []}
