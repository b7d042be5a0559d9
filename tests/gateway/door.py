"""A gateway before a real kernel in memory, and raw requests through it."""

from __future__ import annotations

import asyncio
from typing import Any
from xml.etree import ElementTree

import orjson

from ballroom.gateway.gateway import Gateway
from ballroom.kernel.credentials import Credential
from ballroom.kernel.kernel import Kernel
from tests.cloud import Cloud
from tests.gateway.harness import Client, Reply, get, until
from tests.gateway.signing import KEY, SECRET, raw, signed

ACCOUNT = "123456789012"


class Door:
    """`ask` sends bytes and gives the reply."""

    def __init__(self, **settings: Any) -> None:
        self.cloud = Cloud(**settings)
        self.kernel: Kernel = self.cloud.kernel
        self.gateway = Gateway(self.kernel)
        self.cloud.run(self.gateway.start("127.0.0.1", 0))
        self.kernel.credentials.hold(
            KEY, Credential(SECRET, ACCOUNT, f"arn:aws:iam::{ACCOUNT}:user/alice", "AIDAALICE")
        )

    def ask(self, request: bytes, *, head: bool = False) -> Reply:
        async def exchange() -> Reply:
            client = Client(*await asyncio.open_connection("127.0.0.1", self.gateway.port))
            client.send(request)
            try:
                return await client.reply(head=head)
            finally:
                await client.close()

        reply = self.cloud.run(exchange())
        self.cloud.run(until(lambda: not self.gateway.server.connections))
        return reply

    def json(self, target: str, input: dict[str, Any], *headers: str) -> Reply:
        """An unsigned request in the json protocol."""
        body = orjson.dumps(input)
        lines = [f"X-Amz-Target: {target}", "Content-Type: application/x-amz-json-1.0", *headers]
        return self.ask(get("/", *lines, f"Content-Length: {len(body)}", method="POST") + body)

    def identity(self, **options: Any) -> Reply:
        """GetCallerIdentity, signed as told."""
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        body = b"Action=GetCallerIdentity&Version=2011-06-15"
        return self.ask(raw(signed("POST", body=body, headers=form, service="sts", **options)))

    def close(self) -> None:
        self.cloud.run(self.gateway.stop(1))
        self.cloud.close()


def texts(reply: Reply) -> dict[str, str]:
    """The texts of an XML reply by element name."""
    root = ElementTree.fromstring(reply.body)
    return {node.tag.rpartition("}")[2]: node.text or "" for node in root.iter()}


def code_of(reply: Reply) -> str:
    """The error's code in whatever shape."""
    if reply.headers["content-type"].startswith(("text/xml", "application/xml")):
        return texts(reply)["Code"]
    kind = reply.headers.get("x-amzn-errortype") or orjson.loads(reply.body)["__type"]
    return str(kind).rpartition("#")[2].partition(":")[0]
