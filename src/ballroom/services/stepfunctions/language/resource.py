"""The `Resource` of a Task, taken apart.

Source: Developer Guide, "Integrating services", "Service integration patterns".
"""

from __future__ import annotations

import re

from ballroom.services.stepfunctions.language.machine import Resource

_LAMBDA = re.compile(r"arn:aws[\w-]*:lambda:[\w-]+:\d{12}:function:[\w$.:-]+")
_ACTIVITY = re.compile(r"arn:aws[\w-]*:states:[\w-]+:\d{12}:activity:\S+")
_INTEGRATION = re.compile(
    r"arn:aws[\w-]*:states:[\w-]*:(?:\d{12})?:(?P<sdk>aws-sdk:)?(?P<service>[\w-]+):(?P<action>[\w-]+)"
    r"(?:\.(?P<pattern>sync:2|sync|waitForTaskToken))?"
)


def parse_resource(arn: str) -> Resource | None:
    """The parts of a Task's resource, or None if it is none."""
    if len(arn) > 2048:
        return None
    if _LAMBDA.fullmatch(arn):
        return Resource(arn, "lambda", "lambda", "invoke")
    if _ACTIVITY.fullmatch(arn):
        return Resource(arn, "activity", "states", "")
    found = _INTEGRATION.fullmatch(arn)
    if found is None:
        return None
    pattern = found["pattern"] or ""
    if found["sdk"]:
        if pattern.startswith("sync"):
            return None
        return Resource(arn, "aws-sdk", found["service"], found["action"], pattern)
    return Resource(arn, "optimised", found["service"], found["action"], pattern)


def check_express(resource: Resource) -> str | None:
    """Why an Express machine cannot use a resource, or None (texts recorded, the blank at the end too)."""
    if resource.kind == "activity":
        return "Express state machine does not support Activity ARN"
    if resource.pattern == "waitForTaskToken":
        return "Express state machine does not support '.waitForTaskToken' service integration "
    if resource.pattern:
        return "Express state machine does not support '.sync' service integration"
    return None
