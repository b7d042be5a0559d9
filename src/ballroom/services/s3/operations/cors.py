"""CORS configurations. Browsers are answered by `browsers`."""

from __future__ import annotations

from ballroom.kernel import Request, Response, Tx, operation
from ballroom.services.s3 import cors
from ballroom.services.s3.access import open_bucket
from ballroom.services.s3.errors import not_configured
from ballroom.services.s3.settings_store import drop_setting, find_setting, put_setting

NAME = "cors"


@operation("PutBucketCors")
def put_bucket_cors(tx: Tx, request: Request) -> Response:
    """Replace the rules that tell which pages may use the bucket.

    Source: S3 API Reference, PutBucketCors.
    """
    bucket = open_bucket(tx, request, "PutBucketCORS")
    configuration = request["CORSConfiguration"]
    cors.check(configuration)
    put_setting(tx, bucket, NAME, configuration)
    return {}


@operation("GetBucketCors")
def get_bucket_cors(tx: Tx, request: Request) -> Response:
    """The rules as they were put."""
    bucket = open_bucket(tx, request, "GetBucketCORS")
    found = find_setting(tx, bucket, NAME)
    if found is None:
        raise not_configured("NoSuchCORSConfiguration", "The CORS configuration does not exist", bucket.name)
    return found


@operation("DeleteBucketCors")
def delete_bucket_cors(tx: Tx, request: Request) -> Response:
    """Let no page use the bucket."""
    drop_setting(tx, open_bucket(tx, request, "PutBucketCORS"), NAME)
    return {}
