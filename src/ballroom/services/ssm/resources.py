"""What Parameter Store stores.

| key, after ("ssm", account, region) | record | read by |
| --- | --- | --- |
| ("parameter", name) | Parameter | everything; paths are ranges of names |
| ("version", name, number) | Version | a version or label by itself, history |
"""

from __future__ import annotations

import msgspec

from ballroom.kernel import Key, Record, Tx
from ballroom.kernel.arn import find_arn, make_arn
from ballroom.kernel.sealing import Seal, Unreadable

from .errors import InvalidKeyId, ParameterNotFound, ParameterVersionNotFound


class Version(Record, frozen=True):
    """One version of a parameter. `cipher` is shown instead of a secret value that is not decrypted.

    A secret is `sealed`, and `value` empty; only versions of earlier releases have a secret as `value`.
    """

    number: int
    type: str
    value: str
    modified_ms: int
    user: str
    tier: str = "Standard"
    data_type: str = "text"
    description: str = ""
    allowed_pattern: str = ""
    key_id: str = ""
    cipher: str = ""
    sealed: bytes = b""


class Parameter(Record, frozen=True):
    """A parameter with its newest version; `labels` says which version each names."""

    name: str
    oldest: int
    latest: Version
    labels: dict[str, int] = msgspec.field(default_factory=dict)
    tags: dict[str, str] = msgspec.field(default_factory=dict)


def key(tx: Tx, *parts: str | int) -> Key:
    """A key of the caller's account and region."""
    return ("ssm", tx.account, tx.region, *parts)


def arn_of(tx: Tx, name: str) -> str:
    """A parameter's ARN."""
    return make_arn("ssm", tx.region, tx.account, f"parameter/{name.removeprefix('/')}")


def find_parameter(tx: Tx, name: str) -> Parameter | None:
    """The parameter of that name, or of that ARN."""
    arn = find_arn(name)
    if arn is None:
        return tx.get(Parameter, key(tx, "parameter", name))
    if arn.service != "ssm" or not arn.resource.startswith("parameter/"):
        return None
    path = arn.resource.removeprefix("parameter")
    if arn.account != tx.account or arn.region != tx.region:
        return None
    # the ARN does not tell whether the name begins with a slash
    return tx.get(Parameter, key(tx, "parameter", path)) or tx.get(Parameter, key(tx, "parameter", path[1:]))


def load_parameter(tx: Tx, name: str) -> Parameter:
    """The parameter of that name.

    Raises:
        ParameterNotFound: there is none.
    """
    parameter = find_parameter(tx, name)
    if parameter is None:
        raise ParameterNotFound()
    return parameter


def seal_value(tx: Tx, name: str, value: str) -> bytes:
    """A secret value as it is stored."""
    return Seal.of(tx.kernel).close(value.encode(), arn_of(tx, name))


def value_of(tx: Tx, name: str, version: Version) -> str:
    """A version's value, a secret one opened.

    Raises:
        InvalidKeyId: it was sealed with another data directory's key.
    """
    if not version.sealed:
        return version.value
    try:
        return Seal.of(tx.kernel).open(version.sealed, arn_of(tx, name)).decode()
    except Unreadable as failed:
        raise InvalidKeyId(str(failed)) from failed


def put_parameter(tx: Tx, parameter: Parameter) -> None:
    """Store a parameter's row."""
    tx.put(key(tx, "parameter", parameter.name), parameter)


def load_version(tx: Tx, parameter: Parameter, selector: str) -> Version:
    """The version that a selector names: a number, a label, or nothing for the newest.

    Raises:
        ParameterVersionNotFound: there is none.
    """
    if not selector:
        return parameter.latest
    if selector.isascii() and selector.isdigit():
        number, what = int(selector), "version"
    else:
        number, what = parameter.labels.get(selector, 0), "label"
    version = tx.get(Version, key(tx, "version", parameter.name, number))
    if version is None:
        raise ParameterVersionNotFound(
            f"Systems Manager could not find {what} {selector} of {parameter.name}. "
            f"Verify the {what} and try again."
        )
    return version


def split_selector(name: str) -> tuple[str, str]:
    """A name and the version or label behind its last colon; an ARN's own colons are none of these."""
    start = name.find(":parameter/") + 1 if name.startswith("arn:") else 0
    base, colon, selector = name[start:].partition(":")
    return (name[:start] + base, selector) if colon else (name, "")
