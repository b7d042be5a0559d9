"""Delivery policies: how often and when an HTTP endpoint is tried again, and what it is sent as.

Four phases follow each other: retries at once, retries at the smallest delay, retries whose delay grows
from the smallest to the largest, retries at the largest.

Source: Developer Guide, "Amazon SNS message delivery retries", "Creating an HTTP/S delivery policy"; recorded
answers (the default, and what a topic's attributes show).
"""

from __future__ import annotations

import math
from typing import Any

import orjson

from ballroom.kernel import RetryPolicy
from ballroom.services.sns.errors import InvalidParameter

DEFAULT_RETRY: dict[str, Any] = {
    "minDelayTarget": 20, "maxDelayTarget": 20, "numRetries": 3, "numMaxDelayRetries": 0,
    "numNoDelayRetries": 0, "numMinDelayRetries": 0, "backoffFunction": "linear",
}  # fmt: skip
DEFAULT_CONTENT_TYPE = "text/plain; charset=UTF-8"
_FUNCTIONS = ("linear", "arithmetic", "geometric", "exponential")
_LONGEST_DELAY_S = 3600
_MOST_RETRIES = 100
_OF_SUBSCRIPTIONS = (
    "healthyRetryPolicy", "throttlePolicy", "requestPolicy", "sicklyRetryPolicy", "guaranteed",
)  # fmt: skip
_CONTENT_TYPES = (
    "application/json", "text/plain", "application/octet-stream", "application/soap+xml",
    "application/x-www-form-urlencoded", "application/xml", "text/css", "text/csv", "text/html", "text/xml",
)  # fmt: skip


def _refused(reason: str) -> InvalidParameter:
    return InvalidParameter.of(f"DeliveryPolicy: {reason}")


def _parsed(text: str) -> dict[str, Any]:
    try:
        policy = orjson.loads(text)
    except orjson.JSONDecodeError:
        raise _refused("failed to parse JSON.") from None
    if not isinstance(policy, dict):
        raise _refused("failed to parse JSON.")
    return policy


def topic_policy(text: str) -> str:
    """A topic's delivery policy, checked, as it is stored; empty if it says nothing.

    Raises:
        InvalidParameter: it is none.
    """
    http = _parsed(text).get("http")
    if http is None:
        return ""
    if not isinstance(http, dict):
        raise _refused("http must be an object")
    http = {name: value for name, value in http.items() if value is not None}
    for name in http:
        if name not in (
            "defaultHealthyRetryPolicy", "defaultThrottlePolicy", "defaultRequestPolicy",
            "disableSubscriptionOverrides",
        ):  # fmt: skip
            raise _refused(f"Unexpected JSON member: {name}")
    _check_retry(http.get("defaultHealthyRetryPolicy"))
    _check_throttle(http.get("defaultThrottlePolicy"))
    _check_request(http.get("defaultRequestPolicy"))
    if not isinstance(http.get("disableSubscriptionOverrides", False), bool):
        raise _refused("disableSubscriptionOverrides must be true or false")
    return orjson.dumps({"http": {**http, "disableSubscriptionOverrides": overrides_disabled(http)}}).decode()


def overrides_disabled(http: dict[str, Any]) -> bool:
    """Whether the topic's policy holds for its subscriptions whatever theirs say."""
    return bool(http.get("disableSubscriptionOverrides", False))


def subscription_policy(text: str) -> str:
    """A subscription's delivery policy, checked.

    Raises:
        InvalidParameter: it is none.
    """
    policy = _parsed(text)
    for name in policy:
        if name not in _OF_SUBSCRIPTIONS:
            raise _refused(f"Unexpected JSON member: {name}")
    _check_retry(policy.get("healthyRetryPolicy"))
    _check_throttle(policy.get("throttlePolicy"))
    _check_request(policy.get("requestPolicy"))
    return text


def _whole(policy: dict[str, Any], name: str, low: int, high: int) -> int:
    value = policy.get(name, DEFAULT_RETRY.get(name, 0))
    if type(value) is not int:
        raise _refused(f"{name} must be a whole number")
    if not low <= value <= high:
        raise _refused(f"{name} must be between {low} and {high}")
    return value


