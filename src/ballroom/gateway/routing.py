"""Which service and operation a request is for.

The order: Smithy-Protocol path, X-Amz-Target, the service that the signature names, the query protocol's
Action, the host name, paths that only one service has, and S3 last, since it takes every path. What
belongs to an application (data-plane hosts) or to Ballroom itself (pages) is taken out before.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any
from urllib.parse import unquote_plus

import msgspec

from ballroom.gateway import s3_routes, sigv4, wire
from ballroom.gateway.hosts import bucket_of, service_label
from ballroom.gateway.http import Exchange
from ballroom.gateway.refusals import REST_JSON, S3, family_of, refusal
from ballroom.gateway.rest import RestIndex
from ballroom.gateway.wire.legacy import LEGACY
from ballroom.gateway.wire.postform import PostFormCodec
from ballroom.kernel.errors import ServiceError
from ballroom.kernel.model import (
    ServiceHead,
    ServiceModel,
    all_services,
    by_signing_name,
    by_target_prefix,
    data,
    head,
)
from ballroom.kernel.model.service import load_service
from ballroom.kernel.registry import Registry

CBOR = "smithy-rpc-v2-cbor"
LAMBDA_CODE_BYTES = 70_167_211
LAMBDA_INVOKE_BYTES = 6_291_556
BODY_BYTES = {
    ("lambda", "CreateFunction"): LAMBDA_CODE_BYTES,
    ("lambda", "UpdateFunctionCode"): LAMBDA_CODE_BYTES,
    ("lambda", "PublishLayerVersion"): LAMBDA_CODE_BYTES,
    ("lambda", "Invoke"): LAMBDA_INVOKE_BYTES,
}
"""AWS's own limits where the general one does not fit."""
GENERAL_BODY_BYTES = 20 << 20
"""More than any request of a service that is no file store (DynamoDB's largest: 16 MiB)."""

# Links in messages, to be followed as they are: what they hold is known to the receiver only.
_BY_LINK = frozenset({("sns", "ConfirmSubscription"), ("sns", "Unsubscribe")})
_CBOR_PATH = re.compile(r".*/service/([^/]+)/operation/([^/]+)/?")
_PRESIGNED_SCOPE = re.compile(
    r"X-Amz-Credential=[^&]*?(?:/|%2[Ff])\d{8}(?:/|%2[Ff])[^&/%]*(?:/|%2[Ff])([^&/%]+)"
)
_FORM = "application/x-www-form-urlencoded"
_NOBODY = ServiceHead(
    name="",
    endpoint_prefix="",
    signing_name="",
    service_id="",
    api_version="",
    protocols=("json",),
    json_version="1.0",
)


POST_OBJECT = "PostObject"
"""A browser's form upload, which the model lacks."""


class Target(msgspec.Struct):
    """Where requests of one kind go. `refused` says why they go nowhere."""

    service: str
    operation: str
    protocol: str
    family: str
    signing_name: str
    codec: wire.Codec | None = None
    body_bytes: int = GENERAL_BODY_BYTES
    streams: bool = False
    """Whether the body is handed over while it comes."""
    may_be_unsigned: bool = False
    refused: ServiceError | None = None


