"""Function URLs on the wire: HTTP request to event (payload format 2.0), function's answer to response.

Pure. Who may call and which function answers is decided in `url_host`.

Source: Developer Guide, "Invoking Lambda function URLs", request and response payload format.
"""

from __future__ import annotations

import base64
import binascii
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

import orjson

from ballroom.kernel import Caller, HttpRequest, HttpResponse

_TEXT_TYPES = (
    "text/", "application/json", "application/xml", "application/javascript",
    "application/x-www-form-urlencoded",
)  # fmt: skip
_HOP_HEADERS = frozenset(
    ("connection", "keep-alive", "transfer-encoding", "te", "upgrade", "proxy-connection")
)
_REMAPPED = frozenset(
    ("connection", "content-length", "date", "keep-alive", "server", "transfer-encoding", "upgrade")
)

INTERNAL_ERROR = HttpResponse(
    502, [("content-type", "text/plain;charset=UTF-8")], b"Internal Server Error"
)


def event_of(
    http: HttpRequest, url_id: str, *, request_id: str, now_ms: int, trace: str, iam: Caller | None
) -> dict[str, Any]:
    """The event that the function receives for an HTTP request."""
    headers, cookies = _merged_headers(http)
    headers.setdefault("x-forwarded-for", http.remote)
    headers.setdefault("x-forwarded-proto", http.scheme)
    headers.setdefault("x-forwarded-port", _port(http))
    headers["x-amzn-trace-id"] = trace
    moment = datetime.fromtimestamp(now_ms / 1000, UTC)
    context: dict[str, Any] = {
        "accountId": iam.account if iam is not None else "anonymous",
        "apiId": url_id,
        "domainName": http.host.partition(":")[0],
        "domainPrefix": url_id,
        "http": {
            "method": http.method,
            "path": http.path,  # percent-encoded as sent, as rawPath is
            "protocol": "HTTP/1.1",
            "sourceIp": http.remote,
            "userAgent": headers.get("user-agent", ""),
        },
        "requestId": request_id,
        "routeKey": "$default",
        "stage": "$default",
        "time": moment.strftime("%d/%b/%Y:%H:%M:%S +0000"),
        "timeEpoch": now_ms,
    }
    if iam is not None:
        context["authorizer"] = {"iam": _iam_identity(iam)}
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": http.path,
        "rawQueryString": http.query,
    }
    if cookies:
        event["cookies"] = cookies
    event["headers"] = headers
    if http.query:
        event["queryStringParameters"] = _joined_parameters(http.query)
    event["requestContext"] = context
    encoded = False
    if http.body:
        event["body"], encoded = _event_body(http.body, headers.get("content-type", ""))
    event["isBase64Encoded"] = encoded
    return event


def response_of(payload: bytes) -> HttpResponse:
    """The HTTP response that a function's answer means.

    An object with `statusCode` is a response; whatever else is the body of a 200, as JSON. What breaks
    the format is answered 502, as AWS does.
    """
    try:
        answer = orjson.loads(payload or b"null")
    except orjson.JSONDecodeError:
        return INTERNAL_ERROR
    if not isinstance(answer, dict) or "statusCode" not in answer:
        return HttpResponse(200, [("content-type", "application/json")], orjson.dumps(answer))
    try:
        return _described(answer)
    except (TypeError, ValueError, binascii.Error):
        return INTERNAL_ERROR


def _described(answer: dict[str, Any]) -> HttpResponse:
    status = answer["statusCode"]
    if isinstance(status, bool) or not isinstance(status, int | str) or not 100 <= int(status) <= 599:
        raise ValueError("statusCode")
    body = answer.get("body")
    if body is None:
        content = b""
    elif isinstance(body, str):
        content = base64.b64decode(body, validate=True) if answer.get("isBase64Encoded") else body.encode()
    else:
        content = orjson.dumps(body)
    headers = [(name, value) for name, value in _answered_headers(answer.get("headers") or {})]
    if not any(name == "content-type" for name, _ in headers):
        headers.append(("content-type", "application/json"))
    headers.extend(("set-cookie", _clean(str(cookie))) for cookie in answer.get("cookies") or ())
    return HttpResponse(int(status), headers, content)


def _answered_headers(headers: dict[str, Any]) -> list[tuple[str, str]]:
    kept = []
    for name, value in headers.items():
        lower = name.lower()
        if value is None:
            continue
        text = _clean(value if isinstance(value, str) else orjson.dumps(value).decode())
        # what only the server can say is passed on under another name, as AWS does
        kept.append((f"x-amzn-remapped-{lower}" if lower in _REMAPPED else _clean(lower), text))
    return kept


def _clean(text: str) -> str:
    """A header value that cannot start a second header."""
    if any(ord(c) < 32 and c != "\t" for c in text):
        raise ValueError("control characters in a header")
    return text


def _merged_headers(http: HttpRequest) -> tuple[dict[str, str], list[str]]:
    """Lower-case names, repeated ones joined by commas; cookies apart."""
    headers: dict[str, str] = {}
    cookies: list[str] = []
    for name, value in http.headers:
        if name == "cookie":
            cookies.extend(part.strip() for part in value.split(";") if part.strip())
        elif name not in _HOP_HEADERS:
            headers[name] = f"{headers[name]},{value}" if name in headers else value
    return headers, cookies


def _joined_parameters(query: str) -> dict[str, str]:
    """Decoded parameters; the values of a repeated one are joined by commas."""
    parameters: dict[str, str] = {}
    for name, value in parse_qsl(query, keep_blank_values=True, max_num_fields=10_000):
        parameters[name] = f"{parameters[name]},{value}" if name in parameters else value
    return parameters


def _event_body(body: bytes, content_type: str) -> tuple[str, bool]:
    """Text stays text; all else goes in base 64."""
    if content_type.lower().startswith(_TEXT_TYPES):
        try:
            return body.decode(), False
        except UnicodeDecodeError:
            pass  # declared as text, but is none
    return base64.b64encode(body).decode(), True


def _port(http: HttpRequest) -> str:
    _, _, port = (http.header("host") or "").rpartition(":")
    return port if port.isdigit() else ("443" if http.scheme == "https" else "80")


def _iam_identity(caller: Caller) -> dict[str, Any]:
    return {
        "accessKey": caller.access_key_id,
        "accountId": caller.account,
        "callerId": caller.user_id,
        "cognitoIdentity": None,
        "principalOrgId": None,
        "userArn": caller.arn,
        "userId": caller.user_id,
    }
