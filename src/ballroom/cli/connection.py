"""A running Ballroom, as the command line sees it: its control pages, and boto3 clients for the rest."""

from __future__ import annotations

import functools
import hashlib
import http.client
import json
import os
import ssl
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from ballroom.cli import settings as server_settings
from ballroom.cli.output import NOT_RUNNING, fail
from ballroom.cli.sessions import new_session
from ballroom.kernel.settings import Settings

LOCAL_NAMES = ("127.0.0.1", "::1", "localhost")


class Keys(NamedTuple):
    """What requests are signed with."""

    key_id: str
    secret: str
    token: str | None = None


NOBODY = Keys("test", "test")
"""Stands for the default account where signatures are not demanded."""


@functools.cache
def own_settings() -> Settings:
    """The settings that a server started here would have: they say where to look for one."""
    return server_settings.load({})


def endpoint_of(settings: Settings) -> str:
    """Where a server with these settings answers on this machine."""
    scheme = "https" if settings.tls_cert else "http"
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.host, settings.host)
    return f"{scheme}://{f'[{host}]' if ':' in host else host}:{settings.port}"


def default_endpoint() -> str:
    """Where the commands look for a Ballroom unless told with `--endpoint`."""
    return (
        os.environ.get("BALLROOM_ENDPOINT") or os.environ.get("AWS_ENDPOINT_URL") or endpoint_of(own_settings())
    )


