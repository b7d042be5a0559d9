"""Enrichment: a function, an express workflow or an API answers with what goes to the target instead.

Functions and workflows get all events of a batch as one array; an API destination gets them one by one.

Source: EventBridge User Guide, "Event enrichment in Amazon EventBridge Pipes".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from ballroom.kernel import Context, ServiceError
from ballroom.kernel.arn import find_arn

from .targets import call_destination
from .templates import Known, Template

if TYPE_CHECKING:
    from .logbook import Logbook


class EnrichmentFailed(ServiceError):
    """The enrichment ended in an error."""

    shape = "EnrichmentFailed"
    status = 400


class Enrichment:
    """A pipe's enrichment, compiled."""

    def __init__(self, settings: dict[str, Any]) -> None:
        self._arn: str = settings["Enrichment"]
        parameters = settings.get("EnrichmentParameters", {})
        template = parameters.get("InputTemplate")
        self._template = Template(template) if template else None
        self._http = parameters.get("HttpParameters", {})
        arn = find_arn(self._arn)
        assert arn is not None
        self._service = arn.service

    async def apply(self, ctx: Context, events: list[Any], known: Known, log: Logbook) -> list[Any]:
        """What the enrichment answers: its array, or its one value; nothing if it answers nothing.

        Raises:
            ServiceError: it failed.
        """
        log.note("EnrichmentStageEntered", events)
        if self._template is not None:
            events = [self._template.render(event, known) for event in events]
            log.note("EnrichmentTransformationSucceeded", events)
        log.note("EnrichmentInvocationStarted", events)
        try:
            if self._service == "lambda":
                answer = await self._invoke(ctx, events)
            elif self._service == "states":
                answer = await self._execute(ctx, events)
            else:
                answer = [await call_destination(ctx, self._arn, event, self._http) for event in events]
        except ServiceError as error:
            log.note("EnrichmentInvocationFailed", error=error)
            raise
        enriched = _events(answer)
        log.note("EnrichmentInvocationSucceeded", enriched)
        log.note("EnrichmentStageExited", enriched)
        return enriched

    async def _invoke(self, ctx: Context, events: list[Any]) -> Any:
        request = {"FunctionName": self._arn, "Payload": orjson.dumps(events)}
        answer = await ctx.call("lambda", "Invoke", request)
        if "FunctionError" in answer:
            raise EnrichmentFailed(answer["Payload"].decode("utf-8", "replace")[:1024])
        return _parsed(answer["Payload"])

    async def _execute(self, ctx: Context, events: list[Any]) -> Any:
        request = {"stateMachineArn": self._arn, "input": orjson.dumps(events).decode()}
        answer = await ctx.call("stepfunctions", "StartSyncExecution", request)
        if answer["status"] != "SUCCEEDED":
            raise EnrichmentFailed(f"{answer.get('error', answer['status'])}: {answer.get('cause', '')}"[:1024])
        return _parsed(answer["output"])


def _parsed(text: bytes | str) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return text.decode("utf-8", "replace") if isinstance(text, bytes) else text


def _events(answer: Any) -> list[Any]:
    if isinstance(answer, list):
        return answer
    return [] if answer is None or answer in ("", {}) else [answer]
