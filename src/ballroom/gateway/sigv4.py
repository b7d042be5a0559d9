"""Signature Version 4: reading it from a request and checking it against a secret.

Pure: no clock, no credentials, no HTTP objects. Who may call is decided in `identity`; bodies in signed
chunks are taken apart in `aws_chunked`.

Source: IAM User Guide, "Create a signed AWS API request"; Amazon S3 API Reference, "Authenticating
Requests (AWS Signature Version 4)".
"""

from __future__ import annotations

import calendar
import hashlib
import re
from collections.abc import Iterable, Mapping
from email.utils import parsedate_tz
from functools import lru_cache
from hmac import compare_digest
from hmac import digest as hmac_digest
from urllib.parse import quote, unquote, unquote_to_bytes

import msgspec

ALGORITHM = "AWS4-HMAC-SHA256"
UNSIGNED_PAYLOAD = "UNSIGNED-PAYLOAD"
EMPTY_SHA256 = hashlib.sha256(b"").hexdigest()
S3_SCOPES = frozenset({"s3", "s3express", "s3-object-lambda", "s3-outposts"})
"""Services whose paths are encoded once and never normalised."""
LONGEST_EXPIRY_S = 7 * 24 * 3600

_PREFIX = re.compile(
    r"AWS4-HMAC-SHA256\s+Credential=([^/,\s]+)/(\d{8})/([^/,\s]*)/([^/,\s]*)/aws4_request\s*,\s*"
    r"SignedHeaders=([^,\s]+)\s*,\s*Signature="
)
_TIMESTAMP = re.compile(r"(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z")
_INNER_PAD = bytes(byte ^ 0x36 for byte in range(256))
_OUTER_PAD = bytes(byte ^ 0x5C for byte in range(256))
_PLAIN_PATH = re.compile(r"[A-Za-z0-9\-._~/]*")

_NO_DATE = "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header."
_S3_HEADER = "The authorization header is malformed"
_S3_LINK = "Error parsing the X-Amz-Credential parameter"


class Malformed(Exception):
    """The request claims a signature but does not say it rightly. S3 has words of its own for some of it."""

    def __init__(
        self, text: str, *, unsupported: bool = False, undated: bool = False, s3_text: str = ""
    ) -> None:
        super().__init__(text)
        self.text, self.s3_text = text, s3_text
        self.unsupported, self.undated = unsupported, undated


class Scope(msgspec.Struct, frozen=True):
    """What an Authorization header says before its signature; repeats for each client within a day."""

    access_key_id: str
    date: str
    region: str
    service: str
    signed_headers: str
    names: tuple[str, ...]
    text: str
    """The credential scope as it is signed."""


class Signed(msgspec.Struct):
    """A signature as found in a request, not yet checked."""

    scope: Scope
    signature: str
    timestamp: str
    """`YYYYMMDDTHHMMSSZ`."""
    at_s: int
    """The same in seconds since the epoch; 0 for dates that do not exist."""
    token: str
    expires_s: int | None = None
    """For presigned requests: how long they hold."""
    presigned: bool = False


def read(headers: Mapping[str, str], query: str) -> Signed | None:
    """The signature of a request, wherever it stands; None if the request carries none.

    Raises:
        Malformed: there is one, but incomplete or of a kind that is not supported.
    """
    authorization = headers.get("authorization")
    if authorization is not None:
        return _read_header(authorization, headers)
    if "X-Amz-Signature=" in query or "X-Amz-Algorithm=" in query or "X-Amz-Credential=" in query:
        return _read_query(query)
    if "AWSAccessKeyId=" in query and "Signature=" in query:
        raise Malformed(
            "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.",
            unsupported=True,
        )
    return None


def _read_header(authorization: str, headers: Mapping[str, str]) -> Signed | None:
    scope = scope_of(authorization[:-64])
    signature = authorization[-64:]
    timestamp = headers.get("x-amz-date") or _from_http_date(headers.get("date", ""))
    if scope is None:
        parts = _slow_header(authorization, dated=bool(timestamp))
        if parts is None:
            return None
        scope, signature = parts
    if not timestamp:
        raise Malformed(f"{_NO_DATE} Authorization={authorization.partition(', Signature')[0]}", undated=True)
    at_s = epoch_of(timestamp)
    if not at_s and _TIMESTAMP.fullmatch(timestamp) is None:
        raise Malformed(
            f"Date must be in ISO-8601 'basic format'. Got '{timestamp}'. See http://en.wikipedia.org/wiki/ISO_8601",
            undated=True,
        )
    if not timestamp.startswith(scope.date):
        raise Malformed(
            f"Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: "
            f"'{scope.date}' != '{timestamp[:8]}', from '{timestamp}'."
        )
    return Signed(scope, signature, timestamp, at_s, headers.get("x-amz-security-token", ""))


@lru_cache(4096)
def scope_of(prefix: str) -> Scope | None:
    """What stands before the signature, in the form that every SDK sends; None for any other form."""
    match = _PREFIX.fullmatch(prefix)
    if match is None:
        return None
    access_key_id, date, region, service, signed = match.groups()
    return _scope(access_key_id, date, region, service, signed)


