"""The operations of S3, one module for each kind of resource."""

from ballroom.services.s3.operations import (
    attributes,
    buckets,
    completion,
    copies,
    deletes,
    encryption_settings,
    listing,
    parts,
    puts,
    reads,
    refused,
    restores,
    settings,
    uploads,
    versioning,
)

__all__ = [
    "attributes",
    "buckets",
    "completion",
    "copies",
    "deletes",
    "encryption_settings",
    "listing",
    "parts",
    "puts",
    "reads",
    "refused",
    "restores",
    "settings",
    "uploads",
    "versioning",
]
