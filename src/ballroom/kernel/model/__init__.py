"""AWS's service models: what exists, what goes in and out, and what is valid.

`load_service` gives a service's model; `operation.validate(value)` checks an input as AWS does, with
AWS's texts. Encoding and decoding are the gateway's (`gateway.wire`); meaning is the services'.
"""

from ballroom.kernel.model.data import ModelMissing
from ballroom.kernel.model.errors import SerializationFailed
from ballroom.kernel.model.index import (
    ServiceHead,
    all_services,
    by_signing_name,
    by_target_prefix,
    head,
)
from ballroom.kernel.model.output import check_output, unknown_members
from ballroom.kernel.model.service import OperationModel, ServiceModel, UnknownOperation, load_service
from ballroom.kernel.model.shapes import ErrorShape, Member, Shape
from ballroom.kernel.model.styles import ValidationStyle, use_style
from ballroom.kernel.model.violations import Violation

__all__ = [
    "ErrorShape",
    "Member",
    "ModelMissing",
    "OperationModel",
    "SerializationFailed",
    "ServiceHead",
    "ServiceModel",
    "Shape",
    "UnknownOperation",
    "ValidationStyle",
    "Violation",
    "all_services",
    "by_signing_name",
    "by_target_prefix",
    "check_output",
    "head",
    "load_service",
    "unknown_members",
    "use_style",
]
