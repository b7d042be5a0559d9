"""HTTP/1.1 on asyncio: connections, exchanges, streams. Knows nothing of AWS; `gateway.gateway` does."""

from ballroom.gateway.http.exchange import Exchange
from ballroom.gateway.http.limits import Limits
from ballroom.gateway.http.reading import Refused
from ballroom.gateway.http.server import Application, HttpServer
from ballroom.gateway.http.stream import RequestStream

__all__ = ["Application", "Exchange", "HttpServer", "Limits", "Refused", "RequestStream"]
