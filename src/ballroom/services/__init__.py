"""AWS services, one package each. None imports another; they reach each other through `call`."""

import importlib
import pkgutil


def load_services() -> None:
    """Import every service package; what they offer registers itself."""
    for found in pkgutil.iter_modules(__path__):
        importlib.import_module(f"{__name__}.{found.name}")
