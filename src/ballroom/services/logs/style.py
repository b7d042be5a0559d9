"""How CloudWatch Logs words broken constraints: names that are too long have a text of their own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ballroom.kernel import ServiceError
from ballroom.kernel.model import OperationModel, Violation, use_style
from ballroom.kernel.model.styles import STYLES
from ballroom.kernel.model.violations import explain

_COMMON = STYLES["logs"]


def _error(operation: OperationModel, violations: Sequence[Violation]) -> ServiceError:
    """Source: recorded cases test_create_log_group_invalid_name_length, test_delete_metric_filter_..."""
    for violation in violations:
        if violation.path[-1] in ("logGroupName", "logStreamName") and violation.check == "length":
            return ServiceError.of(
                "InvalidParameterException",
                "Invalid LogGroup or LogStream, both must have length less than or equal to 512.",
                status=400,
            )
    return explain(operation, violations, _COMMON)


use_style("logs", replace(_COMMON, error=_error))