class Router:
    """Routes for the services in a registry; knows all others by botocore's models."""

    def __init__(self, registry: Registry, max_body_bytes: int, public_name: str = "") -> None:
        self._registry = registry
        self._public_name = public_name
        self.general_bytes = min(max_body_bytes, GENERAL_BODY_BYTES)
        self._targets: dict[tuple[str, str, str], Target] = {}
        self._by_target: dict[str, Target] = {}
        self._by_action: dict[tuple[str, str, str], Target] = {}
        self._rest: dict[str, RestIndex] = {}
        self.heads = {name: found for name in registry.services() if (found := head(name)) is not None}
        self._prefixes = {h.target_prefix: h for h in self.heads.values() if h.target_prefix}
        self._ours_by_signing_name: dict[str, tuple[ServiceHead, ...]] = {}
        for h in self.heads.values():
            held = self._ours_by_signing_name.get(h.signing_name, ())
            self._ours_by_signing_name[h.signing_name] = (*held, h)
        self._form_upload = Target(
            "s3", POST_OBJECT, "rest-xml", S3, "s3", PostFormCodec(), self.general_bytes,
            streams=True, may_be_unsigned=True,
        )  # fmt: skip
        self._unsigned_rest = [h for h in self.heads.values() if h.protocols[0] == "rest-json"]

    def route(self, exchange: Exchange, body: bytes | None) -> Target:
        """The target; `body` is None if it is still to come (and so cannot name the operation)."""
        headers = exchange.headers
        if self._is_form_upload(exchange):
            return self._form_upload
        target = headers.get("x-amz-target")
        if target is not None:
            found = self._by_target.get(target) or self._for_target(target)
            return found or self._unknown_target(target, exchange)
        if headers.get("smithy-protocol") == "rpc-v2-cbor":
            return self._for_cbor(exchange.path)
        action = _action_of(exchange, body)
        candidates = self._candidates(exchange)
        if action is not None and not _only_rest(candidates):
            return self._for_action(action, candidates)
        if candidates:
            return (
                self._for_path(candidates, exchange)
                or self._for_path(self._others(candidates[0]), exchange)
                or self._no_operation(candidates[0], exchange)
            )
        return self._for_path(self._unsigned_rest, exchange) or self._for_s3(exchange)

    def _is_form_upload(self, exchange: Exchange) -> bool:
        """Whether a browser's form sends an object to a bucket."""
        if exchange.method != "POST" or "authorization" in exchange.headers:
            return False
        if not exchange.headers.get("content-type", "").lower().startswith("multipart/form-data"):
            return False
        path = self.s3_path(exchange)
        return (
            path is not None
            and not path.strip("/").count("/")
            and ("s3", POST_OBJECT) in self._registry.operations
        )

    def s3_path(self, exchange: Exchange) -> str | None:
        """`/bucket/key` of an unsigned request, unless another service would know its path."""
        path = self.path_for("s3", exchange)
        if not path.strip("/"):
            return None
        if path == exchange.path and any(self._index(h).knows_path(path) for h in self._unsigned_rest):
            return None
        return path

    def _for_path(self, services: Sequence[ServiceHead], exchange: Exchange) -> Target | None:
        for service in services:
            if _is_rest(service) and (operation := self._match(service, exchange)) is not None:
                return self.target(service, operation, _rest_protocol(service))
        return None

    def target(self, service: ServiceHead, operation: str, protocol: str) -> Target:
        """The target of an operation; its codec is compiled when first asked for."""
        key = (service.name, operation, protocol)
        found = self._targets.get(key)
        if found is None:
            found = self._make(service, operation, protocol)
            if found.refused is None:
                self._targets[key] = found  # names that do not exist come from clients, without bound
        return found

    def _make(self, service: ServiceHead, operation: str, protocol: str) -> Target:
        family = family_of(service.name, protocol)
        made = Target(service.name, operation, protocol, family, service.signing_name)
        registered = self._registry.operations.get((service.name, operation))
        if registered is None or registered.internal:
            if operation in operation_names(service.name):
                made.refused = refusal(
                    "not implemented", family, f"Ballroom does not implement {service.name}:{operation} yet."
                )
            else:
                made.refused = self._unknown(service, operation, family)
            return made
        model = load_service(service.name).operation(operation)
        try:
            made.codec = wire.codec(model, protocol)
        except KeyError:
            made.refused = refusal(
                "not implemented", family, f"Ballroom does not speak {protocol} for {service.name}."
            )
            return made
        payload = model.input.payload if model.input is not None else None
        made.streams = payload is not None and payload.is_streaming
        made.body_bytes = BODY_BYTES.get((service.name, operation), self.general_bytes)
        made.may_be_unsigned = (
            (service.name, operation) in _BY_LINK
            or model.traits.get("authtype") == "none"
            or model.traits.get("auth") == ["smithy.api#noAuth"]
        )
        return made

    def _unknown(self, service: ServiceHead, operation: str, family: str) -> ServiceError:
        if family in (REST_JSON, S3):
            return refusal("unknown operation", family, f"{service.name} has no operation {operation}.")
        if "query" in service.protocols or "ec2" in service.protocols:
            text = f"Could not find operation {operation} for version {service.api_version}"
            return refusal("unknown operation", family, text)
        return refusal("unknown operation", family, f"The operation {operation} is not one of {service.name}.")

    def _for_target(self, target: str) -> Target | None:
        prefix, _, operation = target.rpartition(".")
        service = self._prefixes.get(prefix) or _first(by_target_prefix().get(prefix, ()), operation)
        if service is None:
            return None
        found = self.target(service, operation, "json")
        if found.refused is None:
            self._by_target[target] = found
        return found

    def _unknown_target(self, target: str, exchange: Exchange) -> Target:
        """A refusal in the words of the service that the signature or the host means, if any."""
        text = f"No service has the target {target}."
        meant = next((h for h in self._candidates(exchange) if h.protocols[0] == "json"), None)
        return _nowhere("json", text) if meant is None else self._refused(meant, target, text)

    def _for_cbor(self, path: str) -> Target:
        match = _CBOR_PATH.fullmatch(path)
        if match is None:
            return _nowhere(CBOR, "The path names no service and operation.")
        service = self._prefixes.get(match[1]) or _first(by_target_prefix().get(match[1], ()), match[2])
        if service is None:
            return _nowhere(CBOR, f"There is no service {match[1]}.")
        return self.target(service, match[2], CBOR)

    def _candidates(self, exchange: Exchange) -> tuple[ServiceHead, ...]:
        """The services that the signature or, without one, the host name may mean: ours if there are any.

        The index of all services is left alone where ours suffice: reading it the first time takes 0.2 s.
        """
        signing_name = signing_name_of(exchange)
        if signing_name:
            if signing_name in sigv4.S3_SCOPES:
                signing_name = "s3"
            return self._ours_by_signing_name.get(signing_name) or by_signing_name().get(signing_name, ())
        label = service_label(exchange.headers.get("host", ""))
        if label is None:
            return ()
        ours = tuple(h for h in self.heads.values() if h.endpoint_prefix == label)
        return ours or tuple(h for h in all_services().values() if h.endpoint_prefix == label)

    def _others(self, service: ServiceHead) -> tuple[ServiceHead, ...]:
        """Services that Ballroom lacks under the signing name of one it may have."""
        known = by_signing_name().get(service.signing_name, ())
        return tuple(h for h in known if h.name not in self.heads)

    def _for_action(self, action: tuple[str, str], candidates: tuple[ServiceHead, ...]) -> Target:
        name, version = action
        key = (candidates[0].name if candidates else "", name, version)
        known = self._by_action.get(key)
        if known is None:
            known = self._find_action(name, version, candidates)
            if known.refused is None and len(self._by_action) < 4096:  # versions come from clients
                self._by_action[key] = known
        return known

    def _find_action(self, name: str, version: str, candidates: tuple[ServiceHead, ...]) -> Target:
        speakers = [h for h in candidates if _query_protocol(h)]
        if version and speakers and all(h.api_version != version for h in speakers):
            speakers += [h for h in self._others(speakers[0]) if _query_protocol(h)]
        if not speakers:
            ours = [h for h in self.heads.values() if _query_protocol(h)]
            speakers = [h for h in ours if h.api_version == version] or [
                h for h in ours if not version and (h.name, name) in self._registry.operations
            ]
        if not speakers and version:
            speakers = [h for h in all_services().values() if _query_protocol(h) and h.api_version == version]
        service = next((h for h in speakers if h.api_version == version), speakers[0] if speakers else None)
        if service is None:
            return _nowhere(
                "query", f"Could not find operation {name}" + (f" for version {version}" if version else "")
            )
        return self.target(service, name, _query_protocol(service) or "query")

    def _match(self, service: ServiceHead, exchange: Exchange) -> str | None:
        path = self.path_for(service.name, exchange)
        found = self._index(service).match(exchange.method, path, exchange.query, exchange.headers)
        if found is not None and exchange.query and s3_routes.is_half_a_part(found, exchange.query):
            return None
        return found

    def _index(self, service: ServiceHead) -> RestIndex:
        index = self._rest.get(service.name)
        if index is not None:
            return index
        if service.name not in self.heads:
            return rest_index(service.name)
        model = load_service(service.name)
        made = self._rest[service.name] = RestIndex(model.raw_operations, model.raw_shapes)
        return made

    def path_for(self, service: str, exchange: Exchange) -> str:
        """The path as the service's model has it: a bucket in the host name is its first segment."""
        if service == "s3":
            bucket = bucket_of(exchange.headers.get("host", ""), self._public_name)
            if bucket is not None:
                return f"/{bucket}{exchange.path}"
        return exchange.path

    def _for_s3(self, exchange: Exchange) -> Target:
        service = self.heads.get("s3") or head("s3")
        assert service is not None
        operation = self._match(service, exchange)
        if operation is None:
            return self._no_operation(service, exchange)
        return self.target(service, operation, "rest-xml")

    def _no_operation(self, service: ServiceHead, exchange: Exchange) -> Target:
        protocol = service.protocols[0]
        family = family_of(service.name, protocol)
        if service.name == "s3":
            path = self.path_for("s3", exchange)
            index = self._index(service)
            error = s3_routes.no_operation(index, exchange.method, path, exchange.query, exchange.headers)
            return Target("s3", "", protocol, family, service.signing_name, refused=error)
        if _is_rest(service):
            text = f"No operation of {service.name} has the method {exchange.method} and this path."
        elif _query_protocol(service):
            text = "The request must contain the parameter Action or a service operation."
        else:
            text = "The request names no operation: the header X-Amz-Target is missing."
        return self._refused(service, "", text)

    @staticmethod
    def _refused(service: ServiceHead, operation: str, text: str) -> Target:
        """A refusal of an operation that a service does not have, in the words of its protocol."""
        protocol = service.protocols[0]
        family = family_of(service.name, protocol)
        refused = refusal("unknown operation", family, text)
        return Target(service.name, operation, protocol, family, service.signing_name, refused=refused)


