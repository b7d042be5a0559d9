"""Logs Insights: query definitions are stored; queries themselves are refused."""

from __future__ import annotations

from typing import Any

from ballroom.kernel import NotImplementedHere, Request, Response, Tx, operation
from ballroom.services.logs.errors import InvalidParameter, ResourceNotFound
from ballroom.services.logs.paging import page
from ballroom.services.logs.resources import find_group, key, name_of
from ballroom.services.logs.stored import Stored, drop_stored, find_stored, put_stored

_KIND = "query-definition"


@operation("StartQuery")
def start_query(tx: Tx, request: Request) -> Response:
    """Refuse: the query language is not implemented. Groups that do not exist are told first, as by AWS.

    Raises:
        ResourceNotFound: a group does not exist.
        NotImplementedHere: otherwise.

    Source: CloudWatch Logs API Reference, StartQuery; recorded case test_start_query_log_group_not_found.
    """
    names = [*request.get("logGroupNames", []), *map(name_of, request.get("logGroupIdentifiers", []))]
    if "logGroupName" in request:
        names.append(request["logGroupName"])
    if not names and "SOURCE" not in request["queryString"]:
        raise InvalidParameter("One of logGroupName, logGroupNames or logGroupIdentifiers must be given.")
    for name in names:
        if find_group(tx, name) is None:
            raise ResourceNotFound(
                f"Log group '{name}' does not exist for account ID '{tx.account}' (Service: AWSLogs; Status "
                f"Code: 400; Error Code: ResourceNotFoundException; Request ID: {tx.caller.request_id}; "
                "Proxy: null)"
            )
    raise NotImplementedHere(
        "Ballroom does not implement CloudWatch Logs Insights queries; logs:FilterLogEvents searches events."
    )


@operation("DescribeQueries")
def describe_queries(tx: Tx, request: Request) -> Response:
    """The queries that were started: none.

    Source: CloudWatch Logs API Reference, DescribeQueries.
    """
    return {"queries": []}


@operation("GetQueryResults")
def get_query_results(tx: Tx, request: Request) -> Response:
    """Refuse, as no query can have been started.

    Source: CloudWatch Logs API Reference, GetQueryResults.
    """
    raise ResourceNotFound(f"Query with id {request['queryId']} does not exist.")


@operation("PutQueryDefinition")
def put_query_definition(tx: Tx, request: Request) -> Response:
    """Store a query under a name, or change it.

    Source: CloudWatch Logs API Reference, PutQueryDefinition.
    """
    query_id = request.get("queryDefinitionId", "")
    if query_id and find_stored(tx, _KIND, query_id) is None:
        raise ResourceNotFound("The specified query definition does not exist.")
    members = ("name", "queryString", "logGroupNames", "queryLanguage", "parameters")
    settings = {member: request[member] for member in members if member in request}
    settings.setdefault("queryLanguage", "CWLI")
    stored = Stored(_KIND, query_id or tx.ids.uuid(), tx.now_ms, settings)
    put_stored(tx, stored)
    return {"queryDefinitionId": stored.name}


@operation("DescribeQueryDefinitions")
def describe_query_definitions(tx: Tx, request: Request) -> Response:
    """Stored queries whose names begin with a prefix.

    Source: CloudWatch Logs API Reference, DescribeQueryDefinitions.
    """
    prefix, language = request.get("queryDefinitionNamePrefix", ""), request.get("queryLanguage")

    def show(stored: Stored) -> dict[str, Any]:
        return {"queryDefinitionId": stored.name, **stored.settings, "lastModified": stored.created_ms}

    return page(
        tx, request, "queryDefinitions", Stored, key(tx, "stored", _KIND), show,
        keep=lambda stored: str(stored.settings["name"]).startswith(prefix)
        and language in (None, stored.settings["queryLanguage"]),
        limit_member="maxResults", default=1000,
    )


@operation("DeleteQueryDefinition")
def delete_query_definition(tx: Tx, request: Request) -> Response:
    """Delete a stored query.

    Source: CloudWatch Logs API Reference, DeleteQueryDefinition.
    """
    stored = find_stored(tx, _KIND, request["queryDefinitionId"])
    if stored is None:
        raise ResourceNotFound("The specified query definition does not exist.")
    drop_stored(tx, stored)
    return {"success": True}
