"""Tokens of pages: the last name that a page told, for the next to go on behind it.

Source: S3 API Reference, ListBuckets, ListBucketInventoryConfigurations (`continuation-token`).
"""

from __future__ import annotations

import base64
import binascii

from ballroom.services.s3.errors import InvalidArgument


def token_of(name: str) -> str:
    """The token of a page that ends with a name."""
    return base64.urlsafe_b64encode(name.encode()).decode()


def name_of(token: str) -> str:
    """The name that a token goes on behind.

    Raises:
        InvalidArgument: it is no token.
    """
    try:
        return base64.b64decode(token, altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError) as error:
        raise InvalidArgument(
            "The continuation token provided is incorrect",
            ArgumentName="continuation-token", ArgumentValue=token,
        ) from error  # fmt: skip