def _nowhere(protocol: str, text: str) -> Target:
    family = family_of("", protocol)
    return Target("", "", protocol, family, "", refused=refusal("unknown operation", family, text))


def signing_name_of(exchange: Exchange) -> str:
    """The service that the signature's scope names; empty without a signature."""
    authorization = exchange.headers.get("authorization")
    if authorization is not None:
        scope = sigv4.scope_of(authorization[:-64])
        if scope is not None:
            return scope.service
        match = re.search(r"Credential=[^,\s]*/([^/,\s]+)/aws4_request", authorization)
        return match[1] if match else ""
    match = _PRESIGNED_SCOPE.search(exchange.query) if "X-Amz-Credential=" in exchange.query else None
    return match[1] if match else ""


def _action_of(exchange: Exchange, body: bytes | None) -> tuple[str, str] | None:
    """Action and Version of the query protocol, from the query string or a form."""
    query = exchange.query
    if query and "Action=" in query and (found := _action_in(query.encode("latin-1"))) is not None:
        return found
    if body and exchange.headers.get("content-type", _FORM).startswith(_FORM):
        return _action_in(body)
    return None


def _action_in(form: bytes) -> tuple[str, str] | None:
    action = _field(form, b"Action=")
    return None if action is None else (action, _field(form, b"Version=") or "")


