"""Amazon SQS: standard and FIFO queues. See docs/services/sqs.md."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ballroom.kernel import ServiceError
from ballroom.kernel.model.styles import ValidationStyle, use_style
from ballroom.services.sqs.errors import MissingParameter

if TYPE_CHECKING:
    from ballroom.kernel.model.service import OperationModel
    from ballroom.kernel.model.violations import Violation


def _missing(operation: OperationModel, violations: Sequence[Violation]) -> ServiceError:
    """SQS's own words for a required parameter that is absent.

    Source: recorded answers.
    """
    return MissingParameter(".".join(str(part) for part in violations[0].path))


use_style("sqs", ValidationStyle(checks=frozenset({"required"}), error=_missing))

from ballroom.services.sqs.operations import (  # noqa: E402 - they register themselves once the style is set
    attributes,
    move_tasks,
    queues,
    receipts,
    receives,
    sends,
    tags,
)

__all__ = ["attributes", "move_tasks", "queues", "receipts", "receives", "sends", "tags"]
