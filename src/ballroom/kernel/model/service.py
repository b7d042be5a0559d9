"""A service's model: its operations and shapes, made from botocore's data when first asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache, cached_property
from typing import Any

from ballroom.kernel.model import data, index, validation
from ballroom.kernel.model.shapes import ErrorShape, Shape
from ballroom.kernel.model.styles import ValidationStyle, style_of
from ballroom.kernel.registry import registry


class UnknownOperation(LookupError):
    """The service's model has no operation of that name."""


class OperationModel:
    """One operation: how it is called over HTTP, and the shapes of its input, output and errors."""

    def __init__(self, service: ServiceModel, name: str, raw: Mapping[str, Any]) -> None:
        self.service = service
        self.name = name
        self.traits = raw
        self.method: str = raw["http"]["method"]
        self.uri: str = raw["http"]["requestUri"]
        self.status: int = raw["http"].get("responseCode", 200)

    @cached_property
    def input(self) -> Shape | None:
        return self._shape("input")

    @cached_property
    def output(self) -> Shape | None:
        return self._shape("output")

    @cached_property
    def errors(self) -> tuple[ErrorShape, ...]:
        """The errors that the model lists for this operation; a service may answer others."""
        named = (self.service.error(error["shape"]) for error in self.traits.get("errors", ()))
        return tuple(error for error in named if error is not None)

    @property
    def result_wrapper(self) -> str | None:
        """The element around a query protocol's result."""
        wrapper: str | None = self.traits.get("output", {}).get("resultWrapper")
        return wrapper

    @property
    def host_prefix(self) -> str | None:
        """What SDKs put before the endpoint's host (`sync-`), unless told not to."""
        prefix: str | None = self.traits.get("endpoint", {}).get("hostPrefix")
        return prefix

    @cached_property
    def validate(self) -> Callable[[Any], None]:
        """Checks an input against the model and raises AWS's error for it; compiled when first used.

        Call it as `operation.validate(value)`. It changes nothing in the value.
        """
        return validation.compile_validator(self, self.service.style)

    def _shape(self, side: str) -> Shape | None:
        named = self.traits.get(side)
        return self.service.shape(named["shape"]) if named else None

    def __repr__(self) -> str:
        return f"<operation {self.service.name} {self.name}>"


class ServiceModel:
    """A service as its model describes it. Everything below it is made lazily and kept."""

    def __init__(self, head: index.ServiceHead, raw: Mapping[str, Any]) -> None:
        self.head = head
        self.name = head.name
        self.metadata: Mapping[str, Any] = raw["metadata"]
        self.raw_operations: Mapping[str, Any] = raw["operations"]
        self.raw_shapes: Mapping[str, Any] = raw["shapes"]
        self._operations: dict[str, OperationModel] = {}
        self._shapes: dict[str, Shape] = {}

    @property
    def operation_names(self) -> list[str]:
        return list(self.raw_operations)

    def operation(self, name: str) -> OperationModel:
        """The operation of that name.

        Raises:
            UnknownOperation: the model has none.
        """
        found = self._operations.get(name)
        if found is None:
            raw = self.raw_operations.get(name)
            if raw is None:
                raise UnknownOperation(f"{self.name} {name}")
            found = self._operations[name] = OperationModel(self, name, raw)
        return found

    def shape(self, name: str) -> Shape:
        found = self._shapes.get(name)
        if found is None:
            raw = {**self.raw_shapes[name], **self.style.traits.get(name, {})}
            kind = ErrorShape if raw.get("exception") else Shape
            found = self._shapes[name] = kind(self, name, raw)
        return found

    def error(self, name: str) -> ErrorShape | None:
        """The error shape of that name or, failing that, with that code; None if there is neither."""
        raw = self.raw_shapes.get(name)
        if raw is not None and raw.get("exception"):
            shape = self.shape(name)
            return shape if isinstance(shape, ErrorShape) else None
        by_code = self._error_by_code.get(name)
        return self.error(by_code) if by_code else None

    @cached_property
    def _error_by_code(self) -> dict[str, str]:
        return {
            raw["error"]["code"]: name
            for name, raw in self.raw_shapes.items()
            if raw.get("exception") and "code" in raw.get("error", ())
        }

    @property
    def style(self) -> ValidationStyle:
        """How this service words a broken constraint; its package says so when it is imported."""
        registry.load(self.name)
        return style_of(self.name, self.head.protocols)

    @cached_property
    def is_query_compatible(self) -> bool:
        """The service moved from query to json, and still tells the old error codes in a header."""
        return "awsQueryCompatible" in self.metadata

    def __repr__(self) -> str:
        return f"<service {self.name}>"


@cache
def load_service(name: str) -> ServiceModel:
    """The model of a service, by its folder's name in botocore (`lambda`, `stepfunctions`, `logs`).

    Raises:
        data.ModelMissing: there is no such service.
    """
    head = index.head(name)
    if head is None:
        raise data.ModelMissing(name)
    return ServiceModel(head, data.read_model(name))
