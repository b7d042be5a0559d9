"""Cross-origin rules of a function URL: preflight answers, and headers on the function's own.

Pure. Where a URL has a CORS configuration, its headers replace whatever the function says about CORS.

Source: Developer Guide, "Cross-origin resource sharing (CORS)" of function URLs; API Reference, Cors.
"""

from __future__ import annotations

from typing import Any

from ballroom.kernel import HttpRequest, HttpResponse


def is_preflight(http: HttpRequest) -> bool:
    """A browser asks whether it may send; the function is not invoked for that."""
    return http.method == "OPTIONS" and http.header("access-control-request-method") is not None


def preflight(cors: dict[str, Any], http: HttpRequest) -> HttpResponse:
    """The answer to a preflight: allowed origins, methods and headers, or nothing."""
    headers = _origin_headers(cors, http)
    if headers:
        method = http.header("access-control-request-method") or ""
        allowed = cors.get("AllowMethods", ["*"])
        if "*" in allowed:
            headers.append(("access-control-allow-methods", method if cors.get("AllowCredentials") else "*"))
        elif method in allowed:
            headers.append(("access-control-allow-methods", ",".join(allowed)))
        if cors.get("AllowHeaders"):
            headers.append(("access-control-allow-headers", ",".join(cors["AllowHeaders"])))
        if "MaxAge" in cors:
            headers.append(("access-control-max-age", str(cors["MaxAge"])))
    return HttpResponse(200, headers, b"")


def with_cors(cors: dict[str, Any], http: HttpRequest, response: HttpResponse) -> HttpResponse:
    """The function's response under the URL's rules."""
    kept = [(n, v) for n, v in response.headers if not n.startswith("access-control-")]
    headers = _origin_headers(cors, http)
    if headers and cors.get("ExposeHeaders"):
        headers.append(("access-control-expose-headers", ",".join(cors["ExposeHeaders"])))
    return HttpResponse(response.status, kept + headers, response.body)


def _origin_headers(cors: dict[str, Any], http: HttpRequest) -> list[tuple[str, str]]:
    origin = http.header("origin")
    if origin is None or not _allowed(origin, cors.get("AllowOrigins", [])):
        return []
    credentials = bool(cors.get("AllowCredentials"))
    wide = "*" in cors.get("AllowOrigins", []) and not credentials
    headers = [("access-control-allow-origin", "*" if wide else origin)]
    if not wide:
        headers.append(("vary", "Origin"))
    if credentials:
        headers.append(("access-control-allow-credentials", "true"))
    return headers


def _allowed(origin: str, patterns: list[str]) -> bool:
    return any(pattern in ("*", origin) or pattern.lower() == origin.lower() for pattern in patterns)
