"""The outbox: what would have left for people. Emails, text messages and push notifications are recorded here
instead of being sent, and read at `/_ballroom/outbox`.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs

import orjson

from ballroom.kernel import Context, HttpRequest, HttpResponse, Tx, page
from ballroom.services.sns.notifications import timestamp
from ballroom.services.sns.resources import Sent

KEPT_MS = 14 * 24 * 3600 * 1000
_SWEPT_AT_ONCE = 4
_PAGE = 100


def add(tx: Tx, account: str, region: str, sent: Sent) -> None:
    """Record a message; those of more than two weeks ago go."""
    outbox = ("sns", account, region, "outbox")
    this_ms, next_ms = (*outbox, sent.at_ms), (*outbox, sent.at_ms + 1)
    before = tx.scan_items(Sent, this_ms, next_ms, limit=1, reverse=True)
    turn = int(before[0][0][-1]) + 1 if before else 0  # those of one millisecond keep their order
    tx.put((*outbox, sent.at_ms, turn), sent)
    old = tx.scan_items(Sent, outbox, (*outbox, sent.at_ms - KEPT_MS), limit=_SWEPT_AT_ONCE)
    for key, _ in old:
        tx.delete(key)


def read(tx: Tx, account: str, region: str) -> list[Sent]:
    """The newest messages, newest first."""
    return tx.scan_prefix(Sent, ("sns", account, region, "outbox"), limit=_PAGE, reverse=True)


def as_json(sent: Sent) -> dict[str, Any]:
    """A message as the page shows it; what is empty is left out."""
    shown = {
        "id": sent.id, "time": timestamp(sent.at_ms), "protocol": sent.protocol, "to": sent.to,
        "subject": sent.subject, "text": sent.text, "topicArn": sent.topic, "confirmUrl": sent.confirm_url,
        "attributes": sent.attributes,
    }  # fmt: skip
    return {name: value for name, value in shown.items() if value or name == "text"}


@page("GET", "/_ballroom/outbox")
async def outbox(ctx: Context, http: HttpRequest) -> HttpResponse:
    """The newest 100 messages of the caller's account; `?region=` names another region."""
    asked = parse_qs(http.query).get("region")
    region = asked[0] if asked else ctx.caller.region
    messages = [as_json(sent) for sent in ctx.transact(read, ctx.caller.account, region)]
    body = orjson.dumps({"messages": messages}) + b"\n"
    return HttpResponse(200, [("content-type", "application/json")], body)
