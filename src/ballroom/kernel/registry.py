"""The one registry: operations, timers, deliveries, pages and data-plane hosts register themselves.

Registering happens at import, through decorators; the server imports every package under
`ballroom.services`: at start, or each when it is first asked for (`Registry.postpone`). Routing, persistence,
reset, the documentation tests and the console read this.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar, overload

import msgspec

if TYPE_CHECKING:
    from ballroom.kernel.kernel import Kernel

F = TypeVar("F", bound=Callable[..., Any])
K = TypeVar("K")
V = TypeVar("V")
D = TypeVar("D")


class Operation(msgspec.Struct):
    """One operation of one service."""

    service: str
    name: str
    handler: Callable[..., Any]
    waits: bool
    """Whether the handler is `async` (several transactions) rather than synchronous (one)."""
    internal: bool
    """Callable by `call` only; not part of AWS's model, never on the wire, not validated."""
    validate: Callable[[dict[str, Any]], None] | None = None
    """Compiled from the model at first use."""
    plain: Callable[[dict[str, Any]], dict[str, Any]] | None = None
    """Makes values of the model from an answer that holds parts encoded for the wire already."""


class DeliveryKind(msgspec.Struct):
    """How deliveries of one kind are carried out."""

    name: str
    handler: Callable[..., Awaitable[None]]
    concurrency: int
    on_exhausted: Callable[..., None] | None = None


class Page(msgspec.Struct):
    """A control page of the server itself."""

    method: str
    path: str
    handler: Callable[..., Awaitable[Any]]
    unsigned: bool = False


class DataHost(msgspec.Struct):
    """Requests to these host names belong to an application, not to the control plane."""

    pattern: re.Pattern[str]
    handler: Callable[..., Awaitable[Any]]


class CrossOrigin(msgspec.Struct, frozen=True):
    """What a browser says of the page behind a request. Texts are empty where it says nothing."""

    method: str
    path: str
    """As the service's model has it: of S3, `/bucket/key`, wherever the bucket was named."""
    origin: str
    preflight: bool
    request_method: str = ""
    request_headers: str = ""


class OnDemand(dict[K, V]):
    """A dictionary that imports the package of a key that it lacks before it says so."""

    def __init__(self, load: Callable[[K], None]) -> None:
        super().__init__()
        self._load = load

    def __missing__(self, key: K) -> V:
        self._load(key)
        if not super().__contains__(key):
            raise KeyError(key)
        return self[key]

    @overload
    def get(self, key: K, default: None = None, /) -> V | None: ...
    @overload
    def get(self, key: K, default: D, /) -> V | D: ...
    def get(self, key: K, default: Any = None, /) -> Any:
        """The value, or the default if no package has it."""
        try:
            return self[key]
        except KeyError:
            return default

    def __contains__(self, key: object) -> bool:
        return super().__contains__(key) or self.get(key) is not None  # type: ignore[arg-type]


class Registry:
    """What has registered itself, and who is still to do so."""

    def __init__(self) -> None:
        self.operations: OnDemand[tuple[str, str], Operation] = OnDemand(lambda key: self.load(key[0]))
        self.timers: OnDemand[str, Callable[..., None]] = OnDemand(lambda kind: self.load_all())
        self.deliveries: OnDemand[str, DeliveryKind] = OnDemand(lambda kind: self.load_all())
        self.pages: dict[tuple[str, str], Page] = {}
        self.data_hosts: list[DataHost] = []
        self.cross_origin: OnDemand[str, Callable[..., list[tuple[str, str]]]] = OnDemand(self.load)
        self.body_checks: OnDemand[str, Callable[[str, Mapping[str, str], bytes], None]] = OnDemand(self.load)
        self.on_start: list[Callable[[Kernel], None]] = []
        self.postponed: dict[str, Callable[[], None]] = {}
        """What imports the package of a service that nobody has asked for yet."""

    def postpone(self, service: str, load: Callable[[], None]) -> None:
        """There is such a service; `load` makes it register itself. A second call for it does nothing.

        For a server that starts with nothing stored: without rows there are no timers, deliveries or derived
        memory that a package would have to be there for.
        """
        self.postponed.setdefault(service, load)

    def load(self, service: str) -> None:
        """See that a service has registered itself, if there is such a service."""
        load = self.postponed.get(service)
        if load is not None:
            load()  # a server in another thread waits for it too
            self.postponed.pop(service, None)

    def load_all(self) -> None:
        """See that every service has registered itself."""
        for service in list(self.postponed):
            self.load(service)

    def services(self) -> list[str]:
        """The names of the services that have operations, sorted."""
        return sorted({service for service, _ in self.operations} | self.postponed.keys())

    def operations_of(self, service: str) -> list[str]:
        """The names of a service's public operations, sorted."""
        self.load(service)
        return sorted(n for (s, n), op in self.operations.items() if s == service and not op.internal)


