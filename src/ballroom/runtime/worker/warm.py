"""Makes `boto3.client(...)` cheap in every environment forked from this interpreter.

What botocore computes anew for each session from files and signatures that never change (parsed service
models, folder listings, event aliases, handler signatures) is computed once here and shared through fork.
Nothing of a session is kept: no credentials, no configuration, no client. Each memo is left out when
this botocore has no such place, which costs time and nothing else.
"""

from __future__ import annotations

import functools
import sys
from typing import Any

SERVICES = ("sqs", "lambda", "dynamodb", "s3", "sns", "events", "stepfunctions", "sts")
RESOURCES = ("dynamodb", "s3", "sqs")


def warm(services: tuple[str, ...] = SERVICES) -> None:
    """Import boto3, share what is constant, and touch the services that functions use most."""
    import boto3.session
    import botocore.loaders
    import botocore.session

    loader = _share_loader(botocore.session, botocore.loaders)
    _remember_event_names()
    _remember_signatures()
    session = boto3.session.Session(
        aws_access_key_id="warm", aws_secret_access_key="warm", region_name="us-east-1"
    )
    for service in services:
        session.client(service, endpoint_url="http://127.0.0.1:9").close()
    for service in RESOURCES:
        session.resource(service, endpoint_url="http://127.0.0.1:9").meta.client.close()
    if loader is not None:
        loader.keep(session)


def touch() -> None:
    """Make a client and drop it: the memory it writes to is this process's own afterwards.

    Right after a fork that is most of what a client costs (12 ms against 4).
    """
    import boto3.session

    session = boto3.session.Session(
        aws_access_key_id="warm", aws_secret_access_key="warm", region_name="us-east-1"
    )
    session.client("sqs", endpoint_url="http://127.0.0.1:9").close()


class _Loaders:
    """Hands every new session a loader that already knows what an earlier one read."""

    def __init__(self, create: Any) -> None:
        self._create = create
        self._known: dict[Any, Any] = {}

    def keep(self, session: Any) -> None:
        used = session._session.get_component("data_loader")
        self._known = dict(getattr(used, "_cache", {}))

    def create(self, search_path_string: str | None = None) -> Any:
        loader = self._create(search_path_string)
        if search_path_string is None and self._known:
            loader._cache = dict(self._known)
        return loader


def _share_loader(sessions: Any, loaders: Any) -> _Loaders | None:
    if not hasattr(sessions, "create_loader") or not hasattr(loaders.Loader(), "_cache"):
        return None
    shared = _Loaders(sessions.create_loader)
    sessions.create_loader = shared.create
    return shared


def _remember_event_names() -> None:
    """143 handlers are registered per session; each name is aliased by walking every alias (13 ms)."""
    from botocore import hooks

    aliaser = getattr(hooks, "EventAliaser", None)
    original = getattr(aliaser, "_alias_event_name", None)
    if aliaser is None or original is None:
        return
    known: dict[str, str] = {}

    @functools.wraps(original)
    def alias(self: Any, event_name: str) -> str:
        if self._event_aliases is not default_aliases:
            return str(original(self, event_name))
        found = known.get(event_name)
        if found is None:
            found = original(self, event_name)
            if len(known) < 20_000:
                known[event_name] = found
        return found

    default_aliases = getattr(hooks, "EVENT_ALIASES", None)
    if default_aliases is not None:
        aliaser._alias_event_name = alias


def _remember_signatures() -> None:
    """Handlers are inspected for `**kwargs` at each registration (9 ms per session)."""
    hooks = sys.modules["botocore.hooks"]
    original = getattr(hooks, "accepts_kwargs", None)
    if original is None:
        return
    known: dict[Any, bool] = {}

    @functools.wraps(original)
    def accepts_kwargs(func: Any) -> bool:
        if getattr(func, "__module__", "").partition(".")[0] not in ("botocore", "boto3", "s3transfer"):
            return bool(original(func))
        key = getattr(func, "__code__", None)  # shared by all bound methods and copies of one function
        if key is None:
            return bool(original(func))
        if key not in known:
            known[key] = bool(original(func))
        return known[key]

    hooks.accepts_kwargs = accepts_kwargs  # type: ignore[attr-defined]
