"""Which names parameters may have."""

from __future__ import annotations

import re

from .errors import AccessDenied, HierarchyLevelLimitExceeded, Invalid

_ALLOWED = re.compile(r"[a-zA-Z0-9.\-_/]+", re.ASCII)
_MOST_LEVELS = 15
_MOST_CHARACTERS = 1011
_FORM = (
    "If formed as a path, it can consist of sub-paths divided by slash symbol; each sub-path can be formed "
    "as a mix of letters, numbers and the following 3 symbols .-_"
)
_PATH_FORM = (
    "The parameter doesn't meet the parameter name requirements. The parameter name must begin with a "
    'forward slash "/". It can\'t be prefixed with "aws" or "ssm" (case-insensitive). It must use only '
    "letters, numbers, or the following symbols: . (period), - (hyphen), _ (underscore). Special characters "
    'are not allowed. All sub-paths, if specified, must use the forward slash symbol "/". '
    "Valid example: /get/parameters2-/by1./path0_."
)


def check_new_name(name: str) -> None:
    """Refuse a name that no parameter may have.

    Raises:
        Invalid: AWS's text for the first rule broken.
        AccessDenied: the name is below `/aws/`.
        HierarchyLevelLimitExceeded: more than 15 levels.

    Source: Systems Manager User Guide, "Requirements and constraints for parameter names".
    """
    bare = name.removeprefix("/").lower()
    is_path = name.count("/") > 1
    if bare.startswith("aws") and is_path:
        raise AccessDenied(f"No access to reserved parameter name: {name}.")
    if bare.startswith(("aws", "ssm")):
        if is_path:
            raise Invalid(f'Parameter name: can\'t be prefixed with "ssm" (case-insensitive). {_FORM}')
        raise Invalid('Parameter name: can\'t be prefixed with "aws" or "ssm" (case-insensitive).')
    if not _ALLOWED.fullmatch(name) or "//" in name or name.endswith("/"):
        raise Invalid(f'Parameter name: can\'t be prefixed with "ssm" (case-insensitive). {_FORM}')
    if "/" in name and not name.startswith("/"):
        raise Invalid("Parameter name must be a fully qualified name.")
    if name.removeprefix("/").count("/") >= _MOST_LEVELS:
        raise HierarchyLevelLimitExceeded()
    if len(name) > _MOST_CHARACTERS:
        raise Invalid(f"Parameter name must have a maximum length of {_MOST_CHARACTERS}.")


def check_path(path: str) -> str:
    """A path as the prefix of the names below it.

    Raises:
        Invalid: it does not begin with a slash, or holds other characters.
    """
    if not path.startswith("/") or not _ALLOWED.fullmatch(path) or "//" in path:
        raise Invalid(_PATH_FORM)
    return path if path.endswith("/") else f"{path}/"
