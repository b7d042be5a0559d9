"""Which runtimes functions and layers may name, which are gone, and which run here.

Three different things, as on AWS: the model's list (everything that ever was), the list that
CreateFunction accepts, and the deprecated ones, which are refused with their own text.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from ballroom.kernel.errors import ValidationFailed
from ballroom.kernel.model.styles import STYLES, use_style
from ballroom.services.lambda_.errors import InvalidParameterValue, InvalidRuntime

# AWS checks these itself, against the runtimes of today and in its own words
use_style(
    "lambda",
    dataclasses.replace(
        STYLES["lambda"],
        exempt=STYLES["lambda"].exempt
        | {
            ("CreateFunctionRequest", "Runtime"),
            ("UpdateFunctionConfigurationRequest", "Runtime"),
            ("PublishLayerVersionRequest", "CompatibleRuntimes"),
            ("PublishLayerVersionRequest", "CompatibleArchitectures"),
        },
    ),
)

# the order is AWS's own, as its error text prints it
SUPPORTED = (
    "nodejs20.x", "python3.14", "provided.al2023", "python3.12", "python3.13", "nodejs24.x", "nodejs22.x",
    "java25", "python3.10", "python3.11", "java21", "ruby3.3", "ruby3.4", "ruby3.2", "python3.8", "python3.9",
    "java17", "nodejs16.x", "dotnet10", "dotnet8", "java11", "dotnet6", "nodejs18.x", "provided.al2",
    "java8.al2",
)  # fmt: skip
DEPRECATED = frozenset(
    (
        "nodejs", "nodejs4.3", "nodejs4.3-edge", "nodejs6.10", "nodejs8.10", "nodejs10.x", "nodejs12.x",
        "nodejs14.x", "python2.7", "python3.6", "python3.7", "java8", "dotnetcore1.0", "dotnetcore2.0",
        "dotnetcore2.1", "dotnetcore3.1", "ruby2.5", "ruby2.7", "go1.x", "provided",
    )
)  # fmt: skip
SNAP_START = ("java11", "java17", "java21", "java25", "python3.12", "python3.13", "python3.14",
              "dotnet8", "dotnet10")  # fmt: skip

RUNTIME_VALUES = f"[{', '.join(SUPPORTED)}]"
_RUNNABLE = ("python", "nodejs")


def check_runtime(runtime: str) -> None:
    """Refuses what AWS would not create today, and what Ballroom cannot run.

    Source: recorded answers of CreateFunction; Developer Guide, "Lambda runtimes".
    """
    if runtime in DEPRECATED:
        raise InvalidParameterValue(
            f"The runtime parameter of {runtime} is no longer supported for creating or updating AWS Lambda "
            "functions. We recommend you use a supported runtime while creating or updating functions."
        )
    if runtime not in SUPPORTED:
        raise InvalidParameterValue(
            f"Value {runtime} at 'runtime' failed to satisfy constraint: Member must satisfy enum value set: "
            f"{RUNTIME_VALUES} or be a valid ARN"
        )


def check_compatible(runtimes: Sequence[str], architectures: Sequence[str]) -> None:
    """What a layer says it is compatible with exists. Source: recorded answers of PublishLayerVersion."""
    broken = []
    if not set(runtimes) <= set(SUPPORTED):
        broken.append(
            f"Value '[{', '.join(runtimes)}]' at 'compatibleRuntimes' failed to satisfy constraint: "
            f"Member must satisfy enum value set: {RUNTIME_VALUES}"
        )
    if not set(architectures) <= {"x86_64", "arm64"}:
        broken.append(
            f"Value '[{', '.join(architectures)}]' at 'compatibleArchitectures' failed to satisfy constraint: "
            "Member must satisfy constraint: [Member must satisfy enum value set: [x86_64, arm64], "
            "Member must not be null]"
        )
    if broken:
        errors = "error" if len(broken) == 1 else "errors"
        raise ValidationFailed(f"{len(broken)} validation {errors} detected: {'; '.join(broken)}")


def can_run(runtime: str) -> bool:
    """True when functions of this runtime can be invoked here; the others are stored only."""
    return runtime.startswith(_RUNNABLE)


def check_runnable(runtime: str) -> None:
    """An invocation of what cannot run here fails with the runtime's name, never with a made-up answer."""
    if not can_run(runtime):
        raise InvalidRuntime(f"Ballroom does not run functions of runtime {runtime} yet")
