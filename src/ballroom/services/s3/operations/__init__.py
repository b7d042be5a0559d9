"""The operations of S3, one module for each kind of resource."""

from ballroom.services.s3.operations import (
    buckets,
    deletes,
    encryption_settings,
    listing,
    puts,
    reads,
    settings,
    versioning,
)

__all__ = ["buckets", "deletes", "encryption_settings", "listing", "puts", "reads", "settings", "versioning"]
