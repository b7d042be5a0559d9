"""The results of a map run: gathered for the Map's output, or written to S3 with a manifest.

Both read them in portions, so memory holds one file at most. A crash repeats it from the start: files are
written under the same names again.

Source: Developer Guide, "ResultWriter (Map)".
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

import orjson

from ballroom.kernel import Context, ServiceError, Tx

from .engine.execution import MOST_BYTES, Unfit, text_of, time_text
from .item_reader import told
from .map_runs import ChildResult, MapRun, results_after

_FILE_BYTES = 4 << 20
_AT_ONCE = 500
_Put = Callable[[str, bytes], Coroutine[Any, Any, None]]


class WriterFailed(Exception):
    """The results cannot be written; the text is the cause."""


class TooLarge(Exception):
    """The outputs of all children are more than a state's output may be."""


@dataclass(frozen=True, slots=True)
class Gathered:
    """What the Map's result is, and of how many children and items results were written to S3."""

    result: Any
    children: int = 0
    items: int = 0


def _rows(tx: Tx, id: int, after: int) -> list[tuple[int, ChildResult]]:
    return results_after(tx, id, after, _AT_ONCE)


def _config_of(tx: Tx, run: MapRun) -> dict[str, Any]:
    from .engine.map_children import Inputs

    writer = Inputs(tx, run).state.writer
    return writer.config if writer is not None else {}


# -- the shape of a result ---------------------------------------------------------------------------


def _machine_arn(run: MapRun) -> str:
    return run.arn.replace(":mapRun:", ":stateMachine:").rpartition(":")[0]


def _told(run: MapRun, row: ChildResult) -> dict[str, Any]:
    """A child execution as ResultWriter tells it."""
    shown: dict[str, Any] = {
        "ExecutionArn": row.arn, "Input": row.input, "InputDetails": {"Included": True}, "Name": row.name,
    }  # fmt: skip
    if row.output is not None:
        shown |= {"Output": row.output, "OutputDetails": {"Included": True}}
    if row.error is not None:
        shown["Error"] = row.error
    if row.cause is not None:
        shown["Cause"] = row.cause
    shown["RedriveCount"] = row.redrives
    if row.status == "SUCCEEDED":
        shown["RedriveStatus"] = "NOT_REDRIVABLE"
        shown["RedriveStatusReason"] = "Execution is SUCCEEDED and cannot be redriven"
    else:
        shown["RedriveStatus"] = "REDRIVABLE_BY_MAP_RUN"
    return shown | {
        "StartDate": time_text(row.started_ms), "StateMachineArn": _machine_arn(run), "Status": row.status,
        "StopDate": time_text(row.stopped_ms),
    }  # fmt: skip


def _values(run: MapRun, row: ChildResult, transformation: str) -> list[Any]:
    """What a child adds to the results: its output, its output's elements, or all that there is to tell."""
    if transformation == "NONE" or row.status != "SUCCEEDED":
        return [_told(run, row)]
    output = orjson.loads(row.output or "null")
    return output if transformation == "FLATTEN" and isinstance(output, list) else [output]


# -- for the Map's output ----------------------------------------------------------------------------


class _Outputs:
    def __init__(self, run: MapRun, config: dict[str, Any]) -> None:
        self._run = run
        self._transformation = config.get("Transformation", "COMPACT")
        self._lines = config.get("OutputType") == "JSONL"
        self._found: list[Any] = []
        self._size = 2

    def add(self, rows: list[tuple[int, ChildResult]]) -> None:
        for _, row in rows:
            if row.status != "SUCCEEDED":
                continue
            for value in _values(self._run, row, self._transformation):
                self._size += len(text_of(value)) + 1
                if self._size > MOST_BYTES:
                    raise TooLarge
                self._found.append(value)

    @property
    def result(self) -> Any:
        return "".join(f"{text_of(value)}\n" for value in self._found) if self._lines else self._found


def gather_now(tx: Tx, run: MapRun) -> Any:
    """The outputs of few children, for the Map's output.

    Raises:
        TooLarge: they are more than a state may give.
    """
    outputs, after = _Outputs(run, _config_of(tx, run)), -1
    while rows := _rows(tx, run.id, after):
        outputs.add(rows)
        after = rows[-1][0]
    return outputs.result


