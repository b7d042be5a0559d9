"""Listing images: there are none, since nothing can push one."""

from __future__ import annotations

from ballroom.kernel import Request, Response, ServiceError, Tx, operation

from ..resources import load_repository


@operation("ListImages")
def list_images(tx: Tx, request: Request) -> Response:
    """The images of a repository.

    Source: Amazon ECR API Reference, ListImages.
    """
    load_repository(tx, request)
    return {"imageIds": []}


@operation("DescribeImages")
def describe_images(tx: Tx, request: Request) -> Response:
    """What is known of a repository's images.

    Raises:
        ImageNotFoundException: the request names one.

    Source: Amazon ECR API Reference, DescribeImages.
    """
    repository = load_repository(tx, request)
    for image in request.get("imageIds", []):
        digest, tag = image.get("imageDigest", "null"), image.get("imageTag", "null")
        raise ServiceError.of(
            "ImageNotFoundException",
            f"The image with imageId {{imageDigest:'{digest}', imageTag:'{tag}'}} does not exist within the "
            f"repository with name '{repository.name}' in the registry with id '{tx.account}'",
        )
    return {"imageDetails": []}
