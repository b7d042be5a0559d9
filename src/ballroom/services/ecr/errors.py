"""ECR's errors.

Source: Amazon ECR API Reference, "Errors" of each operation.
"""

from __future__ import annotations

from ballroom.kernel import ServiceError


class RepositoryNotFound(ServiceError):
    """The registry has no repository of that name."""

    shape = "RepositoryNotFoundException"

    def __init__(self, name: str, registry: str) -> None:
        super().__init__(
            f"The repository with name '{name}' does not exist in the registry with id '{registry}'"
        )


class RepositoryAlreadyExists(ServiceError):
    """The name is taken."""

    shape = "RepositoryAlreadyExistsException"

    def __init__(self, name: str, registry: str) -> None:
        super().__init__(
            f"The repository with name '{name}' already exists in the registry with id '{registry}'"
        )


class RepositoryPolicyNotFound(ServiceError):
    """The repository has no policy."""

    shape = "RepositoryPolicyNotFoundException"

    def __init__(self, name: str, registry: str) -> None:
        super().__init__(
            f"Repository policy does not exist for the repository with name '{name}' in the registry with id "
            f"'{registry}'"
        )


class LifecyclePolicyNotFound(ServiceError):
    """The repository has no lifecycle policy."""

    shape = "LifecyclePolicyNotFoundException"

    def __init__(self, name: str, registry: str) -> None:
        super().__init__(
            f"Lifecycle policy does not exist for the repository with name '{name}' in the registry with id "
            f"'{registry}'"
        )


class InvalidParameter(ServiceError):
    """A parameter that ECR does not take."""

    shape = "InvalidParameterException"


class TooManyTags(ServiceError):
    """More than 50 tags."""

    shape = "TooManyTagsException"
    text = "The list of tags on the repository is over the limit. The maximum number of tags is 50."
