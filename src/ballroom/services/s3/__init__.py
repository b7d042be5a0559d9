"""Amazon S3: objects and their versions, and all that buckets configure."""

from ballroom.services.s3 import body_integrity, browsers, operations, website

__all__ = ["body_integrity", "browsers", "operations", "website"]
