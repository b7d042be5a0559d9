"""The errors of EventBridge Schemas; the model gives their statuses."""

from __future__ import annotations

from ballroom.kernel import ServiceError


class SchemasError(ServiceError):
    """All of them tell their code and text in members too."""

    def __init__(self, text: str) -> None:
        super().__init__(text, Code=self.shape.removesuffix("Exception"), Message=text)


class BadRequest(SchemasError):
    """An argument is wrong."""

    shape = "BadRequestException"


class NotFound(SchemasError):
    """The request names something that does not exist."""

    shape = "NotFoundException"


class Conflict(SchemasError):
    """The name is taken."""

    shape = "ConflictException"


class PreconditionFailed(SchemasError):
    """The resource has changed meanwhile."""

    shape = "PreconditionFailedException"


class Forbidden(SchemasError):
    """The registry is AWS's own."""

    shape = "ForbiddenException"
