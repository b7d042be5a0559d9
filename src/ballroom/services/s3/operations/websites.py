"""Website configurations. The websites themselves are served by `website`."""

from __future__ import annotations

from urllib.parse import urlsplit

from ballroom.kernel import Request, Response, Tx, operation
from ballroom.services.s3 import website_rules
from ballroom.services.s3.access import open_bucket
from ballroom.services.s3.errors import not_configured
from ballroom.services.s3.settings_store import drop_setting, find_setting, put_setting

NAME = "website"


@operation("PutBucketWebsite")
def put_bucket_website(tx: Tx, request: Request) -> Response:
    """Serve the bucket as a website, at its own host.

    Source: S3 API Reference, PutBucketWebsite.
    """
    bucket = open_bucket(tx, request, "PutBucketWebsite")
    configuration = request["WebsiteConfiguration"]
    website_rules.check(configuration)
    put_setting(tx, bucket, NAME, configuration)
    return {}


@operation("GetBucketWebsite")
def get_bucket_website(tx: Tx, request: Request) -> Response:
    """The configuration as it was put."""
    bucket = open_bucket(tx, request, "GetBucketWebsite")
    found = find_setting(tx, bucket, NAME)
    if found is None:
        raise not_configured(
            "NoSuchWebsiteConfiguration",
            "The specified bucket does not have a website configuration",
            bucket.name,
        )
    return found


@operation("DeleteBucketWebsite")
def delete_bucket_website(tx: Tx, request: Request) -> Response:
    """Serve no website."""
    drop_setting(tx, open_bucket(tx, request, "DeleteBucketWebsite"), NAME)
    return {}


@operation("GetWebsiteAddress", internal=True)
def get_website_address(tx: Tx, request: Request) -> Response:
    """For other services: where the bucket's website answers, a host below the server's own."""
    bucket = open_bucket(tx, request, "GetBucketWebsite")
    base = urlsplit(tx.kernel.settings.base_url)
    port = f":{base.port}" if base.port else ""
    return {"Url": f"{base.scheme}://{bucket.name}.s3-website-{bucket.region}.{base.hostname}{port}"}
