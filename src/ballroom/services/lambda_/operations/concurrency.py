"""Reserved concurrency, and what the account has."""

from __future__ import annotations

import msgspec

from ballroom.kernel import Request, Response, Tx, operation
from ballroom.services.lambda_.access import target
from ballroom.services.lambda_.concurrency import ACCOUNT_LIMIT, UNRESERVED_MINIMUM, reserved_by_others
from ballroom.services.lambda_.errors import InvalidFields
from ballroom.services.lambda_.packages import UNZIPPED_LIMIT
from ballroom.services.lambda_.resources import Function, FunctionVersion, LayerVersion, key, load_function

CODE_ZIPPED_LIMIT = 52_428_800
TOTAL_CODE_LIMIT = 80_530_636_800


@operation("PutFunctionConcurrency")
def put_function_concurrency(tx: Tx, request: Request) -> Response:
    """Set aside concurrency for a function, which is also its limit; 0 stops it.

    Raises:
        InvalidParameterValue: less than 100 would be left for the others.

    Source: Lambda API Reference, PutFunctionConcurrency; recorded answers.
    """
    at = target(tx, request, "lambda:PutFunctionConcurrency")
    function = load_function(tx, at)
    wanted: int = request["ReservedConcurrentExecutions"]
    if ACCOUNT_LIMIT - reserved_by_others(tx, function.name) - wanted < UNRESERVED_MINIMUM and wanted > 0:
        raise InvalidFields(
            "Specified ReservedConcurrentExecutions for function decreases account's "
            f"UnreservedConcurrentExecution below its minimum value of [{UNRESERVED_MINIMUM}]."
        )
    tx.put(key(at, "function"), msgspec.structs.replace(function, reserved_concurrency=wanted))
    return {"ReservedConcurrentExecutions": wanted}


@operation("GetFunctionConcurrency")
def get_function_concurrency(tx: Tx, request: Request) -> Response:
    """What is set aside for a function; an empty answer for nothing.

    Source: Lambda API Reference, GetFunctionConcurrency.
    """
    function = load_function(tx, target(tx, request, "lambda:GetFunctionConcurrency"))
    if function.reserved_concurrency is None:
        return {}
    return {"ReservedConcurrentExecutions": function.reserved_concurrency}


@operation("DeleteFunctionConcurrency")
def delete_function_concurrency(tx: Tx, request: Request) -> Response:
    """Let the function share the account's concurrency again.

    Source: Lambda API Reference, DeleteFunctionConcurrency.
    """
    at = target(tx, request, "lambda:DeleteFunctionConcurrency")
    function = load_function(tx, at)
    tx.put(key(at, "function"), msgspec.structs.replace(function, reserved_concurrency=None))
    return {}


@operation("GetAccountSettings")
def get_account_settings(tx: Tx, request: Request) -> Response:
    """The account's limits, which are AWS's defaults, and what it uses of them.

    Source: Lambda API Reference, GetAccountSettings.
    """
    functions = tx.scan_prefix(Function, ("lambda", tx.account, tx.region, "function"))
    versions = tx.scan_prefix(FunctionVersion, ("lambda", tx.account, tx.region, "version"))
    layers = tx.scan_prefix(LayerVersion, ("lambda", tx.account, tx.region, "layer-version"))
    reserved = sum(function.reserved_concurrency or 0 for function in functions)
    return {
        "AccountLimit": {
            "TotalCodeSize": TOTAL_CODE_LIMIT,
            "CodeSizeUnzipped": UNZIPPED_LIMIT,
            "CodeSizeZipped": CODE_ZIPPED_LIMIT,
            "ConcurrentExecutions": ACCOUNT_LIMIT,
            "UnreservedConcurrentExecutions": ACCOUNT_LIMIT - reserved,
        },
        "AccountUsage": {
            "TotalCodeSize": sum(v.code.size_bytes for v in versions) + sum(v.code.size_bytes for v in layers),
            "FunctionCount": len(functions),
        },
    }
