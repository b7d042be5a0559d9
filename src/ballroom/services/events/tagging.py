"""Tags of rules and buses."""

from __future__ import annotations

from typing import Any

from ballroom.services.events.errors import ValidationException

MOST_TAGS = 50


def read_tags(given: list[dict[str, str]] | None, source: str) -> dict[str, str]:
    """The tags of a request, by key.

    Raises:
        ValidationException: a reserved key, or too many.
    """
    tags = {tag["Key"]: tag["Value"] for tag in given or ()}
    check_tags(tags, source)
    return tags


def check_tags(tags: dict[str, str], source: str) -> None:
    """Refuses reserved keys, unless one of our own services gives them, and more than 50."""
    if source == "wire" and any(name.lower().startswith("aws:") for name in tags):
        raise ValidationException("System tags cannot be added/updated by requester")
    if len(tags) > MOST_TAGS:
        raise ValidationException(f"A resource can have at most {MOST_TAGS} tags.")


def shown_tags(tags: dict[str, str]) -> list[dict[str, Any]]:
    """The tags as answers list them."""
    return [{"Key": name, "Value": value} for name, value in tags.items()]
