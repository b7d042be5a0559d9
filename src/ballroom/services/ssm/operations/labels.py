"""Labels: names for versions, which can move."""

from __future__ import annotations

import re

from msgspec.structs import replace

from ballroom.kernel import Request, Response, Tx, operation
from ballroom.services.ssm.errors import LabelLimitExceeded
from ballroom.services.ssm.resources import load_parameter, load_version, put_parameter

_LABEL = re.compile(r"(?!\d|aws|ssm)[a-zA-Z0-9_.\-]{1,100}", re.ASCII | re.IGNORECASE)
_MOST = 10


@operation("LabelParameterVersion")
def label(tx: Tx, request: Request) -> Response:
    """Put labels on a version, taking them from others; labels that are none are told, not set.

    Source: Systems Manager API Reference, LabelParameterVersion.
    """
    parameter = load_parameter(tx, request["Name"])
    number = request.get("ParameterVersion", parameter.latest.number)
    load_version(tx, parameter, str(number))
    invalid = [name for name in request["Labels"] if not _LABEL.fullmatch(name)]
    labels = dict(parameter.labels)
    if not invalid:
        labels.update(dict.fromkeys(request["Labels"], number))
        if list(labels.values()).count(number) > _MOST:
            raise LabelLimitExceeded()
        put_parameter(tx, replace(parameter, labels=labels))
    return {"InvalidLabels": invalid, "ParameterVersion": number}


@operation("UnlabelParameterVersion")
def unlabel(tx: Tx, request: Request) -> Response:
    """Take labels off a version; those it does not have are told.

    Source: Systems Manager API Reference, UnlabelParameterVersion.
    """
    parameter = load_parameter(tx, request["Name"])
    number = request["ParameterVersion"]
    load_version(tx, parameter, str(number))
    removed = [name for name in request["Labels"] if parameter.labels.get(name) == number]
    left = {name: version for name, version in parameter.labels.items() if name not in removed}
    put_parameter(tx, replace(parameter, labels=left))
    return {"RemovedLabels": removed, "InvalidLabels": [n for n in request["Labels"] if n not in removed]}
