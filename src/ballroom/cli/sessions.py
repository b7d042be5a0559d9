"""boto3 sessions that read nobody's profiles: a developer's own settings must not mislead us, or fail us."""

from __future__ import annotations

import os
from typing import Any

_NOTHING = {
    # name: (in the file, variable, value, how to convert)
    "profile": (None, None, None, None),
    "config_file": (None, None, os.devnull, None),
    "credentials_file": (None, None, os.devnull, None),
}


def new_session() -> Any:
    """A boto3 session without profiles and files."""
    import boto3.session
    import botocore.session

    return boto3.session.Session(botocore_session=botocore.session.Session(session_vars=_NOTHING))