async def gather(ctx: Context, run: MapRun) -> Gathered:
    """The outputs of many children.

    Raises:
        TooLarge: they are more than a state may give.
    """
    outputs, after = _Outputs(run, ctx.transact(_config_of, run)), -1
    while run.outcome == "SUCCEEDED" and (rows := ctx.transact(_rows, run.id, after)):
        outputs.add(rows)
        after = rows[-1][0]
        await ctx.durable()
    return Gathered(outputs.result)


# -- to S3 -------------------------------------------------------------------------------------------


class _Files:
    """The result files of one kind (`SUCCEEDED`, `FAILED`, `PENDING`)."""

    def __init__(self, put: _Put, folder: str, kind: str, lines: bool) -> None:
        self._put, self._folder, self._kind, self._lines = put, folder, kind, lines
        self._parts: list[bytes] = []
        self._size = 0
        self.written: list[dict[str, Any]] = []

    async def add(self, value: Any) -> None:
        part = text_of(value).encode()
        self._parts.append(part)
        self._size += len(part) + 1
        if self._size >= _FILE_BYTES:
            await self.close()

    async def close(self) -> None:
        if not self._parts:
            return
        body = b"\n".join(self._parts) + b"\n" if self._lines else b"[" + b",".join(self._parts) + b"]"
        name = f"{self._folder}/{self._kind}_{len(self.written)}.{'jsonl' if self._lines else 'json'}"
        self._parts, self._size = [], 0
        await self._put(name, body)
        self.written.append({"Key": name, "Size": len(body)})


async def write(ctx: Context, caller: Context, run: MapRun, parameters: dict[str, Any]) -> Gathered:
    """Write all results; those of children that were never started as far as their input goes.

    Raises:
        WriterFailed: S3 refused.
    """
    bucket, prefix = parameters.get("Bucket"), parameters.get("Prefix") or ""
    if not isinstance(bucket, str) or not isinstance(prefix, str):
        raise WriterFailed("The parameters of the ResultWriter must name a Bucket, and may name a Prefix")
    folder = "/".join(part for part in (prefix.strip("/"), run.arn.rpartition(":")[2]) if part)
    config = ctx.transact(_config_of, run)
    lines = config.get("OutputType", "JSON") == "JSONL"

    async def put(name: str, body: bytes) -> None:
        request = {"Bucket": bucket, "Key": name, "Body": body, "ContentType": "application/json"}
        try:
            await caller.call("s3", "PutObject", request)
        except ServiceError as error:
            raise WriterFailed(told(caller, error)) from error

    kinds = {kind: _Files(put, folder, kind, lines) for kind in ("FAILED", "PENDING", "SUCCEEDED")}
    transformation = config.get("Transformation", "NONE")
    children, items, after = 0, 0, -1
    while rows := ctx.transact(_rows, run.id, after):
        after = rows[-1][0]
        for _, row in rows:
            children, items = children + 1, items + row.items
            files = kinds["SUCCEEDED" if row.status == "SUCCEEDED" else "FAILED"]
            for value in _values(run, row, transformation):
                await files.add(value)
    await _write_pending(ctx, run, kinds["PENDING"])
    for files in kinds.values():
        await files.close()
    manifest = {
        "DestinationBucket": bucket, "MapRunArn": run.arn,
        "ResultFiles": {kind: files.written for kind, files in kinds.items()},
    }  # fmt: skip
    key = f"{folder}/manifest.json"
    await put(key, orjson.dumps(manifest))
    details = {"Bucket": bucket, "Key": key}
    return Gathered({"MapRunArn": run.arn, "ResultWriterDetails": details}, children, items)


async def _write_pending(ctx: Context, run: MapRun, files: _Files) -> None:
    first = run.next_item
    while first < run.total:
        portion, first = ctx.transact(_pending, run, first)
        for text in portion:
            shown = {"Input": text, "InputDetails": {"Included": True}, "StateMachineArn": _machine_arn(run)}
            await files.add(shown)
        await ctx.durable()


def _pending(tx: Tx, run: MapRun, first: int) -> tuple[list[str], int]:
    """The inputs of some children that were never started, and the first item of the next."""
    from .engine.map_children import Inputs
    from .language.machine import StatesError

    inputs = Inputs(tx, run)
    found: list[str] = []
    while first < run.total and len(found) < _AT_ONCE // 10:
        try:
            given, count = inputs.at(first)
        except (StatesError, Unfit, RecursionError):  # that is why the run failed
            return found, run.total
        found.append(text_of(given))
        first += count
    return found, first
