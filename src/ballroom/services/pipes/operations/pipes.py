"""Creating, changing, starting, stopping and deleting pipes."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from ballroom.kernel import Request, Response, Tx, operation, tokens

from ..checks import check_settings
from ..errors import Conflict, Invalid
from ..resources import Pipe, find_pipe, key, load_pipe, put_pipe

_SETTINGS = (
    "Description", "Source", "SourceParameters", "Enrichment", "EnrichmentParameters", "Target",
    "TargetParameters", "RoleArn", "LogConfiguration", "KmsKeyIdentifier",
)  # fmt: skip
_PAGE = 10
_LOOKED_AT = 1_000
_BUSY = ("CREATING", "UPDATING", "STARTING", "STOPPING", "DELETING")


@operation("CreatePipe")
def create(tx: Tx, request: Request) -> Response:
    """Create a pipe; it runs at once unless it is to be stopped.

    Raises:
        Conflict: the name is taken.

    Source: EventBridge Pipes API Reference, CreatePipe.
    """
    settings = {name: request[name] for name in _SETTINGS if name in request}
    check_settings(settings)
    name = request["Name"]
    if find_pipe(tx, tx.account, tx.region, name) is not None:
        raise Conflict(f"Pipe {name} already exists.", name)
    pipe = Pipe(
        tx.account, tx.region, name, settings, request.get("DesiredState", "RUNNING"), "CREATING",
        tx.now_ms, tx.now_ms, request.get("Tags", {}),
    )  # fmt: skip
    put_pipe(tx, pipe)
    return _brief(pipe)


@operation("UpdatePipe")
def update(tx: Tx, request: Request) -> Response:
    """Change a pipe; what the request leaves out stays, but within parameters that it gives.

    Source: EventBridge Pipes API Reference, UpdatePipe.
    """
    before = _settled(tx, request["Name"])
    given = {name: request[name] for name in _SETTINGS if name in request}
    settings = {**before.settings, **given}
    if "SourceParameters" in given:
        settings["SourceParameters"] = _merged(
            before.settings.get("SourceParameters", {}), given["SourceParameters"]
        )
    if not settings.get("Enrichment"):
        settings.pop("Enrichment", None)
    check_settings(settings)
    pipe = replace(
        before, settings=settings, desired_state=request.get("DesiredState", before.desired_state),
        state="UPDATING", modified_ms=tx.now_ms,
    )  # fmt: skip
    put_pipe(tx, pipe)
    return _brief(pipe)


def _merged(before: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    """A source keeps what an update cannot change, such as its starting position."""
    kept = {name: value for name, value in before.items() if isinstance(value, dict) and name in given}
    fixed = {name: value for name, value in before.items() if name not in given and name != "FilterCriteria"}
    changed = {
        name: {**kept.get(name, {}), **value} if name != "FilterCriteria" else value
        for name, value in given.items()
    }
    return {**fixed, **changed}


def _settled(tx: Tx, name: str) -> Pipe:
    pipe = load_pipe(tx, name)
    if pipe.state in _BUSY:
        raise Conflict(f"Pipe {name} is in state {pipe.state}.", name)
    return pipe


@operation("DescribePipe")
def describe(tx: Tx, request: Request) -> Response:
    """A pipe with its settings.

    Source: EventBridge Pipes API Reference, DescribePipe.
    """
    pipe = load_pipe(tx, request["Name"])
    answer = {**_brief(pipe), "StateReason": "USER_INITIATED", **pipe.settings}
    if pipe.tags:
        answer["Tags"] = pipe.tags
    return answer


@operation("StartPipe")
def start(tx: Tx, request: Request) -> Response:
    """Let a stopped pipe run.

    Source: EventBridge Pipes API Reference, StartPipe.
    """
    return _move(tx, request["Name"], "RUNNING", "STARTING")


@operation("StopPipe")
def stop(tx: Tx, request: Request) -> Response:
    """Stop a pipe; what it has taken goes on to the target.

    Source: EventBridge Pipes API Reference, StopPipe.
    """
    return _move(tx, request["Name"], "STOPPED", "STOPPING")


def _move(tx: Tx, name: str, desired: str, passing: str) -> Response:
    pipe = replace(_settled(tx, name), desired_state=desired, state=passing, modified_ms=tx.now_ms)
    put_pipe(tx, pipe)
    return _brief(pipe)


@operation("DeletePipe")
def delete(tx: Tx, request: Request) -> Response:
    """Delete a pipe.

    Source: EventBridge Pipes API Reference, DeletePipe.
    """
    pipe = replace(load_pipe(tx, request["Name"]), desired_state="DELETED", state="DELETING")
    put_pipe(tx, pipe)
    return _brief(pipe)


@operation("ListPipes")
def list_pipes(tx: Tx, request: Request) -> Response:
    """The pipes that fit, by name.

    Source: EventBridge Pipes API Reference, ListPipes.
    """
    limit, prefix = request.get("Limit", _PAGE), request.get("NamePrefix", "")
    after = _after(request)
    low = prefix if after is None else max(prefix, after + "\0")
    base = key(tx.account, tx.region)
    rows = tx.scan(Pipe, (*base, low), (*base, prefix + "\U0010ffff"), limit=_LOOKED_AT + 1)
    shown: list[dict[str, Any]] = []
    for n, pipe in enumerate(rows):
        if len(shown) == limit or n == _LOOKED_AT:
            return {"Pipes": shown, "NextToken": tokens.make_token((rows[n - 1].name,))}
        if _fits(pipe, request):
            shown.append(_summary(pipe))
    return {"Pipes": shown}


def _after(request: Request) -> str | None:
    if "NextToken" not in request:
        return None
    parts = tokens.read_token(request["NextToken"])
    if parts is None or len(parts) != 1 or not isinstance(parts[0], str):
        raise Invalid("Invalid NextToken.")
    return parts[0]


def _fits(pipe: Pipe, request: Request) -> bool:
    return bool(
        request.get("DesiredState", pipe.desired_state) == pipe.desired_state
        and request.get("CurrentState", pipe.state) == pipe.state
        and pipe.settings["Source"].startswith(request.get("SourcePrefix", ""))
        and pipe.settings["Target"].startswith(request.get("TargetPrefix", ""))
    )


def _brief(pipe: Pipe) -> dict[str, Any]:
    return {
        "Arn": pipe.arn,
        "Name": pipe.name,
        "DesiredState": pipe.desired_state,
        "CurrentState": pipe.state,
        "CreationTime": pipe.created_ms,
        "LastModifiedTime": pipe.modified_ms,
    }


def _summary(pipe: Pipe) -> dict[str, Any]:
    names = ("Source", "Target", "Enrichment")
    return {**_brief(pipe), **{name: pipe.settings[name] for name in names if name in pipe.settings}}
