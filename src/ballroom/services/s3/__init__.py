"""Amazon S3: objects and their versions, and all that buckets configure."""

from ballroom.services.s3 import browsers, operations, website

__all__ = ["browsers", "operations", "website"]
