"""Filter policies of subscriptions: compiled when they are set, and refused then.

Source: Developer Guide, "Amazon SNS message filtering"; recorded answers (texts).
"""

from __future__ import annotations

from typing import Any

import orjson

from ballroom.kernel.matcher import SNS_ATTRIBUTES, SNS_BODY, InvalidPattern, Pattern, compile_pattern
from ballroom.services.sns import message_attributes
from ballroom.services.sns.errors import InvalidParameter
from ballroom.services.sns.messages import Publication

ATTRIBUTES, BODY = "MessageAttributes", "MessageBody"


def compiled(policy: str, scope: str, parameter: str) -> Pattern:
    """The policy, ready to match.

    Raises:
        InvalidParameter: AWS's text; `parameter` is what it begins with.
    """
    try:
        return compile_pattern(policy, SNS_BODY if scope == BODY else SNS_ATTRIBUTES)
    except InvalidPattern as error:
        raise InvalidParameter.of(f"{parameter}{error}") from error


class Seen:
    """A publication as filter policies see it; parsed at most once."""

    def __init__(self, publication: Publication) -> None:
        self._publication = publication
        self._attributes: dict[str, Any] | None = None
        self._bodies: dict[str, dict[str, Any] | None] = {}

    def accepted(self, pattern: Pattern, scope: str, protocol: str) -> bool:
        """Does the policy let the message through?"""
        if scope == BODY:
            body = self._body(self._publication.text_for(protocol))
            return body is not None and pattern.matches(body)
        if self._attributes is None:
            self._attributes = message_attributes.as_event(self._publication.attributes)
        return pattern.matches(self._attributes)

    def _body(self, text: str) -> dict[str, Any] | None:
        """The message as an object; None if it is none, which no policy of the body accepts."""
        if text not in self._bodies:
            try:
                parsed = orjson.loads(text)
            except orjson.JSONDecodeError:
                parsed = None
            self._bodies[text] = parsed if isinstance(parsed, dict) else None
        return self._bodies[text]
