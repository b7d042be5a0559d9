"""From an HTTP exchange to the kernel and back: host, page or operation; who; input; answer.

One request costs no task unless its operation waits. The steps of the common path are all in `handle`.
"""

from __future__ import annotations

import logging
import re
import ssl
from collections.abc import Collection
from typing import Any

from ballroom.gateway import aws_chunked, wire
from ballroom.gateway.aws_chunked import CheckedStream, ChunkDecoder, DecodedStream
from ballroom.gateway.bare import bare_answer
from ballroom.gateway.browser import Guard
from ballroom.gateway.crossorigin import CrossOrigins
from ballroom.gateway.dataplane import DataPlane
from ballroom.gateway.hosts import without_port
from ballroom.gateway.http import Exchange, HttpServer, Limits, Refused
from ballroom.gateway.identity import Authenticator, Checked, Identity, Request
from ballroom.gateway.pages import Pages
from ballroom.gateway.refusals import S3, in_family, of_connection, refusal
from ballroom.gateway.root_key import hold_root_key
from ballroom.gateway.routing import BODY_BYTES, POST_OBJECT, Router, Target, signing_name_of, skeleton
from ballroom.gateway.s3_authorization import signing_of
from ballroom.kernel.caller import Caller
from ballroom.kernel.errors import InternalFailure, ServiceError, Throttled
from ballroom.kernel.http import BytesStream, ByteStream
from ballroom.kernel.kernel import Kernel
from ballroom.kernel.registry import registry

log = logging.getLogger("ballroom.gateway")

LONGEST_TRACE = 512
_HEX_64 = re.compile(r"[0-9a-f]{64}")
_TOO_MANY_BODIES = "Rate exceeded: too many large requests are arriving at once. Try again."


