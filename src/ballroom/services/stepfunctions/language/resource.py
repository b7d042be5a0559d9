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

_SYNC = ("", "sync")
_TOKEN = ("", "waitForTaskToken")
_EKS = ("createCluster", "deleteCluster", "createFargateProfile", "deleteFargateProfile")
_OPTIMISED: dict[str, dict[str, tuple[str, ...]]] = {
    "apigateway": {"invoke": _TOKEN},
    "athena": {
        "startQueryExecution": _SYNC,
        **dict.fromkeys(("stopQueryExecution", "getQueryExecution", "getQueryResults"), ("",)),
    },
    "batch": {"submitJob": _SYNC},
    "bedrock": {"invokeModel": ("",), "createModelCustomizationJob": _SYNC},
    "codebuild": {
        **dict.fromkeys(("startBuild", "startBuildBatch", "retryBuildBatch"), _SYNC),
        **dict.fromkeys(
            ("stopBuild", "batchDeleteBuilds", "batchGetReports", "stopBuildBatch", "deleteBuildBatch"), ("",)
        ),
    },
    "databrew": {"startJobRun": _SYNC},
    "dynamodb": dict.fromkeys(("getItem", "putItem", "deleteItem", "updateItem"), ("",)),
    "ecs": {"runTask": ("", "sync", "waitForTaskToken")},
    "eks": {
        **dict.fromkeys((*_EKS, "createNodegroup", "deleteNodegroup", "runJob"), _SYNC),
        "call": ("",),
    },
    "elasticmapreduce": {
        **dict.fromkeys(("createCluster", "terminateCluster", "addStep"), _SYNC),
        **dict.fromkeys(
            (
                "setClusterTerminationProtection",
                "cancelStep",
                "modifyInstanceFleetByName",
                "modifyInstanceGroupByName",
            ),
            ("",),
        ),
    },
    "emr-containers": {
        "createVirtualCluster": ("",),
        **dict.fromkeys(("deleteVirtualCluster", "startJobRun"), _SYNC),
    },
    "emr-serverless": dict.fromkeys(
        (
            "createApplication",
            "startApplication",
            "stopApplication",
            "deleteApplication",
            "startJobRun",
            "cancelJobRun",
        ),
        _SYNC,
    ),
    "events": {"putEvents": _TOKEN},
    "glue": {"startJobRun": _SYNC},
    "http": {"invoke": ("",)},
    "lambda": {"invoke": _TOKEN},
    "mediaconvert": {"createJob": _SYNC},
    "sagemaker": {
        **dict.fromkeys(("createEndpoint", "createEndpointConfig", "createModel", "updateEndpoint"), ("",)),
        **dict.fromkeys(
            (
                "createHyperParameterTuningJob",
                "createLabelingJob",
                "createProcessingJob",
                "createTrainingJob",
                "createTransformJob",
            ),
            _SYNC,
        ),
    },
    "sns": {"publish": _TOKEN},
    "sqs": {"sendMessage": _TOKEN},
    "states": {"startExecution": ("", "sync", "sync:2", "waitForTaskToken")},
}
"""AWS's optimised integrations: service, action, the patterns that it has."""


def is_optimised(resource: Resource) -> bool:
    """Whether AWS has such an optimised integration for Tasks.

    Source: Developer Guide, "Integrating optimized services".
    """
    return resource.pattern in _OPTIMISED.get(resource.service, {}).get(resource.action, ())


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