def _check_retry(policy: Any) -> None:
    if policy is None:
        return
    if not isinstance(policy, dict):
        raise _refused("healthyRetryPolicy must be an object")
    for name in policy:
        if name not in DEFAULT_RETRY:
            raise _refused(f"Unexpected JSON member: {name}")
    if policy.get("minDelayTarget") is None:
        raise _refused("healthyRetryPolicy.minDelayTarget must be specified")
    least = _whole(policy, "minDelayTarget", 1, _LONGEST_DELAY_S)
    most = _whole(policy, "maxDelayTarget", 1, _LONGEST_DELAY_S)
    if least > most:
        raise _refused("healthyRetryPolicy.maxDelayTarget must be greater than or equal to minDelayTarget")
    retries = _whole(policy, "numRetries", 0, _MOST_RETRIES)
    phases = sum(
        _whole(policy, name, 0, _MOST_RETRIES)
        for name in ("numNoDelayRetries", "numMinDelayRetries", "numMaxDelayRetries")
    )
    if phases > retries:
        raise _refused("healthyRetryPolicy.numRetries must be greater than or equal to the sum of the phases")
    if policy.get("backoffFunction", "linear") not in _FUNCTIONS:
        raise _refused("healthyRetryPolicy.backoffFunction must be one of " + ", ".join(_FUNCTIONS))


def _check_throttle(policy: Any) -> None:
    if policy is None:
        return
    if not isinstance(policy, dict) or set(policy) - {"maxReceivesPerSecond"}:
        raise _refused("throttlePolicy must hold maxReceivesPerSecond")
    rate = policy.get("maxReceivesPerSecond")
    if rate is not None and (type(rate) is not int or rate < 1):
        raise _refused("throttlePolicy.maxReceivesPerSecond must be greater than or equal to 1")


def _check_request(policy: Any) -> None:
    if policy is None:
        return
    if not isinstance(policy, dict) or set(policy) - {"headerContentType"}:
        raise _refused("requestPolicy must hold headerContentType")
    kind = policy.get("headerContentType")
    if kind is not None and (not isinstance(kind, str) or kind.split(";")[0].strip() not in _CONTENT_TYPES):
        raise _refused("headerContentType")


def effective_topic_policy(text: str | None) -> dict[str, Any]:
    """What holds for a topic, its own policy over the default."""
    http: dict[str, Any] = orjson.loads(text)["http"] if text else {}
    effective: dict[str, Any] = {
        "defaultHealthyRetryPolicy": {**DEFAULT_RETRY, **(http.get("defaultHealthyRetryPolicy") or {})},
        "disableSubscriptionOverrides": overrides_disabled(http),
    }
    if http.get("defaultThrottlePolicy"):
        effective["defaultThrottlePolicy"] = http["defaultThrottlePolicy"]
    request = http.get("defaultRequestPolicy") or {}
    effective["defaultRequestPolicy"] = {"headerContentType": DEFAULT_CONTENT_TYPE, **request}
    return {"http": effective}


def effective_policy(topic: str | None, subscription: str | None) -> dict[str, Any]:
    """What holds for a subscription: `healthyRetryPolicy`, `requestPolicy` and perhaps `throttlePolicy`."""
    http = effective_topic_policy(topic)["http"]
    own: dict[str, Any] = (
        orjson.loads(subscription) if subscription and not http["disableSubscriptionOverrides"] else {}
    )
    retry = {**DEFAULT_RETRY, **own["healthyRetryPolicy"]} if own.get("healthyRetryPolicy") else None
    effective: dict[str, Any] = {
        "healthyRetryPolicy": retry or http["defaultHealthyRetryPolicy"],
        "sicklyRetryPolicy": None,
        "throttlePolicy": own.get("throttlePolicy") or http.get("defaultThrottlePolicy"),
        "requestPolicy": {**http["defaultRequestPolicy"], **(own.get("requestPolicy") or {})},
        "guaranteed": False,
    }
    return effective


def retry_policy(policy: dict[str, Any]) -> RetryPolicy:
    """The waits of the four phases."""
    retry = policy["healthyRetryPolicy"]
    least, most = 1000 * retry["minDelayTarget"], 1000 * retry["maxDelayTarget"]
    at_once, early, late = (
        retry["numNoDelayRetries"],
        retry["numMinDelayRetries"],
        retry["numMaxDelayRetries"],
    )
    growing = max(0, retry["numRetries"] - at_once - early - late)
    waits = [0] * at_once + [least] * early
    waits += [_growth(retry["backoffFunction"], least, most, step, growing) for step in range(growing)]
    waits += [most] * late
    return RetryPolicy(maximum_attempts=1 + len(waits), back_off_ms=tuple(waits) or (0,))


def _growth(function: str, least: int, most: int, step: int, steps: int) -> int:
    """The delay of a step: at the first the smallest, at the last the largest."""
    if steps < 2:
        return least
    share = step / (steps - 1)
    if function == "arithmetic":
        share = step * (step + 1) / ((steps - 1) * steps)
    elif function == "geometric":
        return round(least * math.pow(most / least, share))
    elif function == "exponential":
        share = (2**step - 1) / (2 ** (steps - 1) - 1)
    return round(least + (most - least) * share)