class Gateway:
    """The HTTP face of one kernel."""

    def __init__(self, kernel: Kernel, limits: Limits | None = None) -> None:
        self.kernel = kernel
        self.port = 0
        self.server = HttpServer(self, limits)
        settings = kernel.settings
        public_name = without_port(settings.base_url.partition("://")[2].partition("/")[0])
        self.router = Router(registry, settings.max_body_bytes, public_name)
        self.authenticator = Authenticator(kernel)
        self.root_key_id = hold_root_key(kernel, enforcing=self.authenticator.enforcing)
        self.guard = Guard(settings, enforcing=self.authenticator.enforcing)
        self.cross_origins = CrossOrigins(kernel, self.router, self.guard)
        self.data_plane = DataPlane(kernel, registry, self.authenticator)
        self.pages = Pages(kernel, registry, self.authenticator, self.guard)

    async def start(self, host: str, port: int, tls: ssl.SSLContext | None = None) -> None:
        """Take the address and answer; `port` 0 picks a free one (see `self.port`)."""
        await self.listen(host, port, tls)
        await self.serve()

    async def listen(self, host: str, port: int, tls: ssl.SSLContext | None = None) -> None:
        """Take the address, but answer nothing before `serve`."""
        self.port = await self.server.listen(host, port, tls)

    async def serve(self) -> None:
        """Answer, those first who came meanwhile."""
        await self.server.serve()

    async def stop(self, drain_s: float) -> None:
        """Accept nothing more; finish what runs within `drain_s` seconds."""
        await self.server.stop(drain_s)

    # --- the HTTP server's application

    def open(self, exchange: Exchange) -> int | None:
        """A large body announces itself: where does it go?"""
        if self.data_plane.find(exchange) is not None or self.pages.find(exchange) is not None:
            return self.router.general_bytes
        is_form = exchange.headers.get("content-type", "").startswith("application/x-www-form-urlencoded")
        if is_form and exchange.method == "POST":
            return self.router.general_bytes  # the body itself names the operation
        target = self._route(exchange, None)
        if target is None:
            return 0
        if target.refused is not None:
            # never read what leads nowhere; who asks is checked before saying why
            self._answer_operation(exchange, target, None)
            return 0
        exchange.route = target
        if not target.streams:
            return target.body_bytes
        if target.family != S3 and "x-amz-content-sha256" not in exchange.headers:
            return target.body_bytes  # its signature covers the whole body
        return None

    def too_large(self, exchange: Exchange, limit: int) -> None:
        """The body exceeds the limit of its route."""
        target = self._known_target(exchange)
        if target is None:
            exchange.refuse(413, "RequestEntityTooLarge", f"Request must be smaller than {limit} bytes")
            return
        # Lambda's API calls the operation so; its model calls it Invoke
        name = "InvokeFunction" if target.operation == "Invoke" else target.operation
        text = f"Request must be smaller than {limit} bytes for the {name} operation"
        if (target.service, target.operation) not in BODY_BYTES:
            text = f"Request must be smaller than {limit} bytes"
        self._fail(exchange, target, refusal("too large", target.family, text), self.kernel.ids.uuid())

    def overloaded(self, exchange: Exchange) -> None:
        """The bodies that are being collected take all the memory that they may."""
        target = self._known_target(exchange)
        if target is None:
            exchange.refuse(503, "ServiceUnavailable", _TOO_MANY_BODIES)
        else:
            self._fail(exchange, target, Throttled(_TOO_MANY_BODIES), self.kernel.ids.uuid())

    def refused(self, exchange: Exchange, refusal: Refused) -> None:
        """The request is no HTTP, or stopped coming: said in the words of the service that it is for."""
        target = self._known_target(exchange)
        if target is None:
            exchange.refuse(refusal.status, refusal.code, refusal.text)
        else:
            error = of_connection(target.family, refusal.status, refusal.code, refusal.text)
            self._fail(exchange, target, error, self.kernel.ids.uuid())

    def handle(self, exchange: Exchange) -> None:
        """Answer a request, now or later."""
        place = self.data_plane.find(exchange)
        if place is not None:
            self.data_plane.serve(exchange, place)
            return
        page = self.pages.find(exchange)
        if page is not None:
            self.pages.serve(exchange, page)
            return
        body = None if exchange.stream is not None else exchange.body
        target = self._route(exchange, body)
        if target is not None:
            self._answer_operation(exchange, target, body)

    # --- operations

    def _route(self, exchange: Exchange, body: Any) -> Target | None:
        """The target; None if the request was answered meanwhile."""
        held = exchange.route
        if isinstance(held, Target):
            return held
        if exchange.method == "OPTIONS" and self._answered_options(exchange):
            return None
        target = self._routed(exchange, body)
        if target is None:
            exchange.refuse(500, InternalFailure.shape, InternalFailure.text)
        return target

    def _routed(self, exchange: Exchange, body: Any) -> Target | None:
        """The target; None after a bug of ours."""
        try:
            return self.router.route(exchange, body)
        except Exception:
            log.exception("%s %s could not be routed", exchange.method, exchange.path)
            return None

    def _known_target(self, exchange: Exchange) -> Target | None:
        """The target of a request that will not be carried out; None where its head does not tell."""
        if isinstance(exchange.route, Target):
            return exchange.route
        if not exchange.path:
            return None
        if self.data_plane.find(exchange) is not None or self.pages.find(exchange) is not None:
            return None
        target = self._routed(exchange, None)
        if target is None:
            return None
        # S3 takes every path that is nobody else's, but whose the root is only the body may tell
        anybodys = target.family == S3 and not self.router.path_for("s3", exchange).strip("/")
        return None if anybodys and not signing_name_of(exchange) else target

    def _answered_options(self, exchange: Exchange) -> bool:
        """Preflights are answered by the origins allowed at start, by buckets, or refused."""
        preflight = self.guard.is_preflight(exchange)
        if not (preflight and self.guard.allows_origin(exchange.headers.get("origin", ""))):
            if self.cross_origins.answer_options(exchange):
                return True
            if not preflight:
                return False
        self.guard.answer_preflight(exchange)
        return True

    def _answer_operation(self, exchange: Exchange, target: Target, body: Any) -> None:
        kernel = self.kernel
        headers = exchange.headers
        request_id = kernel.ids.uuid()
        if target.refused is not None:
            bare = bare_answer(exchange, target, kernel.settings.region, request_id)
            if bare is not None:
                exchange.answer(*bare)
                return
        try:
            suspicion = self.guard.suspicion(exchange, target)
            path = self.router.path_for(target.service, exchange)
            request = Request(exchange.method, exchange.path, exchange.query, headers, path)
            checked = self.authenticator.check(
                request, body, target.family, target.signing_name, may_be_unsigned=target.may_be_unsigned
            )
            identity = checked.identity
            if target.family == S3 and self._may_anyway(exchange, target, path, identity):
                suspicion = None
            if suspicion is not None and not identity.verified and target.operation != POST_OBJECT:
                self.guard.refuse(exchange, suspicion)
                return
            if target.refused is not None:
                raise target.refused
            fields: Collection[tuple[str, str]]
            if target.streams:
                if target.family == S3:
                    aws_chunked.check_length(headers)
                fields, body = open_body(exchange, checked)
            else:
                fields = headers.items()
                if target.family == S3:
                    if headers.get("x-amz-content-sha256") in aws_chunked.KINDS:
                        body = whole_body(exchange, checked)
                    if body and (check := registry.body_checks.get(target.service)) is not None:
                        check(target.operation, headers, body)
            assert target.codec is not None
            value = target.codec.parse(exchange.method, path, exchange.query, fields, body)
            if suspicion is not None and target.operation == POST_OBJECT:
                value["Suspicion"] = suspicion  # whose signature it bears, the form itself tells
        except ServiceError as error:
            self._fail(exchange, target, error, request_id)
            return
        except Exception:
            log.exception("%s:%s could not be read (request %s)", target.service, target.operation, request_id)
            self._fail(exchange, target, InternalFailure(), request_id)
            return
        trace = headers.get("x-amzn-trace-id")
        if trace is None or "Root=" not in trace or len(trace) > LONGEST_TRACE:
            trace = f"Root={kernel.ids.trace_root(kernel.clock.now_ms())}"
        caller = Caller(
            identity.account, identity.region, identity.arn, identity.user_id, identity.access_key_id,
            request_id, trace, "wire", identity.anonymous, exchange.remote, headers.get("user-agent", ""),
            referer=headers.get("referer", ""),
        )  # fmt: skip
        if target.family == S3 and not identity.anonymous:
            caller.signing = signing_of(headers, exchange.query)

        def reply(answer: dict[str, Any] | ServiceError) -> None:
            self._reply(exchange, target, answer, request_id)

        try:
            cancel = kernel.submit(target.service, target.operation, value, caller, reply)
        except Exception:
            log.exception(
                "%s:%s could not be submitted (request %s)", target.service, target.operation, request_id
            )
            self._fail(exchange, target, InternalFailure(), request_id)
            return
        if cancel is not None and not exchange.answered:
            exchange.on_abort = cancel

    def _may_anyway(self, exchange: Exchange, target: Target, path: str, identity: Identity) -> bool:
        """Whether a page may send this to S3: its bucket says so, or it is what anybody may send."""
        admitted = self.cross_origins.admits(exchange, path)
        harmless = identity.anonymous and target.refused is None and target.operation != POST_OBJECT
        return admitted or harmless

    def _reply(
        self, exchange: Exchange, target: Target, answer: dict[str, Any] | ServiceError, request_id: str
    ) -> None:
        if isinstance(answer, ServiceError):
            self._fail(exchange, target, answer, request_id)
            return
        assert target.codec is not None
        try:
            status, headers, body = target.codec.serialise(answer, request_id)
        except Exception:
            log.exception(
                "the answer of %s:%s cannot be encoded (request %s)",
                target.service,
                target.operation,
                request_id,
            )
            self._fail(exchange, target, InternalFailure(), request_id)
            return
        if target.family == S3:
            headers = self.guard.contain(exchange, headers)
        exchange.answer(status, headers, body)
        if log.isEnabledFor(logging.DEBUG):
            log.debug("%s %s:%s %d", request_id, target.service, target.operation, status)

    def _fail(self, exchange: Exchange, target: Target, error: ServiceError, request_id: str) -> None:
        """Answer an error in the protocol's shape."""
        error = in_family(error, target.family)
        try:
            if target.codec is not None:
                status, headers, body = target.codec.serialise_error(error, request_id)
            else:
                protocol = wire.PROTOCOLS.get(target.protocol) or wire.PROTOCOLS["query"]
                status, headers, body = protocol.serialise_error(skeleton(target.service), error, request_id)
        except Exception:
            log.exception(
                "an error of %s:%s cannot be encoded (request %s)", target.service, target.operation, request_id
            )
            exchange.refuse(500, InternalFailure.shape, InternalFailure.text)
            return
        exchange.answer(status, headers, body)
        if status >= 500:
            log.warning(
                "%s %s:%s %d %s: %s",
                request_id,
                target.service,
                target.operation,
                status,
                error.shape,
                error.text,
            )
        elif log.isEnabledFor(logging.DEBUG):
            log.debug("%s %s:%s %d %s", request_id, target.service, target.operation, status, error.shape)


