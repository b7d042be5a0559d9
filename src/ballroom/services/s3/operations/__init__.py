"""The operations of S3, one module for each kind of resource."""

from ballroom.services.s3.operations import buckets, copies, listing, multipart, objects, settings

__all__ = ["buckets", "copies", "listing", "multipart", "objects", "settings"]