registry = Registry()


def _service_of(handler: Callable[..., Any]) -> str:
    """`ballroom.services.lambda_.operations.functions` -> `lambda`."""
    parts = handler.__module__.split(".")
    if parts[:2] == ["ballroom", "services"] and len(parts) > 2:
        return parts[2].rstrip("_")
    raise ValueError(f"{handler.__module__} is no service; name the service in @operation")


def operation(
    name: str,
    *,
    service: str | None = None,
    internal: bool = False,
    plain: Callable[[dict[str, Any]], dict[str, Any]] | None = None,
) -> Callable[[F], F]:
    """Register a handler as an operation; the service is the package the handler lives in.

    A handler whose answers hold parts that are JSON already (`Encoded`) says with `plain` how callers
    inside the process get the values of the model; the wire passes such parts through as they are.
    """

    def register(handler: F) -> F:
        owner = service or _service_of(handler)
        if (owner, name) in registry.operations and registry.operations[owner, name].handler is not handler:
            raise ValueError(f"{owner}:{name} is registered twice")
        registry.operations[owner, name] = Operation(
            owner, name, handler, inspect.iscoroutinefunction(handler), internal, plain=plain
        )
        return handler

    return register


def on_timer(kind: str) -> Callable[[F], F]:
    """Register what a timer of this kind does: `fn(tx, *subject)`; late or repeated must be harmless."""

    def register(handler: F) -> F:
        registry.timers[kind] = handler
        return handler

    return register


def on_delivery(kind: str, *, concurrency: int = 100) -> Callable[[F], F]:
    """Register how deliveries of a kind are attempted: `async fn(ctx, delivery)`; raising is a failed attempt.

    At most `concurrency` run at once.
    """

    def register(handler: F) -> F:
        registry.deliveries[kind] = DeliveryKind(kind, handler, concurrency)
        return handler

    return register


def on_exhausted(kind: str) -> Callable[[F], F]:
    """Register what happens, in the commit that removes it, to a delivery that ran out of tries or age."""

    def register(handler: F) -> F:
        registry.deliveries[kind].on_exhausted = handler
        return handler

    return register


def on_start(handler: F) -> F:
    """Register what rebuilds a service's derived memory: at start, and after a failed commit."""
    registry.on_start.append(handler)
    return handler


def page(method: str, path: str, *, unsigned: bool = False) -> Callable[[F], F]:
    """Register a control page; a path that ends in `/*` takes everything below it.

    Where signatures are enforced, only an `unsigned` page does without: one that tells nothing, or whose
    address is itself a secret.
    """

    def register(handler: F) -> F:
        registry.pages[method, path] = Page(method, path, handler, unsigned)
        return handler

    return register


def data_host(pattern: str) -> Callable[[F], F]:
    """Register a handler `async fn(ctx, http, match)` for host names that match fully (port removed)."""

    def register(handler: F) -> F:
        registry.data_hosts.append(DataHost(re.compile(pattern, re.IGNORECASE), handler))
        return handler

    return register


def cross_origin(service: str) -> Callable[[F], F]:
    """Register who answers browsers for a service with CORS of its own: `fn(tx, CrossOrigin)`.

    It returns the headers that let the page go on (none: the page may not read the answer), and raises for
    a preflight that is refused.
    """

    def register(handler: F) -> F:
        registry.cross_origin[service] = handler
        return handler

    return register


def body_check(service: str) -> Callable[[F], F]:
    """Register who compares bodies with what their headers say of them: `fn(operation, headers, body)`.

    Asked before a body that is not streamed is read, where there is one; raises if it is another.
    """

    def register(handler: F) -> F:
        registry.body_checks[service] = handler
        return handler

    return register
