"""What a host name says: an application's own host, a bucket, a service, a region."""

from __future__ import annotations

import re
from functools import lru_cache

_BUCKET = re.compile(
    r"(?P<bucket>[a-z0-9][a-z0-9.\-_]*)\.s3"
    r"(?:[.-](?:dualstack\.)?[a-z]{2}(?:-[a-z]+)+-\d)?"
    r"\.(?:localhost|amazonaws\.com(?:\.cn)?|localhost\.localstack\.cloud|[^.].*)"
)
_LABEL = re.compile(r"[a-z0-9][a-z0-9.\-_]*")
_OWN_DOMAINS = ("localhost", "localhost.localstack.cloud")
_SERVICE = re.compile(
    r"([a-z0-9-]+)\.(?:([a-z]{2}(?:-[a-z]+)+-\d)\.)?(?:localhost|amazonaws\.com(?:\.cn)?|localhost\.localstack\.cloud)"
)


def without_port(host: str) -> str:
    """The name or address in a Host header, in lower case; brackets of IPv6 addresses stay."""
    host = host.strip().lower()
    if host.endswith("]"):
        return host
    name, colon, port = host.rpartition(":")
    if colon and port.isdigit():
        host = name
    return host.rstrip(".")


@lru_cache(1024)
def bucket_of(host: str, public_name: str = "") -> str | None:
    """The bucket in a virtual-host style S3 request (`bucket.s3.localhost:4566`, `bucket.localhost:4566`)."""
    name = without_port(host)
    match = _BUCKET.fullmatch(name)
    if match is not None:
        return match["bucket"]
    for domain in (*_OWN_DOMAINS, public_name):
        if domain and name.endswith("." + domain):
            label = name[: -len(domain) - 1]
            # `s3.localhost` and `s3.us-east-1.localhost` are the service itself
            if label == "s3" or label.startswith(("s3.", "s3-")) or _LABEL.fullmatch(label) is None:
                return None
            return label
    return None


@lru_cache(1024)
def service_label(host: str) -> str | None:
    """The endpoint prefix in `sqs.us-east-1.localhost` or `sqs.us-east-1.amazonaws.com`."""
    match = _SERVICE.fullmatch(without_port(host))
    return match[1] if match else None


@lru_cache(1024)
def region_label(host: str) -> str | None:
    """The region in `sqs.us-east-1.localhost` or `sqs.us-east-1.amazonaws.com`."""
    match = _SERVICE.fullmatch(without_port(host))
    return match[2] if match else None
