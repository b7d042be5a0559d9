"""Notification configurations."""

from __future__ import annotations

from ballroom.kernel import Request, Response, Tx, operation
from ballroom.services.s3.access import open_bucket
from ballroom.services.s3.notifications import configuration, destinations
from ballroom.services.s3.notifications.sending import NOTIFICATION
from ballroom.services.s3.settings_store import drop_setting, find_setting, put_setting


@operation("PutBucketNotificationConfiguration")
def put_bucket_notification_configuration(tx: Tx, request: Request) -> Response:
    """Replace whom the bucket tells of what happens in it; an empty configuration tells nobody.

    Queues and topics that are there get a test message.

    Raises:
        InvalidArgument: a rule is not right, rules overlap, or a destination cannot be told.

    Source: S3 API Reference, PutBucketNotificationConfiguration.
    """
    bucket = open_bucket(tx, request, "PutBucketNotification")
    kept = configuration.normalised(request["NotificationConfiguration"], lambda: tx.ids.hex(48))
    if not kept:
        drop_setting(tx, bucket, NOTIFICATION)
        return {}
    told = configuration.destinations(kept)
    destinations.check_known(told)
    if not request.get("SkipDestinationValidation", False):
        destinations.check(tx, bucket, told)
        destinations.send_tests(tx, bucket, told)
    put_setting(tx, bucket, NOTIFICATION, kept)
    return {}


@operation("GetBucketNotificationConfiguration")
def get_bucket_notification_configuration(tx: Tx, request: Request) -> Response:
    """Whom the bucket tells; nothing if nobody."""
    bucket = open_bucket(tx, request, "GetBucketNotification")
    return find_setting(tx, bucket, NOTIFICATION) or {}