def _scope(access_key_id: str, date: str, region: str, service: str, signed: str) -> Scope:
    text = f"{date}/{region}/{service}/aws4_request"
    return Scope(access_key_id, date, region, service, signed, tuple(signed.split(";")), text)


def _slow_header(authorization: str, *, dated: bool) -> tuple[Scope, str] | None:
    """An Authorization header in any order of its parts, or with some missing."""
    algorithm, _, rest = authorization.partition(" ")
    if algorithm.startswith("AWS4-ECDSA"):
        raise Malformed(
            f"Ballroom does not verify SigV4A signatures ({algorithm}): "
            f"configure the client to sign with {ALGORITHM}.",
            unsupported=True,
        )
    if algorithm == "AWS":
        raise Malformed(
            "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.",
            unsupported=True,
        )
    if algorithm != ALGORITHM:
        if algorithm.startswith("AWS"):
            raise Malformed(f"Unsupported AWS 'algorithm': '{algorithm}'.")
        return None  # Basic, Bearer and the like are no AWS signature
    parts = {}
    for part in rest.split(","):
        name, _, value = part.strip().partition("=")
        parts[name] = value
    missing = [
        f"Authorization header requires '{name}' parameter."
        for name in ("Credential", "Signature", "SignedHeaders")
        if not parts.get(name)
    ]
    if missing and not dated:
        missing.append(_NO_DATE)
    if missing:
        raise Malformed(
            f"{' '.join(missing)} Authorization={authorization.partition('Signature=')[0]}",
            s3_text=f"{_S3_HEADER}; the authorization header requires three components: "
            "Credential, SignedHeaders, and Signature.",
        )
    return _scope_from_parts(parts, _S3_HEADER), parts["Signature"]


def _scope_from_parts(parts: Mapping[str, str], s3_words: str) -> Scope:
    words = parts["Credential"].rsplit("/", 4)
    if len(words) != 5 or words[4] != "aws4_request" or not words[0]:
        raise Malformed(
            "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, "
            f"got '{parts['Credential']}'",
            s3_text=f"{s3_words}; the Credential is mal-formed; expecting "
            '"<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request".',
        )
    if re.fullmatch(r"\d{8}", words[1]) is None:
        raise Malformed(f"Date in Credential scope must be YYYYMMDD, got '{words[1]}'.")
    return _scope(words[0], words[1], words[2], words[3], parts["SignedHeaders"])


def _read_query(query: str) -> Signed:
    found: dict[str, str] = {}
    for pair in query.split("&"):
        name, _, value = pair.partition("=")
        if name.startswith("X-Amz-"):
            found[name[6:]] = unquote(value)
    if (found.get("Algorithm") or ALGORITHM) != ALGORITHM:
        raise Malformed(
            f"Ballroom does not verify signatures of the kind '{found['Algorithm']}': sign with {ALGORITHM}.",
            unsupported=True,
        )
    missing = [
        f"AWS query-string parameters must include 'X-Amz-{name}'."
        for name in ("Algorithm", "Credential", "Signature", "SignedHeaders", "Date")
        if not found.get(name)
    ]
    if missing:
        raise Malformed(f"{' '.join(missing)} Re-examine the query-string parameters.")
    scope = _scope_from_parts(found, _S3_LINK)
    timestamp = found.get("Date", "")
    if _TIMESTAMP.fullmatch(timestamp) is None:
        raise Malformed("AWS query-string parameters must include a valid 'X-Amz-Date'.")
    if not timestamp.startswith(scope.date):
        raise Malformed(
            f"Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: "
            f"'{scope.date}' != '{timestamp[:8]}', from '{timestamp}'."
        )
    expires = found.get("Expires")
    if expires is not None and expires.startswith("-") and expires[1:].isdecimal():
        raise Malformed("X-Amz-Expires must be non-negative")
    if expires is not None and not (expires.isascii() and expires.isdigit()):
        raise Malformed("X-Amz-Expires should be a number")
    if expires is not None and int(expires) > LONGEST_EXPIRY_S:
        raise Malformed(
            "X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be "
            "less than 604800 seconds"
        )
    return Signed(
        scope, found["Signature"], timestamp, epoch_of(timestamp), found.get("Security-Token", ""),
        int(expires) if expires is not None else None, True,
    )  # fmt: skip


@lru_cache(1024)
def epoch_of(timestamp: str) -> int:
    """Seconds since the epoch of a `YYYYMMDDTHHMMSSZ`; 0 for dates that do not exist."""
    match = _TIMESTAMP.fullmatch(timestamp)
    if match is None:
        return 0
    year, month, day, hour, minute, second = map(int, match.groups())
    if not (1 <= month <= 12 and 1 <= day <= 31):
        return 0
    return calendar.timegm((max(year, 1), month, day, hour, minute, second))


