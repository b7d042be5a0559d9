"""Server certificates, stored: nothing here serves them."""

from __future__ import annotations

import base64
import binascii
import re
from datetime import UTC, datetime
from typing import Any

from msgspec.structs import replace

from ballroom.kernel import Request, Response, ServiceError, Tx, operation
from ballroom.services.iam.errors import EntityAlreadyExists
from ballroom.services.iam.paging import page
from ballroom.services.iam.resources import (
    ServerCertificate,
    arn_of,
    key,
    load_certificate,
    put_certificate,
    whole_seconds,
)
from ballroom.services.iam.tags import tags_of, to_wire

_PEM = re.compile(r"-----BEGIN CERTIFICATE-----(.+?)-----END CERTIFICATE-----", re.DOTALL)
_TIME = rb"(?:\x17\x0d(\d{12}Z)|\x18\x0f(\d{14}Z))"
_TIMES = re.compile(rb"\x30[\x1e-\x22]" + _TIME + _TIME)


class MalformedCertificate(ServiceError):
    """The text is no certificate."""

    shape = "MalformedCertificateException"
    text = "Unable to parse certificate. Please ensure the certificate is in PEM format."


def expiry_ms(body: str) -> int:
    """When a certificate in PEM form expires.

    The one field read is the validity, a pair of ASN.1 times; a library for X.509 would be a
    dependency for this alone.

    Raises:
        MalformedCertificate: it has none.
    """
    found = _PEM.search(body)
    try:
        der = base64.b64decode("".join(found[1].split()), validate=True) if found else b""
    except binascii.Error:
        raise MalformedCertificate() from None
    times = _TIMES.search(der)
    if times is None:
        raise MalformedCertificate()
    short, full = times[3], times[4]
    text = full.decode() if full else ("19" if int(short[:2]) >= 50 else "20") + short.decode()
    try:
        moment = datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        raise MalformedCertificate() from None
    return int(moment.timestamp()) * 1000


def _metadata(tx: Tx, certificate: ServerCertificate) -> dict[str, Any]:
    return {
        "Path": certificate.path, "ServerCertificateName": certificate.name,
        "ServerCertificateId": certificate.id,
        "Arn": arn_of(tx, "server-certificate", certificate.path, certificate.name),
        "UploadDate": certificate.uploaded_ms, "Expiration": certificate.expires_ms,
    }


@operation("UploadServerCertificate")
def upload_server_certificate(tx: Tx, request: Request) -> Response:
    """Store a certificate and its chain; the private key is not kept.

    Source: IAM API Reference, UploadServerCertificate.
    """
    name = request["ServerCertificateName"]
    if tx.get(ServerCertificate, key(tx, "certificate", name.lower())) is not None:
        raise EntityAlreadyExists(f"The Server Certificate with name {name} already exists.")
    body = request["CertificateBody"].strip()
    certificate = ServerCertificate(
        name, request.get("Path", "/"), "ASCA" + tx.ids.secret_upper(17), whole_seconds(tx.now_ms),
        expiry_ms(body), body, request.get("CertificateChain", "").strip(), tags_of(request),
    )
    put_certificate(tx, certificate)
    answer: Response = {"ServerCertificateMetadata": _metadata(tx, certificate)}
    if certificate.tags:
        answer["Tags"] = to_wire(certificate.tags)
    return answer


@operation("GetServerCertificate")
def get_server_certificate(tx: Tx, request: Request) -> Response:
    """A certificate with its chain and tags.

    Source: IAM API Reference, GetServerCertificate; recorded case test_server_certificate.
    """
    certificate = load_certificate(tx, request["ServerCertificateName"])
    shown: dict[str, Any] = {
        "ServerCertificateMetadata": _metadata(tx, certificate), "CertificateBody": certificate.body,
        "Tags": to_wire(certificate.tags),
    }
    if certificate.chain:
        shown["CertificateChain"] = certificate.chain
    return {"ServerCertificate": shown}


@operation("ListServerCertificates")
def list_server_certificates(tx: Tx, request: Request) -> Response:
    """Certificates below a path, by name.

    Source: IAM API Reference, ListServerCertificates.
    """
    prefix = request.get("PathPrefix", "/")
    return page(
        tx, request, "ServerCertificateMetadataList", ServerCertificate, key(tx, "certificate"),
        lambda certificate: _metadata(tx, certificate),
        keep=lambda certificate: certificate.path.startswith(prefix),
    )


@operation("UpdateServerCertificate")
def update_server_certificate(tx: Tx, request: Request) -> Response:
    """Rename or move a certificate.

    Source: IAM API Reference, UpdateServerCertificate.
    """
    certificate = load_certificate(tx, request["ServerCertificateName"])
    name = request.get("NewServerCertificateName", certificate.name)
    if name.lower() != certificate.name.lower():
        if tx.get(ServerCertificate, key(tx, "certificate", name.lower())) is not None:
            raise EntityAlreadyExists(f"The Server Certificate with name {name} already exists.")
        tx.delete(key(tx, "certificate", certificate.name.lower()))
    put_certificate(tx, replace(certificate, name=name, path=request.get("NewPath", certificate.path)))
    return {}


@operation("DeleteServerCertificate")
def delete_server_certificate(tx: Tx, request: Request) -> Response:
    """Delete a certificate.

    Source: IAM API Reference, DeleteServerCertificate.
    """
    certificate = load_certificate(tx, request["ServerCertificateName"])
    tx.delete(key(tx, "certificate", certificate.name.lower()))
    return {}
