"""Tags of functions and mappings: AWS's limits."""

from __future__ import annotations

from ballroom.services.lambda_.errors import InvalidParameterValue

LIMIT = 50


def check_tags(tags: dict[str, str]) -> dict[str, str]:
    """The tags, if there are no more than 50 of allowed lengths."""
    if len(tags) > LIMIT:
        raise InvalidParameterValue("Number of tags exceeds resource tag limit.")
    for name, value in tags.items():
        if not 1 <= len(name) <= 128 or len(value) > 256:
            raise InvalidParameterValue(
                "Tag keys have 1 to 128 characters and tag values at most 256: "
                f"{name[:140]} breaks that."
            )
    return dict(tags)
