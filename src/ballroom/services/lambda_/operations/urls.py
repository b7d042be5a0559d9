"""Function URLs: their configuration. Requests to them are answered in `url_host`."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import msgspec

from ballroom.kernel import Request, Response, Tx, operation
from ballroom.kernel.errors import NotImplementedHere
from ballroom.services.lambda_ import describe
from ballroom.services.lambda_.access import target
from ballroom.services.lambda_.clock_texts import url_time
from ballroom.services.lambda_.errors import InvalidParameterValue, ResourceConflict, ResourceNotFound
from ballroom.services.lambda_.names import FunctionName, is_alias
from ballroom.services.lambda_.pages import page_of
from ballroom.services.lambda_.resources import FunctionUrl, UrlTarget, find_alias, key, load_function

URL_ID_LENGTH = 32


@operation("CreateFunctionUrlConfig")
def create_function_url_config(tx: Tx, request: Request) -> Response:
    """Give a function, or one of its aliases, an HTTP address.

    Raises:
        ResourceConflict: it has one.

    Source: Lambda API Reference, CreateFunctionUrlConfig; recorded answers.
    """
    at = _function(tx, request, "lambda:CreateFunctionUrlConfig", must_exist=True)
    if find_url(tx, at) is not None:
        raise ResourceConflict(
            f"Failed to create function url config for [functionArn = {at.qualified_arn}]. "
            "Error message:  FunctionUrlConfig exists for this Lambda function"
        )
    mode = _checked_mode(request)
    url = FunctionUrl(
        url_id=tx.ids.lower(URL_ID_LENGTH), auth_type=request["AuthType"], created_ms=tx.now_ms,
        modified_ms=tx.now_ms, invoke_mode=mode, cors=_checked_cors(request.get("Cors")),
    )  # fmt: skip
    tx.put(key(at, "url", at.qualifier or ""), url)
    tx.put(("lambda-url", url.url_id), UrlTarget(at.account, at.region, at.name, at.qualifier or ""))
    shown = describe.function_url(at, url, address_of(tx, at.region, url.url_id))
    return shown | ({"InvokeMode": mode} if mode else {})


@operation("GetFunctionUrlConfig")
def get_function_url_config(tx: Tx, request: Request) -> Response:
    """One URL's configuration.

    Source: Lambda API Reference, GetFunctionUrlConfig.
    """
    at = _function(tx, request, "lambda:GetFunctionUrlConfig")
    return _shown(tx, at, _load(tx, at))


@operation("UpdateFunctionUrlConfig")
def update_function_url_config(tx: Tx, request: Request) -> Response:
    """Change how a URL authenticates, or its CORS rules.

    Source: Lambda API Reference, UpdateFunctionUrlConfig.
    """
    at = _function(tx, request, "lambda:UpdateFunctionUrlConfig")
    changes: dict[str, Any] = {"modified_ms": tx.now_ms}
    if "AuthType" in request:
        changes["auth_type"] = request["AuthType"]
    if "Cors" in request:
        changes["cors"] = _checked_cors(request["Cors"])
    mode = _checked_mode(request)
    if mode:
        changes["invoke_mode"] = mode
    url = msgspec.structs.replace(_load(tx, at), **changes)
    tx.put(key(at, "url", at.qualifier or ""), url)
    shown = describe.function_url(at, url, address_of(tx, at.region, url.url_id))
    shown["LastModifiedTime"] = url_time(url.modified_ms)
    return shown | ({"InvokeMode": mode} if mode else {})


@operation("DeleteFunctionUrlConfig")
def delete_function_url_config(tx: Tx, request: Request) -> Response:
    """Take the address away.

    Source: Lambda API Reference, DeleteFunctionUrlConfig.
    """
    at = _function(tx, request, "lambda:DeleteFunctionUrlConfig")
    tx.delete(("lambda-url", _load(tx, at).url_id))
    tx.delete(key(at, "url", at.qualifier or ""))
    return {}


@operation("ListFunctionUrlConfigs")
def list_function_url_configs(tx: Tx, request: Request) -> Response:
    """The URLs of a function and its aliases.

    Source: Lambda API Reference, ListFunctionUrlConfigs.
    """
    at = _function(tx, request, "lambda:ListFunctionUrlConfigs", must_exist=True).at(None)
    rows = tx.scan_prefix_items(FunctionUrl, key(at, "url"))
    chosen, marker = page_of(rows, request, limit=50, id_of=lambda row: str(row[0][-1]))
    configs = [_shown(tx, at.at(str(k[-1]) or None), url) for k, url in chosen]
    return {"FunctionUrlConfigs": configs} | marker


def find_url(tx: Tx, at: FunctionName) -> FunctionUrl | None:
    """The URL of a function or alias."""
    return tx.get(FunctionUrl, key(at, "url", at.qualifier or ""))


def address_of(tx: Tx, region: str, url_id: str) -> str:
    """Where the URL answers: a host below the server's own, with its port."""
    base = urlsplit(tx.kernel.settings.base_url)
    port = f":{base.port}" if base.port else ""
    return f"{base.scheme}://{url_id}.lambda-url.{region}.{base.hostname}{port}/"


def _function(tx: Tx, request: Request, action: str, *, must_exist: bool = False) -> FunctionName:
    at = target(tx, request, action)
    if at.qualifier is not None and not is_alias(at.qualifier):
        raise InvalidParameterValue("Function URLs can be made for a function or an alias, not for a version.")
    if must_exist:
        load_function(tx, at)
        if at.qualifier is not None and find_alias(tx, at, at.qualifier) is None:
            raise ResourceNotFound(f"Function not found: {at.qualified_arn}")
    return at


def _load(tx: Tx, at: FunctionName) -> FunctionUrl:
    url = find_url(tx, at)
    if url is None:
        raise ResourceNotFound()
    return url


def _shown(tx: Tx, at: FunctionName, url: FunctionUrl) -> Response:
    shown = describe.function_url(at, url, address_of(tx, at.region, url.url_id))
    shown["LastModifiedTime"] = url_time(url.modified_ms)
    shown["InvokeMode"] = url.invoke_mode or "BUFFERED"
    return shown


def _checked_mode(request: Request) -> str | None:
    mode: str | None = request.get("InvokeMode")
    if mode == "RESPONSE_STREAM":
        raise NotImplementedHere(
            "Ballroom does not stream responses yet: InvokeMode RESPONSE_STREAM is refused"
        )
    return mode


def _checked_cors(cors: dict[str, Any] | None) -> dict[str, Any] | None:
    if not cors:
        return None
    if cors.get("AllowCredentials") and "*" in cors.get("AllowOrigins", ()):
        raise InvalidParameterValue(
            "The AllowOrigins * cannot be used together with AllowCredentials: name the origins."
        )
    return dict(cors)
