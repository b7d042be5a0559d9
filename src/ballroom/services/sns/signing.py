"""Signatures of notifications, and the certificates that prove them.

A certificate for each purpose, made at first use and kept: what is sent over HTTP is signed with 2,048
bits, since it travels; what lands in our own queues and functions with 1,024, because it is signed within
the publication (120 µs instead of 280).

Source: Developer Guide, "Verifying the signatures of Amazon SNS messages".
"""

from __future__ import annotations

import base64
import datetime
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ballroom.kernel import Context, HttpRequest, HttpResponse, Kernel, Key, Tx, page
from ballroom.services.sns.resources import SigningKey

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

INSIDE, TRAVELLING = "inside", "travelling"
_BITS = {INSIDE: 1024, TRAVELLING: 2048}
_NOTIFICATION = ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type")
_CONFIRMATION = ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type")
_CERTIFICATE = re.compile(r"/_ballroom/sns/SimpleNotificationService-([0-9a-f]{32})\.pem")


def _key_of(purpose: str) -> Key:
    return ("sns", "~signing", purpose)


class Signer:
    """Keys at hand, as long as the kernel's derived memory lives."""

    def __init__(self, kernel: Kernel) -> None:
        self._base_url = kernel.settings.base_url
        self._keys: dict[str, tuple[SigningKey, RSAPrivateKey]] = {}

    def sign(self, tx: Tx, purpose: str, message: Mapping[str, Any], version: str) -> tuple[str, str]:
        """The signature of a notification or confirmation, in base64, and the certificate's URL."""
        # imported by the first signature: 25 ms that the start does not need
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import padding

        record, private = self._keys.get(purpose) or self._load(tx, purpose)
        digest = hashes.SHA256() if version == "2" else hashes.SHA1()
        signature = private.sign(signed_text(message), padding.PKCS1v15(), digest)
        url = f"{self._base_url}/_ballroom/sns/SimpleNotificationService-{record.id}.pem"
        return base64.b64encode(signature).decode(), url

    def _load(self, tx: Tx, purpose: str) -> tuple[SigningKey, RSAPrivateKey]:
        from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
        from cryptography.hazmat.primitives.serialization import load_pem_private_key

        record = tx.get(SigningKey, _key_of(purpose))
        if record is None:
            record = _make(tx, purpose)
            tx.put(_key_of(purpose), record)
        private = load_pem_private_key(record.key, None)
        assert isinstance(private, RSAPrivateKey)
        found = (record, private)
        tx.after_commit(lambda: self._keys.__setitem__(purpose, found))
        return found


def signed_text(message: Mapping[str, Any]) -> bytes:
    """What is signed: names and values, a line each, in a fixed order."""
    names = _NOTIFICATION if message["Type"] == "Notification" else _CONFIRMATION
    lines = [f"{name}\n{message[name]}\n" for name in names if message.get(name) is not None]
    return "".join(lines).encode("utf-8", "surrogatepass")


def _make(tx: Tx, purpose: str) -> SigningKey:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import rsa
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
    from cryptography.x509.oid import NameOID

    private = rsa.generate_private_key(65537, _BITS[purpose])
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sns.amazonaws.com")])
    now = datetime.datetime.fromtimestamp(tx.now_ms / 1000, datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=3650))
        .sign(private, hashes.SHA256())
    )
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return SigningKey(tx.ids.hex(32), pem, certificate.public_bytes(Encoding.PEM))


def _find_certificate(tx: Tx, key_id: str) -> bytes | None:
    keys = [tx.get(SigningKey, _key_of(purpose)) for purpose in _BITS]
    return next((key.certificate for key in keys if key is not None and key.id == key_id), None)


@page("GET", "/_ballroom/sns/*", unsigned=True)
async def certificate(ctx: Context, http: HttpRequest) -> HttpResponse:
    """The certificate that a notification's SigningCertURL names."""
    match = _CERTIFICATE.fullmatch(http.path)
    found = ctx.transact(_find_certificate, match[1]) if match else None
    if found is None:
        return HttpResponse(404, [("content-type", "text/plain")], b"no such certificate\n")
    return HttpResponse(200, [("content-type", "application/x-pem-file")], found)