def _decoder(exchange: Exchange, checked: Checked) -> tuple[ChunkDecoder, int | None]:
    length = aws_chunked.decoded_length(exchange.headers)
    return ChunkDecoder(exchange.headers["x-amz-content-sha256"], checked.chunk_signer, length), length


def whole_body(exchange: Exchange, checked: Checked) -> bytes:
    """A collected body, freed of AWS's own chunks."""
    decoder, _ = _decoder(exchange, checked)
    body = decoder.feed(bytes(exchange.body))
    decoder.finish()
    return body


def open_body(exchange: Exchange, checked: Checked) -> tuple[list[tuple[str, str]], ByteStream]:
    """The body of an operation that streams, freed of AWS's own chunks and checked while it is read."""
    headers = exchange.headers
    stream: ByteStream = exchange.stream if exchange.stream is not None else BytesStream(bytes(exchange.body))
    kind = headers.get("x-amz-content-sha256", "")
    if kind not in aws_chunked.KINDS:
        # a sender who is taken at its word is held to it, too
        expected = checked.body_sha256 or (kind if _HEX_64.fullmatch(kind) else "")
        if expected:
            stream = CheckedStream(stream, expected)
        return list(headers.items()), stream
    decoder, length = _decoder(exchange, checked)
    fields = []
    for name, value in headers.items():
        if name == "content-encoding":
            value = ",".join(v for v in value.split(",") if v.strip().lower() != "aws-chunked").strip()
            if not value:
                continue
        elif name == "content-length":
            continue
        fields.append((name, value))
    if length is not None:
        fields.append(("content-length", str(length)))
    return fields, DecodedStream(stream, decoder, length, headers.get("x-amz-trailer", ""))
