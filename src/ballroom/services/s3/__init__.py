"""Amazon S3, the foundation: buckets, objects, versions and multipart uploads."""

from ballroom.services.s3 import browsers, operations, website

__all__ = ["browsers", "operations", "website"]
