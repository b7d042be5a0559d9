"""How each service words, and which constraints it checks when, a request breaks its model.

Most services share one text ("1 validation error detected: Value 'x' at 'y' failed to satisfy
constraint: ..."). What differs is data: an entry in `STYLES`, or one that a service sets with
`use_style` while it is imported.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ballroom.kernel.errors import ServiceError

if TYPE_CHECKING:
    from ballroom.kernel.model.service import OperationModel
    from ballroom.kernel.model.shapes import Shape
    from ballroom.kernel.model.violations import Violation

ALL_CHECKS = frozenset({"required", "length", "range", "enum", "pattern"})


@dataclass(frozen=True)
class ValidationStyle:
    """A service's way with broken constraints.

    Attributes:
        code: the error's code.
        checks: which constraints of the model AWS really checks here; the others are the service's.
        exempt: `(shape, member)` pairs that the service checks itself, with its own words.
        body_prefix: paths of body members start with the input's name (`putIntegrationInput.type`).
        null_in_collections: constraints on the elements of a list or map end in "Member must not be null".
        field_order: how AWS orders a structure's fields when it prints one, where that isn't the model's
            order; names that the model lacks are printed as null.
        traits: traits of shapes that AWS checks otherwise than the model says, by shape.
        error: makes the whole error instead, for services with texts of their own.
        check_types: goes through a value that failed and raises for a wrong type in it, for services with texts
            of their own; it may be the JSON as it was sent.
    """

    code: str = "ValidationException"
    checks: frozenset[str] = ALL_CHECKS
    exempt: frozenset[tuple[str, str]] = frozenset()
    body_prefix: bool = False
    null_in_collections: bool = False
    field_order: Mapping[str, Sequence[str]] = field(default_factory=dict)
    traits: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    error: Callable[[OperationModel, Sequence[Violation]], ServiceError] | None = None
    check_types: Callable[[Shape, object], None] | None = None


NO_OBJECT_ATTRIBUTES = (
    "The x-amz-object-attributes header specifying the attributes to be retrieved is either missing or empty"
)


def _s3_error(operation: OperationModel, violations: Sequence[Violation]) -> ServiceError:
    """S3 knows no constraint texts: a body that lacks something does not fit its schema.

    Source: S3 API Reference, error responses (MalformedXML, InvalidRequest, MissingRequestBodyError).
    """
    assert operation.input is not None
    path = violations[0].path
    member = operation.input.members.get(str(path[0]))
    if member is not None and member is operation.input.payload and len(path) == 1:
        return ServiceError.of("MissingRequestBodyError", "Request Body is empty", status=400)
    if member is not None and member.name == "ObjectAttributes":
        return ServiceError.of("InvalidRequest", NO_OBJECT_ATTRIBUTES, status=400)
    if member is not None and member.location is not None:
        text = f"Missing required {member.location} for this request: {member.wire_name}"
        return ServiceError.of("InvalidRequest", text, status=400)
    text = "The XML you provided was not well-formed or did not validate against our published schema"
    return ServiceError.of("MalformedXML", text, status=400)


DEFAULT_STYLE = ValidationStyle()
QUERY_STYLE = ValidationStyle(code="ValidationError")

STYLES: dict[str, ValidationStyle] = {
    "apigateway": ValidationStyle(body_prefix=True),
    "cloudformation": ValidationStyle(
        code="ValidationError",
        # recorded case cloudformation: stack_response; the model has a bare string
        traits={"StackName": {"min": 1, "pattern": "[a-zA-Z][-a-zA-Z0-9]*|arn:[-a-zA-Z0-9:/._+]*"}},
    ),
    "cloudwatch": QUERY_STYLE,
    "events": ValidationStyle(
        field_order={
            "PutEventsRequestEntry": (
                *("Time", "Source", "Resources", "DetailType", "Detail", "EventBusName", "TraceHeader"),
                *("kmsKeyIdentifier", "internalMetadata"),
            )
        },
    ),
    "lambda": ValidationStyle(
        null_in_collections=True,
        # recorded case lambda: get_layer_version_by_arn_exc_invalidarn; the model has another bracket around
        traits={
            "LayerVersionArn": {
                "pattern": r"(arn:(aws[a-zA-Z-]*)?:lambda:(eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}"
                r":\d{12}:layer:[a-zA-Z0-9-_]+:[0-9]+)|(arn:[a-zA-Z0-9-]+:lambda:::awslayer:[a-zA-Z0-9-_]+)"
            }
        },
    ),
    "logs": ValidationStyle(
        code="InvalidParameterException",
        field_order={
            "MetricTransformation": (
                *("metricName", "metricNamespace", "metricValue", "defaultValue", "unit", "dimensions"),
            )
        },
    ),
    "s3": ValidationStyle(checks=frozenset({"required"}), error=_s3_error),
}


def use_style(service: str, style: ValidationStyle) -> None:
    """Set a service's style; before its first request, since validators are compiled then."""
    STYLES[service] = style


def style_of(service: str, protocols: Sequence[str]) -> ValidationStyle:
    """The style of a service: its own entry, else the one that its preferred protocol brings."""
    by_protocol = QUERY_STYLE if protocols[0] in ("query", "ec2") else DEFAULT_STYLE
    return STYLES.get(service, by_protocol)
