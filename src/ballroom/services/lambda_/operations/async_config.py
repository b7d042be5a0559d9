"""Settings for asynchronous invocations: retries, age, destinations."""

from __future__ import annotations

from typing import Any

import msgspec

from ballroom.kernel import Request, Response, Tx, operation
from ballroom.services.lambda_ import describe
from ballroom.services.lambda_.access import target
from ballroom.services.lambda_.destinations import check_target
from ballroom.services.lambda_.errors import InvalidParameterValue, ResourceNotFound
from ballroom.services.lambda_.names import LATEST, FunctionName
from ballroom.services.lambda_.pages import page_of
from ballroom.services.lambda_.resources import AsyncConfig, key, load_function, load_version


@operation("PutFunctionEventInvokeConfig")
def put_function_event_invoke_config(tx: Tx, request: Request) -> Response:
    """Set all settings; those left out go back to AWS's defaults.

    Source: Lambda API Reference, PutFunctionEventInvokeConfig; recorded answers.
    """
    at = _existing(tx, request, "lambda:PutFunctionEventInvokeConfig")
    return _store(tx, at, AsyncConfig(modified_ms=0), request)


@operation("UpdateFunctionEventInvokeConfig")
def update_function_event_invoke_config(tx: Tx, request: Request) -> Response:
    """Change some settings.

    Source: Lambda API Reference, UpdateFunctionEventInvokeConfig.
    """
    at = _existing(tx, request, "lambda:UpdateFunctionEventInvokeConfig")
    return _store(tx, at, _load(tx, at), request)


@operation("GetFunctionEventInvokeConfig")
def get_function_event_invoke_config(tx: Tx, request: Request) -> Response:
    """The settings of a function, version or alias.

    Source: Lambda API Reference, GetFunctionEventInvokeConfig.
    """
    at = target(tx, request, "lambda:GetFunctionEventInvokeConfig")
    return describe.async_config(at, _load(tx, at))


@operation("DeleteFunctionEventInvokeConfig")
def delete_function_event_invoke_config(tx: Tx, request: Request) -> Response:
    """Back to AWS's defaults.

    Source: Lambda API Reference, DeleteFunctionEventInvokeConfig.
    """
    at = target(tx, request, "lambda:DeleteFunctionEventInvokeConfig")
    _load(tx, at)
    tx.delete(_place(at))
    return {}


@operation("ListFunctionEventInvokeConfigs")
def list_function_event_invoke_configs(tx: Tx, request: Request) -> Response:
    """The settings of a function and its versions and aliases.

    Source: Lambda API Reference, ListFunctionEventInvokeConfigs.
    """
    at = target(tx, request, "lambda:ListFunctionEventInvokeConfigs").at(None)
    load_function(tx, at)
    rows = tx.scan_prefix_items(AsyncConfig, key(at, "async"))
    chosen, marker = page_of(rows, request, limit=50, id_of=lambda row: str(row[0][-1]))
    configs = [describe.async_config(at.at(str(k[-1])), config) for k, config in chosen]
    return {"FunctionEventInvokeConfigs": configs} | marker


def find_config(tx: Tx, at: FunctionName) -> AsyncConfig | None:
    """The settings of exactly this qualifier; no qualifier means $LATEST."""
    return tx.get(AsyncConfig, _place(at))


def _place(at: FunctionName) -> tuple[str | int | bytes, ...]:
    return key(at, "async", at.qualifier or LATEST)


def _existing(tx: Tx, request: Request, action: str) -> FunctionName:
    at = target(tx, request, action)
    load_version(tx, at)
    return at


def _load(tx: Tx, at: FunctionName) -> AsyncConfig:
    config = find_config(tx, at)
    if config is None:
        qualified = at.at(at.qualifier or LATEST).qualified_arn
        raise ResourceNotFound(f"The function {qualified} doesn't have an EventInvokeConfig")
    return config


def _store(tx: Tx, at: FunctionName, old: AsyncConfig, request: Request) -> Response:
    changes: dict[str, Any] = {"modified_ms": tx.now_ms}
    if "MaximumRetryAttempts" in request:
        changes["retries"] = request["MaximumRetryAttempts"]
    if "MaximumEventAgeInSeconds" in request:
        changes["age_s"] = request["MaximumEventAgeInSeconds"]
    for member, field in (("OnSuccess", "on_success"), ("OnFailure", "on_failure")):
        if member in request.get("DestinationConfig", {}):
            arn = request["DestinationConfig"][member].get("Destination", "")
            _check_destination(at, arn)
            changes[field] = arn
    if not changes.keys() - {"modified_ms"} and old.modified_ms == 0:
        raise InvalidParameterValue("You must specify at least one of error handling or destination setting.")
    config = msgspec.structs.replace(old, **changes)
    tx.put(_place(at), config)
    return describe.async_config(at, config)


def _check_destination(at: FunctionName, arn: str) -> None:
    if not arn:
        return
    check_target(arn, what="destination config DestinationConfig")
    if arn in (at.arn, at.qualified_arn):
        raise InvalidParameterValue("You can't specify the function as a destination for itself.")
