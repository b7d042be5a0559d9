"""A policy document as statements: read once, compared often.

It reads what AWS reads, and says what is wrong with the rest in general terms. Services put their own
words to that, and check actions and resources themselves.

Source: IAM User Guide, "Grammar of the IAM JSON policy language".
"""

from __future__ import annotations

from typing import Any

import msgspec
import orjson

VERSIONS = ("2012-10-17", "2008-10-17")
DEEPEST = 32


class PolicyError(Exception):
    """The document is no policy. `kind` is a short name of what is wrong, `subject` what it is about."""

    def __init__(self, kind: str, subject: str = "") -> None:
        super().__init__(f"{kind}: {subject}" if subject else kind)
        self.kind, self.subject = kind, subject


class Principals(msgspec.Struct, frozen=True):
    """Whom a statement is for: kind of principal (`AWS`, `Service`, ...) -> names; `everybody` for `"*"`."""

    by_kind: dict[str, tuple[str, ...]]
    everybody: bool = False


class Condition(msgspec.Struct, frozen=True):
    """One operator with one key and the values that it is compared with."""

    operator: str
    key: str
    values: tuple[str, ...]


class Statement(msgspec.Struct, frozen=True):
    """One statement. `not_...` says that the list names the exceptions."""

    sid: str
    allows: bool
    principals: Principals | None
    not_principal: bool
    actions: tuple[str, ...]
    not_action: bool
    resources: tuple[str, ...]
    not_resource: bool
    conditions: tuple[Condition, ...]


class Policy(msgspec.Struct, frozen=True):
    """A policy document."""

    version: str
    id: str
    statements: tuple[Statement, ...]


def parse_policy(text: str | bytes) -> Policy:
    """Read a policy document.

    Raises:
        PolicyError: `json`, `missing` (which field), `empty`, `syntax`, `version`, `effect`, `principal`,
            `operator`, `both` (an element and its negation), `unknown` (which field).
    """
    try:
        raw = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise PolicyError("json") from error
    if not isinstance(raw, dict):
        raise PolicyError("json")
    return read_policy(raw)


def read_policy(raw: dict[str, Any]) -> Policy:
    """The same for a document at hand."""
    for name in raw:
        if name not in ("Version", "Id", "Statement"):
            raise PolicyError("unknown", name)
    if "Statement" not in raw:
        raise PolicyError("missing", "Statement")
    version = raw.get("Version", VERSIONS[1])
    if version not in VERSIONS:
        raise PolicyError("version", str(version)[:64])
    identity = raw.get("Id", "")
    if not isinstance(identity, str):
        raise PolicyError("syntax", "Id")
    given = raw["Statement"]
    given = [given] if isinstance(given, dict) else given
    if not isinstance(given, list):
        raise PolicyError("syntax", "Statement")
    if not given:
        raise PolicyError("empty", "Statement")
    return Policy(version, identity, tuple(_statement(one) for one in given))


_FIELDS = frozenset({
    "Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "NotResource", "Condition",
})  # fmt: skip


def _statement(raw: Any) -> Statement:
    if not isinstance(raw, dict):
        raise PolicyError("syntax", "Statement")
    for name in raw:
        if name not in _FIELDS:
            raise PolicyError("unknown", name)
    sid = raw.get("Sid", "")
    if not isinstance(sid, str):
        raise PolicyError("syntax", "Sid")
    if "Effect" not in raw:
        raise PolicyError("missing", "Effect")
    if raw["Effect"] not in ("Allow", "Deny"):
        raise PolicyError("effect", str(raw["Effect"])[:64])
    name, not_principal = _either(raw, "Principal", required=False)
    principals = None if name is None else _principals(raw[name])
    actions, not_action = _strings(raw, "Action")
    resources, not_resource = _strings(raw, "Resource", required=False)
    return Statement(
        sid, raw["Effect"] == "Allow", principals, not_principal, actions, not_action, resources, not_resource,
        _conditions(raw.get("Condition", {})),
    )  # fmt: skip


def _either(raw: dict[str, Any], name: str, *, required: bool) -> tuple[str | None, bool]:
    """Which of an element and its negation is there."""
    negation = f"Not{name}"
    if name in raw and negation in raw:
        raise PolicyError("both", name)
    if negation in raw:
        return negation, True
    if name in raw:
        return name, False
    if required:
        raise PolicyError("missing", name)
    return None, False


def _strings(raw: dict[str, Any], name: str, *, required: bool = True) -> tuple[tuple[str, ...], bool]:
    found, negated = _either(raw, name, required=required)
    if found is None:
        return (), False
    return texts(raw[found], name), negated


def texts(value: Any, name: str) -> tuple[str, ...]:
    """One text or a list of them."""
    many = value if isinstance(value, list) else [value]
    if not many:
        raise PolicyError("empty", name)
    if not all(isinstance(one, str) for one in many):
        raise PolicyError("syntax", name)
    return tuple(many)


def _principals(value: Any) -> Principals:
    if value == "*":
        return Principals({}, everybody=True)
    if not isinstance(value, dict) or not value:
        raise PolicyError("principal", value if isinstance(value, str) else "")
    by_kind: dict[str, tuple[str, ...]] = {}
    for kind, names in value.items():
        if kind not in ("AWS", "Service", "Federated", "CanonicalUser"):
            raise PolicyError("principal", kind)
        by_kind[kind] = texts(names, "Principal")
    return Principals(by_kind, everybody="*" in by_kind.get("AWS", ()))


def _conditions(value: Any) -> tuple[Condition, ...]:
    from ballroom.kernel.policy.conditions import known_operator

    if not isinstance(value, dict):
        raise PolicyError("syntax", "Condition")
    found = []
    for operator, keys in value.items():
        if not known_operator(operator):
            raise PolicyError("operator", operator)
        if not isinstance(keys, dict):
            raise PolicyError("syntax", "Condition")
        found += [Condition(operator, key, _values(values)) for key, values in keys.items()]
    return tuple(found)


def _values(value: Any) -> tuple[str, ...]:
    many = value if isinstance(value, list) else [value]
    read = []
    for one in many:
        if isinstance(one, bool):
            read.append("true" if one else "false")
        elif isinstance(one, str | int | float):
            read.append(str(one))
        else:
            raise PolicyError("syntax", "Condition")
    return tuple(read)