def _field(form: bytes, name: bytes) -> str | None:
    """The first field of that name; half the cost of a regular expression, and every query request pays it."""
    if form.startswith(name):
        at = len(name)
    else:
        at = form.find(b"&" + name) + 1 + len(name)
        if at == len(name):
            return None
    end = form.find(b"&", at)
    return _text(form[at:end] if end >= 0 else form[at:])


def _text(raw: bytes) -> str:
    text = raw[:4096].decode("latin-1")
    if "%" in text or "+" in text:
        text = unquote_plus(text)
    return text[:256]


def _query_protocol(service: ServiceHead) -> str | None:
    for protocol in service.protocols:
        if protocol in ("query", "ec2"):
            return protocol
    # SQS's newest model tells only of json; older SDKs still speak query
    return "query" if service.name in LEGACY else None


def _is_rest(service: ServiceHead) -> bool:
    return service.protocols[0].startswith("rest-")


def _rest_protocol(service: ServiceHead) -> str:
    return next(p for p in service.protocols if p.startswith("rest-"))


def _only_rest(candidates: tuple[ServiceHead, ...]) -> bool:
    for service in candidates:
        if _query_protocol(service) is not None:
            return False
    return bool(candidates)


def _first(services: tuple[ServiceHead, ...], operation: str) -> ServiceHead | None:
    return next(
        (s for s in services if operation in operation_names(s.name)), services[0] if services else None
    )


def _raw(service: str) -> dict[str, Any]:
    return data.read_model(service)


@lru_cache(32)
def operation_names(service: str) -> frozenset[str]:
    """A service's operations. The model itself is not kept: clients choose which of 440 they name."""
    return frozenset(_raw(service)["operations"])


@lru_cache(8)
def rest_index(service: str) -> RestIndex:
    """The paths of a service that Ballroom lacks, to name the operation in the refusal."""
    model = _raw(service)
    return RestIndex(model["operations"], model["shapes"])


@lru_cache(64)
def skeleton(service: str) -> ServiceModel:
    """A service's model without operations and shapes: enough to encode an error."""
    found = head(service) if service else None
    return ServiceModel(
        found or _NOBODY,
        {"metadata": data.read_metadata(service) or {} if found else {}, "operations": {}, "shapes": {}},
    )
