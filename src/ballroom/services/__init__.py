"""AWS services, one package each. None imports another; they reach each other through `call`."""

import gc
import importlib
import pkgutil
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from ballroom.kernel import registry

_ALSO = {"dynamodb": ("dynamodbstreams",)}
"""Packages that are more than one service to AWS."""


def load_services() -> None:
    """Import every service package; what they offer registers itself."""
    with _uncollected():
        for package in _packages():
            importlib.import_module(f"{__name__}.{package}")
    registry.postponed.clear()


def postpone_services() -> None:
    """Let each service package be imported when it is first asked for."""
    for package in _packages():
        name = package.rstrip("_")
        for service in (name, *_ALSO.get(name, ())):
            registry.postpone(service, partial(_load, package))


def _packages() -> list[str]:
    return [found.name for found in pkgutil.iter_modules(__path__)]


def _load(package: str) -> None:
    with _uncollected():
        importlib.import_module(f"{__name__}.{package}")


@contextmanager
def _uncollected() -> Iterator[None]:
    """Importing makes much that stays: the garbage collector would look through it, and all that was there
    before, again and again (a seventh of the time)."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()