class Connection:
    """The control pages and the services of one Ballroom."""

    def __init__(self, endpoint: str, region: str | None = None, keys: Keys | None = None) -> None:
        """`keys` are those to sign with, if they are not to be found as for the commands."""
        self.endpoint = endpoint.rstrip("/")
        self._keys = keys
        self.region = (
            region or os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or "us-east-1"
        )

    @property
    def is_local(self) -> bool:
        """Whether the endpoint is on this machine."""
        return (urlsplit(self.endpoint).hostname or "") in LOCAL_NAMES

    def page(self, method: str, path: str, body: Any = None, timeout_s: float = 30) -> Any:
        """The JSON answer of a control page; ends the command if there is no Ballroom."""
        sent = None if body is None else json.dumps(body).encode()
        try:
            status, answer = self._exchange(method, path, sent, timeout_s)
            if status == 403:  # signatures are demanded there
                status, answer = self._exchange(method, path, sent, timeout_s, signed=True)
        except (OSError, http.client.HTTPException) as error:
            fail(
                f"no Ballroom answers at {self.endpoint} ({error}); start one with 'ballroom start'.",
                NOT_RUNNING,
            )
        if status >= 400:
            message = answer
            if isinstance(answer, dict):
                message = answer.get("message") or answer.get("Message") or answer
            fail(f"{self.endpoint} answered {status}: {message}")
        return answer

    def find_health(self, timeout_s: float = 2) -> dict[str, Any] | None:
        """What the health page says; None if no Ballroom answers there."""
        try:
            status, answer = self._exchange("GET", "/_ballroom/health", None, timeout_s)
        except (OSError, http.client.HTTPException):
            return None
        is_ours = status == 200 and isinstance(answer, dict) and answer.get("edition") == "ballroom"
        return answer if is_ours else None

    def require_server(self) -> dict[str, Any]:
        """What the health page says; ends the command if no Ballroom answers."""
        health = self.find_health()
        if health is None:
            fail(f"no Ballroom answers at {self.endpoint}; start one with 'ballroom start'.", NOT_RUNNING)
        return health

    def _exchange(
        self, method: str, path: str, body: bytes | None, timeout_s: float, *, signed: bool = False
    ) -> tuple[int, Any]:
        target = urlsplit(self.endpoint)
        connection: http.client.HTTPConnection
        if target.scheme == "https":
            connection = http.client.HTTPSConnection(
                target.hostname or "", target.port, timeout=timeout_s, context=_tls_context()
            )
        else:
            connection = http.client.HTTPConnection(target.hostname or "", target.port, timeout=timeout_s)
        headers = {"content-type": "application/json", "user-agent": "ballroom-cli"}
        if signed:
            headers |= self._signature(method, path, body, headers)
        try:
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            raw = response.read()
            try:
                return response.status, json.loads(raw) if raw else None
            except ValueError:
                return response.status, raw.decode("utf-8", "replace")
        finally:
            connection.close()

    def _signature(self, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> dict[str, str]:
        from botocore.auth import SigV4Auth
        from botocore.awsrequest import AWSRequest
        from botocore.credentials import Credentials

        keys = self.keys()
        request = AWSRequest(method, self.endpoint + path, headers, body or b"")
        SigV4Auth(Credentials(*keys), "ballroom", self.region).add_auth(request)
        return dict(request.headers.items())

    def client(self, service: str) -> Any:
        """A boto3 client of a service."""
        from botocore.config import Config

        keys = self.keys()
        return new_session().client(
            service,
            endpoint_url=self.endpoint,
            region_name=self.region,
            aws_access_key_id=keys.key_id,
            aws_secret_access_key=keys.secret,
            aws_session_token=keys.token,
            verify=self._authorities(),
            config=Config(
                retries={"mode": "standard", "total_max_attempts": 3}, inject_host_prefix=False,
                read_timeout=910,  # the longest invocation
            ),
        )  # fmt: skip

    def _authorities(self) -> str | None:
        return _ca_bundle() if self.endpoint.startswith("https:") else None

    def keys(self) -> Keys:
        """What to sign with.

        The environment's keys where they are meant for this Ballroom (the endpoint variable names it, the
        key is a 12-digit account, or it is on another machine), else the owner's key, else nobody's.
        """
        if self._keys is not None:
            return self._keys
        key_id, secret = os.environ.get("AWS_ACCESS_KEY_ID"), os.environ.get("AWS_SECRET_ACCESS_KEY")
        named = (os.environ.get("BALLROOM_ENDPOINT"), os.environ.get("AWS_ENDPOINT_URL"))
        meant = self.endpoint in [one.rstrip("/") for one in named if one] or not self.is_local
        if key_id and secret and (meant or (len(key_id) == 12 and key_id.isdecimal())):
            return Keys(key_id, secret, os.environ.get("AWS_SESSION_TOKEN") or None)
        return (self.is_local and _root_key()) or NOBODY

    def environment(self) -> dict[str, str]:
        """The variables that point AWS clients here."""
        keys = self.keys()
        variables = {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": keys.key_id,
            "AWS_SECRET_ACCESS_KEY": keys.secret,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_REGION": self.region,
            "AWS_DISABLE_HOST_PREFIX_INJECTION": "true",
            "AWS_EC2_METADATA_DISABLED": "true",
        }
        authorities = self._authorities()
        if authorities:
            variables["AWS_CA_BUNDLE"] = authorities
        if keys.token:
            variables["AWS_SESSION_TOKEN"] = keys.token
        return variables


def _root_key() -> Keys | None:
    data_dir = own_settings().data_dir or server_settings.default_data_dir()
    try:
        words = (data_dir / "root-key").read_text("ascii").split()
    except (OSError, UnicodeDecodeError):
        return None
    return Keys(words[0], words[1]) if len(words) == 2 else None


def _ca_bundle() -> str | None:
    """The authorities to trust: the usual ones and, where our own settings name a certificate, that one.

    It may be its own authority. Clients take one file only, so both are put in one, kept in the cache.
    """
    usual, own = os.environ.get("AWS_CA_BUNDLE") or None, own_settings().tls_cert
    if own is None:
        return usual
    if usual is None:
        from botocore.httpsession import get_cert_path

        usual = get_cert_path(True)
    try:
        text = f"{Path(usual).read_text()}\n{own.read_text()}"
        folder = server_settings.default_cache()
        folder.mkdir(parents=True, exist_ok=True)
        bundle = folder / f"authorities-{hashlib.sha256(text.encode()).hexdigest()[:16]}.pem"
        if not bundle.exists():
            draft = bundle.with_name(f".{bundle.name}-{os.getpid()}")
            draft.write_text(text)
            draft.replace(bundle)
    except (OSError, UnicodeDecodeError) as error:
        fail(f"the certificates in {usual} and {own} cannot be used: {error}")
    return str(bundle)


def _tls_context() -> ssl.SSLContext:
    bundle = _ca_bundle()
    try:
        return ssl.create_default_context(cafile=bundle)
    except (OSError, ssl.SSLError) as error:
        fail(f"the certificates in {bundle} cannot be used: {error}")
