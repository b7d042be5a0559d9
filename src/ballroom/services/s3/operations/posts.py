"""Form uploads: what a browser sends to a bucket, as far as a signed policy lets it.

Source: S3 API Reference, "POST Object"; User Guide, "Authenticating requests in browser-based uploads using
POST".
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

import msgspec

from ballroom.kernel import Caller, Context, Request, Response, Signing, operation
from ballroom.kernel.model import load_service
from ballroom.services.s3 import checksum_request, post_policy, receiving, tagging
from ballroom.services.s3.errors import AccessDenied, InvalidArgument, S3Error, named
from ballroom.services.s3.forms import FilePart, Form
from ballroom.services.s3.names import check_key
from ballroom.services.s3.operations.puts import prepare, put_received

_V4 = ("X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Date", "X-Amz-Signature")
_V2 = ("AWSAccessKeyId", "Signature")
_FORM_NAMES = {"acl": "x-amz-acl"}
"""Fields whose names differ from the headers that PutObject has for the same."""


class Proof(NamedTuple):
    """Who signed the policy, and whether the signature was checked."""

    caller: Caller
    verified: bool


@operation("PostObject", internal=True)
async def post_object(ctx: Context, request: Request) -> Response:
    """Store what a form holds; its fields are checked before the file is read.

    `Bucket`, `ContentType`, `Host`, `Body` (a stream), `NowMs` (on the real clock) and `Suspicion` (why a
    stranger's page may be behind the form). Answers `Status` and where the object is.
    """
    form = Form(request["Body"], request["ContentType"])
    await form.read_fields()
    if form.file is None:
        raise InvalidArgument(
            "POST requires exactly one file upload per request.", ArgumentName="file", ArgumentValue="0"
        )
    fields = {name: value.replace("${filename}", _name(form)) for name, value in form.fields.items()}
    if form.filename is None:
        fields = form.fields
    if not fields.get("key"):
        raise _must_contain("key")
    now_ms = request.get("NowMs", ctx.clock.now_ms())
    proof = _prove(ctx, fields, now_ms)
    if request.get("Suspicion") and not proof.verified and not proof.caller.anonymous:
        raise AccessDenied(f"Refused: {request['Suspicion']}")
    least, most = 0, None
    if "policy" in fields:
        conditions = post_policy.read(fields["policy"], now_ms)
        least, most = post_policy.check(conditions, fields, request["Bucket"])
    put = {"Bucket": request["Bucket"], "Key": fields["key"], **_members(fields)}
    check_key(put["Key"])
    acting = Context(ctx.kernel, proof.caller)
    acting.transact(prepare, put)
    form.file.most = most
    answer = await _store(acting, put, form.file, lambda size: post_policy.check_size(size, least, most))
    await form.drain()
    await acting.durable()
    return _answer(fields, put, answer, _location(ctx, request, put))


def _name(form: Form) -> str:
    """The file's name, without the folders that some browsers tell."""
    return (form.filename or "").replace("\\", "/").rpartition("/")[2]


async def _store(acting: Context, put: Request, file: FilePart, check: Callable[[int], None]) -> Response:
    announced = checksum_request.announced_by(put, file)
    small = await file.whole_if_small(receiving.SMALL)
    if small is None:
        received = await receiving.receive(acting.kernel, file, put, announced)
    else:
        received = receiving.receive_whole(small, file, put, announced)
    with receiving.given_up_unless_kept(acting.kernel, received):
        check(file.size)
    return await put_received(acting, put, received, event="ObjectCreated:Post")


# --- who


def _prove(ctx: Context, fields: dict[str, str], now_ms: int) -> Proof:
    """Who has signed the form's policy; nobody, if there is neither.

    Raises:
        ServiceError: a field is missing, the key is unknown or the signature is another.
    """
    v4 = any(name.lower() in fields for name in _V4)
    v2 = not v4 and any(name.lower() in fields for name in _V2)
    if not v4 and not v2:
        if "policy" in fields:
            raise AccessDenied()
        return Proof(msgspec.structs.replace(ctx.caller, anonymous=True), False)
    for name in (*(_V4 if v4 else _V2), "policy"):
        if name.lower() not in fields:
            raise _must_contain(name)
    if not v4:
        key_id = fields["awsaccesskeyid"]
        return _signed(
            ctx, fields, key_id, "", Signing("POST", "AWS", age_ms=0),
            lambda secret: post_policy.signature_v2(secret, fields["policy"]),
        )  # fmt: skip
    if fields["x-amz-algorithm"] != "AWS4-HMAC-SHA256":
        raise InvalidArgument(
            "X-Amz-Algorithm only supports \"AWS4-HMAC-SHA256\" and \"AWS4-ECDSA-P256-SHA256\"",
            ArgumentName="X-Amz-Algorithm", ArgumentValue=fields["x-amz-algorithm"],
        )  # fmt: skip
    key_id, _, scope = fields["x-amz-credential"].partition("/")
    parts = scope.split("/")
    if len(parts) != 4 or parts[3] != "aws4_request":
        raise InvalidArgument(
            "the Credential is mal-formed; expecting \"<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request\".",
            ArgumentName="X-Amz-Credential", ArgumentValue=fields["x-amz-credential"][:256],
        )  # fmt: skip
    return _signed(
        ctx, fields, key_id, parts[1], Signing("POST", age_ms=_age(fields["x-amz-date"], now_ms)),
        lambda secret: post_policy.signature_v4(secret, scope, fields["policy"]),
    )  # fmt: skip


def _age(date: str, now_ms: int) -> int | None:
    """How long ago, in ms, a form was signed; None if nobody can tell."""
    try:
        signed = datetime.strptime(date, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        return None
    return max(now_ms - int(signed.timestamp()) * 1000, 0)


def _signed(
    ctx: Context, fields: dict[str, str], key_id: str, region: str, signing: Signing,
    sign: Callable[[str], str],
) -> Proof:
    settings = ctx.kernel.settings
    credential = ctx.kernel.credentials.find(key_id)
    changes: dict[str, Any] = {"anonymous": False, "access_key_id": key_id, "signing": signing}
    if region:
        changes["region"] = region
    if credential is None:
        if (settings.auth or ("open" if settings.loopback else "enforce")) == "enforce":
            raise named(
                "InvalidAccessKeyId",
                "The AWS Access Key Id you provided does not exist in our records.",
                status=403, AWSAccessKeyId=key_id,
            )  # fmt: skip
        account = key_id if len(key_id) == 12 and key_id.isdigit() else settings.account
        changes |= {"account": account, "arn": f"arn:aws:iam::{account}:root", "user_id": account}
        return Proof(msgspec.structs.replace(ctx.caller, **changes), False)
    given = fields.get("x-amz-signature") or fields.get("signature", "")
    if not credential.active or not hmac.compare_digest(sign(credential.secret).encode(), given.encode()):
        raise named(
            "SignatureDoesNotMatch",
            "The request signature we calculated does not match the signature you provided. Check your key and "
            "signing method.",
            status=403, AWSAccessKeyId=key_id,
        )  # fmt: skip
    if credential.session_token != fields.get("x-amz-security-token", ""):
        raise named("InvalidToken", "The provided token is malformed or otherwise invalid.")
    changes |= {"account": credential.account, "arn": credential.arn, "user_id": credential.user_id}
    return Proof(msgspec.structs.replace(ctx.caller, **changes), True)


def _must_contain(name: str) -> S3Error:
    return InvalidArgument(
        f"Bucket POST must contain a field named '{name}'.  If it is specified, please check the order of the "
        "fields.",
        ArgumentName=name, ArgumentValue="",
    )  # fmt: skip


# --- what


@lru_cache(1)
def _headers() -> dict[str, Any]:
    """PutObject's members by the (lower-case) names of their headers."""
    shape = load_service("s3").operation("PutObject").input
    assert shape is not None
    return {m.wire_name.lower(): m for m in shape.members.values() if m.location == "header"}


def _members(fields: dict[str, str]) -> dict[str, Any]:
    """The input of PutObject that the fields stand for."""
    found: dict[str, Any] = {}
    metadata = {}
    for name, value in fields.items():
        if name.startswith("x-amz-meta-"):
            metadata[name.removeprefix("x-amz-meta-")] = value
            continue
        member = _headers().get(_FORM_NAMES.get(name, name))
        if member is not None and member.name not in ("ContentLength", "ContentMD5"):
            found[member.name] = _converted(member.shape.kind, value, name)
    if metadata:
        found["Metadata"] = metadata
    if fields.get("tagging"):
        found["Tagging"] = _tagging(fields["tagging"])
    return found


def _converted(kind: str, value: str, name: str) -> Any:
    if kind == "boolean":
        return value.lower() == "true"
    if kind == "timestamp":
        return _moment(value, name)
    if kind in ("integer", "long"):
        if not (value.isascii() and value.isdigit() and len(value) < 20):
            raise InvalidArgument(f"Invalid value for {name}", ArgumentName=name, ArgumentValue=value[:256])
        return int(value)
    return value


def _moment(value: str, name: str) -> int:
    try:
        found = datetime.fromisoformat(value)
    except ValueError:
        try:
            found = parsedate_to_datetime(value)
        except (ValueError, TypeError) as error:
            raise InvalidArgument(
                f"Invalid value for {name}", ArgumentName=name, ArgumentValue=value[:256]
            ) from error
    return int((found if found.tzinfo is not None else found.replace(tzinfo=UTC)).timestamp() * 1000)


def _tagging(document: str) -> str:
    """A form's tags are XML; PutObject's are a query string."""
    return urlencode(tagging.read_xml(document), quote_via=quote)


# --- the answer


def _location(ctx: Context, request: Request, put: Request) -> str:
    """Where the object is, at the host that was asked."""
    scheme = ctx.kernel.settings.base_url.partition("://")[0]
    host = request.get("Host") or urlsplit(ctx.kernel.settings.base_url).netloc
    key = quote(put["Key"], safe="-_.~")
    bucket = put["Bucket"]
    return f"{scheme}://{host}/{key}" if host.startswith(f"{bucket}.") else f"{scheme}://{host}/{bucket}/{key}"


def _answer(fields: dict[str, str], put: Request, answer: Response, location: str) -> Response:
    response: Response = {
        "Status": 204, "Location": location, "Bucket": put["Bucket"], "Key": put["Key"], "ETag": answer["ETag"],
    }  # fmt: skip
    for member in ("VersionId", "ServerSideEncryption", "Expiration"):
        if member in answer:
            response[member] = answer[member]
    target = fields.get("success_action_redirect") or fields.get("redirect")
    if target and (url := urlsplit(target)).scheme in ("http", "https") and url.netloc:
        query = [*parse_qsl(url.query, keep_blank_values=True),
                 ("bucket", put["Bucket"]), ("key", put["Key"]), ("etag", answer["ETag"])]  # fmt: skip
        response["Location"] = urlunsplit(url._replace(query=urlencode(query)))
        response["Status"] = 303
    elif fields.get("success_action_status") in ("200", "201"):
        response["Status"] = int(fields["success_action_status"])
    return response
