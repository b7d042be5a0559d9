"""Who makes a request: account, region and principal, from its signature and the mode.

Modes (`--auth`): `open` (default on loopback) takes unknown keys at their word and never a wrong
signature of a known key; `soft` is `open` for signatures (policies are evaluated and only logged);
`enforce` (default beyond loopback) refuses unknown keys and unsigned requests.
"""

from __future__ import annotations

import hashlib
import logging
import re
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

import msgspec

from ballroom.gateway import mismatch, s3_authorization, sigv2, sigv4
from ballroom.gateway.aws_chunked import KINDS, UNSIGNED_TRAILER, ChunkSigner, check_sha256
from ballroom.gateway.refusals import S3, refusal
from ballroom.kernel.credentials import Credential, Use

if TYPE_CHECKING:
    from ballroom.kernel.kernel import Kernel

log = logging.getLogger("ballroom.auth")

SKEW_S = 15 * 60
_ACCOUNT = re.compile(r"\d{12}")
_REGION = re.compile(r"[a-z][a-z0-9-]{1,31}")
_HEX_64 = re.compile(r"[0-9a-f]{64}")


class Identity(msgspec.Struct, frozen=True):
    """Who it is. `verified` says whether a signature was checked."""

    account: str
    region: str
    arn: str
    user_id: str
    access_key_id: str
    anonymous: bool = False
    verified: bool = False


class Checked(msgspec.Struct):
    """The identity, and what remains to be checked when the body has come."""

    identity: Identity
    body_sha256: str = ""
    """What the body's SHA-256 must be; empty: not checked."""
    chunk_signer: ChunkSigner | None = None


