"""A web page must not drive Ballroom through the developer's browser.

In the open mode any key is accepted, so what a page can make a browser send must be told from what the
developer's programs send. A browser marks it: `Origin`, `Sec-Fetch-Site`, or at least headers that no
page can take away. A marked request to the control plane passes if its page is of this very origin or
allow-listed, or if it carries a signature made with a real key: nobody forges that.

Against DNS rebinding (a page's own name made to resolve to 127.0.0.1, so that everything is
same-origin), a marked request is only served under names that no stranger controls. Hosts of
applications (function URLs) are not guarded: they are meant for browsers and have CORS of their own.

Source: Fetch Standard (Origin, CORS), W3C Fetch Metadata Request Headers.
"""

from __future__ import annotations

import ipaddress
import logging
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from ballroom.gateway.hosts import without_port
from ballroom.gateway.http import Exchange
from ballroom.kernel.settings import Settings

if TYPE_CHECKING:
    from ballroom.gateway.routing import Target

log = logging.getLogger("ballroom.browser")

_SAFE_SUFFIXES = (
    ".localhost", ".localhost.localstack.cloud", ".amazonaws.com", ".amazonaws.com.cn", ".api.aws",
    ".internal", ".local", ".test",
)  # fmt: skip
"""Names under which no stranger can publish an address."""
_SAFE_NAMES = frozenset({"localhost", "localhost.localstack.cloud"})
_EXPOSED = (
    "x-amzn-requestid, x-amzn-errortype, x-amz-request-id, x-amz-id-2, x-amzn-trace-id, etag, location, "
    "date, content-length, content-range, x-amz-version-id, x-amz-function-error, x-amz-log-result, "
    "x-amz-executed-version"
)
_SANDBOX = "sandbox allow-downloads allow-forms allow-modals allow-popups allow-scripts"


class Guard:
    """Judges requests to the control plane."""

    def __init__(self, settings: Settings, *, enforcing: bool) -> None:
        self._enforcing = enforcing
        self._origins = {origin.rstrip("/").lower() for origin in settings.allowed_origins}
        self._hosts = {without_port(host) for host in settings.allowed_hosts}
        self._hosts.add(without_port(settings.host))
        if settings.public_url:
            self._hosts.add((urlsplit(settings.public_url).hostname or "").lower())

    def suspicion(self, exchange: Exchange, target: Target | None = None) -> str | None:
        """Why a page may be behind this request; None if it is none's, or an allowed one's."""
        headers = exchange.headers
        origin = headers.get("origin")
        site = headers.get("sec-fetch-site")
        agent = headers.get("user-agent", "")
        if (
            origin is None
            and site is None
            and not agent.startswith("Mozilla/")
            and "accept-language" not in headers
        ):
            return None
        if origin is not None and self.allows_origin(origin):
            exchange.extra_headers = self._cors_headers(origin)
            return None
        host = headers.get("host", "")
        if not self._enforcing and not self.trusts_host(host):
            return f"a browser sent it to the host {without_port(host)!r}, which is not known to be Ballroom's"
        if origin is not None:
            if origin.lower() in (f"http://{host.lower()}", f"https://{host.lower()}"):
                return None
            return f"it comes from a page of {origin}"
        if site in ("cross-site", "same-site"):
            return f"the browser says that it comes from another site ({site})"
        if site == "same-origin":
            return None
        if site is None and not agent.startswith("Mozilla/"):
            return None  # a program that says which language it likes
        # typed, bookmarked, or opened by another program; or a browser too old to say
        referer = headers.get("referer")
        if site is None and referer is not None and urlsplit(referer).netloc.lower() != host.lower():
            return "it comes from a page elsewhere"
        if exchange.method not in ("GET", "HEAD"):
            return "a browser sent it without saying from which page"
        if target is not None and not target.protocol.startswith("rest-"):
            return "a browser's address bar cannot call operations"
        return None

    def allows_origin(self, origin: str) -> bool:
        """Whether pages of this origin may do what programs may."""
        return bool(self._origins) and ("*" in self._origins or origin.lower() in self._origins)

    def trusts_host(self, host: str) -> bool:
        """Whether a page under this name can only be Ballroom's own or the developer's."""
        name = without_port(host)
        if name in _SAFE_NAMES or name in self._hosts or "." not in name or name.endswith(_SAFE_SUFFIXES):
            return True
        try:
            ipaddress.ip_address(name.strip("[]"))
        except ValueError:
            return False
        return True  # an address cannot be made to mean another

    def refuse(self, exchange: Exchange, suspicion: str) -> None:
        """Answer 403 and say what would allow it."""
        log.warning("%s %s refused: %s", exchange.method, exchange.path, suspicion)
        exchange.refuse(
            403,
            "AccessDeniedException",
            f"Refused: {suspicion}. Pages may not use Ballroom unless their origin is allowed: start it with "
            "--allowed-origins ORIGIN (and --allowed-hosts HOST for names of your own).",
        )

    # --- CORS, for the origins that are allowed

    def is_preflight(self, exchange: Exchange) -> bool:
        """Whether a browser asks if a page may send something."""
        return exchange.method == "OPTIONS" and "access-control-request-method" in exchange.headers

    def answer_preflight(self, exchange: Exchange) -> None:
        """Allow it to the pages that are allowed; refuse all others."""
        origin = exchange.headers.get("origin", "")
        if not self.allows_origin(origin):
            self.refuse(exchange, f"it comes from a page of {origin}")
            return
        exchange.extra_headers = self._cors_headers(origin)
        asked = exchange.headers.get("access-control-request-headers", "*")
        exchange.answer(
            204,
            [
                ("access-control-allow-methods", "GET, HEAD, PUT, POST, DELETE, PATCH"),
                ("access-control-allow-headers", asked),
                ("access-control-max-age", "600"),
            ],
        )

    def _cors_headers(self, origin: str) -> str:
        """What lets an allowed page read the answer."""
        return (
            f"access-control-allow-origin: {origin}\r\nvary: Origin\r\n"
            f"access-control-expose-headers: {_EXPOSED}\r\n"
        )

    def contain(self, exchange: Exchange, headers: list[tuple[str, str]]) -> list[tuple[str, str]]:
        """An object that a browser shows gets no origin: path-style URLs put it into Ballroom's own."""
        if exchange.headers.get("sec-fetch-dest") in ("document", "iframe", "frame", "embed", "object"):
            return [*headers, ("content-security-policy", _SANDBOX)]
        return headers
