"""Disk, time, identity and calls: what every service stands on.

Services import from here. See docs/architecture.md for the design.
"""

from ballroom.kernel.caller import Caller, Signing, service_caller
from ballroom.kernel.clock import Clock, Hold
from ballroom.kernel.context import Context
from ballroom.kernel.credentials import Credential, Credentials
from ballroom.kernel.delivery import Delivery, GiveUp, RetryAt, RetryPolicy, exponential
from ballroom.kernel.errors import (
    InternalFailure,
    NotImplementedHere,
    ServiceError,
    Throttled,
    Unavailable,
    ValidationFailed,
)
from ballroom.kernel.http import BytesStream, ByteStream, FileBody, FileSpan, HttpRequest, HttpResponse
from ballroom.kernel.kernel import Kernel
from ballroom.kernel.keys import Key
from ballroom.kernel.records import Record
from ballroom.kernel.registry import (
    CrossOrigin,
    body_check,
    cross_origin,
    data_host,
    on_delivery,
    on_exhausted,
    on_start,
    on_timer,
    operation,
    page,
    registry,
)
from ballroom.kernel.settings import Settings
from ballroom.kernel.store.blobs import BlobRef
from ballroom.kernel.store.engine import EngineError
from ballroom.kernel.turns import in_thread, next_turn
from ballroom.kernel.tx import Request, Response, Tx, Waiting

__all__ = [
    "BlobRef",
    "ByteStream",
    "BytesStream",
    "Caller",
    "Clock",
    "Context",
    "Credential",
    "Credentials",
    "CrossOrigin",
    "Delivery",
    "EngineError",
    "FileBody",
    "FileSpan",
    "GiveUp",
    "Hold",
    "HttpRequest",
    "HttpResponse",
    "InternalFailure",
    "Kernel",
    "Key",
    "NotImplementedHere",
    "Record",
    "Request",
    "Response",
    "RetryAt",
    "RetryPolicy",
    "ServiceError",
    "Settings",
    "Signing",
    "Throttled",
    "Tx",
    "Unavailable",
    "ValidationFailed",
    "Waiting",
    "body_check",
    "cross_origin",
    "data_host",
    "exponential",
    "in_thread",
    "next_turn",
    "on_delivery",
    "on_exhausted",
    "on_start",
    "on_timer",
    "operation",
    "page",
    "registry",
    "service_caller",
]
