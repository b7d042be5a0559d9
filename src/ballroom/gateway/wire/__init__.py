"""Wire protocols: requests into input values, outputs and errors into replies.

`codec(operation, protocol)` compiles an operation when it is first called in a protocol and keeps it.
Nothing here knows what an operation does, or decides which operation a request is for.
"""

from __future__ import annotations

from ballroom.gateway.wire.cbor import CborProtocol
from ballroom.gateway.wire.codec import Codec, Reply, WireProtocol
from ballroom.gateway.wire.json import JsonProtocol
from ballroom.gateway.wire.query import QueryProtocol
from ballroom.gateway.wire.restjson import RestJsonProtocol
from ballroom.gateway.wire.restxml import RestXmlProtocol
from ballroom.kernel.model import OperationModel

PROTOCOLS: dict[str, WireProtocol] = {
    protocol.name: protocol
    for protocol in (JsonProtocol(), QueryProtocol(), RestJsonProtocol(), RestXmlProtocol(), CborProtocol())
}
"""By the names that the models give them."""

_codecs: dict[tuple[OperationModel, str], Codec] = {}


def codec(operation: OperationModel, protocol: str) -> Codec:
    """The operation's codec in a protocol.

    Raises:
        KeyError: Ballroom does not speak that protocol (`ec2`).
    """
    found = _codecs.get((operation, protocol))
    if found is None:
        found = _codecs[operation, protocol] = PROTOCOLS[protocol].compile(operation)
    return found


__all__ = ["PROTOCOLS", "Codec", "Reply", "WireProtocol", "codec"]