class Request(msgspec.Struct):
    """What of a request a signature covers."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    resource: str = ""
    """The path with the bucket in front, where the host names it."""


class Authenticator:
    """Decides for one Ballroom."""

    def __init__(self, kernel: Kernel) -> None:
        settings = kernel.settings
        self._credentials = kernel.credentials
        self._account = settings.account
        self._region = settings.region
        self.mode = settings.auth or ("open" if settings.loopback else "enforce")
        self.enforcing = self.mode == "enforce"
        self._taken_at_their_word: dict[tuple[str, str], Checked] = {}
        self._verified: dict[sigv4.Scope, tuple[Credential, Checked, int]] = {}
        self.nobody = self._anyone("", settings.region, anonymous=True)

    def check(
        self,
        request: Request,
        body: bytes | None,
        family: str,
        signing_name: str,
        *,
        may_be_unsigned: bool = False,
    ) -> Checked:
        """Who makes the request. `body` is None while it is still to come.

        Raises:
            ServiceError: in the words of the protocol's family.
        """
        headers = request.headers
        authorization = headers.get("authorization")
        if family == S3 and authorization and request.query:
            s3_authorization.check_one_mechanism(authorization, request.query)
        if authorization is not None and not self.enforcing:
            scope = sigv4.scope_of(authorization[:-64])
            if scope is not None and self._credentials.find(scope.access_key_id) is None:
                if family == S3 and (told := headers.get("x-amz-content-sha256")) is not None:
                    s3_authorization.check_payload_kind(told)
                return self._unverified(scope.access_key_id, scope.region)
        if family == S3 and authorization is None and request.query:
            if (link := sigv2.read(request.query)) is not None:
                return self._check_link(request, link)
            s3_authorization.check_link_complete(request.query)
        try:
            signed = sigv4.read(headers, request.query)
        except sigv4.Malformed as malformed:
            if family == S3 and malformed.undated and authorization is not None:
                raise refusal("undated", family) from None
            incomplete = "incomplete" if authorization is not None else "incomplete link"
            kind = "unsupported" if malformed.unsupported else incomplete
            text = malformed.s3_text if family == S3 else ""
            raise refusal(kind, family, text or malformed.text) from None
        if signed is None:
            if family == S3:
                if authorization:
                    raise s3_authorization.no_mechanism(authorization)
                s3_authorization.check_anonymous_payload(headers)
            if self.enforcing and family != S3 and not may_be_unsigned:
                raise refusal("missing", family)
            return Checked(self.nobody)
        credential = self._credentials.find(signed.scope.access_key_id)
        if credential is None:
            if self.enforcing:
                raise refusal("unknown key", family, **_key_field(family, signed.scope.access_key_id))
            if signed.presigned:
                self._check_time(signed, family)  # a link that has run out is refused whoever signed it
            return self._unverified(signed.scope.access_key_id, signed.scope.region)
        return self._verify(request, body, family, signing_name, signed, credential)

    def _check_link(self, request: Request, link: sigv2.Link) -> Checked:
        """A presigned link of the older kind."""
        now = int(time.time())
        if now >= link.expires_s:
            raise refusal("expired request", S3, Expires=_iso(link.expires_s), ServerTime=_iso(now))
        credential = self._credentials.find(link.access_key_id)
        if credential is None and not self.enforcing:
            return self._unverified(link.access_key_id, self._region)
        if credential is None or not credential.active:
            raise refusal("unknown key", S3, AWSAccessKeyId=link.access_key_id)
        resource = request.resource or request.path
        if not sigv2.matches(link, credential.secret, request.method, resource, request.query, request.headers):
            to_sign = sigv2.string_to_sign(link, request.method, resource, request.query, request.headers)
            raise refusal("mismatch", S3, **mismatch.of_link(link, to_sign))
        self._check_token(link.token, credential, S3)
        identity = Identity(
            credential.account,
            self._region,
            credential.arn,
            credential.user_id,
            link.access_key_id,
            verified=True,
        )
        return Checked(identity)

    def _unverified(self, access_key_id: str, region: str) -> Checked:
        known = self._taken_at_their_word.get((access_key_id, region))
        if known is None:
            if len(self._taken_at_their_word) > 4096:
                self._taken_at_their_word.clear()
            known = Checked(self._anyone(access_key_id, region))
            self._taken_at_their_word[access_key_id, region] = known
        return known

    def _anyone(self, access_key_id: str, region: str, *, anonymous: bool = False) -> Identity:
        account = access_key_id if _ACCOUNT.fullmatch(access_key_id) else self._account
        return Identity(
            account,
            self._known_region(region),
            f"arn:aws:iam::{account}:root",
            account,
            access_key_id,
            anonymous,
        )

    def _known_region(self, region: str) -> str:
        return region if _REGION.fullmatch(region) else self._region

    def _verify(
        self,
        request: Request,
        body: bytes | None,
        family: str,
        signing_name: str,
        signed: sigv4.Signed,
        credential: Credential,
    ) -> Checked:
        scope = signed.scope
        if not credential.active:
            raise refusal("unknown key", family, **_key_field(family, scope.access_key_id))
        if family == S3 and not signed.presigned:
            s3_authorization.check_payload_hash(request.headers)
        self._check_time(signed, family)
        payload = self._payload_hash(request, body, signed)
        right = sigv4.matches(
            signed, credential.secret, request.method, request.path, request.query, request.headers, payload
        )
        if not right:
            log.info("wrong signature for %s", scope.access_key_id)
            if family != S3:
                raise refusal("mismatch", family)
            told = mismatch.of_signature(
                signed, request.method, request.path, request.query, request.headers, payload
            )
            raise refusal("mismatch", family, **told)
        self._check_scope(request, signed, family, signing_name)
        self._check_token(signed.token, credential, family)
        checked = self._identify(scope, credential)
        s3 = scope.service in sigv4.S3_SCOPES
        if body is not None and not s3:
            return checked
        if payload in KINDS and payload != UNSIGNED_TRAILER:
            signer = sigv4.signer(credential.secret, scope.date, scope.region, scope.service)
            return Checked(checked.identity, "", ChunkSigner(signer, signed.timestamp, scope, signed.signature))
        if _HEX_64.fullmatch(payload):
            if body is None:
                return Checked(checked.identity, payload)
            check_sha256(hashlib.sha256(body).hexdigest(), payload)
        return checked

    def _identify(self, scope: sigv4.Scope, credential: Credential) -> Checked:
        """Whose key it is; remembered until the key changes, its use noted once a minute."""
        now = int(time.time())
        known = self._verified.get(scope)
        if known is None or known[0] is not credential:
            if len(self._verified) > 4096:
                self._verified.clear()
            identity = Identity(
                credential.account, self._known_region(scope.region), credential.arn, credential.user_id,
                scope.access_key_id, verified=True,
            )  # fmt: skip
        elif known[2] + 60 > now:
            return known[1]
        else:
            identity = known[1].identity
        checked = Checked(identity)
        self._verified[scope] = (credential, checked, now)
        if not credential.session_token:
            self._credentials.note_use(scope.access_key_id, Use(now * 1000, scope.region, scope.service))
        return checked

    def _payload_hash(self, request: Request, body: bytes | None, signed: sigv4.Signed) -> str:
        """What stands for the body in what was signed."""
        told = request.headers.get("x-amz-content-sha256")
        if signed.scope.service in sigv4.S3_SCOPES:
            if told is not None:
                return told
            return sigv4.UNSIGNED_PAYLOAD if signed.presigned else hashlib.sha256(body or b"").hexdigest()
        if told is not None and (body is None or told == sigv4.UNSIGNED_PAYLOAD or told in KINDS):
            # only operations whose model says so are signed without their body, and those by TLS alone
            return told
        return hashlib.sha256(body).hexdigest() if body else sigv4.EMPTY_SHA256

    def _check_time(self, signed: sigv4.Signed, family: str) -> None:
        now = int(time.time())
        at = signed.at_s
        if signed.presigned and (signed.expires_s is not None or family == S3):
            lasts = signed.expires_s if signed.expires_s is not None else 0
            if now > at + lasts or lasts == 0:
                if family == S3:
                    raise refusal(
                        "expired request",
                        family,
                        Expires=_iso(at + lasts),
                        ServerTime=_iso(now),
                        **{"X-Amz-Expires": str(lasts)},
                    )
                raise refusal(
                    "expired request",
                    family,
                    f"Signature expired: {signed.timestamp} is now earlier than {_basic(now - lasts)} "
                    f"({_basic(now)} - {lasts // 60} min.)",
                )
            if at > now + SKEW_S:
                raise self._too_early(signed, now, family)
            return
        if at < now - SKEW_S:
            if family == S3:
                raise self._skewed(signed, now)
            raise refusal(
                "skewed",
                family,
                f"Signature expired: {signed.timestamp} is now earlier than {_basic(now - SKEW_S)} "
                f"({_basic(now)} - 15 min.)",
            )
        if at > now + SKEW_S:
            raise self._too_early(signed, now, family)

    def _too_early(self, signed: sigv4.Signed, now: int, family: str) -> Exception:
        if family == S3:
            return (
                refusal("expired request", family, "Request is not yet valid")
                if signed.presigned
                else self._skewed(signed, now)
            )
        return refusal(
            "skewed",
            family,
            f"Signature not yet current: {signed.timestamp} is still later than {_basic(now + SKEW_S)} "
            f"({_basic(now)} + 15 min.)",
        )

    def _skewed(self, signed: sigv4.Signed, now: int) -> Exception:
        return refusal(
            "skewed",
            S3,
            RequestTime=signed.timestamp,
            ServerTime=_iso(now),
            MaxAllowedSkewMilliseconds=str(SKEW_S * 1000),
        )

    def _check_scope(self, request: Request, signed: sigv4.Signed, family: str, signing_name: str) -> None:
        scope = signed.scope
        s3 = scope.service in sigv4.S3_SCOPES
        if signing_name and scope.service != signing_name and not (s3 and family == S3):
            raise refusal(
                "mismatch", family, f"Credential should be scoped to correct service: '{signing_name}'. "
            )
        if "host" not in scope.names:
            raise refusal("unsigned headers", family)
        if s3:
            missing = [n for n in request.headers if n.startswith("x-amz-") and n not in scope.names]
            missing = [n for n in missing if not (signed.presigned and n == "x-amz-content-sha256")]
            if missing:
                raise refusal("unsigned headers", family, HeadersNotSigned=", ".join(missing))

    def _check_token(self, token: str, credential: Credential, family: str) -> None:
        if token != credential.session_token:
            raise refusal("wrong token", family)
        if credential.expires_ms and time.time_ns() // 1_000_000 >= credential.expires_ms:
            raise refusal("expired token", family)


def _key_field(family: str, access_key_id: str) -> dict[str, str]:
    return {"AWSAccessKeyId": access_key_id} if family == S3 else {}


def _basic(seconds: int) -> str:
    return time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(seconds))


def _iso(seconds: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))
