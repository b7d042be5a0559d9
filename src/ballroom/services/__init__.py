"""AWS services, one package each. None imports another; they reach each other through `call`."""

import gc
import importlib
import pkgutil
from functools import partial

from ballroom.kernel import registry

_ALSO = {"dynamodb": ("dynamodbstreams",)}
"""Packages that are more than one service to AWS."""


def load_services() -> None:
    """Import every service package; what they offer registers itself."""
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
    """Import a package; the garbage collector would look through a test run's own objects meanwhile."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        importlib.import_module(f"{__name__}.{package}")
    finally:
        if collecting:
            gc.enable()