def _from_http_date(date: str) -> str:
    if _TIMESTAMP.fullmatch(date):
        return date
    parsed = parsedate_tz(date)
    if parsed is None:
        return ""
    year, month, day, hour, minute, second = parsed[:6]
    return f"{year:04}{month:02}{day:02}T{hour:02}{minute:02}{second:02}Z"


class Signer:
    """Signs with the key derived for one day, region and service.

    HMAC hashes the padded key first: those two states are kept and copied, which takes 0.7 µs a signature
    where `hmac.digest` takes 1.7.
    """

    __slots__ = ("_inner", "_outer")

    def __init__(self, secret: str, date: str, region: str, service: str) -> None:
        key = hmac_digest(b"AWS4" + secret.encode(), date.encode(), "sha256")
        for part in (region, service, "aws4_request"):
            key = hmac_digest(key, part.encode(), "sha256")
        block = key.ljust(64, b"\0")
        self._inner = hashlib.sha256(block.translate(_INNER_PAD))
        self._outer = hashlib.sha256(block.translate(_OUTER_PAD))

    def sign(self, text: str) -> str:
        """The signature of a string to sign, in hexadecimal digits."""
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(text.encode())
        outer.update(inner.digest())
        return outer.hexdigest()


@lru_cache(4096)
def signer(secret: str, date: str, region: str, service: str) -> Signer:
    """The signer of a secret; the same for each request of a day."""
    return Signer(secret, date, region, service)


def matches(
    signed: Signed,
    secret: str,
    method: str,
    path: str,
    query: str,
    headers: Mapping[str, str],
    payload_hash: str,
) -> bool:
    """Whether the signature is the one that `secret` makes for this request.

    Clients differ in how they encode what they sign: first the path and query are taken as sent, then as
    AWS's rules would have encoded them.
    """
    scope = signed.scope
    tail = f"{canonical_headers(scope.names, headers)}\n{scope.signed_headers}\n{payload_hash}"
    sign = signer(secret, scope.date, scope.region, scope.service).sign
    to_sign = f"{ALGORITHM}\n{signed.timestamp}\n{scope.text}\n"
    s3 = scope.service in S3_SCOPES
    queries = canonical_queries(query) if query else ("",)
    for canonical_path in canonical_paths(path, s3):
        for canonical_query in queries:
            request = f"{method}\n{canonical_path}\n{canonical_query}\n{tail}"
            hashed = hashlib.sha256(request.encode("latin-1", "replace")).hexdigest()
            if compare_digest(sign(to_sign + hashed), signed.signature):
                return True
    return False


def canonical_headers(names: Iterable[str], headers: Mapping[str, str]) -> str:
    """The lines of the signed headers, their values trimmed and runs of spaces made one."""
    lines = "".join([f"{name}:{headers.get(name, '')}\n" for name in names])
    if "  " in lines or ": " in lines or " \n" in lines or "\t" in lines:  # a value may need it, seldom
        lines = "".join([f"{name}:{_trimmed(headers.get(name, ''))}\n" for name in names])
    return lines


def _trimmed(value: str) -> str:
    if "  " in value or value[:1] == " " or value[-1:] == " " or "\t" in value:
        return " ".join(value.split())
    return value


def canonical_paths(path: str, s3: bool) -> tuple[str, ...]:
    """The forms in which the path may have been signed, the likeliest first."""
    if s3:
        if _PLAIN_PATH.fullmatch(path):
            return (path,)
        return _distinct(path, quote(unquote_to_bytes(path), safe="/-_.~"))
    if path == "/":
        return ("/",)
    normalised = normalise(path)
    if _PLAIN_PATH.fullmatch(path):
        return _distinct(normalised, path)
    single = quote(unquote_to_bytes(path), safe="/-_.~")
    return _distinct(
        quote(normalised, safe="/-_.~"),
        quote(normalise(single), safe="/-_.~"),
        quote(path, safe="/-_.~"),
        normalised,
    )


def normalise(path: str) -> str:
    """Without empty and dot segments, as every service but S3 wants it; a slash at the end stays."""
    kept: list[str] = []
    segments = path.split("/")
    for segment in segments:
        if segment == "..":
            if kept:
                kept.pop()
        elif segment not in ("", "."):
            kept.append(segment)
    return "/" + "/".join(kept) + ("/" if kept and path.endswith("/") else "")


def canonical_queries(query: str) -> tuple[str, ...]:
    """The forms in which the query may have been signed; the signature itself is never part of it."""
    pairs = []
    for pair in query.split("&"):
        name, _, value = pair.partition("=")
        if pair and name != "X-Amz-Signature":
            pairs.append((name, value))
    as_sent = "&".join([f"{name}={value}" for name, value in sorted(pairs)])
    encoded = sorted((_encode_again(name), _encode_again(value)) for name, value in pairs)
    return _distinct(as_sent, "&".join([f"{name}={value}" for name, value in encoded]))


def _encode_again(text: str) -> str:
    return quote(unquote_to_bytes(text.replace("+", " ")), safe="-_.~")


def _distinct(*forms: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(forms))
